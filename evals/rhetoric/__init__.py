"""What kind of argument was made: a judge that quotes the span for every label, and how far it can be believed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.rhetoric.asking import LABELS
    from evals.rhetoric.correction import corrected
    from evals.rhetoric.frequency import rates
    from evals.rhetoric.gathering import Argument, Gathered, arguments
    from evals.rhetoric.judging import Judge
    from evals.rhetoric.people import labelled
    from evals.rhetoric.reliability import Agreement, agreement, alpha
    from evals.rhetoric.session import Judged, judge, judged
    from evals.rhetoric.sheet import read_sheet, sample, write_sheet

__all__ = [
    "LABELS",
    "Agreement",
    "Argument",
    "Gathered",
    "Judge",
    "Judged",
    "agreement",
    "alpha",
    "arguments",
    "corrected",
    "judge",
    "judged",
    "labelled",
    "rates",
    "read_sheet",
    "sample",
    "write_sheet",
]

_ROOM = {
    "LABELS": "asking",
    "Judge": "judging",
    "corrected": "correction",
    "labelled": "people",
    "rates": "frequency",
    **dict.fromkeys(("Agreement", "agreement", "alpha"), "reliability"),
    **dict.fromkeys(("Argument", "Gathered", "arguments"), "gathering"),
    **dict.fromkeys(("Judged", "judge", "judged"), "session"),
    **dict.fromkeys(("read_sheet", "sample", "write_sheet"), "sheet"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `--help` pays for none of them."""
    if name not in _ROOM:
        raise AttributeError(f"module 'evals.rhetoric' has no attribute {name!r}")
    return getattr(import_module(f"evals.rhetoric.{_ROOM[name]}"), name)
