"""Which classic dilemmas are there: each a few payoffs with a published default, a source and its order of payoffs.

Letters are those of the field (Rapoport and Chammah 1965): R both cooperate, P neither does, T who defects
alone, S who cooperates alone. Cooperation is the first action.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scenarios.errors import ParleyError
from scenarios.games.game import LIMIT_PAYOFFS, Array, Game, State

__all__ = ["LIBRARY", "Recipe", "matrix", "prepared"]

LARGEST = 1e6
"""Of a payoff that is given as a parameter."""


Made = tuple[tuple[tuple[str, ...], ...], Array]
"""Actions of each player, and payoffs (A_1, …, A_n, n)."""
Maker = Callable[..., Made]


@dataclass(frozen=True)
class Recipe:
    """A game with parameters: what they are by default, their kinds by the default's, and what makes the game."""

    name: str
    title: str
    says: str
    source: str
    defaults: Mapping[str, int | float]
    make: Maker


LIBRARY: dict[str, Recipe] = {}


def prepared(name: str, **given: float) -> Game:
    """The game of this name in LIBRARY with these parameters in place of the published ones.

    Raises ParleyError for parameters that are out of range or make it another game.
    """
    recipe = LIBRARY[name]
    settings = dict(recipe.defaults) | given
    for key, value in settings.items():
        if not abs(value) <= LARGEST:
            raise ParleyError(f"{name}: {key} is {value:g}; give a number from -1e6 to 1e6")
    actions, payoffs = recipe.make(**settings)
    changed = {key: value for key, value in settings.items() if value != recipe.defaults[key]}
    return Game.model_validate(
        {
            "name": _slug(name, settings if changed else {}),
            "title": recipe.title,
            "says": recipe.says,
            "source": recipe.source if not changed else f"{recipe.source}; payoffs as given",
            "actions": actions,
            "states": (State(payoffs=payoffs.tolist()),),
        }
    )


def matrix(T: float, R: float, P: float, S: float) -> Array:
    """The symmetric 2×2 game of these four payoffs, (2, 2, 2), cooperation first."""
    return np.array([[[R, R], [S, T]], [[T, S], [P, P]]], dtype=float)


def _slug(name: str, settings: Mapping[str, float]) -> str:
    parts = [
        f"{key.lower()}{value + 0.0:.6g}".replace(".", "_").replace("+", "")
        for key, value in settings.items()
    ]
    return "-".join([name, *parts])[:64]


def _recipe(name: str, title: str, source: str, says: str, **defaults: float) -> Callable[[Maker], Maker]:
    def enter(
        make: Maker,
    ) -> Maker:
        LIBRARY[name] = Recipe(name, title, says, source, defaults, make)
        return make

    return enter


def _ordered(name: str, needs: str, **payoffs: float) -> None:
    """Raises ParleyError unless the payoffs, greatest first as they are given, fall."""
    for (high, upper), (low, lower) in itertools.pairwise(payoffs.items()):
        if not upper > lower:
            raise ParleyError(
                f"{name}: {high}={upper:g} is not above {low}={lower:g}; this game needs {needs}, choose others"
            )


@_recipe(
    "prisoners-dilemma",
    "Prisoner's Dilemma",
    "Axelrod 1984, The Evolution of Cooperation",
    "Defection pays each whatever the other does, and both are worse off when both defect.",
    T=5, R=3, P=1, S=0,
)  # fmt: skip
def _prisoners_dilemma(T: float, R: float, P: float, S: float) -> Made:
    _ordered("prisoners-dilemma", "T > R > P > S", T=T, R=R, P=P, S=S)
    return (("cooperate", "defect"),) * 2, matrix(T, R, P, S)


@_recipe(
    "stag-hunt",
    "Stag Hunt",
    "Aumann 1990, Nash equilibria are not self-enforcing; Rousseau 1755",
    "The stag is best for both but needs both; the hare is safe.",
    T=8, R=9, P=7, S=0,
)  # fmt: skip
def _stag_hunt(T: float, R: float, P: float, S: float) -> Made:
    _ordered("stag-hunt", "R > T > P > S", R=R, T=T, P=P, S=S)
    return (("stag", "hare"),) * 2, matrix(T, R, P, S)


@_recipe(
    "chicken",
    "Chicken",
    "Aumann 1974, Subjectivity and correlation in randomized strategies",
    "Each would rather dare while the other swerves, and both daring is the worst for both.",
    T=7, R=6, P=0, S=2,
)  # fmt: skip
def _chicken(T: float, R: float, P: float, S: float) -> Made:
    _ordered("chicken", "T > R > S > P", T=T, R=R, S=S, P=P)
    return (("swerve", "dare"),) * 2, matrix(T, R, P, S)


@_recipe(
    "battle-of-the-sexes",
    "Battle of the Sexes",
    "Luce and Raiffa 1957, Games and Decisions, 5.3",
    "Both would rather be together than apart, and disagree where.",
    own=2, other=1, apart=-1,
)  # fmt: skip
def _battle_of_the_sexes(own: float, other: float, apart: float) -> Made:
    """own: together where one prefers to be; other: together where the other does; apart: not together."""
    _ordered("battle-of-the-sexes", "own > other > apart", own=own, other=other, apart=apart)
    payoffs = np.array([[[own, other], [apart, apart]], [[apart, apart], [other, own]]], dtype=float)
    return (("fight", "ballet"),) * 2, payoffs


@_recipe(
    "public-goods",
    "Public goods",
    "Fehr and Gächter 2000, Cooperation and punishment in public goods experiments",
    "What all put in is multiplied and shared evenly, so each gains by keeping and all lose by it.",
    n=4, multiplier=1.6, endowment=20, levels=2,
)  # fmt: skip
def _public_goods(n: int, multiplier: float, endowment: float, levels: int) -> Made:
    """u_i = endowment − c_i + multiplier/n · Σ_j c_j; c_i in `levels` even steps from all to nothing."""
    if not 2 <= n <= 8:
        raise ParleyError(f"public-goods: n is {n}; give 2 to 8 players")
    if not 2 <= levels <= 21 or levels**n * n > LIMIT_PAYOFFS:
        raise ParleyError(f"public-goods: levels is {levels} for {n} players; give fewer, at least 2")
    if not 1 < multiplier < n:
        raise ParleyError(
            f"public-goods: multiplier is {multiplier:g}; give one between 1 and n = {n}, else it is no dilemma"
        )
    if not endowment > 0:
        raise ParleyError(f"public-goods: endowment is {endowment:g}; give one above 0")
    steps = np.linspace(endowment, 0, levels)
    given = np.stack(np.meshgrid(*[steps] * n, indexing="ij"), axis=-1)
    payoffs = endowment - given + multiplier / n * given.sum(axis=-1, keepdims=True)
    names = ["contribute" if levels == 2 else f"contribute {step:.4g}" for step in steps[:-1]]
    return ((*names, "keep"),) * n, payoffs
