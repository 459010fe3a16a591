"""Games in normal form: what they are, where they come from, their equilibria and their optima."""

from scenarios.games.game import Game, State
from scenarios.games.load import catalogue, load

__all__ = ["Game", "State", "catalogue", "load"]
