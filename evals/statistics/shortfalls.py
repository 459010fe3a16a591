"""Where does an interval cover less than it says: the shortfalls that calibration measured.

Measured by `evals.calibration.coverage.coverage(2000, 1)`, at 20 and at 40 wards; and for heavy tails, where it
falls short, by the same cell with 8,000 studies at more wards: .923 (20), .927 (30), .930 (40), .925 (60),
.932 (80), .926 (120), .936 (160); lognormal differences likewise: .923 (20), .930 (40). Exponential, normal and
partly missing differences, means with exact zeros, and gaps between groups that do differ are covered within
.93 to .97 and have no line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Of = Literal["mean", "gap", "difference of gaps"]


@dataclass(frozen=True)
class Shortfall:
    """What to print beside 95 % intervals over `fewest` to `most` wards."""

    of: Of
    fewest: int
    most: float
    says: str


SHORTFALLS = (
    Shortfall("mean", 20, 159, "a 95 % interval covers .92 where wards differ with heavy tails"),
    Shortfall(
        "gap",
        20,
        float("inf"),
        "where no group differs, a 95 % interval of a max–min gap covers .80: see its permutation null",
    ),
)


def shortfall(clusters: int, of: Of = "mean") -> str:
    """The line about intervals over that many wards that were seen to cover less than .93; "" where none was."""
    said = [s.says for s in SHORTFALLS if s.of == of and s.fewest <= clusters <= s.most]
    return "; ".join(said)
