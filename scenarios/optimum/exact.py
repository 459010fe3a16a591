"""Which feasible allocation is best by a goal: exact optima of concave objectives over its feasible allocations.

Divisible goods are a cone programme (Clarabel). Whole goods are listed, up to a million allocations. Where they mix,
each list of whole goods is bounded by tangents of the divisible rest; beyond the lists branch and bound runs, up to
a limit in nodes. Nothing is random and no limit is in seconds, so answers repeat.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from scenarios.objective import Objective
from scenarios.optimum import balance as _balance
from scenarios.optimum.goal import (
    Floors,
    Goal,
    Least,
    Leximin,
    LogProduct,
    Nearest,
    Optimum,
    Rows,
    Total,
)
from scenarios.optimum.solve import best, nearest_best
from scenarios.optimum.space import Space, need_gradient
from scenarios.optimum.spread import greatest_spread
from scenarios.optimum.whole import ENUMERATION_LIMIT, enumerated
from scenarios.ward import Array, Ward


def maximise(
    ward: Ward,
    goal: Goal,
    *,
    lower: Array | None = None,
    upper: Array | None = None,
    floors: Floors = (),
    rows: Rows = (),
    ex_ante: bool = False,
) -> Optimum:
    """The best feasible x by `goal` in the box, with u >= level for every floor and <row, x> >= bound for every row.

    The box is [0, demand] by default; arrays have shape (N, K). Whole goods are whole unless `ex_ante`, where x is
    the marginal of a lottery. Floors and rows hold up to 1e-9 of their size, or up to the least of 1e-8, 1e-7, 1e-6
    at which an allocation exists, so that an optimum just computed can be a floor. Of equally good whole allocations
    the first in lexicographic order is returned; see `closest` for a better tie-break.

    Raises Infeasible where no allocation keeps all of them.
    """
    space = Space.of(ward, lower, upper, ex_ante)
    key = (
        space.key,
        _print(goal),
        tuple((_print(u), b) for u, b in floors),
        tuple((_print(r), b) for r, b in rows),
    )
    if key not in _ANSWERS:
        _ANSWERS[key] = best(space, goal, floors, rows)
        if len(_ANSWERS) > _ANSWER_LIMIT:
            _ANSWERS.popitem(last=False)
    _ANSWERS.move_to_end(key)
    found = _ANSWERS[key]
    return replace(found, x=found.x.copy())


_ANSWERS: OrderedDict[tuple[object, ...], Optimum] = OrderedDict()
_ANSWER_LIMIT = 2048


def _print(what: object) -> object:
    """A hashable fingerprint of a goal, an objective or an array."""
    if isinstance(what, np.ndarray):
        return what.shape, np.asarray(what, dtype=float).tobytes()
    if isinstance(what, tuple):
        return tuple(_print(part) for part in what)
    if isinstance(what, Objective | Total | Least | Leximin | LogProduct | Nearest):
        return type(what).__name__, *(_print(part) for part in vars(what).values())
    return what


def leximin(
    ward: Ward,
    terms: tuple[tuple[Objective, float, float], ...],
    *,
    lower: Array | None = None,
    upper: Array | None = None,
    floors: Floors = (),
    rows: Rows = (),
    ex_ante: bool = False,
) -> Optimum:
    """The lexicographic completion of `Least`: the greatest least (u_s − offset_s)/scale_s, then the next least, …

    Keywords as in `maximise`; the same as `maximise(ward, Leximin(terms), …)` (Sen 1970).
    """
    return maximise(ward, Leximin(terms), lower=lower, upper=upper, floors=floors, rows=rows, ex_ante=ex_ante)


def closest(
    ward: Ward,
    goal: Goal,
    target: Array,
    *,
    slack: float = 1e-7,
    rng: np.random.Generator | None = None,
    lower: Array | None = None,
    upper: Array | None = None,
    floors: Floors = (),
    rows: Rows = (),
    ex_ante: bool = False,
) -> Optimum:
    """Among the allocations within `slack` of the best by `goal`, the one nearest to `target`; its value is the goal's.

    Distance is that of `Nearest`. Whole allocations that can be listed and are still tied: one is drawn by `rng`, or
    the first in lexicographic order without one. Other keywords and errors as in `maximise`.
    """
    space = Space.of(ward, lower, upper, ex_ante)
    return nearest_best(space, goal, _finite(target), slack, rng, floors, rows)


def project(ward: Ward, x: Array) -> Array:
    """The feasible allocation nearest to any array of shape (N, K), nan and inf read as 0; distance as in `Nearest`."""
    return maximise(ward, Nearest(_finite(x))).x


def _finite(x: Array) -> Array:
    return np.asarray(np.nan_to_num(np.asarray(x, dtype=float), nan=0.0, posinf=0.0, neginf=0.0))


def enumerate_whole(
    ward: Ward, lower: Array | None = None, upper: Array | None = None, most: int = ENUMERATION_LIMIT
) -> Array | None:
    """All feasible whole allocations in the box, (M, N, K), resource by resource in lexicographic order.

    None if there are more than `most`, or if a cell that the box leaves free is divisible. Raises Infeasible for an
    empty box.
    """
    return enumerated(Space.of(ward, lower, upper), most)


def group_maximum(ward: Ward, member: Array) -> float:
    """max over feasible x of Σ_i member_i h_i, in patients, member >= 0 of shape (N,)."""
    return maximise(ward, Total(Objective(member[:, None] * need_gradient(ward.arrays.demand)))).value


class Bounds(Mapping[str, float]):
    """f_max of a ward, keyed as MEASURES without evenness; each is worked out when it is first read."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._known: dict[str, float] = {}

    def __getitem__(self, name: str) -> float:
        if name not in self._known:
            self._known[name] = self._greatest(name)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in _BOUNDED

    def __iter__(self) -> Iterator[str]:
        return iter(_BOUNDED)

    def __len__(self) -> int:
        return len(_BOUNDED)

    def _greatest(self, name: str) -> float:
        ward = self._ward
        if name not in _BOUNDED:
            raise KeyError(name)
        if not ward.arrays.counted.any():
            return 0.0
        if name == "equality":
            return greatest_spread(ward)
        if name == "worst_off":
            return maximise(ward, Total(Objective(np.zeros_like(ward.arrays.demand), worst_off=1.0))).value
        return group_maximum(ward, _balance.patient_weights(ward)[name])


_BOUNDED = (
    "survival",
    "worst_off",
    "disadvantage_weighted_survival",
    "vulnerability_weighted_care",
    "equality",
)
_BOUNDS: OrderedDict[object, Bounds] = OrderedDict()


def bounds(ward: Ward) -> Bounds:
    """f_max over the feasible allocations of survival, worst_off and the two weighted sums, in their raw units.

    `equality` is the greatest mean absolute difference of h, in [0, 1/2]: exact where allocations can be listed and
    mostly up to 16 patients, else an upper bound, so that 1 − MAD / maximum stays in [0, 1]. Evenness needs none.
    Where nobody demands anything all are 0. Wards with the same numbers share one answer.
    """
    a = ward.arrays
    key = _print((a.demand, a.capacity, a.whole, a.benefit, a.prioritarian, a.care))
    if key not in _BOUNDS:
        _BOUNDS[key] = Bounds(ward)
        if len(_BOUNDS) > _ANSWER_LIMIT:
            _BOUNDS.popitem(last=False)
    return _BOUNDS[key]


def normalised_measures(ward: Ward, x: Array) -> dict[str, float | None]:
    """The six normalised g of x, each in [0, 1], higher is better, keyed as MEASURES; None where undefined.

    f / f_max for the four with a maximum over the feasible allocations, 1 − 4·VAR, 1 − Gini·N/(N−1).
    """
    return _balance.normalised_measures(ward, x, bounds(ward))


def balanced_floor(ward: Ward, x: Array, names: Sequence[str]) -> float:
    """β(x) = min_j g_j(x) over the named measures that the ward defines, in [0, 1]; nan where it defines none."""
    return _balance.floor_of(ward, x, names, bounds(ward))


def balanced_optimum(ward: Ward, names: Sequence[str]) -> Optimum:
    """β_opt = max over feasible x of min_j g_j(x), over the named measures that the ward defines, in [0, 1].

    Raises ParleyError where the ward defines none of them, or for a name that is no measure.
    """
    return _balance.balanced(
        ward, names, bounds(ward), lambda goal, floors: maximise(ward, goal, floors=floors)
    )


def pareto_efficient(ward: Ward, x: Array, names: Sequence[str], tolerance: float = 1e-4) -> bool:
    """Whether no feasible x' has g_j(x') >= g_j(x) for every named measure and gains more than `tolerance` in sum.

    The default is above what rounding to 1e-6 and the solvers' slack leave at an optimum.
    """
    return _balance.efficient(
        ward, x, names, tolerance, bounds(ward), lambda goal, floors: maximise(ward, goal, floors=floors)
    )
