"""What is the best that a ward allows: exact optima of concave objectives over its feasible allocations."""

from scenarios.optimum.exact import (
    Bounds,
    balanced_floor,
    balanced_optimum,
    bounds,
    closest,
    enumerate_whole,
    group_maximum,
    leximin,
    maximise,
    normalised_measures,
    pareto_efficient,
    project,
)
from scenarios.optimum.goal import Goal, Infeasible, Least, Leximin, LogProduct, Nearest, Optimum, Total
from scenarios.optimum.space import need_gradient
from scenarios.optimum.whole import ENUMERATION_LIMIT

__all__ = [
    "ENUMERATION_LIMIT",
    "Bounds",
    "Goal",
    "Infeasible",
    "Least",
    "Leximin",
    "LogProduct",
    "Nearest",
    "Optimum",
    "Total",
    "balanced_floor",
    "balanced_optimum",
    "bounds",
    "closest",
    "enumerate_whole",
    "group_maximum",
    "leximin",
    "maximise",
    "need_gradient",
    "normalised_measures",
    "pareto_efficient",
    "project",
]
