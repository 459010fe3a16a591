"""What is a game: who may do what, what it is worth to each in every state, and what a contract can tell apart."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from scenarios.model import Slug, Written
from scenarios.ward import Array

__all__ = ["LIMIT_PAYOFFS", "Array", "Game", "State"]

LIMIT_PAYOFFS = 200_000
"""Numbers in the payoffs of one state, at most."""
_LARGEST = 1e9
_DEEPEST = 9

Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\n\t]+$")]


def _frozen(value: Any, depth: int = 0) -> Any:
    """Nested lists of numbers as nested tuples of floats."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple) and depth <= _DEEPEST:
        return tuple(_frozen(part, depth + 1) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        what = f"'{value[:40]}'" if isinstance(value, str) else f"a {type(value).__name__}"
        raise ValueError(f"{what} where a number belongs; write payoffs as nested lists of numbers")
    if not abs(value) <= _LARGEST:
        raise ValueError(f"{value!r} is no payoff; give a number from -1e9 to 1e9")
    return float(value)


Nested = Annotated[tuple[Any, ...], BeforeValidator(_frozen)]


class State(Written):
    """One state of the world: how likely it is, what each action profile is worth in it, and who sees it."""

    name: Slug = "only"
    chance: float = Field(default=1.0, gt=0, le=1)
    payoffs: Nested = Field(description="nested lists, shape (A_1, …, A_n, n)")
    cell: Slug | None = Field(
        default=None, description="what the contract language calls it; none: its own name"
    )
    sees: tuple[Name, ...] | None = Field(
        default=None, description="each player's signal before acting; none: every player sees the name"
    )

    @field_validator("payoffs", mode="after")
    @classmethod
    def _rectangular(cls, payoffs: tuple[Any, ...]) -> tuple[Any, ...]:
        try:
            array = np.array(payoffs, dtype=float)
        except ValueError:
            raise ValueError(
                "lists of different lengths; every action profile needs one payoff each"
            ) from None
        if array.size > LIMIT_PAYOFFS:
            raise ValueError(f"{array.size} numbers are too many; give at most {LIMIT_PAYOFFS}")
        return payoffs


class Game(Written):
    """A game in normal form with one or several states; the first action is, by custom, the cooperative one.

    A contract can tell states apart by their `cell` and actions by their `verifiable` label, and no further.
    """

    name: Slug
    title: str = Field(max_length=200)
    says: str = Field(default="", max_length=2000, description="why this game is worth playing")
    source: str = Field(max_length=300)
    players: tuple[Name, ...] = Field(min_length=2, max_length=8)
    actions: tuple[tuple[Name, ...], ...] = Field(description="per player, at least two")
    verifiable: tuple[tuple[Name, ...], ...] | None = Field(
        default=None,
        description="per player and action the label a contract can verify; none: every action its own",
    )
    stories: tuple[str, ...] = Field(default=(), description="how each player is told it")
    states: tuple[State, ...] = Field(min_length=1, max_length=64)

    @model_validator(mode="before")
    @classmethod
    def _players_by_default(cls, data: Any) -> Any:
        """Row and column where two play, p1, p2, … where more do."""
        if isinstance(data, dict) and "players" not in data and isinstance(data.get("actions"), list | tuple):
            n = len(data["actions"])
            return data | {"players": ("row", "column") if n == 2 else tuple(f"p{i + 1}" for i in range(n))}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for fault in (self._wrong_words(), self._wrong_states()):
            if fault:
                raise ValueError(fault)
        return self

    def _wrong_words(self) -> str | None:
        if len(set(self.players)) < self.n:
            return f"players {', '.join(self.players)}: a name stands twice; rename one"
        if len(self.actions) != self.n:
            return f"actions are given for {len(self.actions)} of {self.n} players; give each player a list"
        for player, names in zip(self.players, self.actions, strict=True):
            if len(names) < 2:
                return f"player '{player}' has {len(names)} actions; give at least two"
            if len(set(names)) < len(names):
                return f"player '{player}': an action stands twice; rename one"
        if self.verifiable is not None and tuple(map(len, self.verifiable)) != self.shape:
            return f"verifiable needs a label for each action, {self.shape}; count them again"
        if self.stories and len(self.stories) != self.n:
            return f"stories are given for {len(self.stories)} of {self.n} players; tell each player or none"
        return None

    def _wrong_states(self) -> str | None:
        names = [state.name for state in self.states]
        if len(set(names)) < len(names):
            return f"states {', '.join(names)}: a name stands twice; rename one"
        total = math.fsum(state.chance for state in self.states)
        if abs(total - 1) > 1e-9:
            return f"the chances of the states sum to {total:g}; make them sum to 1"
        for state in self.states:
            shape = np.shape(state.payoffs)
            if shape != (*self.shape, self.n):
                return f"state '{state.name}': payoffs are {shape}; make them {(*self.shape, self.n)}"
            if state.sees is not None and len(state.sees) != self.n:
                return f"state '{state.name}': {len(state.sees)} of {self.n} players see something; tell each"
        return None

    @property
    def n(self) -> int:
        """How many play."""
        return len(self.players)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many actions each player has, (A_1, …, A_n)."""
        return tuple(len(names) for names in self.actions)

    @property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        """Per player and action, what a contract can verify of it."""
        return self.verifiable if self.verifiable is not None else self.actions

    @property
    def cells(self) -> tuple[str, ...]:
        """Per state, what the contract language calls it; equal names cannot be told apart."""
        return tuple(state.cell if state.cell is not None else state.name for state in self.states)

    @cached_property
    def chances(self) -> Array:
        """The chance of each state, (states,), summing to 1."""
        chances = np.array([state.chance for state in self.states])
        return _sealed(chances / chances.sum())

    @cached_property
    def _tensors(self) -> tuple[Array, ...]:
        return tuple(_sealed(np.array(state.payoffs, dtype=float)) for state in self.states)

    def payoffs(self, state: int = 0) -> Array:
        """Payoffs in the state of this index, (A_1, …, A_n, n), read-only."""
        return self._tensors[state]

    @cached_property
    def expected(self) -> Array:
        """Payoffs before anything is seen, Σ_s chance_s · payoffs_s, (A_1, …, A_n, n), read-only."""
        return _sealed(np.tensordot(self.chances, np.stack(self._tensors), axes=1))

    def signal(self, state: int, player: int) -> str:
        """What a player sees in a state before acting."""
        seen = self.states[state]
        return seen.name if seen.sees is None else seen.sees[player]

    def drawn(self, rng: np.random.Generator) -> int:
        """The index of a state, drawn by the chances."""
        place = int(np.searchsorted(np.cumsum(self.chances), rng.random(), side="right"))
        return min(place, len(self.states) - 1)

    @cached_property
    def symmetric(self) -> bool:
        """Whether the players are exchangeable: in every state payoffs, what is seen and what can be verified
        stay as they are when any two players change places with their actions in the order given."""
        if len(set(self.shape)) > 1:
            return False
        groups = {_groups(labels) for labels in self.labels}
        seen = {_groups([self.signal(s, i) for s in range(len(self.states))]) for i in range(self.n)}
        if len(groups) > 1 or len(seen) > 1:
            return False
        return all(symmetric_payoffs(tensor) for tensor in self._tensors)


def symmetric_payoffs(payoffs: Array) -> bool:
    """Whether payoffs (A, …, A, n) stay as they are when any two players change places (von Neumann 1928).

    Neighbours that change places generate all permutations, so n − 1 comparisons suffice.
    """
    n = payoffs.shape[-1]
    if payoffs.ndim != n + 1 or len(set(payoffs.shape[:-1])) > 1:
        return False
    for i in range(n - 1):
        order = np.arange(n)
        order[[i, i + 1]] = i + 1, i
        if not np.allclose(np.swapaxes(payoffs, i, i + 1)[..., order], payoffs, rtol=1e-12, atol=1e-9):
            return False
    return True


def _groups(words: Any) -> tuple[int, ...]:
    """Which words are equal, whatever they are: each by where it first stands."""
    first: dict[str, int] = {}
    return tuple(first.setdefault(word, i) for i, word in enumerate(words))


def _sealed(array: Array) -> Array:
    array.setflags(write=False)
    return array
