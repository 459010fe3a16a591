"""Does the exact expected reward of a two-action policy rise after one step, through the whole of the machinery?"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from negotiators.deliberation import Utterance
from tests.training.playing import Letters, Terse, case, verdicts
from training.backends import Tuning
from training.policy import Sampled
from training.rules import Rules

WITHOUT = "the extra `train` is not installed: pip install torch, then pip install '.[train]'"
torch = pytest.importorskip("torch", reason=WITHOUT)
pytest.importorskip("accelerate", reason=WITHOUT)
torch.set_num_threads(1)

from training.backends.reference import ReferenceBackend  # noqa: E402
from training.dialogue import Stage  # noqa: E402

ACTIONS = (ord("n"), ord("y"))
TEMPERATURE = 0.7
VOCABULARY = 256


class TwoActions(torch.nn.Module):  # type: ignore[misc]
    """A policy of one parameter that says y or n, whatever it hears: p(y) = 1 / (1 + exp(−θ / T))."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor(-0.4))

    def forward(self, input_ids: Any, logits_to_keep: int, **_: Any) -> Any:
        logits = torch.full((VOCABULARY,), -1e4).index_put(
            (torch.tensor(ACTIONS),), torch.stack([torch.zeros(()), self.theta])
        )
        return SimpleNamespace(logits=logits.expand(len(input_ids), logits_to_keep, VOCABULARY))

    @property
    def expected(self) -> float:
        """The exact expected reward, where y earns 1 and n nothing: p(y)."""
        return float(torch.sigmoid(self.theta.detach() / TEMPERATURE))

    def sample(self, prompts: Sequence[Any], *, rng: np.random.Generator, **_: Any) -> list[Sampled]:
        says_y = rng.random(len(prompts)) < self.expected
        return [Sampled((ACTIONS[int(y)],), (0.0,), ended=False) for y in says_y]


def step(rules: Rules, reward: Any, seed: int = 0, **tuning: Any) -> tuple[float, float, dict[str, float]]:
    """Expected reward before and after one step on a group of eight, and the step's metrics."""
    policy = TwoActions()
    settings = Tuning(learning_rate=0.1, temperature=TEMPERATURE, **tuning)
    backend = ReferenceBackend(policy, Letters(), settings, rules.rows_per_dialogue)
    with Stage(policy, Letters(), rules, agree=verdicts("agreed"), reward=reward, words=Terse()) as stage:
        batch = stage.play([case()] * 8, np.random.default_rng(seed))
    before = policy.expected
    metrics = backend.step(batch)
    return before, policy.expected, metrics


def first_says_y(dilemma: Any, plan: str, poles: Any, dialogue: Sequence[Utterance]) -> float:
    return float((dialogue[0].text if dialogue else plan) == "y")


ALL_RULES = [
    Rules(alone=True, temperature=TEMPERATURE),
    Rules(window="full", rounds=1, temperature=TEMPERATURE),
    Rules(window=2, rounds=3, temperature=TEMPERATURE),
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rules", ALL_RULES, ids=["alone", "full", "window"])
def test_expected_reward_rises_after_one_step(rules: Rules, seed: int) -> None:
    before, after, metrics = step(rules, first_says_y, seed)
    assert metrics["grad_norm"] > 0
    assert after > before


def test_the_gradient_is_the_policy_gradient_worked_out_by_hand() -> None:
    """−(1/8) Σ A_k · ∂log p(a_k)/∂θ, of which ∂log p(y)/∂θ = (1 − p)/T and ∂log p(n)/∂θ = −p/T."""
    before, _, metrics = step(ALL_RULES[0], first_says_y)
    drawn = np.random.default_rng(0)
    drawn.integers(2**31, size=8)  # the dialogues' seeds come first
    y = drawn.random(8) < before
    rewards = y.astype(float)
    advantages = (rewards - rewards.mean()) / (rewards.std(ddof=1) + 1e-4)
    slope = np.where(y, 1 - before, -before) / TEMPERATURE
    assert metrics["grad_norm"] == pytest.approx(abs(np.mean(advantages * slope)), rel=1e-5)


def test_what_it_learns_is_the_first_seats_own_words_and_not_the_seconds() -> None:
    """A reward for what the frozen seat says is noise to the seat that trains: it earns the second seat nothing."""
    rules = Rules(window="full", rounds=1, temperature=TEMPERATURE)
    moved = []
    for seed in range(40):
        before, after, _ = step(rules, lambda d, p, q, said: float(said[1].text == "y"), seed)
        moved.append(np.sign(after - before))
    assert abs(np.mean(moved)) < 0.5, "as often down as up"


@pytest.mark.parametrize("reward", [None, 0.0, 1.0])
def test_a_uniform_or_missing_reward_leaves_the_policy_exactly_where_it_was(reward: float | None) -> None:
    before, after, _ = step(ALL_RULES[1], lambda *_: reward)
    assert after == before


def test_a_trainer_that_was_stopped_between_updates_leaves_ours_whole() -> None:
    """Accelerate keeps one state a process: a trainer that ended as it gathered gradients would stop every step."""
    from accelerate import Accelerator

    Accelerator().sync_gradients = False
    before, after, _ = step(ALL_RULES[0], first_says_y)
    assert after > before
