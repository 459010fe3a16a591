"""What can be named on the command line: scenarios, personas, merge rules, a row each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Json = dict[str, Any]


def listed(what: str, personas: Path | None = None) -> list[Json]:
    """Rows of one listing, each a mapping of the same columns."""
    if what == "scenarios":
        from scenarios.load import catalogue

        return [
            {
                "name": w.name,
                "patients": len(w.patients),
                "goods": _goods(w),
                "protected": ", ".join(w.protected),
                "reason": w.reason,
            }
            for w in catalogue().values()
        ]
    if what == "personas":
        from personas.load import catalogue as people

        return [
            {
                "name": p.name,
                "cites": ", ".join(p.cites),
                "favours": _favours(p.favours),
                "says": p.says,
                "source": p.source,
            }
            for p in people(personas).values()
        ]
    from nodes.merging.rules import describe

    return describe()


def _goods(ward: Any) -> str:
    kinds = {r.divisible for r in ward.resources.values()}
    return "mixed" if len(kinds) > 1 else "divisible" if kinds == {True} else "whole"


def _favours(favours: dict[str, list[str]]) -> str:
    return "; ".join(f"{k}: {', '.join(v)}" for k, v in favours.items())
