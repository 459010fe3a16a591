"""What becomes of what was asked for: the law in force, rationing, payments, and what everybody is told of it."""

from __future__ import annotations

from typing import Any

from nodes.commons.sitting import SeasonSitting
from nodes.commons.state import Season
from nodes.dilemma.asking import moved, sends, silent
from nodes.dilemma.routing import agreeing
from nodes.dilemma.sitting import Sitting
from nodes.dilemma.sittings import sitting
from nodes.dilemma.warden import bitten, permitted, settled
from nodes.table.edges import say
from scenarios.commons import played

Json = dict[str, Any]


async def enforce(state: Season) -> dict[str, Any]:
    """The month's catches under the law in force, with what is paid for them.

    A seat that abstains asks for what it asked last; one that never said anything makes the run invalid.
    """
    sat = sitting(state)
    assert isinstance(sat, SeasonSitting)
    month, case = state["step"], sat.scenario
    said = {s: m["amount"] for s, m in moved(state, "harvest").items()}
    asked = {s: state["lasts"].get(s, {}).get("amount") if a is None else a for s, a in said.items()}
    lasts = {**state["lasts"], **{s: {"amount": a} for s, a in said.items() if a is not None}}
    missing = [s for s, a in asked.items() if a is None]
    if missing:
        return {
            "now": {**state["now"], "silent": missing},
            "incidents": [silent(s, "harvest", month) for s in missing],
        }
    now: Json = {**state["now"], "said": said, "asked": asked}
    held: Season = {**state, "now": now}
    allowed = permitted(sat, held, case.stream("law", month))
    stands = {s: a for s, a in asked.items() if a is not None}
    amounts = stands if allowed is None else {s: int(a) for s, a in allowed.amounts.items()}
    went = played(case, month, state["stock"], state["regime"], [amounts[s] for s in sat.seats])
    taken = {s: int(t) for s, t in zip(sat.seats, went.taken, strict=True)}
    now |= {"allowed": amounts, "taken": taken}
    after = settled(sat, {**state, "now": now}, allowed)
    now |= {
        "outside": went.outsider + went.poached,
        "worth": {s: float(w) for s, w in zip(sat.seats, went.worth, strict=True)},
        "left": went.left,
        "collapsed": went.collapsed,
        "next_stock": went.next_stock,
        "next_regime": went.next_regime,
        "payments": after.payments,
        "burnt": after.burnt,
        "problems": after.problems,
        "bites": bitten(after.bites, asked, amounts),
        "law": state["law"],
    }
    say(
        _in_words(sat, state, taken, went.next_stock),
        kind="harvest",
        month=month,
        stock=state["stock"],
        taken=taken,
    )
    told: Json = {**state["so_far"], "facts": _facts(state), "payments": after.payments}
    if sat.settings.reports == "public":
        told["done"] = taken
    return {"now": now, "so_far": told, "books": after.books, "violations": after.violations, "lasts": lasts}


async def after_enforcing(state: Season) -> Any:
    """Reports in seats' own words, talk, negotiation, or what grows back: whichever comes next."""
    sat = sitting(state)
    assert isinstance(sat, SeasonSitting)
    if "silent" in state["now"]:
        return "record"
    if sat.settings.reports == "own-word":
        return sends(sat, "report", state, list(sat.seats))
    return _unless_over(sat, state)


async def publish(state: Season) -> dict[str, Any]:
    """What the seats say they took becomes what everybody is told."""
    done = {s: m["amount"] for s, m in moved(state, "report").items()}
    return {"so_far": {**state["so_far"], "done": done}}


async def after_publishing(state: Season) -> Any:
    """Talk, negotiation, or what grows back."""
    return _unless_over(sitting(state), state)


def _unless_over(sat: Sitting, state: Season) -> Any:
    """On to agreeing, unless this was the last month: nobody could keep what would be agreed now."""
    over = state["now"]["collapsed"] or state["step"] >= sat.steps
    return "regrow" if over else agreeing(sat, state)


def _facts(state: Season) -> Json:
    now = state["now"]
    return {"stock": float(state["stock"]), "event": now["event"], "price": float(now["price"])}


def _in_words(sat: SeasonSitting, state: Season, taken: dict[str, int], after: int) -> str:
    happened = "" if state["now"]["event"] == "calm" else f" ({state['now']['event']})"
    took = f"{sum(taken.values())} of {state['stock']} {sat.scenario.unit} taken"
    return f"month {state['step']}{happened}: {took}, then there are {after}"
