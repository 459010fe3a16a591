"""Strategy, read off the record: how seats gave way, what answered what, who moved whom, what was won back."""

from evals.strategy.cells import contestation, overrides, overrides_of, rounds_of, tagged, tags_of
from evals.strategy.concession import concession_of, curve_of, mean_curve
from evals.strategy.dependence import dependence
from evals.strategy.movement import influence_of, minds, minds_of
from evals.strategy.patches import patched, patches_of
from evals.strategy.summary import estimates, with_runs
from evals.strategy.tables import StrategyFrames, StrategyRows, framed, frames, rows_of
from evals.strategy.transitions import matrix, shares, steps_of

__all__ = [
    "StrategyFrames",
    "StrategyRows",
    "concession_of",
    "contestation",
    "curve_of",
    "dependence",
    "estimates",
    "framed",
    "frames",
    "influence_of",
    "matrix",
    "mean_curve",
    "minds",
    "minds_of",
    "overrides",
    "overrides_of",
    "patched",
    "patches_of",
    "rounds_of",
    "rows_of",
    "shares",
    "steps_of",
    "tagged",
    "tags_of",
    "with_runs",
]
