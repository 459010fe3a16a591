"""What do seats play who do not know the state or each other's concern: pure Bayes–Nash equilibria by enumeration.

A seat sees its signal of the state and knows its own λ. Of every other seat it holds one belief, which all
share: a distribution over types λ, independent of the state and of the others' (a common prior; Harsanyi 1967).
A strategy is an action for every signal and type.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from negotiators.reference.games.equilibrium import Select, best_of, checked_concerns, slack
from scenarios.errors import ParleyError
from scenarios.games.game import Array, Game

__all__ = ["LIMIT_PROFILES", "Belief", "Hidden", "Plans", "bayes_nash"]

LIMIT_PROFILES = 4_096
"""Strategy profiles of all seats but one up to which every equilibrium is found."""
LIMIT_EQUILIBRIA = 2_000
"""Equilibria after which the enumeration stops: in a game of ties almost everything is one."""
_SWEEPS = 60
_STARTS = 24

Plan = NDArray[np.intp]
"""A seat's actions, (signals, types)."""


@dataclass(frozen=True)
class Belief:
    """What the others hold one seat's concern to be: types λ and their chances, which sum to 1."""

    concerns: tuple[float, ...]
    chances: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.concerns) != len(self.chances) or len(set(self.concerns)) < len(self.concerns):
            raise ParleyError(
                f"belief: types {self.concerns}, chances {self.chances}; give each type one chance"
            )
        if min(self.chances, default=-1) < 0 or abs(math.fsum(self.chances) - 1) > 1e-9:
            raise ParleyError(f"belief: the chances {self.chances} do not sum to 1; make them")

    @classmethod
    def known(cls, concern: float) -> Belief:
        """The belief of those who know."""
        return cls((concern,), (1.0,))


@dataclass(frozen=True)
class Hidden:
    """A game as seats face it before they know the state."""

    payoffs: Array  # (states, A_1, …, A_n, n), transfers and fines included
    chances: Array  # (states,)
    signals: tuple[tuple[str, ...], ...]  # per seat and state, what it sees
    burnt: Array | None = None  # (states, A_1, …, A_n), lost to the table beside the payoffs

    @classmethod
    def of(cls, game: Game) -> Hidden:
        """The game without a contract."""
        states = range(len(game.states))
        signals = tuple(tuple(game.signal(s, i) for s in states) for i in range(game.n))
        return cls(np.stack([game.payoffs(s) for s in states]), game.chances, signals)

    @property
    def n(self) -> int:
        """How many seats."""
        return int(self.payoffs.shape[-1])


@dataclass(frozen=True)
class Plans:
    """What every seat does at every signal and type, by which solution."""

    actions: tuple[Mapping[tuple[str, float], int], ...]  # per seat (signal, λ) -> action
    concept: Literal["pure", "least regret"]
    welfare: float  # E[W] before anything is seen, under the beliefs
    regret: float  # what a type gains by another action, at most, in units of payoff; 0 in equilibrium
    found: int
    note: str = ""

    def action(self, seat: int, signal: str, concern: float) -> int:
        """The action of a seat at a signal. Raises ParleyError for a signal or type that was not foreseen."""
        if (signal, concern) not in self.actions[seat]:
            raise ParleyError(
                f"plans: seat {seat + 1} has none for signal '{signal}' and λ = {concern}; name it"
            )
        return self.actions[seat][signal, concern]


def bayes_nash(
    hidden: Hidden,
    beliefs: Sequence[Belief],
    *,
    rng: np.random.Generator,
    select: Select = "best",
    concerns: Sequence[float] | None = None,
) -> Plans:
    """The best or worst pure Bayes–Nash equilibrium by expected W; ties by a draw.

    beliefs: one a seat, what all others hold of it. concerns: the seats' own λ; one that the belief leaves out
    gets chance 0 and still answers as best it can. Each type's action maximises E[V | signal], λ = ∞
    lexicographically, weak incentives.

    All equilibria are found where the strategy profiles of all seats but the one that has most are at most
    LIMIT_PROFILES. Beyond, best replies are followed from many starts, which finds some equilibria if any, and
    the note says so. Where none is found: the profile met with the least regret, and a note.
    """
    if len(beliefs) != hidden.n:
        raise ParleyError(f"beliefs: {len(beliefs)} for {hidden.n} seats; give one each")
    if select not in ("best", "worst"):
        raise ParleyError(f"select '{select}': choose best or worst")
    table = _Table.of(hidden, beliefs, concerns)
    sizes = [table.strategies(i) for i in range(hidden.n)]
    pivot = int(np.argmax(sizes))
    small = math.prod(sizes) // sizes[pivot] <= LIMIT_PROFILES
    profiles = list(
        itertools.islice(_enumerated(table, pivot) if small else _searched(table, rng), LIMIT_EQUILIBRIA)
    )
    sound = [plans for plans, regret in profiles if regret == 0]
    if not sound:
        tried = profiles if profiles else list(_followed(table, rng))
        least = min(regret for _, regret in tried)
        sound = [next(plans for plans, regret in tried if regret == least)]
        note = "no pure equilibrium" if small else "no pure equilibrium was found by following best replies"
        return table.told(
            sound[0], "least regret", least, 0, f"{note}: the profile met with the least regret"
        )
    totals = np.array([table.welfare(plans) for plans in sound]) * (1 if select == "best" else -1)
    ties = np.flatnonzero(totals >= totals.max() - slack(totals))
    chosen = sound[int(ties[0] if len(ties) == 1 else rng.choice(ties))]
    note = "" if small else "found by following best replies: there may be others"
    if len(profiles) == LIMIT_EQUILIBRIA:
        note = f"the first {LIMIT_EQUILIBRIA} equilibria alone were compared"
    return table.told(chosen, "pure", 0.0, len(sound), note)


@dataclass(frozen=True)
class _Table:
    """The game with signals and types as indices."""

    hidden: Hidden
    total: Array  # (states, A_1, …, A_n)
    seen: tuple[tuple[str, ...], ...]  # a seat's distinct signals
    signal: NDArray[np.intp]  # (states, n)
    types: tuple[tuple[float, ...], ...]
    chances: tuple[Array, ...]  # of each type

    @classmethod
    def of(cls, hidden: Hidden, beliefs: Sequence[Belief], concerns: Sequence[float] | None) -> _Table:
        own = [()] * hidden.n if concerns is None else [(c,) for c in concerns]
        if len(own) != hidden.n:
            raise ParleyError(f"concerns: {len(own)} for {hidden.n} seats; give one each")
        types, chances = [], []
        for belief, extra in zip(beliefs, own, strict=True):
            new = tuple(c for c in extra if c not in belief.concerns)
            checked_concerns((*belief.concerns, *new), len(belief.concerns) + len(new))
            types.append((*belief.concerns, *new))
            chances.append(np.array([*belief.chances, *[0.0] * len(new)]))
        seen = tuple(tuple(dict.fromkeys(names)) for names in hidden.signals)
        signal = np.array(
            [[s.index(x) for x in names] for s, names in zip(seen, hidden.signals, strict=True)]
        ).T
        total = hidden.payoffs.sum(axis=-1)
        total = total if hidden.burnt is None else total - hidden.burnt
        return cls(hidden, total, seen, signal, tuple(types), tuple(chances))

    @property
    def n(self) -> int:
        return self.hidden.n

    def strategies(self, seat: int) -> int:
        """How many strategies a seat has, types without chance left out."""
        likely = int((self.chances[seat] > 0).sum())
        return int(self.hidden.payoffs.shape[1 + seat] ** (len(self.seen[seat]) * likely))

    def mixture(self, seat: int, plan: Plan) -> Array:
        """How likely each action of a seat is to the others at each of its signals, (signals, A)."""
        mix = np.zeros((len(self.seen[seat]), self.hidden.payoffs.shape[1 + seat]))
        for t, chance in enumerate(self.chances[seat]):
            mix[np.arange(len(mix)), plan[:, t]] += chance
        return mix

    def worth(self, seat: int, mixes: Mapping[int, Array]) -> tuple[Array, Array]:
        """Σ over the states of a signal of chance·E[u], and of chance·E[W], each (signals, A)."""
        own = np.zeros((len(self.seen[seat]), self.hidden.payoffs.shape[1 + seat]))
        all_ = np.zeros_like(own)
        for s, chance in enumerate(self.hidden.chances):
            both = np.stack([self.hidden.payoffs[s][..., seat], self.total[s]], axis=-1)
            for j in range(self.n - 1, -1, -1):
                if j != seat:
                    both = np.tensordot(mixes[j][self.signal[s, j]], both, axes=(0, j))
            own[self.signal[s, seat]] += chance * both[:, 0]
            all_[self.signal[s, seat]] += chance * both[:, 1]
        return own, all_

    def best(self, seat: int, mixes: Mapping[int, Array]) -> tuple[NDArray[np.bool_], Array]:
        """Which actions are best, and what each falls short by in payoff, both (signals, types, A)."""
        own, all_ = self.worth(seat, mixes)
        best, short = [], []
        for concern in self.types[seat]:
            first, second = (all_, own) if math.isinf(concern) else (own + concern * all_, np.zeros_like(own))
            best.append(best_of(first, second, axis=1))
            lag = (first.max(axis=1, keepdims=True) - first) / (
                1 if math.isinf(concern) else 1 + abs(concern)
            )
            top = np.where(best[-1], second, -np.inf).max(axis=1, keepdims=True)
            short.append(np.where(best[-1], 0.0, np.where(lag > slack(first), lag, top - second)))
        return np.stack(best, axis=1), np.stack(short, axis=1)

    def welfare(self, plans: Sequence[Plan]) -> float:
        """E[W] under the beliefs."""
        mixes = {i: self.mixture(i, plan) for i, plan in enumerate(plans)}
        _, all_ = self.worth(0, mixes)
        return float((all_ * mixes[0]).sum())

    def told(
        self,
        plans: Sequence[Plan],
        concept: Literal["pure", "least regret"],
        regret: float,
        found: int,
        note: str,
    ) -> Plans:
        actions = tuple(
            {
                (sign, kind): int(plan[k, t])
                for k, sign in enumerate(self.seen[i])
                for t, kind in enumerate(self.types[i])
            }
            for i, plan in enumerate(plans)
        )
        return Plans(actions, concept, self.welfare(plans), regret, found, note)


Found = tuple[tuple[Plan, ...], float]
"""Plans of all seats, and their regret."""


def _enumerated(table: _Table, pivot: int) -> Iterator[Found]:
    """Every equilibrium: for all strategies of the others, the pivot's best replies, if the others' are best too."""
    others = [i for i in range(table.n) if i != pivot]
    for combination in itertools.product(*(_strategies(table, i) for i in others)):
        plans = dict(zip(others, combination, strict=True))
        mixes = {i: table.mixture(i, plan) for i, plan in plans.items()}
        best, _ = table.best(pivot, mixes)
        for reply in _choices(best, table.chances[pivot]):
            whole = mixes | {pivot: table.mixture(pivot, reply)}
            bests = {i: table.best(i, {j: m for j, m in whole.items() if j != i})[0] for i in others}
            if all(_stands(bests[i], plans[i], table.chances[i]) for i in others):
                finished = {i: _answering(bests[i], plans[i], table.chances[i]) for i in others}
                yield tuple(finished[i] if i != pivot else reply for i in range(table.n)), 0.0


def _strategies(table: _Table, seat: int) -> Iterator[Plan]:
    """Every strategy of a seat; types without chance, whom nobody reckons with, do their first action."""
    shape = (len(table.seen[seat]), len(table.types[seat]))
    likely = np.flatnonzero(table.chances[seat] > 0)
    count = table.hidden.payoffs.shape[1 + seat]
    for actions in itertools.product(range(count), repeat=shape[0] * len(likely)):
        plan = np.zeros(shape, dtype=np.intp)
        plan[:, likely] = np.reshape(actions, (shape[0], len(likely)))
        yield plan


def _choices(best: NDArray[np.bool_], chances: Array) -> Iterator[Plan]:
    """Every plan made of best actions; of types without chance the first."""
    options = [
        np.flatnonzero(best[k, t]) if chances[t] > 0 else np.flatnonzero(best[k, t])[:1]
        for k in range(best.shape[0])
        for t in range(best.shape[1])
    ]
    for actions in itertools.product(*options):
        yield np.reshape(np.array(actions, dtype=np.intp), best.shape[:2])


def _stands(best: NDArray[np.bool_], plan: Plan, chances: Array) -> bool:
    taken = np.take_along_axis(best, plan[..., None], axis=2)[..., 0]
    return bool(taken[:, chances > 0].all())


def _answering(best: NDArray[np.bool_], plan: Plan, chances: Array) -> Plan:
    """The plan with the first best action for types without chance."""
    return np.where(chances > 0, plan, best.argmax(axis=2))


def _searched(table: _Table, rng: np.random.Generator) -> Iterator[Found]:
    """Equilibria that following best replies comes to, each once."""
    met: set[bytes] = set()
    for plans, regret in _followed(table, rng):
        key = b"".join(plan.tobytes() for plan in plans)
        if regret == 0 and key not in met:
            met.add(key)
            yield plans, regret


def _followed(table: _Table, rng: np.random.Generator) -> Iterator[Found]:
    """Where best replies, seat after seat, lead from every constant profile and from random ones."""
    counts = table.hidden.payoffs.shape[1:-1]
    shapes = [(len(table.seen[i]), len(table.types[i])) for i in range(table.n)]
    constant = [[np.full(shape, min(a, c - 1), dtype=np.intp) for shape, c in zip(shapes, counts, strict=True)]
                for a in range(max(counts))]  # fmt: skip
    drawn = [[rng.integers(0, c, shape).astype(np.intp) for shape, c in zip(shapes, counts, strict=True)]
             for _ in range(_STARTS)]  # fmt: skip
    for start in constant + drawn:
        plans, regret = list(start), math.inf
        for _ in range(_SWEEPS):
            worst = 0.0
            for i in range(table.n):
                mixes = {j: table.mixture(j, plans[j]) for j in range(table.n) if j != i}
                best, short = table.best(i, mixes)
                worst = max(worst, float(np.take_along_axis(short, plans[i][..., None], axis=2).max()))
                kept = np.take_along_axis(best, plans[i][..., None], axis=2)[..., 0]
                plans[i] = np.where(kept, plans[i], best.argmax(axis=2))
            if worst == 0:
                regret = 0.0
                break
        yield tuple(plans), regret if regret == 0 else _regret(table, plans)


def _regret(table: _Table, plans: Sequence[Plan]) -> float:
    mixes = {i: table.mixture(i, plan) for i, plan in enumerate(plans)}
    shorts = [table.best(i, {j: m for j, m in mixes.items() if j != i})[1] for i in range(table.n)]
    return max(
        float(np.take_along_axis(s, p[..., None], axis=2).max()) for s, p in zip(shorts, plans, strict=True)
    )
