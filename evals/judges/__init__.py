"""What do judges say of the plans that deliberations come to, and how far can a judge be believed?"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.judges.comparing import Tally, compared, tally
    from evals.judges.evaluators import collective_agency, conflict_resolution, joint_worth, pairwise
    from evals.judges.judging import Bench, Comparison
    from evals.judges.measuring import Row, measured
    from evals.judges.outcome import Gathered, Outcome, gather, outcomes_of
    from evals.judges.reliability import agreement, kappa, ranks

__all__ = [
    "Bench",
    "Comparison",
    "Gathered",
    "Outcome",
    "Row",
    "Tally",
    "agreement",
    "collective_agency",
    "compared",
    "conflict_resolution",
    "gather",
    "joint_worth",
    "kappa",
    "measured",
    "outcomes_of",
    "pairwise",
    "ranks",
    "tally",
]

_ROOM = {
    **dict.fromkeys(("Tally", "compared", "tally"), "comparing"),
    **dict.fromkeys(("collective_agency", "conflict_resolution", "joint_worth", "pairwise"), "evaluators"),
    **dict.fromkeys(("Bench", "Comparison"), "judging"),
    **dict.fromkeys(("Row", "measured"), "measuring"),
    **dict.fromkeys(("Gathered", "Outcome", "gather", "outcomes_of"), "outcome"),
    **dict.fromkeys(("agreement", "kappa", "ranks"), "reliability"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `--help` pays for none of them."""
    if name not in _ROOM:
        raise AttributeError(f"module 'evals.judges' has no attribute {name!r}")
    return getattr(import_module(f"evals.judges.{_ROOM[name]}"), name)
