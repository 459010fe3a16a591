"""Does the recovery of λ find what was planted: simulated agents, and how often the interval holds their λ."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.prosociality.choices import Choices
from evals.prosociality.recovery import Concern, recover, weight_of
from scenarios.errors import ParleyError
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

ALTERNATIVES = 4
LEVEL = 0.95


@dataclass(frozen=True)
class Cell:
    """Agents to be simulated: their λ, their precision (∞: no noise), how many choices each makes."""

    name: str
    concern: float
    precision: float
    choices: int
    knowable: bool = True
    """False: W is a multiple of u in every menu, so that nothing can be known of λ."""
    agents: int = 1
    """Agents that share a precision; the first is the one that counts."""


CELLS = (
    Cell("selfish", 0.0, 2.0, 60),
    Cell("half-hearted", 0.5, 2.0, 60),
    Cell("half-hearted, few choices", 0.5, 2.0, 12),
    Cell("half-hearted, very noisy", 0.5, 0.3, 60),
    Cell("as the effort gap asks", 2.0, 2.0, 60),
    Cell("spiteful", -0.25, 2.0, 60),
    Cell("lexicographic", math.inf, 2.0, 60),
    Cell("half-hearted, no noise", 0.5, math.inf, 30),
    Cell("half-hearted, shared precision", 0.5, 2.0, 20, agents=3),
    Cell("collinear", 0.5, 2.0, 60, knowable=False),
)


def calibrate(
    studies: int,
    seed: int,
    *,
    cells: Sequence[Cell] = CELLS,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Coverage of the 95 % interval of λ, one row a cell; the same seed gives the same row, whatever stands beside.

    cell, concern (planted λ), precision, choices, studies
    coverage         share of intervals that hold the planted λ; one that is not identified holds every λ
    two_sided, one_sided, not_identified   shares of the studies
    bias             median of (estimated − planted) w over studies with a point; NaN where there is none
    width            median width of the interval in w, of [−1, 1] where not identified
    low_band, high_band   99 % Monte Carlo band of a coverage of .95
    verdict          "within"; "covers …" below the band; "wide: covers …" above it, which is right at an end of the
                     range, without noise, and where little is known: the interval cannot be too short there
    Menus hold four alternatives, u and the others' payoffs standard normal, W their sum.
    """
    import pandas as pd
    from scipy.stats import binom

    if studies < 1:
        raise ParleyError(f"studies is {studies}: simulate at least 1, better 500")
    low, high = (float(binom.ppf(tail, studies, LEVEL)) / studies for tail in (0.005, 0.995))
    rows: list[dict[str, Any]] = []
    for done, cell in enumerate(cells):
        rng = np.random.default_rng([seed, *cell.name.encode()])
        found = [_studied(cell, rng) for _ in range(studies)]
        rows.append(_row(cell, found) | {"low_band": low, "high_band": high})
        rows[-1]["verdict"] = _verdict(cell, rows[-1])
        if progress is not None:
            progress(done + 1, len(cells))
    return pd.DataFrame(rows)


def simulated(cell: Cell, rng: np.random.Generator) -> Choices:
    """The choices of one agent of a cell, by the very model: argmax of β·V plus Gumbel noise is a logit draw."""
    shape = (cell.choices, ALTERNATIVES)
    own = rng.standard_normal(shape)
    welfare = own + rng.standard_normal(shape) if cell.knowable else 2.0 * own
    return Choices(own, welfare, chosen(own, welfare, cell.concern, cell.precision, rng))


def chosen(own: Array, welfare: Array, concern: float, precision: float, rng: np.random.Generator) -> Any:
    """Alternatives (T,) that an agent of this λ takes by a logit; its best ones where the precision is ∞."""
    w = weight_of(concern)
    value = (1 - w) * own + w * welfare
    if math.isinf(precision):
        return value.argmax(axis=1)
    return (precision * value + rng.gumbel(size=value.shape)).argmax(axis=1)


def _studied(cell: Cell, rng: np.random.Generator) -> Concern:
    agents = {f"agent {i}": simulated(cell, rng) for i in range(cell.agents)}
    return recover(agents, shared=cell.agents > 1, level=LEVEL)[0]


def _row(cell: Cell, found: list[Concern]) -> dict[str, Any]:
    w = weight_of(cell.concern)
    ends = np.array(
        [(-1.0, 1.0) if c.weight_low is None else (c.weight_low, c.weight_high) for c in found], dtype=float
    )
    points = [c.weight - w for c in found if c.weight is not None]
    verdicts = [c.verdict for c in found]
    return {
        "cell": cell.name,
        "concern": cell.concern,
        "precision": cell.precision,
        "choices": cell.choices,
        "studies": len(found),
        "coverage": float(((ends[:, 0] <= w + 1e-9) & (w - 1e-9 <= ends[:, 1])).mean()),
        "two_sided": verdicts.count("interval") / len(found),
        "one_sided": (verdicts.count("at least") + verdicts.count("at most")) / len(found),
        "not_identified": verdicts.count("not identified") / len(found),
        "bias": float(np.median(points)) if points else float("nan"),
        "width": float(np.median(ends[:, 1] - ends[:, 0])),
    }


def _verdict(cell: Cell, row: dict[str, Any]) -> str:
    if not cell.knowable:
        told = 1 - row["not_identified"]
        return "within" if told == 0 else f"claims to know λ in {told:.3f} of studies that cannot tell"
    if row["coverage"] < row["low_band"]:
        return f"covers {row['coverage']:.3f}"
    return f"wide: covers {row['coverage']:.3f}" if row["coverage"] > row["high_band"] else "within"
