"""What came of a game, in one document: everything is measured, set beside exact baselines, and written once."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

import numpy as np

from nodes.dilemma.record import Ledger, Payoffs
from nodes.dilemma.recording import by_type, finished, kept, of_payoffs, share_written
from nodes.dilemma.sittings import sitting
from nodes.dilemma.warden import closed
from nodes.games.record import GameRecord, Play
from nodes.games.sitting import GameSitting
from nodes.games.state import Match
from scenarios.games import Game
from scenarios.games.optima import rawlsian_optima, welfare, welfare_optima

Measured = dict[str, float | None]

SMALL = 64
"""Action profiles up to which the best mechanism is computed for every record."""


async def record(state: Match) -> dict[str, Any]:
    """Measure the game and write the run record beside the journal."""
    sat = sitting(state)
    assert isinstance(sat, GameSitting)
    return await finished(sat, await asyncio.to_thread(recorded, state, sat))


def recorded(state: Match, sat: GameSitting) -> GameRecord:
    """The run record of a finished state."""
    plays = [Play.model_validate(p) for p in state["plays"]]
    complete = not state["now"]
    ledger = closed(sat, {**state, "now": _last(state, sat)}) if complete else Ledger(parties={})
    payoffs = _payoffs(sat, plays, ledger) if complete else None
    baselines = benchmarks(sat) if complete else {}
    return GameRecord(
        **kept(state, sat, complete=complete),
        scenario=sat.scenario,
        protocol=sat.settings,
        plays=plays,
        ledger=ledger,
        payoffs=payoffs,
        measures=_measures(sat, plays, payoffs, baselines) if payoffs else {},
        benchmarks=baselines,
    )


def _last(state: Match, sat: GameSitting) -> dict[str, Any]:
    """The round that was the last, as a law that gives deposits back is told it."""
    last = state["plays"][-1]
    index = [s.name for s in sat.scenario.states].index(last["state"])
    return {"index": index, "done": last["done"]}


def _payoffs(sat: GameSitting, plays: list[Play], ledger: Ledger) -> Payoffs:
    gross = {s: sum(p.gross[s] for p in plays) for s in sat.seats}
    return Payoffs(gross=gross, net={s: gross[s] + ledger.parties.get(s, 0.0) for s in sat.seats})


def _measures(sat: GameSitting, plays: list[Play], payoffs: Payoffs, baselines: Measured) -> Measured:
    """Welfare is a mean over rounds, so that games of different lengths compare."""
    rounds = len(plays)
    gross, net = (sum(part.values()) / rounds for part in (payoffs.gross, payoffs.net))
    best = [float(welfare_optima(_tensor(sat, p)).value) for p in plays]
    out: Measured = {
        "welfare_gross": gross,
        "welfare_net": net,
        "best_cell": sum(p.best for p in plays) / rounds,
        "rawlsian_cell": float(
            np.mean([_cell(sat, p) in rawlsian_optima(_tensor(sat, p)).cells for p in plays])
        ),
        "worst_off": min(payoffs.net.values()) / rounds,
        "loss": sum(best) / rounds - net,
        "captured": _captured(sat, plays, net),
    }
    mean = {s: v / rounds for s, v in payoffs.net.items()}
    return out | of_payoffs(by_type(sat, mean))


def _captured(sat: GameSitting, plays: list[Play], net: float) -> float | None:
    """The share of what a mechanism can add that was attained, both taken in the states that came up."""
    names = [s.name for s in sat.scenario.states]
    drawn = [names.index(p.state) for p in plays]
    _, alone, best = _by_state(sat.scenario.model_dump_json(), sat.settings.equilibrium)
    reached = None if best is None else float(np.mean([best[k] for k in drawn]))
    return share_written(net, float(np.mean([alone[k] for k in drawn])), reached)


def _tensor(sat: GameSitting, play: Play) -> Any:
    return sat.scenario.payoffs([s.name for s in sat.scenario.states].index(play.state))


def _cell(sat: GameSitting, play: Play) -> tuple[int, ...]:
    return tuple(sat.place(s, a) for s, a in play.done.items())


def benchmarks(sat: GameSitting) -> Measured:
    """Exact baselines a round, in payoff units, expected over states.

    `first_best`: the welfare optimum of every state; `equilibrium`: what selfish players do with no contract, at
    the equilibrium that is played; `best_mechanism`: the best that transfers on what can be verified reach,
    None for games of more than 64 action profiles, or where none has a pure equilibrium.
    """
    chances = sat.scenario.chances
    names = ("first_best", "equilibrium", "best_mechanism")
    found = _by_state(sat.scenario.model_dump_json(), sat.settings.equilibrium)
    means = [None if of is None else float(chances @ np.array(of)) for of in found]
    return dict(zip(names, means, strict=True))


@lru_cache(maxsize=2048)
def _by_state(
    text: str, equilibrium: Any
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...] | None]:
    """W of each state: the first best, selfish play with no contract, the best mechanism."""
    from negotiators.reference import selfish_welfare
    from scenarios.mechanisms import best_welfare

    game = Game.model_validate_json(text)
    first = tuple(float(welfare(game.payoffs(k)).max()) for k in range(len(game.states)))
    best = best_welfare(game) if int(np.prod(game.shape)) <= SMALL else None
    return first, selfish_welfare(text, equilibrium), best
