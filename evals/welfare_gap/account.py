"""What does a game lose, and to what: without contract, under the best one, with a mediator, and with what concern?"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError
from scenarios.mechanisms import (
    Bounds,
    Budget,
    Concern,
    Gap,
    Mediated,
    Problem,
    as_contract,
    correlated,
    in_words,
    kept,
    language_of,
    left,
    nash,
    perfect,
    record_only,
    smallest,
)

if TYPE_CHECKING:
    from scenarios.games import Game


@dataclass(frozen=True)
class Mediation:
    """What a mediator recovers who recommends in private: and pays nothing; and pays by what it told and the record.

    by_record: bounds on E[W] where it pays by the record alone.
    """

    tells: Mediated
    pays: Mediated
    by_record: Bounds

    @classmethod
    def of(cls, problem: Problem, bound: float | None, budget: Budget) -> Mediation:
        """All three. Raises ParleyError where the programme is too large."""
        return cls(
            correlated(problem, 0.0, budget),
            correlated(problem, bound, budget),
            record_only(problem, bound, budget),
        )


@dataclass(frozen=True)
class Account:
    """All of it, for one game, one bound and one budget; E[W] and losses in payoff units.

    none: no contract, pure Nash. contract: the best mechanism, pure Nash. mixed: see `mixed_loss`. mediation: None
    where it was not asked for. concern and concern_contract: the smallest λ without contract and under the best one.
    """

    problem: Problem
    none: Gap
    contract: Gap
    mixed: float | None
    mediation: Mediation | None
    concern: Concern
    concern_contract: Concern

    @property
    def surplus(self) -> float | None:
        """First best − the best pure equilibrium without contract: what there is to win; None where it is 0 or none."""
        lost = self.none.loss
        return lost if lost is not None and lost > 1e-9 * self.problem.range else None

    def share(self, loss: float | None) -> float | None:
        """A loss as a share of the surplus."""
        return None if loss is None or self.surplus is None else loss / self.surplus


def account(
    game: Game, bound: float | None = None, budget: Budget = "balanced", mediated: bool = True
) -> Account:
    """The account of a game among selfish parties, with a mediator's part or without.

    Raises ParleyError where it is too large to be exact; a mediator's part is the larger.
    """
    problem = Problem.of(game)
    return Account(
        problem=problem,
        none=nash(problem, 0.0, budget),
        contract=nash(problem, bound, budget),
        mixed=mixed_loss(problem, bound, budget),
        mediation=Mediation.of(problem, bound, budget) if mediated else None,
        concern=smallest(problem, 0.0, budget),
        concern_contract=smallest(problem, bound, budget),
    )


def mixed_loss(problem: Problem, bound: float | None = None, budget: Budget = "balanced") -> float | None:
    """What is lost at a symmetric equilibrium, not pure, of the game left under a perfect contract; least of several.

    Whoever leaves the label of the first best pays the bound, so the game left is among the actions of that label.
    None where that contract does not hold the parties there, where there are several states, or where the game left
    is not symmetric or has only pure symmetric equilibria.
    """
    import numpy as np

    from scenarios.games.equilibria import expected, regrets, symmetric_mixed
    from scenarios.games.game import symmetric_payoffs

    if len(problem.states) > 1:
        return None
    contract = perfect(problem, bound, budget)
    game, actions = left(problem, contract), kept(problem, contract)
    if not symmetric_payoffs(game):
        return None
    losses = []
    for strategy in symmetric_mixed(game):
        whole = [np.zeros(a) for a in problem.shape]
        for i, mine in enumerate(actions):
            whole[i][list(mine)] = strategy
        stands = regrets(contract.payoffs[0], whole).max() <= 1e-7 * problem.range
        if stands and strategy.max() < 1 - 1e-9:
            losses.append(problem.first_best - float(expected(contract.payoffs[0], whole).sum()))
    return min(losses) if losses else None


def clauses(found: Gap) -> list[str]:
    """The best mechanism as a contract, a clause a line; or why no contract can say it; [] where it pays nothing."""
    from scenarios.contracts import in_words as read_back

    if found.mechanism is None or not found.mechanism.paid():
        return []
    try:
        contract = as_contract(found.mechanism).model_copy(update={"says": ""})
        return list(read_back(contract, language_of(found.mechanism.problem, found.bound)))
    except ParleyError as error:
        return [str(error)]


def proofs(problem: Problem, found: Gap) -> list[str]:
    """The certificates in words."""
    return [in_words(problem, each, found.bound) for each in found.certificates]


def as_fraction(share: float | None, most: int = 60) -> str:
    """A share as a fraction where it is one of a small denominator, within 1e-7; else ''."""
    if share is None:
        return ""
    near = Fraction(share).limit_denominator(most)
    return str(near) if abs(float(near) - share) < 1e-7 and near.denominator > 1 else ""


def as_data(found: Account, concepts: tuple[str, ...] = ("nash", "correlated")) -> dict[str, Any]:
    """The account as plain JSON, of these concepts."""
    data: dict[str, Any] = {
        "game": found.problem.name,
        "bound": found.contract.bound,
        "budget": found.contract.budget,
        "first_best": found.contract.first_best,
        "surplus": found.surplus,
    }
    if "nash" in concepts:
        data |= {
            "no_contract": _gap_data(found, found.none),
            "contract": _gap_data(found, found.contract),
            "perfect_contract_mixed": {"loss": found.mixed, "share": found.share(found.mixed)},
        }
    if found.mediation is not None and "correlated" in concepts:
        by_record = {"low": found.mediation.by_record.low, "high": found.mediation.by_record.high}
        data |= {
            "mediator_who_only_tells": _mediated_data(found, found.mediation.tells),
            "mediator": _mediated_data(found, found.mediation.pays) | {"record_only": by_record},
        }
    return data | {
        "concern": {
            "no_contract": found.concern.least,
            "contract": found.concern_contract.least,
            "each_no_contract": found.concern.each,
            "each_contract": found.concern_contract.each,
        },
    }


def _gap_data(whole: Account, found: Gap) -> dict[str, Any]:
    problem, mechanism = whole.problem, found.mechanism
    return {
        "welfare": found.welfare,
        "loss": found.loss,
        "share": whole.share(found.loss),
        "strategies": problem.plans(mechanism.strategies) if mechanism else None,
        "transfers": [{"record": r, "parties": t} for r, t in mechanism.paid()] if mechanism else None,
        "clauses": clauses(found),
        "certificates": [
            {
                "strategies": problem.plans(each.strategies),
                "excess": each.excess,
                "same_record": each.pair is not None,
                "words": in_words(problem, each, found.bound),
            }
            for each in found.certificates
        ],
    }


def _mediated_data(whole: Account, found: Mediated) -> dict[str, Any]:
    return {
        "welfare": found.welfare,
        "loss": found.loss,
        "share": whole.share(found.loss),
        "recommendations": {
            cell: [{"strategies": whole.problem.plans(b), "chance": x} for b, x in told.items()]
            for cell, told in found.chances.items()
        },
    }
