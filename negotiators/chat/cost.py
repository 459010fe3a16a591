"""What did the calls cost: tokens as the servers counted them, money by a price table that the user gives.

No price is built in: a price that has gone stale is worse than none. Without a table, or without the server's
own token count, the cost is None: unknown, which is not zero. Prices are for input and output tokens alone;
discounts for cached or batched tokens are not worked out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from scenarios.errors import ParleyError
from scenarios.model import Model


class Price(Model):
    """US dollars for a million tokens."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


Prices = dict[str, Price]
"""Price by model, as named on the command line (`openai:NAME`) or without the provider (`NAME`)."""


def load_prices(path: Path | None = None) -> Prices:
    """Prices from a YAML file of `NAME: {input: 2.5, output: 10}`, dollars a million tokens.

    Without a path the file that PARLEY_PRICES names; without that none. Raises ParleyError for a file that
    cannot be read or does not have this shape.
    """
    named = path or (Path(os.environ["PARLEY_PRICES"]) if os.environ.get("PARLEY_PRICES") else None)
    if named is None:
        return {}
    import yaml

    try:
        data = yaml.safe_load(named.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = type(error).__name__
        raise ParleyError(
            f"price table {named}: cannot be read ({why}); mend it or unset PARLEY_PRICES"
        ) from None
    if not isinstance(data, dict):
        raise ParleyError(f"price table {named}: no models in it; write NAME: {{input: 2.5, output: 10}}")
    out = {}
    for name, entry in data.items():
        try:
            out[str(name)] = Price.model_validate(entry)
        except ValidationError:
            raise ParleyError(
                f"price table {named}, {name}: give {{input: dollars, output: dollars}} a million tokens, both >= 0"
            ) from None
    return out


def price_of(spec: str, prices: Prices) -> Price | None:
    """The price of a model by its full name, else by its name without the provider."""
    return prices.get(spec) or prices.get(spec.partition(":")[2])


def total(counts: Sequence[int | None]) -> int | None:
    """The sum, or None if any part is unknown: a part left out would read as zero."""
    return None if any(c is None for c in counts) or not counts else sum(c or 0 for c in counts)


def cost_usd(price: Price | None, input_tokens: int | None, output_tokens: int | None) -> float | None:
    """input·price_in/10⁶ + output·price_out/10⁶ in dollars; None where a count or the price is unknown."""
    if price is None or input_tokens is None or output_tokens is None:
        return None
    return (input_tokens * price.input + output_tokens * price.output) / 1e6


def tokens(raw: dict[str, Any], which: str) -> int | None:
    """A token count as one raw reply has it."""
    count = (raw.get("usage") or {}).get(which)
    return count if isinstance(count, int) and not isinstance(count, bool) else None
