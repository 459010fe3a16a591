"""How does a policy deliberate, with itself in both seats, and how much better than another on the same cases?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenarios.dilemmas.plan import whole
from scenarios.ward import Array
from training.dialogue import Agree, Reward, Stage
from training.judges import by_clauses, by_rule
from training.policy import Policy
from training.rollout import Rollout
from training.rules import Case, Rules
from training.tokens import Template
from training.warmup import played as reference_played

BY_CHANCE, RESAMPLES = 15, 2_000
"""What these draws are for, beside the seed; resamples of a bootstrap."""


@dataclass(frozen=True)
class Outcome:
    """What came of the dialogues, one entry a case: NaN is missing."""

    names: tuple[str, ...]  # of the dilemmas
    reward: Array  # 0 to 5; 0 without agreement
    agreed: Array  # 1 or 0
    rounds: Array
    well_formed: (
        Array  # share of turns whose plan line settles every issue; the plan's own, of one agent alone
    )
    example: Rollout

    def means(self) -> dict[str, float]:
        """Means over cases that are not missing."""
        return {name: _mean(values) for name, values in self.measured().items()}

    def measured(self) -> dict[str, Array]:
        """The measures by name."""
        return {
            "reward": self.reward,
            "agreed": self.agreed,
            "rounds": self.rounds,
            "well_formed": self.well_formed,
        }


def deliberate(
    policy: Policy,
    tokenizer: Any,
    rules: Rules,
    cases: Sequence[Case],
    seed: int,
    *,
    agree: Agree = by_rule,
    reward: Reward = by_clauses,
    template: Mapping[str, Any] | None = None,
) -> Outcome:
    """Play every case once, the policy in both seats, by the rules of a training."""
    with Stage(policy, tokenizer, rules, agree=agree, reward=reward, template=template) as stage:
        return outcome(stage.play(cases, np.random.default_rng([seed, 16])))


def reference(tokenizer: Any, rules: Rules, cases: Sequence[Case], seed: int) -> Outcome:
    """The same of two reference seats: what the clauses allow to who can read and reckon."""
    rollouts = reference_played(cases, rules, Template(tokenizer), seed)
    return outcome([_scored(r) for r in rollouts])


def outcome(rollouts: Sequence[Rollout]) -> Outcome:
    """The measures of dialogues."""
    nan = float("nan")
    return Outcome(
        names=tuple(r.dilemma.name for r in rollouts),
        reward=np.array([nan if r.reward is None else r.reward for r in rollouts]),
        agreed=np.array([nan if r.agreed is None else float(r.agreed) for r in rollouts]),
        rounds=np.array([float(r.rounds) if r.utterances else nan for r in rollouts]),
        well_formed=np.array([_well_formed(r) for r in rollouts]),
        example=next((r for r in rollouts if r.agreed), rollouts[0]),
    )


@dataclass(frozen=True)
class Difference:
    """A mean paired difference, later less earlier, with its 95 % interval; None where none can be given."""

    mean: float
    low: float | None
    high: float | None
    dilemmas: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def compared(later: Outcome, earlier: Outcome, measure: str, seed: int) -> Difference:
    """Bootstrap-t over dilemmas (Efron and Tibshirani 1993), which are drawn whole: their cases hang together.

    Under 20 dilemmas, or where every dilemma has the same difference, there is no interval.
    """
    gaps = later.measured()[measure] - earlier.measured()[measure]
    names = np.array(later.names)
    each = np.array([_mean(gaps[names == n]) for n in sorted(set(later.names))])
    each = each[np.isfinite(each)]
    n = len(each)
    mean = _mean(each)
    spread = float(each.std(ddof=1)) if n > 1 else 0.0
    if n < 20 or spread <= 1e-12:
        return Difference(mean, None, None, n)
    drawn = each[np.random.default_rng([seed, BY_CHANCE]).integers(n, size=(RESAMPLES, n))]
    errors = drawn.std(axis=1, ddof=1) / np.sqrt(n)
    t = (drawn.mean(axis=1) - mean)[errors > 1e-12] / errors[errors > 1e-12]
    low, high = np.quantile(t, [0.025, 0.975])
    error = spread / np.sqrt(n)
    return Difference(mean, float(mean - high * error), float(mean - low * error), n)


def _scored(rollout: Rollout) -> Rollout:
    from dataclasses import replace

    worth = by_clauses(rollout.dilemma, rollout.completion or "", rollout.poles, rollout.utterances)
    assert worth is None or isinstance(worth, float)
    return replace(rollout, reward=worth if rollout.agreed is not False else 0.0)


def _well_formed(rollout: Rollout) -> float:
    from scenarios.dilemmas.plan import read_plan

    named = [u.plan for u in rollout.utterances] or [read_plan(rollout.completion or "", rollout.dilemma)]
    return float(np.mean([whole(plan, rollout.dilemma) for plan in named]))


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
