"""How do the classic strategies play a repeated game: what each does after what it and the others did.

Games with more than two actions are read as cooperate or defect, seat by seat (ours):

- **cooperate**: where seats are exchangeable, the action that is best for all if all take it; else the seat's
  action in the cell of greatest welfare, of several cells the first of those whose payoffs are most equal.
- **defect**: of its other actions the one that holds the others down most: the least over actions of the greatest
  payoff that any other seat can still get (the minimax punishment; Fudenberg and Maskin 1986).
- A seat **cooperated** if what can be verified of its action is what can be verified of its cooperative one: a
  partner sees no more. So hidden effort is not answered, and Tit for Tat takes low effort for cooperation.

With more than two seats, the others cooperated if every one of them did (Boyd and Richerson 1988).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import ClassVar, Protocol

import numpy as np

from scenarios.errors import ParleyError
from scenarios.games.game import Array, Game
from scenarios.games.optima import welfare_optima

__all__ = [
    "STRATEGIES",
    "AlwaysCooperate",
    "AlwaysDefect",
    "GenerousTitForTat",
    "Grim",
    "History",
    "RandomPlay",
    "Roles",
    "Strategy",
    "TitForTat",
    "Transcript",
    "WinStayLoseShift",
    "repeated",
    "roles",
    "strategy",
    "versus",
]

LONGEST = 100_000
"""Rounds of a repeated game, at most."""


@dataclass(frozen=True)
class Roles:
    """Which of a seat's actions is to cooperate, which to defect, and which look like cooperation."""

    cooperate: int
    defect: int
    seems: tuple[bool, ...]  # per action


def roles(game: Game) -> tuple[Roles, ...]:
    """The roles of each seat, by payoffs before the state is known (see the top of this module)."""
    payoffs = game.expected
    if game.symmetric:
        alike = [float(payoffs[(action,) * game.n].sum()) for action in range(game.shape[0])]
        best: tuple[int, ...] = (int(np.argmax(np.round(alike, 9))),) * game.n
    else:
        cells = welfare_optima(payoffs).cells
        best = cells[int(np.argmin(np.round([float(np.ptp(payoffs[cell])) for cell in cells], 9)))]
    out = []
    for seat, action in enumerate(best):
        others = [other for other in range(game.n) if other != seat]
        held = [float(np.take(payoffs, a, axis=seat)[..., others].max()) for a in range(game.shape[seat])]
        defect = min(
            (a for a in range(game.shape[seat]) if a != action), key=lambda a: (round(held[a], 9), a)
        )
        labels = game.labels[seat]
        out.append(Roles(action, defect, tuple(label == labels[action] for label in labels)))
    return tuple(out)


@dataclass(frozen=True)
class History:
    """What a seat remembers of the rounds before, and its own source of chance."""

    roles: Roles
    own: Sequence[bool]  # it cooperated, round by round
    others: Sequence[bool]  # all others did
    rng: np.random.Generator

    @property
    def first(self) -> bool:
        """Whether nothing was played yet."""
        return not self.own

    def action(self, cooperate: bool) -> int:
        """The index of the action that means this."""
        return self.roles.cooperate if cooperate else self.roles.defect


class Strategy(Protocol):
    """An action after every history; all that it knows stands in the history, so one object may play many games."""

    name: ClassVar[str]
    source: ClassVar[str]

    def act(self, history: History) -> int:
        """The index of the action of this round."""
        ...


@dataclass(frozen=True)
class AlwaysCooperate:
    """Cooperates whatever happens (Axelrod 1984)."""

    name: ClassVar[str] = "always-cooperate"
    source: ClassVar[str] = "Axelrod 1984"

    def act(self, history: History) -> int:
        return history.action(True)


@dataclass(frozen=True)
class AlwaysDefect:
    """Defects whatever happens (Axelrod 1984)."""

    name: ClassVar[str] = "always-defect"
    source: ClassVar[str] = "Axelrod 1984"

    def act(self, history: History) -> int:
        return history.action(False)


@dataclass(frozen=True)
class TitForTat:
    """Cooperates first, then does what the other did last (Rapoport, in Axelrod 1980)."""

    name: ClassVar[str] = "tit-for-tat"
    source: ClassVar[str] = "Rapoport, in Axelrod 1980"

    def act(self, history: History) -> int:
        return history.action(history.first or history.others[-1])


@dataclass(frozen=True)
class Grim:
    """Cooperates until the other has defected once, then never again (Friedman 1971)."""

    name: ClassVar[str] = "grim"
    source: ClassVar[str] = "Friedman 1971"

    def act(self, history: History) -> int:
        return history.action(all(history.others))


@dataclass(frozen=True)
class WinStayLoseShift:
    """Cooperates first, stays with what it did while the other cooperates, else changes (Nowak and Sigmund 1993).

    In a Prisoner's Dilemma T and R are wins and P and S losses, so it wins exactly when the other cooperates.
    """

    name: ClassVar[str] = "win-stay-lose-shift"
    source: ClassVar[str] = "Nowak and Sigmund 1993"

    def act(self, history: History) -> int:
        return history.action(history.first or history.own[-1] == history.others[-1])


@dataclass(frozen=True)
class GenerousTitForTat:
    """Tit for Tat that forgives a defection with chance `generosity` (Nowak and Sigmund 1992).

    Their optimum is min(1 − (T − R)/(R − S), (R − P)/(T − P)): 1/3 at the payoffs 5, 3, 1, 0, the default.
    """

    generosity: float = 1 / 3
    name: ClassVar[str] = "generous-tit-for-tat"
    source: ClassVar[str] = "Nowak and Sigmund 1992"

    def __post_init__(self) -> None:
        _chance(self.name, "generosity", self.generosity)

    def act(self, history: History) -> int:
        forgiven = bool(history.rng.random() < self.generosity)
        return history.action(history.first or history.others[-1] or forgiven)


@dataclass(frozen=True)
class RandomPlay:
    """Cooperates with chance p, whatever happens (Axelrod 1980's RANDOM at p = 1/2)."""

    p: float = 0.5
    name: ClassVar[str] = "random"
    source: ClassVar[str] = "Axelrod 1980"

    def __post_init__(self) -> None:
        _chance(self.name, "p", self.p)

    def act(self, history: History) -> int:
        return history.action(bool(history.rng.random() < self.p))


_CLASSES: tuple[Callable[..., Strategy], ...] = (
    AlwaysCooperate, AlwaysDefect, TitForTat, Grim, WinStayLoseShift, GenerousTitForTat, RandomPlay,
)  # fmt: skip
STRATEGIES: dict[str, Callable[..., Strategy]] = {made.name: made for made in _CLASSES}  # type: ignore[attr-defined]
"""Every strategy by its name; `generous-tit-for-tat` and `random` take a chance."""


def strategy(spec: str) -> Strategy:
    """The strategy of a name, with its chance after an equals sign if it takes one: `tit-for-tat`, `random=0.3`.

    Raises ParleyError for an unknown name, a chance where none is taken, or one outside [0, 1].
    """
    name, equals, text = (part.strip() for part in spec.partition("="))
    if name not in STRATEGIES:
        near = get_close_matches(name, STRATEGIES, 1)
        mend = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(STRATEGIES)}"
        raise ParleyError(f"no strategy '{name}'; {mend}")
    if not equals:
        return STRATEGIES[name]()
    if name not in (GenerousTitForTat.name, RandomPlay.name):
        raise ParleyError(f"strategy '{name}' takes no chance; leave out '={text}'")
    try:
        return STRATEGIES[name](float(text))
    except ParleyError:
        raise
    except ValueError:
        raise ParleyError(f"strategy '{name}': '{text}' is no chance; write {name}=0.3") from None


def _chance(name: str, what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ParleyError(f"strategy '{name}': {what} is {value}; give a chance from 0 to 1")


@dataclass(frozen=True)
class Transcript:
    """A repeated game as it was played."""

    game: Game
    actions: tuple[tuple[int, ...], ...]  # per round, per seat
    states: tuple[int, ...]  # per round
    payoffs: Array  # (rounds, n)
    cooperated: tuple[tuple[bool, ...], ...]  # per round, per seat, as the others could see it

    @property
    def scores(self) -> Array:
        """The sum of each seat's payoffs, (n,)."""
        return np.asarray(self.payoffs.sum(axis=0))

    def words(self) -> str:
        """The rounds as letters, C or D, seat beside seat: 'CC CD DC'."""
        return " ".join("".join("C" if c else "D" for c in round_) for round_ in self.cooperated)


@dataclass
class _Memory:
    own: list[bool] = field(default_factory=list)
    others: list[bool] = field(default_factory=list)


def repeated(
    strategies: Sequence[Strategy], game: Game, *, rounds: int, seed: int, noise: float = 0.0
) -> Transcript:
    """A game played again and again by one strategy a seat.

    noise: the chance that a seat's action comes out as the other of cooperate and defect. Every seat, the state
    and the noise draw from streams of their own, so that no strategy's draws move another's. Raises ParleyError
    for a wrong number of strategies, of rounds, or noise outside [0, 1].
    """
    if len(strategies) != game.n:
        raise ParleyError(
            f"game '{game.name}': {len(strategies)} strategies for {game.n} seats; give one each"
        )
    if not 1 <= rounds <= LONGEST:
        raise ParleyError(f"rounds is {rounds}; give 1 to {LONGEST}")
    if not 0 <= noise <= 1:
        raise ParleyError(f"noise is {noise}; give a chance from 0 to 1")
    if seed < 0:
        raise ParleyError(f"seed is {seed}; give a whole number of at least 0")
    world, slips, *own = (np.random.default_rng([seed, stream]) for stream in range(game.n + 2))
    parts = roles(game)
    memories = [_Memory() for _ in parts]
    actions, states, cooperated = [], [], []
    for _ in range(rounds):
        state = game.drawn(world)
        meant = [
            chosen.act(History(part, memory.own, memory.others, rng))
            for chosen, part, memory, rng in zip(strategies, parts, memories, own, strict=True)
        ]
        done = tuple(_slipped(a, part, slips, noise) for a, part in zip(meant, parts, strict=True))
        seen = tuple(part.seems[a] for a, part in zip(done, parts, strict=True))
        for i, memory in enumerate(memories):
            memory.own.append(seen[i])
            memory.others.append(all(c for j, c in enumerate(seen) if j != i))
        actions.append(done)
        states.append(state)
        cooperated.append(seen)
    payoffs = np.array([game.payoffs(s)[a] for s, a in zip(states, actions, strict=True)])
    return Transcript(game, tuple(actions), tuple(states), payoffs, tuple(cooperated))


def _slipped(action: int, part: Roles, rng: np.random.Generator, noise: float) -> int:
    if rng.random() >= noise:
        return action
    return part.defect if part.seems[action] else part.cooperate


def versus(
    first: Strategy, second: Strategy, game: Game, *, rounds: int, seed: int, noise: float = 0.0
) -> Transcript:
    """Two strategies against each other: `repeated` for two seats."""
    return repeated((first, second), game, rounds=rounds, seed=seed, noise=noise)
