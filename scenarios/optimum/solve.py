"""How is a question about a ward answered: by formula, list, cone or branch and bound, whichever is exact and least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scenarios.optimum.branch import branch
from scenarios.optimum.cone import Cone
from scenarios.optimum.direct import greedy, nearest
from scenarios.optimum.goal import (
    LEAST_GAIN,
    Floors,
    Goal,
    Infeasible,
    Least,
    Leximin,
    LogProduct,
    Nearest,
    Optimum,
    Rows,
    Total,
    scaled_terms,
    terms_of,
    worth,
)
from scenarios.optimum.listed import by_list
from scenarios.optimum.programme import NOTHING, Affine, Matrix, Programme, Square, one
from scenarios.optimum.space import Space
from scenarios.optimum.whole import table
from scenarios.ward import Array, Ward

SLACKS = (1e-9, 1e-8, 1e-7, 1e-6)
"""How far a floor may be missed, tried in turn: an optimum just computed, taken as a floor, leaves no interior."""

ROUGH = 1e-8
"""Up to this slack a solution short of the solver's tolerances is tried again with more slack."""

Value = Callable[[Array], float]
Hypograph = Callable[[Programme], Affine]


@dataclass(frozen=True)
class Rule:
    """What an allocation must keep, up to a slack: as rows of a programme, and as a check of one allocation."""

    add: Callable[[Programme, float], None]
    met: Callable[[Array, float], bool]

    def also(self, other: Rule) -> Rule:
        """Both rules."""

        def add(programme: Programme, slack: float) -> None:
            self.add(programme, slack)
            other.add(programme, slack)

        return Rule(add, lambda x, slack: self.met(x, slack) and other.met(x, slack))


def keeping(ward: Ward, floors: Floors, rows: Rows) -> Rule:
    """The rule u >= level for every floor and <row, x> >= bound for every row."""
    size = [max(1.0, abs(bound), float(abs(row).max(initial=0.0))) for row, bound in rows]

    def add(programme: Programme, slack: float) -> None:
        for u, level in floors:
            programme.require(u, level, slack * max(1.0, abs(level)))
        for (row, bound), scale in zip(rows, size, strict=True):
            programme.keep(programme.linear(row).plus_constant(slack * scale - bound))

    def met(x: Array, slack: float) -> bool:
        return all(u.value(ward, x) >= level - slack * max(1.0, abs(level)) for u, level in floors) and all(
            float((row * x).sum()) >= bound - slack * scale
            for (row, bound), scale in zip(rows, size, strict=True)
        )

    return Rule(add, met)


def best(space: Space, goal: Goal, floors: Floors = (), rows: Rows = ()) -> Optimum:
    """The best allocation of a space by a goal, with floors and rows. Raises Infeasible."""
    ward = space.ward
    if not floors and not rows and (found := _by_formula(space, goal)) is not None:
        x = space.cleaned(found)
        return Optimum(x, worth(ward, goal, x), 0.0, "formula")
    if (listed := table(space)) is not None:
        x = listed.point(int(listed.best(goal, listed.allowed(floors, rows))[0]))
        return Optimum(x, worth(ward, goal, x), 0.0, "enumeration")
    rule = keeping(ward, floors, rows)
    if isinstance(goal, Leximin):
        return _leximin(space, goal, rule)
    if isinstance(goal, LogProduct) and goal.terms:
        gains = terms_of(goal)
        if best(space, Least(gains), floors, rows).value < LEAST_GAIN:
            return replace(_leximin(space, Leximin(gains), rule), value=float("-inf"))
    top = settle(space, lambda p: p.hypograph(goal), lambda x: worth(ward, goal, x), rule)
    return _sharpened(space, goal, rule, top) if isinstance(goal, LogProduct) and goal.terms else top


def _sharpened(space: Space, goal: LogProduct, rule: Rule, rough: Optimum) -> Optimum:
    """One Newton step on Σ log from a rough optimum: logarithms are flat there, and a quadratic is solved better.

    With g the gains at the rough optimum the step maximises Σ v/g − (v − g)²/(2g²) over the gains v; for divisible
    goods Σ log v <= Σ log g + Σ v/g − S then bounds what is left.
    """
    ward = space.ward
    gains = scaled_terms(ward, goal, rough.x)
    if (gains <= 0).any():
        return rough

    def model(programme: Programme) -> Affine:
        out = NOTHING
        for (u, offset, _), gain in zip(terms_of(goal), gains, strict=True):
            v, square = programme.add(np.full(2, -np.inf), np.full(2, np.inf))
            programme.keep(programme.worth(u).plus_constant(-offset).plus(one(int(v), -1.0)))
            root = float(np.sqrt(2) * gain)
            programme.squares.append(
                Square(int(square), Matrix.of(one(int(v), 1 / root).plus_constant(-gain / root)))
            )
            out = out.plus(one(int(v), 1 / gain)).plus(one(int(square), -1.0))
        return out

    step = settle(space.pinned(rough.x), model, lambda x: worth(ward, goal, x), rule)
    best_x = max(rough, step, key=lambda found: found.value).x
    gap = rough.gap
    if gap > 1e-8 and not (space.free & space.whole).any():
        top = scaled_terms(ward, goal, best_x)

        def tangent(programme: Programme) -> Affine:
            out = NOTHING
            for (u, offset, _), gain in zip(terms_of(goal), top, strict=True):
                out = out.plus(programme.worth(u).plus_constant(-offset - gain).times(1 / gain))
            return out

        left = settle(space, tangent, lambda x: float((scaled_terms(ward, goal, x) / top - 1).sum()), rule)
        gap = min(gap, left.value + left.gap)
    return replace(rough, x=best_x, value=worth(ward, goal, best_x), gap=gap)


def _by_formula(space: Space, goal: Goal) -> Array | None:
    if not space.free.any():
        return space.lower.copy()
    if isinstance(goal, Nearest):
        return nearest(space, goal.target)
    if isinstance(goal, Total):
        u = goal.objective
        if not (u.worst_off or u.variance or u.spread or u.distance):
            return greedy(space, u.linear)
    return None


def settle(space: Space, hypograph: Hypograph, value: Value, rule: Rule) -> Optimum:
    """Maximise by cone, list or branch and bound, with the least slack at which an allocation is found."""
    rough: Optimum | None = None
    for slack in SLACKS:
        programme = _programme(space, hypograph, rule, slack)
        if not (space.free & space.whole).any():
            found, sure = _by_cone(programme, value)
        else:
            found, sure = _by_search(programme, hypograph, value, rule, slack), True
        if found is not None and sure:
            return found
        rough = rough or found
        if rough is not None and slack >= ROUGH:
            return rough
    raise Infeasible(
        f"ward '{space.ward.name}': no allocation keeps the box, every floor and every row; lower one"
    )


def _programme(space: Space, hypograph: Hypograph, rule: Rule, slack: float) -> Programme:
    programme = Programme(space)
    programme.goal = hypograph(programme)
    rule.add(programme, slack)
    return programme


def _by_cone(programme: Programme, value: Value) -> tuple[Optimum | None, bool]:
    """The optimum if there is one, and whether the solver is sure."""
    answer = Cone(programme).solve()
    if answer.z is None:
        return None, answer.nothing
    x = programme.space.cleaned(programme.x(answer.z))
    reached = value(x)
    return Optimum(x, reached, max(0.0, answer.bound - reached), "cone"), answer.sure


def _by_search(
    programme: Programme, hypograph: Hypograph, value: Value, rule: Rule, slack: float
) -> Optimum | None:
    space, method = programme.space, "list of whole parts"
    divisible = bool((space.free & ~space.whole).any())
    polished: dict[bytes, tuple[Optimum | None, bool]] = {}

    def alone(x: Array) -> tuple[Optimum | None, bool]:
        pinned = space.pinned(x)
        if (key := pinned.lower[space.whole].tobytes()) not in polished:
            polished[key] = _by_cone(_programme(pinned, hypograph, rule, slack), value)
        return polished[key]

    def rounded(z: Array) -> tuple[Array, float] | None:
        x = nearest(space, programme.x(z))
        if not divisible:
            return (x, value(x)) if rule.met(x, slack) else None
        found, _ = alone(x)
        return None if found is None else (found.x, found.value)

    if (found := by_list(programme, value, alone) if divisible else None) is None:
        i, k = programme.cells[:, 0], programme.cells[:, 1]
        found = branch(programme, np.flatnonzero(space.whole[i, k]), rounded)
        method = "branch and bound"
    x, reached, bound = found
    return None if x is None else Optimum(x, reached, max(0.0, bound - reached), method)


def _leximin(space: Space, goal: Leximin, rule: Rule) -> Optimum:
    """Greatest least term, then greatest sum of the two least, and so on (Ogryczak & Śliwiński 2003)."""
    ward = space.ward
    if not goal.terms:
        return settle(space, lambda p: NOTHING, lambda x: 0.0, rule)
    reached: list[float] = []

    def sums(x: Array) -> Array:
        return np.cumsum(np.sort(scaled_terms(ward, goal, x)))

    def add(programme: Programme, slack: float) -> None:
        for count, total in enumerate(reached, start=1):
            programme.keep(programme.least_sum(goal, count).plus_constant(slack - total))

    so_far = Rule(add, lambda x, slack: bool((sums(x)[: len(reached)] >= np.array(reached) - slack).all()))
    stages: list[Optimum] = []
    for count in range(1, len(goal.terms) + 1):

        def hypograph(programme: Programme, count: int = count) -> Affine:
            return programme.least_sum(goal, count)

        def value(x: Array, count: int = count) -> float:
            return float(sums(x)[count - 1])

        stages.append(settle(space, hypograph, value, rule.also(so_far)))
        reached.append(stages[-1].value)
    return replace(stages[-1], value=worth(ward, goal, stages[-1].x), gap=stages[0].gap)


def nearest_best(
    space: Space,
    goal: Goal,
    target: Array,
    slack: float,
    rng: np.random.Generator | None,
    floors: Floors,
    rows: Rows,
) -> Optimum:
    """Among the allocations within `slack` of the best by `goal` the one nearest to `target`. Raises Infeasible."""
    ward, near = space.ward, Nearest(target)
    if (listed := table(space)) is not None:
        tied = listed.best(near, listed.best(goal, listed.allowed(floors, rows), slack))
        x = listed.point(int(tied[0] if rng is None else tied[int(rng.integers(len(tied)))]))
        return Optimum(x, worth(ward, goal, x), 0.0, "enumeration")
    top = best(space, goal, floors, rows)
    divisible = not (space.free & space.whole).any()
    for settled in (True,) if divisible else (False, True):
        rule = keeping(ward, floors, rows).also(_as_good(space, goal, top, slack, settled))
        try:
            found = settle(space, lambda p: p.hypograph(near), lambda x: worth(ward, near, x), rule)
        except Infeasible:
            continue
        value = worth(ward, goal, found.x)
        if value == top.value or value >= top.value - 10 * max(slack, SLACKS[-1] / 10):
            return Optimum(
                found.x, value, top.gap + max(0.0, top.value - value) * np.isfinite(value), top.method
            )
    return top


def _as_good(space: Space, goal: Goal, top: Optimum, slack: float, settled: bool) -> Rule:
    """The rule to stay within `slack` of a best allocation; `settled`: term by term, as it is where all is divisible.

    There every best allocation gives each term the same, by concavity; whole goods may tie with other terms.
    """
    ward = space.ward

    def add(programme: Programme, room: float) -> None:
        by = max(slack, room)
        if isinstance(goal, Total):
            programme.require(goal.objective, top.value, by)
            if goal.objective.variance and settled and slack <= 1e-6:
                # All maximisers share h − mean h; a slack in the square would be felt as its root.
                programme.hold_deviations(top.x, room)
        elif isinstance(goal, Nearest):
            programme.keep(programme.hypograph(goal).plus_constant(by - top.value))
        elif isinstance(goal, Leximin) and not settled:
            for count, total in enumerate(np.cumsum(np.sort(scaled_terms(ward, goal, top.x))), start=1):
                programme.keep(programme.least_sum(goal, count).plus_constant(by - float(total)))
        elif isinstance(goal, LogProduct) and not settled and np.isfinite(top.value):
            programme.keep(programme.hypograph(goal).plus_constant(by - top.value))
        else:
            for (u, offset, scale), value in zip(
                terms_of(goal), scaled_terms(ward, goal, top.x), strict=True
            ):
                level = top.value if isinstance(goal, Least) else float(value)
                part = (
                    level if isinstance(goal, LogProduct) and level > 0 else scale
                )  # as felt by the logarithm
                programme.require(u, offset + scale * level, by * part)

    def met(x: Array, room: float) -> bool:
        by = max(slack, room)
        if isinstance(goal, Leximin):
            sums, tops = (np.cumsum(np.sort(scaled_terms(ward, goal, y))) for y in (x, top.x))
            return bool((sums >= tops - by).all())
        value = worth(ward, goal, x)
        return value == top.value or value >= top.value - by

    return Rule(add, met)
