"""What grows back, and is there another month: the month is closed, kept, and the next one opened."""

from __future__ import annotations

from typing import Any

from langgraph.types import Overwrite

from nodes.commons.brief import to_harvest
from nodes.commons.record import Meeting
from nodes.commons.sitting import SeasonSitting, month_ahead
from nodes.commons.state import Season
from nodes.dilemma.edges import deeds, told
from nodes.dilemma.sittings import sitting
from nodes.dilemma.warden import changed_law, summed
from scenarios.commons.measures import sustainable

Json = dict[str, Any]


async def regrow(state: Season) -> dict[str, Any]:
    """Close the month: what was said, agreed and taken is kept, the stock grows, a new law comes into force.

    Of a meeting before the season what was said and agreed is kept, and nothing has grown.
    """
    sat = sitting(state)
    assert isinstance(sat, SeasonSitting)
    now, month = state["now"], state["step"]
    said = sat.said(state)
    change = changed_law(sat, state, now.get("next_law"))
    deposits = summed(now.get("deposits", {}), change.deposits)
    done = now["collapsed"] or month >= sat.steps
    moved_by = deeds(sat, state, _uses(sat, state), "record" if done else "harvest")
    edges = await told(sat, moved_by)
    return {
        **_kept(state, said, deposits, sat),
        "told": [{**state["so_far"], "said": said, "payments": summed(now["payments"], deposits)}],
        "own": {s: [*state["own"][s], *_own(state, s, deposits)] for s in sat.seats},
        "so_far": {"step": month + 1},
        "step": month + 1,
        "stock": now["next_stock"],
        "regime": now["next_regime"],
        "collapsed": now["collapsed"],
        "now": {} if done else month_ahead(sat.scenario, month + 1, now["next_stock"]),
        "moves": Overwrite([]),
        "edges": edges,
        "law": change.law,
        "books": change.books,
    }


async def after_regrowing(state: Season) -> Any:
    """The next month's harvest, or the record."""
    return to_harvest(state) if state["now"] else "record"


def _uses(sat: SeasonSitting, state: Season) -> dict[str, str]:
    """Seat -> whether it asked for more than an even share of what this stock sustains."""
    if "asked" not in state["now"]:
        return {}
    share = sustainable(sat.scenario, state["stock"]) / len(sat.seats)
    return {s: "over-use" if a > share else "restraint" for s, a in state["now"]["asked"].items()}


def _kept(state: Season, said: dict[str, str], deposits: dict[str, float], sat: SeasonSitting) -> Json:
    """The month as the record keeps it; of a meeting, the meeting."""
    if state["step"] == 0:
        now = state["now"]
        agreed = {name: now[name] for name in ("proposal", "votes", "adopted") if name in now}
        return {"opening": Meeting(said=said, payments=deposits, **agreed).model_dump(mode="json")}
    return {"months": [_month(state, said, deposits, sat)]}


def _month(state: Season, said: dict[str, str], deposits: dict[str, float], sat: SeasonSitting) -> Json:
    """The month as a `Month` that the recorder will read; only then it is checked, once."""
    now = state["now"]
    reported = state["so_far"].get("done", {})
    names = (
        "event",
        "cell",
        "price",
        "allowed",
        "taken",
        "outside",
        "worth",
        "left",
        "bites",
        "problems",
        "law",
    )
    return {
        "month": state["step"],
        "stock": state["stock"],
        "pool": sat.scenario.regimes[state["regime"]],
        "asked": now["said"],
        "reported": {s: reported.get(s) for s in sat.seats},
        "said": said,
        "proposal": now.get("proposal"),
        "votes": now.get("votes", {}),
        "adopted": now.get("adopted", False),
        "payments": summed(now["payments"], deposits),
        "burnt": now["burnt"],
        "regrown": now["next_stock"],
        **{name: now[name] for name in names},
    }


def _own(state: Season, seat: str, deposits: dict[str, float]) -> list[Json]:
    now = state["now"]
    if "asked" not in now:
        return []
    paid = now["payments"].get(seat, 0.0) + deposits.get(seat, 0.0)
    own = {"asked": now["said"][seat], "took": now["taken"][seat], "payoff": now["worth"][seat]}
    return [{"step": state["step"], **own, "payment": paid}]
