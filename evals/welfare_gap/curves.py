"""How does the gap change with how coarse the language is, with concern, and with what a contract may take?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.errors import ParleyError
from scenarios.mechanisms import Budget, Problem, correlated, nash, smallest

if TYPE_CHECKING:
    from scenarios.commons import Commons

LISTED = 5
"""States (or actions) up to which every partition is looked at, 52 of them; beyond it a chain."""

POINTS = 21

PURE = frozenset({"no contract", "best contract"})
"""In pure Nash what is played changes at once, at a bound or a concern that suffices."""

Told = Callable[[int, int], None] | None


@dataclass(frozen=True)
class Point:
    """One problem on a curve: x on the axis, what it is in words, and the losses by concept (None: nothing stands)."""

    x: float
    what: str
    losses: dict[str, float | None]


@dataclass(frozen=True)
class Curve:
    """Losses along an axis. several: many points may share an x. steps: the concepts whose loss changes by jumps."""

    name: str
    title: str
    axis: str
    note: str
    unit: str
    points: tuple[Point, ...]
    several: bool = False
    steps: frozenset[str] = frozenset()

    def rows(self) -> list[dict[str, object]]:
        """A row a point."""
        return [{"x": p.x, "what": p.what} | p.losses for p in self.points]


def drawn_over(
    spec: str, over: str, bound: float | None = None, budget: Budget = "balanced", told: Told = None
) -> Curve:
    """The curve of a game or, with `commons:NAME`, of a commons, over `partition`, `concern` or `bound`.

    Raises ParleyError for a spec that is unknown, and for an axis that it has not.
    """
    kind, colon, rest = spec.partition(":")
    if colon and kind == "commons":
        from scenarios.commons import load as load_commons

        if over != "partition":
            raise ParleyError(f"{spec}: a commons has a curve over partition, not over {over}")
        if bound is not None:
            raise ParleyError(f"{spec}: the best quota moves no money, so it takes no --bound; leave it out")
        return over_hidden(load_commons(rest), told)
    from scenarios.games import load

    problem = Problem.of(load(spec))
    if over == "bound":
        if bound is not None:
            raise ParleyError(f"{spec}: --bound with --over bound; leave one out")
        return over_bound(problem, budget, told)
    if over == "concern":
        return over_concern(problem, bound, budget, told)
    return over_partition(problem, bound, budget, told)


def over_bound(problem: Problem, budget: Budget = "balanced", told: Told = None) -> Curve:
    """Δ against B, from 0 to the default in POINTS steps. It never rises."""
    top = problem.bound()
    points = [
        Point(float(b), f"B = {b:.4g}", _losses(problem, float(b), budget))
        for b in _counted(np.linspace(0.0, top, POINTS), told)
    ]
    return Curve(
        f"{problem.name}-bound",
        f"{problem.name}: the loss against how much a contract may take",
        "bound B on every transfer, payoff units",
        f"{budget}; B goes up to twice the range of the payoffs",
        "payoff units",
        tuple(points),
        steps=PURE,
    )


def over_concern(
    problem: Problem, bound: float | None = None, budget: Budget = "balanced", told: Told = None
) -> Curve:
    """Δ against one λ for all, from −0.5 to a quarter beyond the smallest that closes it (4 where none does).

    Once closed it stays closed; below, a greater λ may also undo an equilibrium that is short of the first best.
    """
    closing = [
        c for c in (smallest(problem, 0.0).least, smallest(problem, bound, budget).least) if c is not None
    ]
    top = max([1.25 * c for c in closing if c <= 20] + [1.0]) if closing else 4.0
    grid = np.unique(np.round(np.concatenate([np.linspace(-0.5, top, POINTS), closing or [0.0]]), 9))
    points = []
    for concern in _counted(grid[grid <= top + 1e-9], told):
        caring = problem.with_concerns(float(concern))
        losses = {"no contract": nash(caring, 0.0, budget).loss} | _losses(caring, bound, budget)
        points.append(Point(float(concern), f"λ = {concern:.4g}", losses))
    return Curve(
        f"{problem.name}-concern",
        f"{problem.name}: the loss against how much all care for the welfare of all",
        "concern λ in V = u + λ·W, one for all",
        f"{budget}; bound {problem.bound(bound):.4g}",
        "payoff units",
        tuple(points),
        steps=PURE,
    )


def over_partition(
    problem: Problem, bound: float | None = None, budget: Budget = "balanced", told: Told = None
) -> Curve:
    """Δ against how many cells the language tells apart: of the states where there are several, else of the actions.

    Every partition of up to LISTED states (or actions, the same partition for every party); of more, the chain in
    which the last ones share a cell. A finer partition never loses more. Raises ParleyError where there is one
    state and the parties have different numbers of actions.
    """
    states = len(problem.states) > 1
    count = len(problem.states) if states else problem.shape[0]
    if not states and len(set(problem.shape)) > 1:
        raise ParleyError(
            f"{problem.name}: one state, and parties with different numbers of actions; --over bound or concern"
        )
    names = problem.states if states else tuple(f"action {k + 1}" for k in range(count))
    every = list(_partitions(count)) if count <= LISTED else list(_chain(count))
    points = []
    for cells in _counted(sorted(every, key=lambda c: (max(c), c)), told):
        coarse = [str(c) for c in cells]
        changed = problem.with_partition(coarse) if states else problem.with_verifiable([coarse] * problem.n)
        points.append(Point(max(cells) + 1.0, _words(names, cells), _losses(changed, bound, budget)))
    what = "states" if states else "actions"
    return Curve(
        f"{problem.name}-partition",
        f"{problem.name}: the loss against how coarse the language is",
        f"cells of {what} that a contract can tell apart",
        f"{'every partition' if count <= LISTED else 'a chain of partitions'} of {count} {what}; {budget}; bound "
        f"{problem.bound(bound):.4g}",
        "payoff units",
        tuple(points),
        several=count <= LISTED,
    )


def over_hidden(commons: Commons, told: Told = None) -> Curve:
    """A commons' Δ, planner − best law, against how many kinds of event the language cannot tell from a calm month."""
    from scenarios.commons import hidden
    from scenarios.commons.optimum import gap

    kinds = len(commons.contingencies.kinds)
    if not commons.contingencies.chance:
        raise ParleyError(
            f"commons {commons.name}: nothing unforeseen happens; set contingencies, as in "
            f"commons:{commons.name},contingencies=0.4"
        )
    points = []
    for k in _counted(range(kinds + 1), told):
        happens = commons.contingencies.model_copy(update={"hidden": k / kinds})
        coarse = commons.model_copy(update={"contingencies": happens})
        words = ", ".join(sorted(hidden(coarse))) or "none"
        points.append(Point(float(k), f"hidden: {words}", {"best quota": gap(coarse)}))
    return Curve(
        f"{commons.name}-partition",
        f"{commons.name}: the loss of the best quota against how coarse the language is",
        "kinds of event that a law cannot tell from a calm month",
        f"planner's optimum − expected welfare of the best quota; an event a month with chance "
        f"{commons.contingencies.chance:g}",
        f"worth of {commons.unit}",
        tuple(points),
    )


def falls(curve: Curve) -> bool:
    """Whether no loss rises along the axis, by more than 1e-6: of a curve whose points are one an x, in order."""
    keys = curve.points[0].losses if curve.points else {}
    lines = [[p.losses[key] for p in curve.points] for key in keys]
    return all(
        b is None or a is None or b <= a + 1e-6 * max(1.0, abs(a))
        for line in lines
        for a, b in pairwise(line)
    )


def _losses(problem: Problem, bound: float | None, budget: Budget) -> dict[str, float | None]:
    return {
        "best contract": nash(problem, bound, budget).loss,
        "mediator": correlated(problem, bound, budget).loss,
    }


def _counted(things: Iterable[Any], told: Told) -> Iterator[Any]:
    """The things one by one; how many are done is told."""
    every = list(things)
    for done, thing in enumerate(every, 1):
        yield thing
        if told is not None:
            told(done, len(every))


def _partitions(count: int) -> Iterator[tuple[int, ...]]:
    """Every set partition as restricted growth strings (Knuth 2011, 7.2.1.5)."""

    def grown(start: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(start) == count:
            yield start
            return
        for cell in range(max(start, default=-1) + 2):
            yield from grown((*start, cell))

    return grown(())


def _chain(count: int) -> Iterator[tuple[int, ...]]:
    return (tuple(min(i, most) for i in range(count)) for most in range(count))


def _words(names: tuple[str, ...], cells: tuple[int, ...]) -> str:
    groups = [[n for n, c in zip(names, cells, strict=True) if c == cell] for cell in range(max(cells) + 1)]
    return " | ".join(" = ".join(group) for group in groups)
