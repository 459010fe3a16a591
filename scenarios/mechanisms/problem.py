"""What does whoever designs a mechanism face: states, payoffs, what parties see, and what a contract can tell apart?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from scenarios.games import Game

Array = NDArray[np.float64]
Whole = NDArray[np.intp]

Strategies = tuple[tuple[int, ...], ...]
"""For each party, for each of its signals, the action it takes."""

LISTED = 100_000
"""The most strategy profiles that are listed one by one."""

LARGEST = 1e5
"""The greatest bound, in ranges of the payoffs: beyond it a solver's tolerance, times the bound, is no longer small."""

MULTIPLE = 2.0
"""The default bound on a transfer, in ranges of the payoffs (ours): more than any party has at stake."""


@dataclass(frozen=True)
class Problem:
    """n parties in one of several states; a contract pays by the record: the state's cell and what is verifiable.

    payoffs: u_i(ω, a), shape (states, A_1, …, A_n, n). signals: what each party sees in each state, before it
    acts. cells: what the contract language calls each state. labels: what can be verified of each action.
    outcomes: what is verifiable of a whole action profile, shape (A_1, …, A_n) of whole numbers, instead of labels
    (ours; public outcomes that do not tell who did what). concerns: λ_i in V_i = u_i + λ_i·W, finite.
    """

    name: str
    parties: tuple[str, ...]
    actions: tuple[tuple[str, ...], ...]
    states: tuple[str, ...]
    chances: Array
    payoffs: Array
    signals: tuple[tuple[str, ...], ...]
    cells: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    concerns: tuple[float, ...]
    outcomes: Whole | None = None

    @classmethod
    def of(cls, game: Game) -> Problem:
        """The problem of a game among selfish parties, with the game's own cells and labels."""
        states = range(len(game.states))
        return cls(
            name=game.name,
            parties=tuple(game.players),
            actions=tuple(tuple(each) for each in game.actions),
            states=tuple(state.name for state in game.states),
            chances=game.chances,
            payoffs=np.stack([game.payoffs(i) for i in states]).astype(float),
            signals=tuple(tuple(game.signal(i, p) for p in range(game.n)) for i in states),
            cells=game.cells,
            labels=tuple(tuple(each) for each in game.labels),
            concerns=(0.0,) * game.n,
        )

    def with_partition(self, cells: Sequence[str] | Mapping[str, str]) -> Problem:
        """The same with another partition of the states: a cell for each, in their order or by name.

        Raises ParleyError where a state has no cell.
        """
        if isinstance(cells, Mapping):
            if set(cells) != set(self.states):
                wrong = sorted(set(cells) ^ set(self.states))
                raise ParleyError(
                    f"{self.name}: a partition names each state once; look at {', '.join(wrong)}"
                )
            cells = [cells[state] for state in self.states]
        if len(cells) != len(self.states):
            raise ParleyError(
                f"{self.name}: {len(cells)} cells for {len(self.states)} states; give one a state"
            )
        return replace(self, cells=tuple(cells))

    def with_verifiable(self, labels: Sequence[Sequence[str]]) -> Problem:
        """The same with other labels, for each party one an action. Raises ParleyError where one has too few."""
        told = tuple(tuple(each) for each in labels)
        if [len(each) for each in told] != list(self.shape):
            raise ParleyError(
                f"{self.name}: labels for {[len(t) for t in told]} actions, not {list(self.shape)}"
            )
        return replace(self, labels=told, outcomes=None)

    def with_outcomes(self, outcomes: NDArray[np.integer]) -> Problem:
        """The same where a contract sees a number for the whole action profile, shape (A_1, …, A_n), no labels."""
        given = np.asarray(outcomes)
        if given.shape != self.shape:
            raise ParleyError(f"{self.name}: outcomes of shape {given.shape}; there are actions {self.shape}")
        return replace(self, outcomes=given.astype(np.intp))

    def with_concerns(self, concerns: float | Sequence[float]) -> Problem:
        """The same with other λ: one for all, or one a party. Raises ParleyError for one that is not finite."""
        each = tuple(concerns) if isinstance(concerns, Sequence) else (float(concerns),) * self.n
        if len(each) != self.n:
            raise ParleyError(f"{self.name}: {len(each)} concerns for {self.n} parties; give one a party")
        if not all(math.isfinite(c) for c in each):
            raise ParleyError(f"{self.name}: a concern is {', '.join(map(str, each))}; give finite numbers")
        return replace(self, concerns=tuple(float(c) for c in each))

    @property
    def n(self) -> int:
        """How many parties."""
        return len(self.parties)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many actions each party has."""
        return tuple(len(each) for each in self.actions)

    @cached_property
    def welfare(self) -> Array:
        """W(ω, a) = Σ_i u_i(ω, a), shape (states, A_1, …, A_n), before anything leaves the table."""
        return np.asarray(self.payoffs.sum(axis=-1))

    @cached_property
    def values(self) -> Array:
        """V_i(ω, a) = u_i + λ_i·W before transfers, shape as payoffs."""
        return np.asarray(self.payoffs + self.welfare[..., None] * np.array(self.concerns))

    @cached_property
    def weights(self) -> Array:
        """What a transfer to party j is worth to party i: 1 where i = j, and λ_i besides; (n, n)."""
        return np.asarray(np.eye(self.n) + np.array(self.concerns)[:, None])

    @cached_property
    def range(self) -> float:
        """The greatest difference between two payoffs of one party; 1 where there is none."""
        flat = self.payoffs.reshape(-1, self.n)
        return float((flat.max(axis=0) - flat.min(axis=0)).max()) or 1.0

    def bound(self, given: float | None = None) -> float:
        """The bound B on |t_i|, in payoff units: `given`, else MULTIPLE ranges of the payoffs.

        Raises ParleyError for one below 0, over LARGEST ranges, or no number.
        """
        if given is None:
            return MULTIPLE * self.range
        if not (math.isfinite(given) and given >= 0):
            raise ParleyError(
                f"{self.name}: a bound of {given}; give a finite number from 0 (0: no transfers)"
            )
        if given > LARGEST * self.range:
            raise ParleyError(
                f"{self.name}: a bound of {given:g} is over {LARGEST:g} times the range of the payoffs, more than "
                f"a solver can tell apart; give at most {LARGEST * self.range:g}"
            )
        return float(given)

    @cached_property
    def seen(self) -> tuple[tuple[str, ...], ...]:
        """Each party's signals, in the order of the states in which they come first."""
        return tuple(tuple(dict.fromkeys(each[i] for each in self.signals)) for i in range(self.n))

    @cached_property
    def signal(self) -> Whole:
        """Which of its signals each party sees in each state, (states, n)."""
        return np.array(
            [[self.seen[i].index(each[i]) for i in range(self.n)] for each in self.signals], dtype=np.intp
        )

    @cached_property
    def record_names(self) -> tuple[tuple[str, ...], ...]:
        """What is written down in each record: the cell, then each party's label (or the outcome)."""
        cells = tuple(dict.fromkeys(self.cells))
        if self.outcomes is not None:
            return tuple((cell, str(o)) for cell in cells for o in np.unique(self.outcomes))
        apart = [tuple(dict.fromkeys(each)) for each in self.labels]
        return tuple(product(cells, *apart))

    @cached_property
    def records(self) -> Whole:
        """ρ(ω, a): the record that profile a leaves in state ω, as an index of `record_names`, (states, A_1, …)."""
        cells = list(dict.fromkeys(self.cells))
        if self.outcomes is not None:
            kinds, of = np.unique(self.outcomes, return_inverse=True)
            sizes, public = len(kinds), of.reshape(self.shape)
        else:
            apart = [list(dict.fromkeys(each)) for each in self.labels]
            index = [[own.index(x) for x in each] for own, each in zip(apart, self.labels, strict=True)]
            sizes = math.prod(map(len, apart))
            public = np.ravel_multi_index(np.ix_(*index), [len(own) for own in apart])
        return np.stack([cells.index(cell) * sizes + public for cell in self.cells]).astype(np.intp)

    @property
    def profiles(self) -> int:
        """How many pure strategy profiles there are."""
        return math.prod(a ** len(seen) for a, seen in zip(self.shape, self.seen, strict=True))

    def listed(self) -> Iterator[Strategies]:
        """Every pure strategy profile. Raises ParleyError where there are more than LISTED."""
        if self.profiles > LISTED:
            raise ParleyError(
                f"{self.name}: {self.profiles} strategy profiles, and at most {LISTED} are listed; "
                "give parties fewer signals or actions"
            )
        plans = [product(range(a), repeat=len(seen)) for a, seen in zip(self.shape, self.seen, strict=True)]
        return product(*plans)

    def played(self, strategies: Strategies) -> list[tuple[int, ...]]:
        """The action profile in each state."""
        return [
            tuple(strategies[i][self.signal[w, i]] for i in range(self.n)) for w in range(len(self.states))
        ]

    def worth(self, strategies: Strategies) -> float:
        """E[W] of a strategy profile, before anything leaves the table."""
        played = self.played(strategies)
        return float(sum(p * self.welfare[w][played[w]] for w, p in enumerate(self.chances)))

    @cached_property
    def best(self) -> tuple[Strategies, ...]:
        """Every first-best strategy profile: the greatest E[W] among all, given what the parties see."""
        worths = [(self.worth(each), each) for each in self.listed()]
        greatest = max(worth for worth, _ in worths)
        return tuple(each for worth, each in worths if worth >= greatest - 1e-9 * self.range)

    @property
    def first_best(self) -> float:
        """The greatest E[W] over strategy profiles, incentives aside: each party acts on its own signal alone."""
        return self.worth(self.best[0])

    def plans(self, strategies: Strategies) -> dict[str, dict[str, str]]:
        """Strategies in words: party -> signal -> action."""
        return {
            party: {
                signal: self.actions[i][action]
                for signal, action in zip(self.seen[i], strategies[i], strict=True)
            }
            for i, party in enumerate(self.parties)
        }
