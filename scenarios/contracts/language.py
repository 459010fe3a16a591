"""What may a contract speak of: the variables its language declares, and no others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from scenarios.contracts.books import Books
from scenarios.errors import ParleyError

Kind = Literal["number", "text", "truth", "numbers", "texts"]
Acts = Literal["amount", "choice"]

MOST = 100.0
"""Payoff units that a contract may take from one party in one period, where the setting says nothing else:
what a whole stock of 100 tons is worth at 1 a ton, so that no fine is worth more than all there is."""
MOST_PARTIES = 12
"""Parties of a language at most; every list that an expression sees is no longer."""
MOST_LETTERS = 64
"""Characters of a name, a label or a cell at most: the bound on an expression's steps rests on it."""
FIRST = "first"
"""What an override may choose in place of a label: the first of each party's choices."""
RESERVED = frozenset({"each", "others", "pot", "burn", "burnt"})
"""Words of the clauses, so no party's name."""


@dataclass(frozen=True)
class Variable:
    """One thing an expression may name. Numbers are always CEL doubles: 1.0, never 1.

    `after`: known only once the period is over, so caps, quotas and overrides cannot name it.
    `acted`: known once the parties have asked or chosen, so a deposit on adoption cannot name it.
    `value`: what it always is in this language, a number, or a text for each party in the order of the parties;
    facts need not give it.
    `values`: every text it can be, where that is known; a comparison with another text is refused as a slip.
    `called`: what it is called in a sentence about "it", the party that a clause is about.
    """

    name: str
    kind: Kind
    says: str
    after: bool = False
    values: tuple[str, ...] = ()
    called: str = ""
    acted: bool = False
    value: float | tuple[str, ...] | None = None


@dataclass(frozen=True)
class Language:
    """The variables that a contract is compiled with; `shared` are one for all, `own` each party's own.

    `acts`: what a party does in a period: asks for an `amount`, or makes a `choice` among labels that can be
    verified (`labels`, one tuple a party in the order of `parties`; `choices` is all of them).
    `most`: payoff units that a contract may take from one party in one period, and again as deposits on adoption.
    `scale` and `periods`: the size of amounts and the number of periods, for the trial before adoption.
    """

    name: str
    parties: tuple[str, ...]
    shared: tuple[Variable, ...]
    own: tuple[Variable, ...]
    acts: Acts
    choices: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    most: float = MOST
    scale: float = 100.0
    periods: int = 12

    def __post_init__(self) -> None:
        """Raises ParleyError for parties or variables that no contract could tell apart."""
        if not 1 <= len(self.parties) <= MOST_PARTIES:
            raise ParleyError(
                f"language '{self.name}': {len(self.parties)} parties; a contract has 1 to {MOST_PARTIES}"
            )
        if len(set(self.parties)) < len(self.parties):
            raise ParleyError(f"language '{self.name}': two parties have one name; give each its own")
        taken = RESERVED & set(self.parties) | {p for p in self.parties if not p or ":" in p}
        if taken:
            raise ParleyError(
                f"language '{self.name}': a party is called '{min(taken)}', which clauses use; rename it"
            )
        texts = (*self.parties, *(text for v in (*self.shared, *self.own) for text in v.values))
        long = next((text for text in texts if len(text) > MOST_LETTERS), None)
        if long:
            raise ParleyError(
                f"language '{self.name}': '{long[:20]}…' has over {MOST_LETTERS} characters; shorten it"
            )
        if not (self.most > 0 and math.isfinite(self.most)):
            raise ParleyError(
                f"language '{self.name}': the bound is {self.most:g}; give a finite number above 0"
            )

    def __hash__(self) -> int:
        """Of what tells languages apart in practice; cheap, since laws are kept by language."""
        return hash((self.name, self.parties, self.choices, self.most, self.scale, self.periods))

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """Every variable by name, the shared first."""
        return {v.name: v for v in (*self.shared, *self.own)}

    def choices_of(self, party: str) -> tuple[str, ...]:
        """The labels that this party can choose among; empty where parties ask for amounts."""
        return self.labels[self.parties.index(party)] if self.labels else ()

    def describe(self) -> str:
        """What whoever drafts a contract has to know, in words: variables, clauses, and how to write them."""
        from scenarios.contracts.guide import guide

        return guide(self)


@dataclass(frozen=True)
class Facts:
    """What is so in one period: `shared` variables, each party's `own` by party, and the `books` before it.

    A number may be an int or a float; it is handed on as a double. What is known only afterwards may be left
    out of what `allowed` is given. Without books, the parties' accounts are taken to be empty.
    """

    shared: Mapping[str, object]
    own: Mapping[str, Mapping[str, object]]
    books: Books = field(default_factory=lambda: Books.of(()))


def commons_language(
    parties: Sequence[str],
    *,
    tells_events: bool | tuple[str, ...] = False,
    most: float = MOST,
    capacity: float = 100.0,
    months: int = 12,
) -> Language:
    """The language of a shared resource, in which each party asks for a whole amount every month.

    `tells_events`: False, and no contract can name the month's event; the names of the cells that it can tell
    apart, and `event` is the name of the month's; True where the names are not known beforehand.
    """
    cells = tells_events if isinstance(tells_events, tuple) else ()
    event = Variable(
        "event",
        "text",
        "what happened this month, as far as it can be told",
        values=cells,
        called="the event",
    )
    shared = (
        Variable("month", "number", "this month, from 1.0", called="the month"),
        Variable("months", "number", "how many months there are", called="the number of months"),
        Variable("stock", "number", "what there is at the beginning of this month", called="the stock"),
        Variable("capacity", "number", "the most the stock can grow to", called="the capacity"),
        Variable("n", "number", "how many parties there are", called="the number of parties"),
        Variable(
            "total_asked",
            "number",
            "what all together ask for this month",
            called="what all ask for",
            acted=True,
        ),
        Variable(
            "total_taken",
            "number",
            "what all together took this month",
            True,
            called="what all took",
            acted=True,
        ),
        *((event,) if tells_events else ()),
        _bound("month", most),
    )
    own = (
        Variable("me", "text", "the party's own name", values=tuple(parties), called="it"),
        Variable(
            "asked", "number", "what the party asks for this month", called="what it asks for", acted=True
        ),
        Variable(
            "taken", "number", "what the party took this month", True, called="what it took", acted=True
        ),
        *_standing("months"),
    )
    return Language(
        "commons", tuple(parties), shared, own, "amount", most=most, scale=capacity, periods=months
    )


def game_language(
    players: Sequence[str],
    labels: Sequence[Sequence[str]],
    cells: Sequence[str] = (),
    *,
    most: float = MOST,
    rounds: int = 1,
) -> Language:
    """The language of a matrix game: of the actions it sees their verifiable labels, of the state its cell.

    `labels`: one sequence a player of the labels of its actions (doubles are one label). `cells`: the names of
    the states that can be told apart; with none, or one, `cell` says nothing but is declared all the same.
    """
    if len(labels) != len(players) or not all(labels):
        raise ParleyError(
            f"language 'game': labels for {len(labels)} of {len(players)} players; give one each"
        )
    each = tuple(tuple(dict.fromkeys(mine)) for mine in labels)
    every = tuple(dict.fromkeys(label for mine in each for label in mine))
    shared = (
        Variable("round", "number", "this round, from 1.0", called="the round"),
        Variable("rounds", "number", "how many rounds there are", called="the number of rounds"),
        Variable(
            "cell", "text", "the state, as far as it can be told", values=tuple(cells), called="the state"
        ),
        _bound("round", most),
        Variable(
            "actions",
            "texts",
            "what everyone does, in seat order",
            values=every,
            called="what everyone does",
            acted=True,
        ),
    )
    own = (
        Variable("me", "text", "the party's own name", values=tuple(players), called="it"),
        Variable("mine", "text", "what the party does", values=every, called="what it does", acted=True),
        Variable(
            "others",
            "texts",
            "what the others do, in seat order",
            values=every,
            called="what the others do",
            acted=True,
        ),
        Variable(
            "first",
            "text",
            "the first of the party's choices: cooperation, in the games of the field",
            values=every,
            called=repr(each[0][0]) if len({mine[:1] for mine in each}) == 1 else "the first of its choices",
            value=tuple(mine[0] for mine in each),
        ),
        *_standing("rounds"),
    )
    return Language("game", tuple(players), shared, own, "choice", every, each, most=most, periods=rounds)


def _bound(period: str, most: float) -> Variable:
    words = f"the most that a party can be made to pay in one {period}"
    return Variable("most", "number", words, called=f"{most:g}", value=float(most))


def _standing(periods: str) -> tuple[Variable, ...]:
    return (
        Variable(
            "violations",
            "number",
            f"in how many earlier {periods} the party was stopped or fined",
            called="the number of its earlier violations",
        ),
        Variable(
            "balance",
            "number",
            "what the party has been paid so far less what it has paid",
            called="its balance",
        ),
    )
