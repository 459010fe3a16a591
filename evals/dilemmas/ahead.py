"""What will a season or a game take: which calls of which models, at most, and how long their prompts are?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from negotiators.dilemma import DilemmaView, Occasion, Told
    from nodes.commons.settings import CommonsTable
    from nodes.dilemma.record import DilemmaSeat
    from nodes.games.settings import GamesTable
    from scenarios.commons import Commons
    from scenarios.games import Game

WORDS = 300
ANSWER = {"harvest": 250, "report": 60, "talk": 350, "draft": 700, "vote": 250, "act": 250}
"""Characters of what a seat says, and of an answer, as the estimate takes them (ours)."""

Call = tuple[str, str, "Occasion", int]
"""A model, the seat it speaks for, what it is asked for, in which step."""


def calls_of(scenario: Commons | Game, table: CommonsTable | GamesTable) -> Counter[str]:
    """Calls by model of one run: the most there can be where every answer can be used as it comes.

    That is a season that lasts to its last month, with a contract proposed wherever one may be.
    """
    return Counter(model for model, *_ in calls(scenario, table))


def _seated(scenario: Any, table: Any) -> list[DilemmaSeat]:
    from nodes.dilemma.seats import seat_everyone

    return seat_everyone(table, scenario.names if hasattr(scenario, "months") else scenario.players, {})


def _steps(scenario: Any, table: Any) -> int:
    return int(scenario.months if hasattr(scenario, "months") else table.rounds)


def calls(scenario: Commons | Game, table: CommonsTable | GamesTable) -> Iterator[Call]:
    """Every call of such a run, in order; seats that compute make none."""
    import numpy as np

    from nodes.dilemma.sitting import TURNS

    season, steps = hasattr(scenario, "months"), _steps(scenario, table)
    models = {s.seat: s.model for s in _seated(scenario, table)}
    names = list(models)
    order = [names[i] for i in np.random.default_rng([table.seed, TURNS]).permutation(len(names))]

    def asked(seats: Any, occasion: Occasion, step: int) -> Iterator[Call]:
        return ((models[s], s, occasion, step) for s in seats if models[s] is not None)  # type: ignore[misc]

    def agreeing(step: int) -> Iterator[Call]:
        if table.talk:
            yield from asked(names, "talk", step)
        if negotiates:
            drafter, coder = order[(step - 1) % len(order)], table.coder_model
            yield from asked([drafter], "draft", step)
            if (
                table.regime == "enforced"
                and coder not in (None, "reference")
                and models[drafter] is not None
            ):
                yield str(coder), drafter, "draft", step
            yield from asked(names, "vote", step)

    negotiates = table.negotiate and table.regime in ("spoken", "enforced")
    if not season:
        for step in range(1, steps + 1):
            yield from agreeing(step)
            yield from asked(names, "act", step)
        return
    if negotiates and table.opening:  # type: ignore[union-attr]
        yield from agreeing(0)
    for step in range(1, steps + 1):
        yield from asked(names, "harvest", step)
        if table.reports == "own-word":  # type: ignore[union-attr]
            yield from asked(names, "report", step)
        if step < steps:
            yield from agreeing(step)


def spoken(scenario: Commons | Game, table: CommonsTable | GamesTable) -> Iterator[tuple[str, float, float]]:
    """(model, tokens read, tokens written) of each call of such a run.

    Characters/4 of prompts as they are built for the first and the last step, history made up to the usual length;
    in between the length rises evenly.
    """
    from negotiators.chat.pacing import CHARACTERS_A_TOKEN

    seats, steps = _seated(scenario, table), _steps(scenario, table)
    known: dict[tuple[str, str, int], int] = {}
    for model, seat, occasion, step in calls(scenario, table):
        ends = []
        for at in (1, steps):
            if (seat, occasion, at) not in known:
                known[seat, occasion, at] = _characters(scenario, table, seats, seat, occasion, at)
            ends.append(known[seat, occasion, at])
        share = max(0, step - 1) / max(1, steps - 1)
        read = ends[0] + share * (ends[1] - ends[0])
        yield model, read / CHARACTERS_A_TOKEN, ANSWER[occasion] / CHARACTERS_A_TOKEN


def _characters(
    scenario: Any, table: Any, seats: list[DilemmaSeat], seat: str, occasion: Occasion, step: int
) -> int:
    from negotiators.chat.dilemma.prompting import question

    asked = question(_view(scenario, table, seats, seat, occasion, step))
    return sum(len(m["content"]) for m in asked.messages)


def _view(
    scenario: Any, table: Any, seats: list[DilemmaSeat], seat: str, occasion: Occasion, step: int
) -> DilemmaView:
    from negotiators.dilemma import DilemmaView, Own, Proposal

    season, names = hasattr(scenario, "months"), tuple(s.seat for s in seats)
    amount: Any = scenario.capacity if season else max(scenario.actions[names.index(seat)], key=len)
    now: dict[str, Any] = {"signal": scenario.signal(0, names.index(seat))} if not season else {
        "stock": scenario.stock, "open": scenario.stock, "event": "calm", "price": 1.0, "taken": amount
    }  # fmt: skip
    before = range(1, step)
    return DilemmaView(
        scenario=scenario,
        regime=table.regime,
        seats=names,
        seat=seat,
        persona=next(s.persona for s in seats if s.seat == seat),
        occasion=occasion,
        step=step,
        steps=_steps(scenario, table),
        seed=1,
        now=now,
        claims={s.seat: s.claims for s in seats if s.claims is not None},
        told=tuple(_told(names, at, amount, now) for at in before),
        own=tuple(Own(step=at, asked=amount, took=amount, payoff=1.0) for at in before),
        proposal=Proposal(by=names[0], words=("x" * WORDS,)) if occasion == "vote" else None,
        language=_language(scenario) if table.regime == "enforced" else None,
    )


def _told(names: tuple[str, ...], step: int, amount: Any, now: dict[str, Any]) -> Told:
    from negotiators.dilemma import Told

    facts = {k: v for k, v in now.items() if k in ("stock", "event", "price")}
    return Told(
        step=step, facts=facts, done=dict.fromkeys(names, amount), said=dict.fromkeys(names, "x" * WORDS)
    )


def _language(scenario: Any) -> Any:
    from scenarios.commons.law import language as of_commons
    from scenarios.mechanisms.best import language as of_game

    return of_commons(scenario) if hasattr(scenario, "months") else of_game(scenario)
