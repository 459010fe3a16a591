"""What does a law make of a game: every profile's payoffs after overrides and payments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenarios.contracts import Books, Facts, Lasting, Law, Settlement, closing
from scenarios.games.game import Array, Game


@dataclass(frozen=True, eq=False)
class Changed:
    """A game under a law. Payoffs (states, A_1, …, A_n, n) hold payments, so their sum is net of what is burnt."""

    payoffs: Array
    notes: tuple[str, ...] = ()


def under_law(game: Game, law: Law | None, rounds: int = 1) -> Changed:
    """The game of one round that a law makes of this one, in payoff units.

    Every profile is put before the law as if nothing had happened before: no earlier violations, empty books, and
    deposits paid in before and handed back after. Of laws that count violations or balances this is the first
    round, and a note says so. An overridden player does the last action of the label it is given.
    """
    bare = np.stack([game.payoffs(k) for k in range(len(game.states))])
    if law is None:
        return Changed(bare)
    payoffs = np.array(bare)
    for k, cell in enumerate(game.cells):
        for profile in np.ndindex(*game.shape):
            done, paid = _carried_out(game, law, cell, profile, rounds)
            payoffs[(k, *profile)] = bare[(k, *done)] + paid
    return Changed(payoffs, _notes(law))


def _carried_out(
    game: Game, law: Law, cell: str, profile: tuple[int, ...], rounds: int
) -> tuple[tuple[int, ...], Array]:
    """(profile after overrides, payments by player) of one profile in one cell."""
    books = Books.of(game.players)
    facts = _facts(game, cell, profile, rounds, books)
    parts: list[Settlement] = []
    if isinstance(law, Lasting):
        parts.append(law.adopted(facts))
        books = books.posted(parts[-1].postings)
    allowed = law.allowed(_facts(game, cell, profile, rounds, books))
    done = tuple(
        _under(game, i, a, allowed.choices.get(player))
        for i, (player, a) in enumerate(zip(game.players, profile, strict=True))
    )
    parts.append(law.settled(_facts(game, cell, done, rounds, books)))
    books = books.posted(parts[-1].postings)
    if isinstance(law, Lasting):
        parts.append(law.ended(_facts(game, cell, done, rounds, books)))
        books = books.posted(parts[-1].postings)
    books = books.posted(closing(books))
    return done, np.array([books.balance(p) for p in game.players])


def _under(game: Game, player: int, action: int, label: str | None) -> int:
    labels = game.labels[player]
    if label is None or labels[action] == label:
        return action
    return max(a for a, at in enumerate(labels) if at == label)


def _facts(game: Game, cell: str, profile: tuple[int, ...], rounds: int, books: Books) -> Facts:
    labels = [game.labels[i][a] for i, a in enumerate(profile)]
    own: dict[str, dict[str, object]] = {
        player: {
            "me": player,
            "mine": labels[i],
            "others": [label for j, label in enumerate(labels) if j != i],
            "violations": 0,
            "balance": books.balance(player),
        }
        for i, player in enumerate(game.players)
    }
    shared: dict[str, object] = {"round": 1, "rounds": rounds, "cell": cell, "actions": labels}
    return Facts(shared, own, books)


def _notes(law: Law) -> tuple[str, ...]:
    contract = getattr(law, "contract", None)
    named = [f"{c.when} {c.amount} {c.kind}" for c in contract.clauses] if contract is not None else []
    if any(word in text for text in named for word in ("violations", "balance", "sanction", "round")):
        return ("a law that remembers is played against as in its first round",)
    return ()
