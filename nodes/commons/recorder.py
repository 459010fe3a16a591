"""What came of a season, in one document: everything is measured, set beside exact baselines, and written once."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import numpy as np

from nodes.commons.record import CommonsRecord, Month
from nodes.commons.sitting import SeasonSitting
from nodes.commons.state import Season
from nodes.dilemma.record import Ledger, Payoffs
from nodes.dilemma.recording import by_type, finished, kept, of_payoffs, share_written
from nodes.dilemma.sittings import sitting
from nodes.dilemma.warden import closed
from scenarios.commons import Commons
from scenarios.commons.measures import measures
from scenarios.commons.optimum import best_law, planner
from scenarios.commons.season import caught, lawful, planned

Measured = dict[str, float | None]


async def record(state: Season) -> dict[str, Any]:
    """Measure the season and write the run record beside the journal."""
    sat = sitting(state)
    assert isinstance(sat, SeasonSitting)
    return await finished(sat, await asyncio.to_thread(recorded, state, sat))


def recorded(state: Season, sat: SeasonSitting) -> CommonsRecord:
    """The run record of a finished state."""
    months = [Month.model_validate(m) for m in state["months"]]
    complete = not state["now"]
    ledger = closed(sat, {**state, "now": _last(state)}) if complete else Ledger(parties={})
    payoffs = _payoffs(sat, months, ledger) if complete else None
    baselines = benchmarks(sat) if complete else {}
    return CommonsRecord(
        **kept(state, sat, complete=complete),
        scenario=sat.scenario,
        protocol=sat.settings,
        opening=state["opening"],
        months=months,
        collapsed=state["collapsed"],
        ledger=ledger,
        payoffs=payoffs,
        measures=_measures(sat, months, payoffs, baselines) if payoffs else {},
        benchmarks=baselines,
    )


def _last(state: Season) -> dict[str, Any]:
    """The month that was the last, as a law that gives deposits back is told it."""
    last = state["months"][-1]
    return {"cell": last["cell"], "asked": last["allowed"], "taken": last["taken"]}


def _payoffs(sat: SeasonSitting, months: list[Month], ledger: Ledger) -> Payoffs:
    gross = {s: sum(m.worth[s] for m in months) for s in sat.seats}
    return Payoffs(gross=gross, net={s: gross[s] + ledger.parties.get(s, 0.0) for s in sat.seats})


def _measures(sat: SeasonSitting, months: list[Month], payoffs: Payoffs, baselines: Measured) -> Measured:
    catches = np.array([[m.taken[s] for s in sat.seats] for m in months])
    gross, net, best = sum(payoffs.gross.values()), sum(payoffs.net.values()), planner(sat.scenario).expected
    out = measures(sat.scenario, catches, [m.stock for m in months], gross, best)
    here = baselines["planner_here"]
    out |= {
        "welfare_gross": gross,
        "welfare_net": net,
        "welfare_share": net / here if here else None,
        "loss": 1 - net / here if here else None,
        "captured": share_written(net, baselines["no_law_here"], baselines["best_law_here"]),
    }
    return out | of_payoffs(by_type(sat, payoffs.net))


def benchmarks(sat: SeasonSitting) -> Measured:
    """Exact baselines, in payoff units: expected over worlds, and `_here` in the world of this run.

    `planner` sees all and commands every catch; `best_law` is the best quota in the contracts' language, taken in
    full; `no_law` is what seats of these concerns do at the equilibrium that is played, with no contract at all, None
    where their concerns are too many different ones to be solved for.
    """
    case, concerns = sat.scenario, tuple(s.persona.degree for s in sat.seats.values())
    out: Measured = {"planner": planner(case).expected, "best_law": best_law(case).expected}
    return out | dict(_here(_Key(case), concerns, sat.settings.equilibrium))


class _Key:
    """A commons with its world, hashed once by its JSON."""

    def __init__(self, case: Commons) -> None:
        self.case, self._text = case, case.model_dump_json()

    def __hash__(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other._text == self._text


@lru_cache(maxsize=512)
def _here(key: _Key, concerns: tuple[float, ...], equilibrium: Any) -> tuple[tuple[str, float | None], ...]:
    from negotiators.reference.commons.player import without_law

    case = key.case
    return (
        ("planner_here", caught(planned(case))),
        ("best_law_here", caught(lawful(case))),
        ("no_law_here", without_law(case, concerns, equilibrium)),
    )
