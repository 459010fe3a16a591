"""What do tests of contracts stand on: two languages, months and rounds in them, and contracts in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scenarios.contracts import (
    Books,
    Compiled,
    Contract,
    Facts,
    Language,
    commons_language,
    compile_contract,
    contract_from,
    game_language,
)

FISHERS = ("ann", "bob", "cyd", "dan", "eve")
COMMONS = commons_language(FISHERS, tells_events=("calm", "drought"))
MUTE = commons_language(FISHERS)
"""The same commons in a language that cannot tell events apart."""
GAME = game_language(("row", "column"), (("C", "D"), ("C", "D")), ("good", "bad"), most=10.0, rounds=5)


def clauses(*written: Mapping[str, object]) -> Contract:
    """A contract of these clauses."""
    return contract_from({"clauses": list(written)})


def law(*written: Mapping[str, object], language: Language = COMMONS) -> Compiled:
    """A law of these clauses."""
    return compile_contract(clauses(*written), language)


def month(
    asked: Sequence[int],
    *,
    stock: float = 100,
    taken: Sequence[int] | None = None,
    violations: Sequence[int] | None = None,
    event: str = "calm",
    books: Books | None = None,
    language: Language = COMMONS,
) -> Facts:
    """A month in which the fishers ask for so much, and take it unless told otherwise."""
    books = books or Books.of(language.parties)
    taken = asked if taken is None else taken
    violations = violations or [0] * len(asked)
    shared: dict[str, object] = {
        "month": 3, "months": 12, "stock": stock, "capacity": 100, "n": len(asked),
        "total_asked": sum(asked), "total_taken": sum(taken), "event": event,
    }  # fmt: skip
    own = {
        party: {"me": party, "asked": a, "taken": t, "violations": v, "balance": books.balance(party)}
        for party, a, t, v in zip(language.parties, asked, taken, violations, strict=True)
    }
    return Facts(shared, own, books)


def played(
    *labels: str, cell: str = "good", language: Language = GAME, violations: Sequence[int] | None = None
) -> Facts:
    """A round in which the players do this."""
    shared: dict[str, object] = {"round": 2, "rounds": 5, "cell": cell, "actions": list(labels)}
    own = {
        party: {
            "me": party, "mine": labels[i], "others": [*labels[:i], *labels[i + 1 :]],
            "violations": (violations or [0] * len(labels))[i], "balance": 0.0,
        }
        for i, party in enumerate(language.parties)
    }  # fmt: skip
    return Facts(shared, own, Books.of(language.parties))
