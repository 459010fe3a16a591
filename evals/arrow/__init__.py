"""Arrow, audited: which axioms each merge rule gives up, with the smallest counterexample, and what debates keep.

>>> from evals.arrow import audit, debate_axioms
>>> audit("utilitarian").fails
('independence',)
>>> debate_axioms(["runs"])        # one row a run
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.arrow.audit import Audit, Verdict, audit, audits, table
    from evals.arrow.debates import debate_axioms, summary
    from evals.arrow.rules import Rule

_HOME = {
    **dict.fromkeys(("Audit", "Verdict", "audit", "audits", "table"), "evals.arrow.audit"),
    **dict.fromkeys(("debate_axioms", "summary"), "evals.arrow.debates"),
    "Rule": "evals.arrow.rules",
}

__all__ = ["Audit", "Rule", "Verdict", "audit", "audits", "debate_axioms", "summary", "table"]


def __getattr__(name: str) -> Any:
    """The public names, imported when first asked for: `python -m evals.arrow --help` needs none of them."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
