"""Does the loss touch exactly the sampled tokens, and is it the clipped objective it says it is?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.rollout import Row

torch = pytest.importorskip(
    "torch", reason="the extra `train` is not installed: pip install torch '.[train]'"
)
torch.set_num_threads(1)

from training.loss import Clip, clipped, collate, likelihood, scores  # noqa: E402

V = 7


def row(mask: list[int], advantages: list[float], *, prompt: int = 2) -> Row:
    """A row of some length; its ids count up."""
    n = len(mask)
    ids = tuple(k % V for k in range(n))
    return Row(
        (1,) * prompt,
        ids,
        tuple(mask),
        tuple(a * m for a, m in zip(advantages, mask, strict=True)),
        (0.0,) * n,
    )


def drawn(shape: tuple[int, ...], seed: int = 0) -> Any:
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), dtype=torch.float32)


ROWS = [row([1, 1, 0, 0, 1], [1.0] * 5), row([1, 0, 1], [-0.5] * 3, prompt=4), row([0], [0.0])]


def test_rows_are_laid_out_with_prompts_that_end_and_completions_that_begin_together() -> None:
    batch = collate(ROWS, pad_id=0, device="cpu")
    assert batch.ids.tolist()[1] == [1, 1, 1, 1, 0, 1, 2, 0, 0]
    assert batch.attention.tolist() == [
        [0, 0, 1, 1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 0, 0, 0, 0],
    ]
    assert batch.mask.int().tolist() == [[1, 1, 0, 0, 1], [1, 0, 1, 0, 0], [0] * 5]
    assert batch.advantages.tolist()[1] == [-0.5, 0.0, -0.5, 0.0, 0.0]


@pytest.mark.parametrize("kl", [0.0, 0.3])
def test_the_gradient_is_0_at_every_masked_logit_and_is_not_at_any_sampled_one(kl: float) -> None:
    batch = collate(ROWS, pad_id=0, device="cpu")
    logits = drawn((3, 5, V)).requires_grad_()
    logprobs, _ = scores(logits, batch)
    reference = drawn((3, 5), 1) if kl else None
    loss, _ = clipped(logprobs, logprobs.detach(), batch, 5.0, Clip(kl=kl), reference)
    loss.backward()
    touched = logits.grad.abs().sum(-1) > 0
    assert torch.equal(touched, batch.mask)
    assert torch.equal(logits.grad[~batch.mask], torch.zeros_like(logits.grad[~batch.mask]))


def test_what_stands_at_masked_places_changes_neither_loss_nor_gradient() -> None:
    """NaN as well: the log-probability of a token that nobody sampled is not known."""
    out = []
    for noise in (0.0, 50.0):
        batch = collate(ROWS, pad_id=0, device="cpu")
        batch = replace(batch, advantages=batch.advantages + noise * ~batch.mask)
        logits = (drawn((3, 5, V)) + noise * drawn((3, 5, V), 2) * ~batch.mask[..., None]).requires_grad_()
        old = torch.where(batch.mask, drawn((3, 5), 3) - 2, float("nan"))
        loss, sums = clipped(scores(logits, batch)[0], old, batch, 5.0, Clip())
        loss.backward()
        out.append((loss.detach(), logits.grad[batch.mask], sums["clip_fraction"]))
    assert all(torch.equal(a, b) for a, b in zip(*out, strict=True))
    assert torch.isfinite(out[0][0])


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective", "moves"),
    [
        (1.0, 2.0, 2.0, True),
        (1.1, 2.0, 2.2, True),
        (1.5, 2.0, 2.4, False),  # clipped at 1.2: nothing more to gain
        (0.5, 2.0, 1.0, True),  # below, with a good one: back towards it
        (1.5, -2.0, -3.0, True),
        (0.5, -2.0, -1.6, False),  # clipped at 0.8
    ],
)
def test_a_ratio_outside_the_clip_counts_as_the_edge_by_hand(
    ratio: float, advantage: float, objective: float, moves: bool
) -> None:
    batch = collate([row([1], [advantage])], pad_id=0, device="cpu")
    logprobs = torch.tensor([[np.log(ratio)]], dtype=torch.float32).requires_grad_()
    loss, sums = clipped(logprobs, torch.zeros(1, 1), batch, 1.0, Clip())
    loss.backward()
    assert -float(loss.detach()) == pytest.approx(objective)
    assert bool(logprobs.grad.abs().sum() > 0) is moves
    assert float(sums["clip_fraction"]) == float(not moves)


def test_every_token_of_the_batch_weighs_the_same_however_long_its_row() -> None:
    batch = collate([row([1] * 4, [1.0] * 4), row([1], [1.0])], pad_id=0, device="cpu")
    logprobs = torch.zeros(2, 4).requires_grad_()
    clipped(logprobs, torch.zeros(2, 4), batch, 5.0, Clip())[0].backward()
    assert logprobs.grad[batch.mask].tolist() == pytest.approx([-0.2] * 5)


@given(st.floats(-2, 2), st.floats(-2, 2))
@settings(max_examples=30, deadline=None)
def test_the_divergence_is_k3_at_least_0_and_pulls_towards_the_reference(p: float, q: float) -> None:
    batch = collate([row([1], [0.0])], pad_id=0, device="cpu")
    logprobs = torch.tensor([[p]], dtype=torch.float64).requires_grad_()
    loss, sums = clipped(
        logprobs, logprobs.detach(), batch, 1.0, Clip(kl=0.5), torch.tensor([[q]], dtype=torch.float64)
    )
    loss.backward()
    assert float(sums["kl"]) == pytest.approx(np.exp(q - p) - (q - p) - 1, abs=1e-6)
    assert float(loss.detach()) == pytest.approx(0.5 * float(sums["kl"]), abs=1e-6)
    assert float(logprobs.grad) == pytest.approx(0.5 * (1 - np.exp(q - p)), abs=1e-6)


def test_scores_are_log_probabilities_and_entropy_in_nats() -> None:
    batch = collate([row([1, 1], [1.0, 1.0])], pad_id=0, device="cpu")
    logprobs, entropy = scores(torch.zeros(1, 2, V), batch)
    assert logprobs.tolist()[0] == pytest.approx([-np.log(V)] * 2)
    assert entropy.tolist()[0] == pytest.approx([np.log(V)] * 2)


def test_supervised_learning_touches_the_same_tokens() -> None:
    batch = collate(ROWS, pad_id=0, device="cpu")
    logits = drawn((3, 5, V)).requires_grad_()
    logprobs, _ = scores(logits, batch)
    likelihood(logprobs, batch, 5.0).backward()
    assert torch.equal(logits.grad.abs().sum(-1) > 0, batch.mask)
