"""How does a reference seat act in a game: an equilibrium of what concerns and law make of it, or a known strategy."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from negotiators.dilemma import DilemmaMove, DilemmaView, Proposal
from negotiators.reference.games.equilibrium import play, quantal_response
from negotiators.reference.games.law import Changed, under_law
from negotiators.reference.games.private import Belief, Hidden, bayes_nash
from negotiators.reference.games.repeated import History, roles, strategy
from negotiators.reference.menu import Worth, at_least, draft, in_force, law_of
from scenarios.games import Game
from scenarios.ward import Array

Select = Literal["best", "worst"]
Plan = tuple[Callable[[str], Array], Worth]
"""(signal -> chances of one's actions, what one expects of it)."""

CHOICE, DRAW, MEMORY = 5, 6, 7
"""Purposes of draws: which of several equilibria is played, the same for all; what a mixing seat plays; strategies'."""


class GamePlayer:
    """Reference seats of one game. What they play is worked out once for each law and belief.

    `prior`: λ -> its share, where nobody knows the others' concerns; None where `beliefs` are all they need.
    """

    def __init__(
        self,
        select: Select,
        beliefs: Mapping[str, tuple[float, ...]],
        prior: Mapping[float, float] | None = None,
        precision: float | None = None,
        strategies: Mapping[str, str] | None = None,
    ) -> None:
        self._select, self._beliefs, self._prior = select, beliefs, prior
        self._precision, self._strategies = precision, strategies or {}
        self._games: dict[Any, Changed] = {}
        self._text = ""
        self._plans: dict[Any, Plan] = {}
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """On what the play rests that was asked for so far."""
        return tuple(self._notes)

    def move(self, view: DilemmaView) -> DilemmaMove:
        """The move on an occasion."""
        where: dict[str, Any] = {"seat": view.seat, "step": view.step, "occasion": view.occasion}
        if view.occasion == "act":
            return self._act(view, where)
        if view.occasion == "talk":
            return DilemmaMove(**where, words=self._says(view))
        if view.occasion == "vote":
            better = at_least(self._worth(view, view.proposal), self._worth(view, in_force(view)))
            return DilemmaMove(**where, vote=better)
        assert view.occasion == "draft", f"nothing to do in a game on the occasion '{view.occasion}'"
        return draft(view, where, lambda law: self._worth(view, law))

    def _act(self, view: DilemmaView, where: dict[str, Any]) -> DilemmaMove:
        game, i = _game(view), view.seats.index(view.seat)
        known = self._strategies.get(view.seat, "equilibrium")
        if known != "equilibrium":
            return DilemmaMove(**where, choice=game.actions[i][_remembering(view, game, i, known)])
        mix = self._mix(view, in_force(view))
        chances = {name: float(p) for name, p in zip(game.actions[i], mix, strict=True) if p > 1e-12}
        rng = np.random.default_rng([view.seed, DRAW, view.step, i])
        drawn = (
            next(iter(chances)) if len(chances) == 1 else str(rng.choice(list(chances), p=_summing(chances)))
        )
        return DilemmaMove(**where, choice=drawn, mixture=chances if len(chances) > 1 else {})

    def _changed(self, view: DilemmaView, law: Proposal | None) -> Changed:
        """The game that a law makes of this one."""
        key = view.regime if view.regime == "best" else law and law.contract
        if key not in self._games:
            self._text = self._text or view.scenario.model_dump_json()
            self._games[key] = _kept((self._text, key, view.steps), lambda: _under(view, law))
            self._notes.update(dict.fromkeys(self._games[key].notes))
        return self._games[key]

    def _mix(self, view: DilemmaView, law: Proposal | None) -> Array:
        """Chances of the seat's actions at the signal that it sees."""
        i = view.seats.index(view.seat)
        return self._plan(view, law, i)[0](str(view.now["signal"]))

    def _plan(self, view: DilemmaView, law: Proposal | None, i: int) -> Plan:
        key = (view.regime == "best" or (law and law.contract), self._beliefs[view.seat], i)
        if key in self._plans:
            return self._plans[key]
        if (*key, view.step) not in self._plans:
            rng = np.random.default_rng([view.seed, CHOICE, view.step])
            before = rng.bit_generator.state
            plan = self._solved(view, self._changed(view, law), i, rng)
            if rng.bit_generator.state == before:  # nothing was left to chance: the same in every round
                self._plans[key] = plan
                return plan
            self._plans[(*key, view.step)] = plan
        return self._plans[(*key, view.step)]

    def _solved(self, view: DilemmaView, changed: Changed, i: int, rng: np.random.Generator) -> Plan:
        """(signal -> chances, what the seat expects of it) by the concept that beliefs and noise call for."""
        game, concerns = _game(view), self._beliefs[view.seat]
        single = len(game.states) == 1
        if self._precision is not None and single:
            mixes = quantal_response(changed.payoffs[0], concerns, self._precision).strategies
            return (lambda signal: mixes[i]), _worth(_expected(changed.payoffs[0], mixes), concerns[i], i)
        if single and self._prior is None:
            profile = play(changed.payoffs[0], concerns, rng=rng, select=self._select)
            self._note(profile.note)
            return (lambda signal: profile.strategies[i]), _worth(np.array(profile.payoffs), concerns[i], i)
        return self._hidden(game, changed, concerns, i, rng)

    def _hidden(
        self, game: Game, changed: Changed, concerns: tuple[float, ...], i: int, rng: np.random.Generator
    ) -> Plan:
        """Play where the state, or the others' concerns, are not known: a Bayes–Nash equilibrium."""
        bare = Hidden.of(game)
        hidden = Hidden(changed.payoffs, bare.chances, bare.signals)
        beliefs = [Belief.known(c) for c in concerns]
        if self._prior is not None:
            likely = {c: p for c, p in self._prior.items() if p > 0}
            beliefs = [Belief(tuple(likely), tuple(likely.values()))] * game.n
        plans = bayes_nash(hidden, beliefs, rng=rng, select=self._select, concerns=concerns)
        self._note(plans.note)
        if self._precision is not None:
            self._note("noise is left out where the state or concerns are hidden: play is exact there")

        def mix(signal: str) -> Array:
            return np.asarray(np.eye(game.shape[i])[plans.action(i, signal, concerns[i])])

        cells = [
            tuple(plans.action(j, game.signal(k, j), concerns[j]) for j in range(game.n))
            for k in range(len(game.states))
        ]
        means = sum(
            c * changed.payoffs[(k, *cell)]
            for k, (c, cell) in enumerate(zip(game.chances, cells, strict=True))
        )
        return mix, _worth(np.asarray(means), concerns[i], i)

    def _worth(self, view: DilemmaView, law: Proposal | None) -> Worth:
        """What the seat expects, as it judges, of a round under a law."""
        return self._plan(view, law, view.seats.index(view.seat))[1]

    def _says(self, view: DilemmaView) -> str:
        """What it will do with no further contract, as things stand: true, and nothing binds it."""
        game, i = _game(view), view.seats.index(view.seat)
        known = self._strategies.get(view.seat, "equilibrium")
        if known != "equilibrium":
            return f"I play {known.replace('-', ' ')}."
        mix = self._mix(view, in_force(view))
        likely = game.actions[i][int(np.argmax(mix))]
        return (
            f"As things stand I will do {likely}." if mix.max() > 1 - 1e-9 else f"I may do {likely}, or not."
        )

    def _note(self, note: str) -> None:
        if note:
            self._notes[note] = None


def _under(view: DilemmaView, law: Proposal | None) -> Changed:
    return under_law(_game(view), law_of(view, law), view.steps)


_CHANGED: OrderedDict[Any, Changed] = OrderedDict()
MOST_CHANGED = 2048
"""Games under laws that are kept from run to run: what a law makes of a game does not hang on who plays it."""


def _kept(key: Any, made: Callable[[], Changed]) -> Changed:
    if key not in _CHANGED:
        _CHANGED[key] = made()
        while len(_CHANGED) > MOST_CHANGED:
            _CHANGED.popitem(last=False)
    return _CHANGED[key]


def _game(view: DilemmaView) -> Game:
    assert isinstance(view.scenario, Game)
    return view.scenario


def _summing(chances: Mapping[str, float]) -> Array:
    p = np.array(list(chances.values()))
    return np.asarray(p / p.sum())


def _expected(payoffs: Array, mixes: tuple[Array, ...]) -> Array:
    """Everybody's expected payoff, (n,), when all mix independently."""
    out = payoffs
    for mix in mixes:
        out = np.tensordot(mix, out, axes=(0, 0))
    return np.asarray(out)


def _worth(payoffs: Array, concern: float, i: int) -> Worth:
    """What expected payoffs are worth to a seat: keys compared in order, (V, 0), or (W, u) where λ is infinite."""
    own, all_ = float(payoffs[i]), float(payoffs.sum())
    return (all_, own) if math.isinf(concern) else (own + concern * all_, 0.0)


def _remembering(view: DilemmaView, game: Game, i: int, known: str) -> int:
    """The action of a strategy of repeated play, after what everybody was seen to do."""
    parts = roles(game)
    own, others = list[bool](), list[bool]()
    for told in view.told:
        seemed = [parts[j].seems[game.actions[j].index(str(told.done[s]))] for j, s in enumerate(view.seats)]
        own.append(seemed[i])
        others.append(all(c for j, c in enumerate(seemed) if j != i))
    rng = np.random.default_rng([view.seed, MEMORY, view.step, i])
    return strategy(known).act(History(parts[i], own, others, rng))


@lru_cache(maxsize=4096)
def selfish_welfare(text: str, select: Select) -> tuple[float, ...]:
    """W a round in each state where every player is selfish and knows it, with no contract: `text` is a game's JSON."""
    game = Game.model_validate_json(text)
    rng = np.random.default_rng([0, CHOICE])
    if len(game.states) == 1:
        return (play(game.payoffs(0), [0.0] * game.n, rng=rng, select=select).welfare,)
    plans = bayes_nash(Hidden.of(game), [Belief.known(0.0)] * game.n, rng=rng, select=select)
    cells = [
        tuple(plans.action(j, game.signal(k, j), 0.0) for j in range(game.n)) for k in range(len(game.states))
    ]
    return tuple(float(game.payoffs(k)[cell].sum()) for k, cell in enumerate(cells))
