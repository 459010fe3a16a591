"""How does a season begin: the commons and the settings are checked, seats are dealt, the first month is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from nodes.commons.settings import CommonsTable
from nodes.commons.sitting import month_ahead
from nodes.commons.state import Season
from nodes.dilemma.asking import sends
from nodes.dilemma.opening import another_replicate, models_answer, opened
from nodes.dilemma.opening import name_run as name_dilemma
from nodes.dilemma.record import DilemmaSeat
from nodes.dilemma.routing import agreeing
from nodes.dilemma.seats import seat_everyone
from nodes.dilemma.sittings import sitting
from nodes.dilemma.warden import first_law
from nodes.record import EdgeEvent
from nodes.table.edges import emit, say
from scenarios.commons import CALM, Commons, load
from scenarios.commons.law import language
from scenarios.commons.load import parse_commons
from scenarios.errors import ParleyError

DEFAULT_SCENARIO = "fishery"

MOST_KINDS = 3
"""Different λ of a table at which reference seats sit."""


def brief(state: Season, runtime: Runtime[CommonsTable]) -> dict[str, Any]:
    """Check what is asked for, seat everyone, name the run, and start its record afresh."""
    settings = runtime.context or CommonsTable()
    case = as_set(commons_of(state), settings)
    seats = seats_of(case, settings)
    models_answer(settings)
    settings, run_id = another_replicate(settings, state.get("record"), lambda table: name_run(case, table))
    out = opened(state, case, settings, seats, language(case), run_id)
    out |= {
        "commons": None,
        "stock": case.stock,
        "regime": 0,
        "collapsed": False,
        "months": Overwrite([]),
        "opening": None,
        "now": month_ahead(case, 1, case.stock),
    }
    if settings.opening and settings.negotiate and settings.regime in ("spoken", "enforced"):
        out |= {"step": 0, "so_far": {"step": 0}, "now": before(case)}
    sat = sitting({**out, "told": [], "moves": []})
    out |= first_law(sat, out)
    first = "harvest" if out["step"] else "talk" if settings.talk else "negotiate"
    edge = EdgeEvent(index=0, source="brief", target=first, round=out["step"])
    out["edges"] = Overwrite(emit(sat, [edge]))
    say(
        f"{case.title}: {case.agents} seats, {sum(s.prosocial for s in seats)} of them prosocial, "
        f"{case.months} months, {_regime(settings)}",
        kind="brief",
        run_id=run_id,
    )
    return out


async def begin(state: Season) -> Any:
    """The meeting before the season, or the first harvest."""
    sat = sitting(state)
    return agreeing(sat, state) if state["step"] == 0 else to_harvest(state)


def to_harvest(state: Season) -> list[Any]:
    """Every seat is asked at once what it takes."""
    return list(sends(sitting(state), "harvest", state, [s["seat"] for s in state["seats"]]))


def before(case: Commons) -> dict[str, Any]:
    """What there is at a meeting before the first month: the pool as it will be, and nothing done yet."""
    kept = {"next_stock": case.stock, "next_regime": 0, "collapsed": False, "payments": {}}
    return {"event": CALM, "cell": CALM, "price": 1.0, "open": case.stock, **kept}


def commons_of(state: Mapping[str, Any]) -> Commons:
    """The commons that an input gives or names; the default for an empty input. A request names no files."""
    given, name = state.get("commons"), state.get("scenario") or DEFAULT_SCENARIO
    if given and state.get("scenario"):
        raise ParleyError("both `scenario` and `commons` are given; send one of them")
    return parse_commons(given, "commons") if given else load(name, files=False)


def as_set(case: Commons, settings: CommonsTable) -> Commons:
    """The commons with what the settings set over it."""
    regrowth, contingencies = case.regrowth, case.contingencies
    if settings.regrowth is not None:
        regrowth = regrowth.model_copy(update={"kind": settings.regrowth})
    over = {"chance": settings.contingencies, "hidden": settings.hidden}
    contingencies = contingencies.model_copy(update={k: v for k, v in over.items() if v is not None})
    changed = {"regrowth": regrowth, "contingencies": contingencies}
    return case if (case.regrowth, case.contingencies) == (regrowth, contingencies) else _again(case, changed)


def _again(case: Commons, changed: dict[str, Any]) -> Commons:
    """The commons checked anew, its cached tables made anew."""
    return parse_commons(
        case.model_dump(mode="json") | {k: v.model_dump(mode="json") for k, v in changed.items()}, "commons"
    )


def seats_of(case: Commons, settings: CommonsTable) -> list[DilemmaSeat]:
    """The seats of a season, in the order of the agents' names."""
    policy = {"plays": "markov-perfect", "equilibrium": settings.equilibrium}
    seats = seat_everyone(settings, case.names, policy)
    kinds = {s.persona.degree for s in seats}
    if len(kinds) > MOST_KINDS and any(s.model is None for s in seats):
        raise ParleyError(
            f"concerns: {len(kinds)} different λ; equilibria of reference seats are listed for {MOST_KINDS} at most: "
            "give fewer, or every seat a model"
        )
    return seats


def name_run(case: Commons, settings: CommonsTable) -> str:
    """The id of the run of these settings on this commons."""
    case = as_set(case, settings)
    return name_dilemma(case.name, case, settings, seats_of(case, settings))


def _regime(settings: CommonsTable) -> str:
    words = {
        "none": "no contract",
        "spoken": "contracts in words",
        "enforced": "contracts that are enforced",
        "best": "under the best law there is",
    }
    return words[settings.regime] + (
        f", {settings.law or 'a contract of your own'} in force from the start" if settings.given else ""
    )
