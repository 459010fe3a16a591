"""What becomes of a round's actions: the law in force, payoffs, payments, what everybody is told; the next round."""

from __future__ import annotations

from typing import Any

import numpy as np
from langgraph.types import Overwrite

from nodes.dilemma.asking import moved, silent
from nodes.dilemma.edges import deeds, told
from nodes.dilemma.routing import agreeing
from nodes.dilemma.sittings import sitting
from nodes.dilemma.warden import bitten, changed_law, permitted, settled, summed
from nodes.games.brief import round_ahead
from nodes.games.record import Play
from nodes.games.sitting import ACTIONS, GameSitting
from nodes.games.state import Match
from nodes.table.edges import say
from scenarios.games.optima import welfare_optima

Json = dict[str, Any]


async def enforce(state: Match) -> dict[str, Any]:
    """Carry out the round under the law in force, keep it, and open the next.

    A contract that was adopted in this round is in force in it: parties agree before they act. A seat that
    abstains does what it did last; one that never acted makes the run invalid.
    """
    sat = sitting(state)
    assert isinstance(sat, GameSitting)
    moves = moved(state, "act")
    chosen = {s: m["choice"] for s, m in moves.items()}
    acted = {s: state["lasts"].get(s, {}).get("choice") if a is None else a for s, a in chosen.items()}
    missing = [s for s, a in acted.items() if a is None]
    if missing:
        where = {"now": {**state["now"], "silent": missing}}
        return {**where, "incidents": [silent(s, "act", state["step"]) for s in missing]}
    change = changed_law(sat, state, state["now"].get("next_law"))
    deposits = summed(state["now"].get("deposits", {}), change.deposits)
    now = {**state["now"], "asked": acted, "payments": {}}
    held: Match = {**state, "law": change.law, "books": change.books, "now": now}
    play, held = _played(sat, held, chosen, deposits)
    round_, last = state["step"], state["step"] >= sat.steps
    moved_by = deeds(sat, held, _strategies(sat, play), "record" if last else "act")
    edges = await told(sat, moved_by)
    mixtures = {s: m["mixture"] for s, m in moves.items() if m["mixture"]}
    said = sat.said(state)
    play = play.model_copy(update={"mixtures": mixtures, "said": said})
    say(_in_words(play), kind="play", round=round_, done=play.done, net=play.net)
    return {
        "plays": [play.model_dump(mode="json")],
        "told": [{**state["so_far"], "said": said, "done": play.done, "payments": play.payments}],
        "own": {s: [*state["own"][s], _own(play, s)] for s in sat.seats},
        "so_far": {"step": round_ + 1},
        "step": round_ + 1,
        "now": {} if last else round_ahead(sat, round_ + 1),
        "moves": Overwrite([]),
        "lasts": {**state["lasts"], **{s: {"choice": a} for s, a in chosen.items() if a is not None}},
        "edges": edges,
        "books": held["books"],
        "law": held["law"],
        "violations": held["violations"],
    }


async def after_enforcing(state: Match) -> Any:
    """The next round, or the record."""
    if not state["now"] or "silent" in state["now"]:
        return "record"
    return agreeing(sitting(state), state)


def _played(
    sat: GameSitting, state: Match, chosen: dict[str, str | None], deposits: dict[str, float]
) -> tuple[Play, Match]:
    """The round carried out, and the state with its books and what law and payments made of it."""
    game, now, round_ = sat.scenario, state["now"], state["step"]
    rng = np.random.default_rng([sat.settings.seed, ACTIONS, round_])
    allowed = permitted(sat, state, rng)
    acted: dict[str, str] = now["asked"]
    labels = {} if allowed is None else allowed.choices
    done = {s: sat.under(s, labels.get(s, sat.label(s, a)), a) for s, a in acted.items()}
    payoffs = game.payoffs(now["index"])
    cell = tuple(sat.place(s, done[s]) for s in sat.seats)
    gross = {s: float(u) for s, u in zip(sat.seats, payoffs[cell], strict=True)}
    after = settled(sat, {**state, "now": {**now, "done": done}}, allowed)
    payments = {s: after.payments.get(s, 0.0) + deposits.get(s, 0.0) for s in sat.seats}
    play = Play(
        round=round_,
        state=now["state"],
        cell=now["cell"],
        signals={s: game.signal(now["index"], i) for i, s in enumerate(sat.seats)},
        proposal=now.get("proposal"),
        votes=now.get("votes", {}),
        adopted=now.get("adopted", False),
        chosen=chosen,
        done=done,
        bites=bitten(after.bites, acted, done),
        problems=after.problems,
        gross=gross,
        payments={s: p for s, p in payments.items() if p},
        burnt=after.burnt,
        net={s: gross[s] + payments[s] for s in sat.seats},
        best=cell in welfare_optima(payoffs).cells,
        law=state["law"],
    )
    held: Match = {**state, "books": after.books, "violations": after.violations}
    held["now"] = {**now, "done": done, "payments": play.payments}
    return play, held


def _strategies(sat: GameSitting, play: Play) -> dict[str, str]:
    """Seat -> whether what it chose belongs to a welfare optimum of the state: cooperate, else defect."""
    payoffs = sat.scenario.payoffs([s.name for s in sat.scenario.states].index(play.state))
    optima = welfare_optima(payoffs).cells
    return {
        s: "cooperate" if any(cell[i] == sat.place(s, play.done[s]) for cell in optima) else "defect"
        for i, s in enumerate(sat.seats)
    }


def _own(play: Play, seat: str) -> Json:
    return {
        "step": play.round,
        "asked": play.chosen[seat],
        "took": play.done[seat],
        "payoff": play.gross[seat],
        "payment": play.payments.get(seat, 0.0),
    }


def _in_words(play: Play) -> str:
    done = ", ".join(f"{s} {a}" for s, a in play.done.items())
    got = ", ".join(f"{v:g}" for v in play.net.values())
    return f"round {play.round}: {done}; they get {got}"
