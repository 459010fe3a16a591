"""What can be named on the command line: scenarios, personas, merge rules, laws, a row each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Json = dict[str, Any]


def listed(setting: str, what: str, personas: Path | None = None) -> list[Json]:
    """Rows of one listing of a setting, each a mapping of the same columns."""
    if setting == "deliberation":
        return _of_deliberation(what, personas)
    if setting != "triage":
        return _of_dilemma(setting, what, personas)
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


def _of_deliberation(what: str, personas: Path | None) -> list[Json]:
    if what == "personas":
        from personas.opposing import pairs

        return [
            {
                "name": f"{pair.name}:{pole.name}",
                "kind": pair.kind,
                "weighs": ", ".join(f"{c} {w:+g}" for c, w in pole.values.items()),
                "says": pole.says,
                "source": pair.source,
            }
            for pair in pairs(personas).values()
            for pole in pair.poles
        ]
    from scenarios.dilemmas import catalogue

    return [
        {
            "name": d.name,
            "stratum": d.stratum,
            "theme": d.theme + (", held out" if d.held_out else ""),
            "goal": d.goal,
            "conflict": " / ".join(d.principles),
        }
        for d in catalogue().values()
    ]


def _of_dilemma(setting: str, what: str, personas: Path | None) -> list[Json]:
    if what == "personas":
        from personas.load import concerns

        return [
            {"name": c.name, "concern": c.concern, "says": c.says, "source": c.source}
            for c in concerns(personas).values()
        ]
    if what == "laws":
        from scenarios.contracts import catalogue

        return [
            {"name": name, "clauses": ", ".join(dict.fromkeys(c.kind for c in law.clauses)), "says": law.says}
            for name, law in catalogue().items()
            if _for_amounts(law) == (setting == "commons")
        ]
    if setting == "commons":
        from scenarios.commons import catalogue as pools

        return [
            {
                "name": c.name,
                "agents": c.agents,
                "months": c.months,
                "regrowth": c.regrowth.kind,
                "reason": c.reason,
            }
            for c in pools().values()
        ]
    from scenarios.games import catalogue as games

    return [
        {
            "name": name,  # by which it is loaded
            "players": g.n,
            "actions": "×".join(map(str, g.shape)),
            "states": len(g.states),
            "says": g.says,
        }
        for name, g in games().items()
    ]


def _for_amounts(law: Any) -> bool:
    """Whether a shipped contract is about amounts: whether none of its clauses speaks of what players do."""
    return not any(
        c.choice is not None or "mine" in c.when or "actions" in c.when or "others" in c.when
        for c in law.clauses
    )


def _goods(ward: Any) -> str:
    kinds = {r.divisible for r in ward.resources.values()}
    return "mixed" if len(kinds) > 1 else "divisible" if kinds == {True} else "whole"


def _favours(favours: dict[str, list[str]]) -> str:
    return "; ".join(f"{k}: {', '.join(v)}" for k, v in favours.items())
