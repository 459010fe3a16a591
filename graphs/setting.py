"""What are the settings that agents negotiate in: triage, commons, games, deliberation, each with all its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph

    from nodes.record import Record
    from scenarios.model import Model

Json = dict[str, Any]

NAMES = ("triage", "commons", "games", "deliberation")


@dataclass(frozen=True)
class Setting:
    """One setting: its graph, its settings, its scenarios, its record.

    `key` is what a scenario is called in the graph's input. `name_run(scenario, table)` is the run's id;
    `steps(scenario, table)` the most steps its graph may take.
    """

    name: str
    key: str
    build: Callable[[], StateGraph[Any, Any, Any, Any]]
    compiled: Callable[[], CompiledStateGraph[Any, Any, Any, Any]]
    table: type[Any]
    record: type[Record]
    load: Callable[[str], Model]
    name_run: Callable[[Any, Any], str]
    steps: Callable[[Any, Any], int]

    def given(self, scenario: Model) -> Json:
        """A scenario as the graph's input."""
        return {self.key: scenario.model_dump(mode="json")}


@cache
def setting(name: str) -> Setting:
    """The setting of a name, its parts imported now. Raises ParleyError for a name that is none."""
    made = {"triage": _triage, "commons": _commons, "games": _games, "deliberation": _deliberation}
    if name not in made:
        raise ParleyError(f"setting: none is called '{name}'; there are {', '.join(NAMES)}")
    return made[name]()


def _triage() -> Setting:
    from graphs import triage
    from nodes.brief import name_run
    from nodes.record import RunRecord
    from nodes.settings import Table
    from nodes.table.seats import seat_everyone
    from scenarios.load import load

    return Setting(
        name="triage",
        key="ward",
        build=triage.build,
        compiled=triage.compiled,
        table=Table,
        record=RunRecord,
        load=load,
        name_run=lambda ward, table: name_run(ward, table, seat_everyone(table)),
        steps=lambda ward, table: 10 + 6 * table.rounds,
    )


def _commons() -> Setting:
    from graphs import commons
    from nodes.commons.brief import name_run
    from nodes.commons.record import CommonsRecord
    from nodes.commons.settings import CommonsTable
    from scenarios.commons import load

    return Setting(
        name="commons",
        key="commons",
        build=commons.build,
        compiled=commons.compiled,
        table=CommonsTable,
        record=CommonsRecord,
        load=load,
        name_run=name_run,
        steps=lambda case, table: 10 + 12 * case.months,
    )


def _games() -> Setting:
    from graphs import games
    from nodes.games.brief import name_run
    from nodes.games.record import GameRecord
    from nodes.games.settings import GamesTable
    from scenarios.games import load

    return Setting(
        name="games",
        key="game",
        build=games.build,
        compiled=games.compiled,
        table=GamesTable,
        record=GameRecord,
        load=load,
        name_run=name_run,
        steps=lambda game, table: 10 + 12 * table.rounds,
    )


def _deliberation() -> Setting:
    from graphs import deliberation
    from nodes.deliberation.brief import name_run
    from nodes.deliberation.record import DeliberationRecord
    from nodes.deliberation.settings import DeliberationTable
    from scenarios.dilemmas import load

    return Setting(
        name="deliberation",
        key="dilemma",
        build=deliberation.build,
        compiled=deliberation.compiled,
        table=DeliberationTable,
        record=DeliberationRecord,
        load=load,
        name_run=name_run,
        steps=lambda dilemma, table: 10 + table.rounds * (4 + len(table.seat_models)),
    )
