"""What is the gap of every game of a file, and do games with hidden effort have the gaps that theory gives them?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.welfare_gap.account import mixed_loss
from scenarios.mechanisms import Budget, Problem, correlated, nash, smallest

if TYPE_CHECKING:
    from scenarios.games import Game


@dataclass(frozen=True)
class Line:
    """One game: losses in payoff units, smallest λ, and as `checks` what is not as theory has it.

    lift: (T, R, P, S) where the payoffs are a lift whose conditions hold, else None, and nothing is checked.
    """

    id: str
    title: str
    none: float | None
    contract: float | None
    mixed: float | None
    mediator: float | None
    concern: float | None
    concern_contract: float | None
    lift: tuple[float, float, float, float] | None
    checks: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """As plain JSON."""
        losses = {"contract": self.contract, "mixed": self.mixed, "mediator": self.mediator}
        shares = {f"{name}_share": share(loss, self.none) for name, loss in losses.items()}
        return {
            "id": self.id,
            "title": self.title,
            "no_contract": self.none,
            **losses,
            **shares,
            "concern": self.concern,
            "concern_contract": self.concern_contract,
            "lift": list(self.lift) if self.lift else None,
            "checks": list(self.checks),
        }


def lines(
    path: Path, budget: Budget = "balanced", told: Callable[[int, int], None] | None = None
) -> list[Line]:
    """A line a game of a CSV. Raises ParleyError for a file or a game that is wrong."""
    from scenarios.games.table import games

    every = games(path)
    out = []
    for done, (name, game) in enumerate(every.items(), 1):
        out.append(line(name, game, budget))
        if told is not None:
            told(done, len(every))
    return out


def line(name: str, game: Game, budget: Budget = "balanced") -> Line:
    """The line of one game at the default bound."""
    problem = Problem.of(game)
    found = {
        "none": nash(problem, 0.0, budget).loss,
        "contract": nash(problem, None, budget).loss,
        "mixed": mixed_loss(problem, None, budget),
        "mediator": correlated(problem, None, budget).loss,
        "concern": smallest(problem, 0.0, budget).least,
        "concern_contract": smallest(problem, None, budget).least,
    }
    lift = as_lift(game)
    return Line(id=name, title=game.title, **found, lift=lift, checks=_checks(lift, found) if lift else ())


def share(loss: float | None, surplus: float | None) -> float | None:
    """loss / surplus; None where either is missing or the surplus is 0."""
    return None if loss is None or not surplus or surplus < 1e-9 else loss / surplus


def as_lift(game: Game) -> tuple[float, float, float, float] | None:
    """(T, R, P, S) of a 4×4 game that is a Prisoner's Dilemma's lift and meets the lift's conditions; else None.

    Read off four payoffs of the row player and held against all: R = u(CL, CH), P = u(DH, DL), and with
    ε = (R − P)/6, T = u(DH, CH) + ε, S = u(CH, DH) + ε.
    """
    from scenarios.games.lift import lift_faults, lifted_payoffs

    if game.shape != (4, 4) or len(game.states) > 1:
        return None
    own = game.payoffs(0)[..., 0]
    R, P = float(own[1, 0]), float(own[2, 3])
    e = (R - P) / 6
    T, S = float(own[2, 0]) + e, float(own[0, 2]) + e
    scale = max(1.0, float(np.abs(own).max()))
    if not R > P or not np.allclose(lifted_payoffs(T, R, P, S), game.payoffs(0), atol=1e-6 * scale, rtol=0):
        return None
    hidden = all(each[0] == each[1] != each[2] == each[3] for each in game.labels)
    return (T, R, P, S) if hidden and not lift_faults(T, R, P, S) else None


def _checks(lift: tuple[float, float, float, float], found: dict[str, float | None]) -> tuple[str, ...]:
    """What is not as the lift's theory has it, in words."""
    T, R, P, S = lift
    surplus = 2 * (R - P)
    expected = {
        "none": ("the loss without contract is 2(R − P)", surplus),
        "contract": ("the best contract loses 1/24", surplus / 24),
        "mixed": ("the mixed equilibrium loses 1/6", surplus / 6),
        "mediator": ("a mediator loses 1/30", surplus / 30),
        "concern": (
            "λ without contract is max(2, (T − R)/(2R − T − S))",
            max(2.0, (T - R) / (2 * R - T - S)),
        ),
        "concern_contract": ("λ under the contract is 2", 2.0),
    }
    wrong = []
    for name, (words, value) in expected.items():
        got = found[name]
        if got is None or not math.isclose(got, value, rel_tol=1e-6, abs_tol=1e-9):
            wrong.append(f"{words}: {value:.6g}, and {'none' if got is None else f'{got:.6g}'} was found")
    return tuple(wrong)
