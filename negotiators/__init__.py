"""How a seat decides: one Protocol, `reference` (a utility maximiser, no model) and `chat` (any chat model)."""
