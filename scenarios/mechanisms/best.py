"""What is the best mechanism of a game, as a law that a graph can enforce, and what does it leave?"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from scenarios.mechanisms.contract import as_contract, language_of
from scenarios.mechanisms.nash import nash
from scenarios.mechanisms.problem import Problem

if TYPE_CHECKING:
    from scenarios.contracts import Contract, Language
    from scenarios.games import Game


def language(game: Game) -> Language:
    """The language of contracts on a game: its labels, its cells, the usual bound on what is taken a round."""
    return _language(game.model_dump_json())


def best_contract(game: Game) -> Contract | None:
    """The best mechanism in pure Nash equilibrium, nothing burnt, as clauses; None where no pure equilibrium exists.

    Raises ParleyError for a game with more strategy profiles than can be gone through.
    """
    return _best(game.model_dump_json())[0]


def best_welfare(game: Game) -> tuple[float, ...] | None:
    """W of each state under the best mechanism, payoff units a round; None where no pure equilibrium exists."""
    return _best(game.model_dump_json())[1]


@lru_cache(maxsize=512)
def _language(text: str) -> Language:
    return language_of(_problem(text))


@lru_cache(maxsize=512)
def _best(text: str) -> tuple[Contract | None, tuple[float, ...] | None]:
    found = nash(_problem(text)).mechanism
    if found is None:
        return None, None
    played = found.problem.played(found.strategies)
    return as_contract(found), tuple(float(found.payoffs[w][a].sum()) for w, a in enumerate(played))


def _problem(text: str) -> Problem:
    from scenarios.games import Game

    return Problem.of(Game.model_validate_json(text))
