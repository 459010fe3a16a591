"""How does a game begin: the game and the settings are checked, concerns dealt, the first round's state drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from nodes.dilemma.opening import another_replicate, models_answer, opened
from nodes.dilemma.opening import name_run as name_dilemma
from nodes.dilemma.record import DilemmaSeat
from nodes.dilemma.routing import agreeing
from nodes.dilemma.seats import seat_everyone
from nodes.dilemma.sittings import sitting
from nodes.dilemma.warden import first_law
from nodes.games.settings import GamesTable
from nodes.games.sitting import GameSitting
from nodes.games.state import Match
from nodes.record import EdgeEvent
from nodes.table.edges import emit, say
from scenarios.errors import ParleyError
from scenarios.games import Game, load
from scenarios.games.load import parse_game
from scenarios.mechanisms import language

DEFAULT_SCENARIO = "prisoners-dilemma"


def brief(state: Match, runtime: Runtime[GamesTable]) -> dict[str, Any]:
    """Check what is asked for, seat everyone, name the run, and start its record afresh."""
    settings = runtime.context or GamesTable()
    game = game_of(state)
    seats = seats_of(game, settings)
    models_answer(settings)
    settings, run_id = another_replicate(settings, state.get("record"), lambda table: name_run(game, table))
    out = opened(state, game, settings, seats, language(game), run_id)
    out |= {"game": None, "plays": Overwrite([])}
    sat = sitting({**out, "told": [], "moves": []})
    assert isinstance(sat, GameSitting)
    out["now"] = round_ahead(sat, 1)
    out |= first_law(sat, out)
    first = "talk" if settings.talk else "negotiate" if sat.negotiates else "act"
    out["edges"] = Overwrite(emit(sat, [EdgeEvent(index=0, source="brief", target=first, round=1)]))
    say(
        f"{game.title}: {' and '.join(game.players)}, {sum(s.prosocial for s in seats)} of {game.n} prosocial, "
        f"{settings.rounds} {'round' if settings.rounds == 1 else 'rounds'}, regime {settings.regime}",
        kind="brief",
        run_id=run_id,
    )
    return out


async def begin_round(state: Match) -> Any:
    """What players do first in a round: talk, negotiate or act."""
    return agreeing(sitting(state), state)


def round_ahead(sat: GameSitting, round_: int) -> dict[str, Any]:
    """What a round is like before anybody acts."""
    index = sat.drawn_state(round_)
    game = sat.scenario
    return {"index": index, "state": game.states[index].name, "cell": game.cells[index]}


def game_of(state: Mapping[str, Any]) -> Game:
    """The game that an input gives or names; the default for an empty input. A request names no files."""
    given, name = state.get("game"), state.get("scenario") or DEFAULT_SCENARIO
    if given and state.get("scenario"):
        raise ParleyError("both `scenario` and `game` are given; send one of them")
    return parse_game(given, "game") if given else load(name, files=False)


def seats_of(game: Game, settings: GamesTable) -> list[DilemmaSeat]:
    """The seats of a game, called as its players are."""
    policy = settings.model_dump(include={"equilibrium", "strategy", "opponent_strategy", "precision"})
    return seat_everyone(settings, game.players, policy)


def name_run(game: Game, settings: GamesTable) -> str:
    """The id of the run of these settings on this game."""
    return name_dilemma(game.name, game, settings, seats_of(game, settings))
