"""What does every step of a season need of its run: the commons as it is set, what a law is told, what a seat sees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

from negotiators.dilemma import Proposal
from nodes.commons.settings import CommonsTable
from nodes.dilemma.record import DilemmaSeat
from nodes.dilemma.sitting import Sitting
from scenarios.commons import Commons, cell_of, event, open_to
from scenarios.commons.law import best_quota_law, facts, language
from scenarios.contracts import Books, Facts, Language, Law


@dataclass(frozen=True)
class SeasonSitting(Sitting):
    """One season's commons, settings and seats."""

    settings: CommonsTable
    scenario: Commons

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """The sitting of a state."""
        seats = [DilemmaSeat.model_validate(s) for s in state["seats"]]
        settings = CommonsTable.model_validate_json(json.dumps(state["settings"]))
        case = Commons.model_validate_json(json.dumps(state["case"]))
        return cls(settings, case, {s.seat: s for s in seats}, state["run_id"])

    @property
    def steps(self) -> int:
        """The months of the season, if the pool lasts."""
        return self.scenario.months

    @property
    def delay(self) -> int:
        """What is agreed after a harvest is in force in the next month."""
        return 1

    @property
    def onward(self) -> str:
        """What grows back."""
        return "regrow"

    @property
    def reports(self) -> Literal["public", "own-word"]:
        """As the settings say."""
        return self.settings.reports

    @cached_property
    def language(self) -> Language:
        """What a contract may name here: of the events the cells that its language can tell apart."""
        return language(self.scenario)

    def computed(self) -> Law:
        """The best quota that sees only what the language can tell."""
        return best_quota_law(self.scenario)

    def told_law(self, state: Mapping[str, Any]) -> Proposal | None:
        """The best quota as it is this month: what all together may take."""
        law = best_quota_law(self.scenario)
        most = law.quota(max(1, state["step"]), state["stock"], state["now"]["cell"])
        words = (
            f"This month all together may take {most} at most; what is asked beyond that is cut to one level."
        )
        return Proposal(by="given", words=(words,))

    def facts(self, state: Mapping[str, Any], books: Books) -> Facts:
        """The month as a law is told it; what was taken only once it was."""
        now = state["now"]
        asked = {s: now.get("asked", {}).get(s, 0) for s in self.seats}
        told = {"violations": state["violations"], "books": books, "taken": now.get("taken")}
        return facts(self.scenario, state["step"], state["stock"], now["cell"], asked, **told)

    def seen(self, seat: str, state: Mapping[str, Any]) -> dict[str, float | str]:
        """The month as every seat sees it: the stock, what happens, how the pool is, what a unit is worth."""
        now = state["now"]
        return {
            "stock": state["stock"],
            "open": now["open"],
            "event": now["event"],
            "price": now["price"],
            "pool": self.scenario.regimes[state["regime"]],
            "regime": state["regime"],
        } | (
            {"taken": now["taken"][seat], "left": now["open"] - sum(now["taken"].values())}
            if "taken" in now
            else {}
        )


def month_ahead(case: Commons, month: int, stock: int) -> dict[str, Any]:
    """What a month is like before anybody asks for anything."""
    happens = event(case, month)
    return {
        "event": happens.name,
        "cell": cell_of(case, happens),
        "price": happens.price,
        "open": open_to(stock, happens),
    }
