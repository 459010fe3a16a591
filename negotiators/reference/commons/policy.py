"""How do reference seats harvest a commons: symmetric Markov-perfect equilibrium, by backward induction.

State: month, stock, regime of the pool, and the event that all see before they ask. A seat of concern λ maximises
V = u + λ·W, the law in force and everybody's later play taken as given (Maskin & Tirole 2001); λ = ∞ means W, then u.
At each state all equilibria of `commons_profiles` are listed, and the one of the greatest (`best`) or least (`worst`)
expected welfare is played, given the same choice in all later months. That is best and worst state by state; an
equilibrium that picks otherwise later on may be outside.

Exact where every unit is worth the same and the law's tables are exact (`commons_law`): every deviation within the
room, and grabbing by rationing's own law; where asks are fined, of the asks beyond the room those for all one may and
for all that goes unfined. Where a state has no such equilibrium, the profile of least regret is played; `Policy.regret`
says how much a seat could gain there at most. What of a law or of rationing is approximated, `Policy.notes` say.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from negotiators.reference.commons.grabbing import Grabbing
from negotiators.reference.commons.law import Tables, tabulated
from negotiators.reference.commons.profiles import exact, nearest, scrambled, scrambles
from negotiators.reference.commons.stage import TOLERANCE, Group, Profiles, Stage, Values, Whole, roles
from scenarios.commons import Commons, cell_of, cells, chances, events, lot, open_to
from scenarios.commons.contingencies import Event
from scenarios.commons.regrowth import Transition, transition
from scenarios.commons.worth import split_worth
from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    from scenarios.contracts import Law

Select = Literal["best", "worst"]
SCRAMBLE = -1


@dataclass(frozen=True, eq=False)
class Policy:
    """What seats of each concern ask for in every state. T months, R regimes, E events, S stocks, G groups.

    `welfare` and `own` are what all expect together, and a seat of each group, from a month on before its event
    is known, payments in. `regret`: the most a seat could gain by leaving the policy at any state, 0 where all are
    equilibria; `without_equilibrium`: how many of the `states` had none.
    """

    commons: Commons  # its rules
    concerns: tuple[float, ...]  # of the seats, in their order
    groups: tuple[Group, ...]
    totals: Whole  # (T, R, E, S, G): a group's total; SCRAMBLE: each seat asks for `ask`
    ask_each: Whole  # (T, R, E, S): what each asks for in a scramble
    welfare: Array  # (T + 1, R, S)
    own: Array  # (G, T + 1, R, S)
    regret: float
    without_equilibrium: int
    states: int
    notes: tuple[str, ...]

    def group(self, seat: int) -> int:
        """The number of a seat's group."""
        return [g.concern for g in self.groups].index(self.concerns[seat])

    def ask(
        self,
        month: int,
        stock: int,
        event: str,
        seat: int,
        *,
        regime: int = 0,
        places: Sequence[int] | Whole | None = None,
    ) -> int:
        """What a seat asks for in a month, from 1. `places`: the month's lot (`scenarios.commons.lot`), by seat."""
        g, e = self.group(seat), [v.name for v in events(self.commons)].index(event)
        at = month - 1, regime, e, stock
        total = int(self.totals[(*at, g)])
        if total == SCRAMBLE:
            return int(self.ask_each[at])
        drawn = lot(self.commons, month) if places is None else places
        mine = [i for i, concern in enumerate(self.concerns) if concern == self.concerns[seat]]
        rank = sum(drawn[i] < drawn[seat] for i in mine)
        each, odd = divmod(total, len(mine))
        return each + int(rank < odd)

    def expects(self, seat: int, month: int = 1, stock: int | None = None, regime: int = 0) -> float:
        """A seat's expected payoff u from a month on, before its event is known, payments in."""
        return float(
            self.own[self.group(seat), month - 1, regime, self.commons.stock if stock is None else stock]
        )

    def expects_together(self, month: int = 1, stock: int | None = None, regime: int = 0) -> float:
        """Expected welfare W from a month on, net of what is burnt."""
        return float(self.welfare[month - 1, regime, self.commons.stock if stock is None else stock])

    def value(
        self, seat: int, month: int = 1, stock: int | None = None, regime: int = 0
    ) -> tuple[float, float]:
        """What the seat maximises, as keys compared in order: (V, 0), or (W, u) where λ is infinite."""
        u, w = self.expects(seat, month, stock, regime), self.expects_together(month, stock, regime)
        concern = self.concerns[seat]
        return (w, u) if math.isinf(concern) else (u + concern * w, 0.0)


def markov_perfect(
    commons: Commons, concerns: Sequence[float], law: Law | None = None, select: Select = "best"
) -> Policy:
    """The policy of seats with these concerns λ_i under a law, None being none. Cached by rules, concerns and law.

    Raises ParleyError for concerns that are not one a seat, below −0.5, or of too many different kinds.
    """
    for i, concern in enumerate(concerns):
        if math.isnan(concern) or concern < -0.5:
            raise ParleyError(f"concern of seat {i + 1}: {concern:g}; λ is from −0.5 to inf")
    if len(concerns) != commons.agents:
        raise ParleyError(f"concerns: {len(concerns)} for {commons.agents} agents; give one each")
    rules, counted = commons.rules, tuple(sorted(concerns))
    key = (rules, counted, None if law is None else _key(law), select)
    if key not in _SOLVED:
        groups = tuple(Group(c, counted.count(c)) for c in sorted(set(counted)))
        _SOLVED[key] = _solved(rules, counted, groups, _tables(rules, law), select)
        while len(_SOLVED) > MOST_SOLVED:
            _SOLVED.popitem(last=False)
    _SOLVED.move_to_end(key)
    found = _SOLVED[key]
    return found if tuple(concerns) == found.concerns else _seated(found, tuple(concerns))


MOST_SOLVED = 256
_SOLVED: OrderedDict[object, Policy] = OrderedDict()
_TABLES: OrderedDict[object, Tables] = OrderedDict()


def expected_mix(concern: float, seats: int, prior: Mapping[float, float]) -> tuple[float, ...]:
    """The concerns that a seat reckons with when others' are private: its own first, then the expected mix of others.

    prior: λ -> its share. Whole numbers of seats by largest remainder, the lower λ first at a tie. It plays as if
    it knew the others were exactly that mix: an approximation, which ignores what it could learn from their catches.
    """
    share = sum(prior.values())
    if not prior or share <= 0 or min(prior.values()) < 0:
        raise ParleyError("prior: shares of concerns must be 0 or more, and one above 0; correct them")
    exact_ = {c: (seats - 1) * p / share for c, p in sorted(prior.items())}
    counts = {c: int(v + 1e-9) for c, v in exact_.items()}
    for c in sorted(exact_, key=lambda c: counts[c] - exact_[c])[: seats - 1 - sum(counts.values())]:
        counts[c] += 1
    return (concern, *(c for c, count in counts.items() for _ in range(count)))


def _key(law: Law) -> object:
    contract, language = getattr(law, "contract", None), getattr(law, "language", None)
    return law if contract is None else (contract, language)


def _tables(rules: Commons, law: Law | None) -> Tables:
    key = (rules, None if law is None else _key(law))
    if key not in _TABLES:
        parties = getattr(getattr(law, "language", None), "parties", None)
        _TABLES[key] = tabulated(rules, law, parties)
        while len(_TABLES) > MOST_SOLVED:
            _TABLES.popitem(last=False)
    return _TABLES[key]


def _seated(found: Policy, concerns: tuple[float, ...]) -> Policy:
    return Policy(**{**vars(found), "concerns": concerns})


@lru_cache(maxsize=64)
def _moves(rules: Commons) -> tuple[tuple[Event, float, Transition], ...]:
    return tuple(
        (e, float(c), transition(rules, e)) for e, c in zip(events(rules), chances(rules), strict=True)
    )


def _solved(
    rules: Commons, concerns: tuple[float, ...], groups: tuple[Group, ...], tables: Tables, select: Select
) -> Policy:
    months, regimes, size = rules.months, len(rules.regimes), rules.capacity + 1
    happens, told = _moves(rules), cells(rules)
    totals = np.zeros((months, regimes, len(happens), size, len(groups)), dtype=np.int64)
    ask_each = np.zeros(totals.shape[:-1], dtype=np.int64)
    welfare, own = np.zeros((months + 1, regimes, size)), np.zeros((len(groups), months + 1, regimes, size))
    worst, without = 0.0, 0
    for t in reversed(range(months)):
        for e, (event, chance, move) in enumerate(happens):
            after = move.expected(welfare[t + 1])
            later = [move.expected(own[g, t + 1]) for g in range(len(groups))]
            law = tables.at(t + 1, told.index(cell_of(rules, event)))
            for regime in range(regimes):
                stage = _stage(rules, event, law, tuple(v[regime] for v in later), after[regime])
                values = tuple(Values.of(stage, g, v) for g, v in zip(groups, stage.own, strict=True))
                picked = _picked(stage, values, select)
                now, each = _payoffs(stage, groups, picked)
                totals[t, regime, e] = np.where(picked.ask[:, None] >= 0, SCRAMBLE, picked.totals)
                ask_each[t, regime, e] = np.maximum(picked.ask, 0)
                welfare[t, regime] += chance * now
                own[:, t, regime] += chance * each.T
                worst = max(worst, float(picked.regret.max()))
                without += int((picked.regret > TOLERANCE).sum())
    states = months * regimes * len(happens) * size
    notes = [*tables.notes, *_notes(rules, worst, without, states)]
    return Policy(
        rules, concerns, groups, totals, ask_each, welfare, own, worst, without, states, tuple(notes)
    )


def _picked(stage: Stage, values: tuple[Values, ...], select: Select) -> Profiles:
    """The profile that is played at each stock, in their order.

    The chances of rationing are worked out only for profiles that would be picked, until those that are stand.
    """
    groups = tuple(of.group for of in values)
    rows = exact(stage, values)
    grabbing, count = Grabbing.of(stage, values, rows), len(rows.stock)
    rows = rows.with_(scrambles(stage, values))
    ranks, alive, stands = _ranked(stage, groups, rows, select), np.ones(len(rows.stock), dtype=bool), set()
    while True:
        order = ranks[alive[ranks]]
        chosen = order[np.unique(rows.stock[order], return_index=True)[1]]
        doubtful = [int(k) for k in chosen if k < count and int(k) not in stands]
        if not doubtful:
            break
        for k in doubtful:
            alive[k] = grabbing.gain(k) <= TOLERANCE
            stands.add(k)
    picked = rows.kept(chosen)
    lacking = np.setdiff1d(np.arange(len(stage.open)), picked.stock[picked.regret <= TOLERANCE])
    if not len(lacking):
        return picked
    near = _with_grabbing(stage, values, nearest(stage, values, lacking))
    both = picked.with_(near)
    order = np.lexsort((np.round(both.regret, 9), both.stock))
    return both.kept(order[np.unique(both.stock[order], return_index=True)[1]])


def _with_grabbing(stage: Stage, values: tuple[Values, ...], rows: Profiles) -> Profiles:
    grabbing = Grabbing.of(stage, values, rows)
    gains = np.array([grabbing.gain(k) for k in range(len(rows.stock))])
    return Profiles(rows.stock, rows.rest, rows.totals, rows.ask, np.maximum(rows.regret, gains))


def _stage(
    rules: Commons,
    event: Event,
    law: tuple[Whole, Whole, Array | None, Array | None],
    own: tuple[Array, ...],
    welfare: Array,
) -> Stage:
    quota, cap, pays, burns = law
    open_ = np.array([open_to(s, event) for s in range(rules.capacity + 1)], dtype=np.int64)
    room = np.minimum(quota, open_)
    return Stage(
        seats=rules.agents,
        open=open_,
        room=room,
        cap=np.minimum(cap, room),
        levelled=quota <= open_,
        worths=event.price * rules.worth_table,
        together=event.price * split_worth(rules),
        linear=rules.linear,
        pays=pays,
        burns=burns,
        own=own,
        welfare=welfare,
    )


def _payoffs(stage: Stage, groups: tuple[Group, ...], rows: Profiles) -> tuple[Array, Array]:
    """(welfare (K,), each group's payoff a seat (K, G)) that the profiles bring, now and later, payments in."""
    n, scramble = stage.seats, rows.ask >= 0
    left = stage.left(rows.stock, rows.rest)
    earned, paid, burnt = (np.zeros((len(rows.stock), len(groups))) for _ in range(3))
    for g, group in enumerate(groups):
        for ask, count in roles(rows.totals[:, g], group.seats):
            ask = np.minimum(ask, len(stage.open) - 1)
            earned[:, g] += count * stage.worths[ask]
            paid[:, g] += count * stage.cost(rows.stock, ask)
            burnt[:, g] += count * stage.burnt(rows.stock, ask)
    if scramble.any():
        at = rows.stock[scramble]
        share = scrambled(stage, at, rows.ask[scramble])[0][np.arange(len(at)), rows.ask[scramble]]
        earned[scramble] = share[:, None] * np.array([group.seats for group in groups])
    given = paid - burnt  # to the other seats, evenly
    seats = np.array([group.seats for group in groups])
    got = (given.sum(axis=1, keepdims=True) - given / seats) / (n - 1)
    each = (earned - paid) / seats + got
    welfare = (earned - burnt).sum(axis=1) + stage.welfare[left]
    later = np.column_stack([own[left] for own in stage.own])
    return welfare, each + later


def _ranked(stage: Stage, groups: tuple[Group, ...], rows: Profiles, select: Select) -> Whole:
    """The rows, those of a stock in the order in which they would be picked: by regret, welfare, fairness.

    At a tie of welfare comes first what serves the worst-off group better (or, for `worst`, worse), then what is exact.
    """
    welfare, each = _payoffs(stage, groups, rows)
    lost = np.where(rows.regret > TOLERANCE, rows.regret, 0.0)
    sign = -1.0 if select == "best" else 1.0
    fair = sign * np.round(each.min(axis=1), 6)
    return np.lexsort((rows.ask >= 0, fair, sign * np.round(welfare, 6), np.round(lost, 9)))


def _notes(rules: Commons, regret: float, without: int, states: int) -> list[str]:
    out = []
    if without:
        out.append(
            f"{without} of {states} states have no equilibrium of this kind: the profile of least regret is "
            f"played there, at most {regret:.3g} payoff units"
        )
    if not rules.linear:
        out.append(
            "worths are not linear: what asking for everything takes from others counts as if they lost it evenly, "
            "and asking for a unit or two too much is not looked at"
        )
    return out
