"""How much better than its group was a dialogue: advantages over dialogues, before they are spread over tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from scenarios.dilemmas.plan import worth
from scenarios.errors import ParleyError
from scenarios.ward import Array
from training.rollout import Rollout

Credit = Literal["dialogue", "turn"]

EPSILON = 1e-4
"""Added to the standard deviation, so that a group of rewards that hardly differ is not blown up; TRL 1.16 has it."""

UNIFORM = 1e-8
"""Standard deviation up to which a group's rewards are all one: it carries no signal."""


@dataclass(frozen=True)
class Advantages:
    """What both backends are handed, one entry a dialogue."""

    by_turn: tuple[dict[int, float], ...]  # turn -> advantage of each of its tokens
    valid: tuple[bool, ...]  # False: the reward is missing, or the group was dropped


def advantages(rollouts: Sequence[Rollout], *, credit: Credit = "dialogue", scale: float = 1.0) -> Advantages:
    """Group-relative advantages: (r − mean) / (std + 1e-4) over the valid dialogues of a group (Shao et al. 2024).

    The one normaliser of both backends: mean and *sample* standard deviation (n − 1) over **dialogues**, not rows,
    since a dialogue of two rows would count twice (advantages √((2G−1)/(2(G−1))) too large). Dialogues whose
    reward is missing count in nothing and get 0; a group with under two valid dialogues is dropped; one whose
    rewards are all equal gets 0.

    `credit="dialogue"`: one number for all trained tokens of a dialogue. `credit="turn"`: each own utterance has
    its own, from the reward still to come when it was made, r − scale·Φ, where Φ in [0, 1] is what the plan line
    that stood before it is worth to both personas on average (0 without a whole plan). It is the return under
    potential-based shaping, which leaves the best policy as it is (Ng, Harada and Russell 1999; its use here is
    ours); mean and deviation are over all trained utterances of the group. `scale` is the best reward there is.
    """
    if credit not in ("dialogue", "turn"):
        raise ParleyError(f"credit '{credit}': there is none; give dialogue or turn")
    by_turn: list[dict[int, float]] = [dict.fromkeys(r.turns, 0.0) for r in rollouts]
    valid = [False] * len(rollouts)
    for places in _groups(rollouts).values():
        scored = [k for k in places if rollouts[k].reward is not None]
        if len(scored) < 2:
            continue
        returns = [_returns(rollouts[k], credit, scale) for k in scored]
        among = [rollouts[k].reward for k in scored] if credit == "dialogue" else _flat(returns)
        normalised = _normalised(returns, np.array(among, dtype=float))
        for k, values in zip(scored, normalised, strict=True):
            by_turn[k], valid[k] = values, True
    return Advantages(tuple(by_turn), tuple(valid))


def _groups(rollouts: Sequence[Rollout]) -> dict[str, list[int]]:
    out: dict[str, list[int]] = {}
    for k, rollout in enumerate(rollouts):
        out.setdefault(rollout.group_id, []).append(k)
    return out


def _returns(rollout: Rollout, credit: Credit, scale: float) -> dict[int, float]:
    """turn -> the reward still to come before it; the whole reward for each where credit is the dialogue's."""
    assert rollout.reward is not None
    if credit == "dialogue":
        return dict.fromkeys(rollout.turns, rollout.reward)
    return {turn: rollout.reward - scale * potential(rollout, turn) for turn in rollout.turns}


def potential(rollout: Rollout, turn: int) -> float:
    """Φ before a turn, in [0, 1]: the mean worth to both personas of the last plan line that anybody named."""
    plan = next((u.plan for u in reversed(rollout.utterances[:turn]) if u.plan), {})
    worths = [worth(plan, rollout.dilemma, pole.values) for pole in rollout.poles]
    known = [w for w in worths if w is not None]
    return float(np.mean(known)) if known else 0.0


def _flat(returns: Sequence[dict[int, float]]) -> list[float]:
    return [value for by_turn in returns for value in by_turn.values()]


def _normalised(returns: Sequence[dict[int, float]], among: Array) -> list[dict[int, float]]:
    """Each return, less the mean of `among`, by its sample standard deviation; 0 where all of them are one."""
    deviation = float(np.std(among, ddof=1)) if len(among) > 1 else 0.0
    if deviation <= UNIFORM:
        return [dict.fromkeys(by_turn, 0.0) for by_turn in returns]
    mean = float(np.mean(among))
    return [{t: (v - mean) / (deviation + EPSILON) for t, v in by_turn.items()} for by_turn in returns]


@dataclass(frozen=True)
class Signal:
    """What a batch has to learn from. Shares in [0, 1], means in their own unit; NaN where there is nothing."""

    groups: int
    dropped: int  # groups with under two valid dialogues
    zero_signal: float  # share of the other groups whose rewards are all equal
    all_fail: float  # share of the other groups in which no dialogue reached agreement
    missing: float  # share of dialogues without a reward, since a judge failed
    reward: float  # mean over dialogues that have one
    reward_deviation: float  # mean over kept groups of their sample standard deviation
    agreed: float  # share of agreement, where it is known
    rounds: float  # mean over dialogues
    tokens: float  # sampled in a dialogue, mean

    @property
    def carries(self) -> bool:
        """Whether any group has rewards that differ."""
        return self.groups > self.dropped and self.zero_signal < 1.0

    def metrics(self) -> dict[str, float]:
        """The same as plain numbers, for a log."""
        return {name: float(value) for name, value in asdict(self).items()}


def signal(rollouts: Sequence[Rollout]) -> Signal:
    """The signal statistics of a batch of whole groups."""
    groups = [[rollouts[k] for k in places] for places in _groups(rollouts).values()]
    scored = [[r for r in group if r.reward is not None] for group in groups]
    kept = [group for group in scored if len(group) >= 2]
    spreads = [float(np.std([r.reward for r in group], ddof=1)) for group in kept]  # type: ignore[arg-type]
    return Signal(
        groups=len(groups),
        dropped=len(groups) - len(kept),
        zero_signal=_mean([spread <= UNIFORM for spread in spreads]),
        all_fail=_mean([all(r.agreed is False for r in group) for group in kept]),
        missing=_mean([r.reward is None for r in rollouts]),
        reward=_mean([r.reward for r in rollouts if r.reward is not None]),
        reward_deviation=_mean(spreads),
        agreed=_mean([r.agreed for r in rollouts if r.agreed is not None]),
        rounds=_mean([r.rounds for r in rollouts]),
        tokens=_mean([r.sampled for r in rollouts]),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
