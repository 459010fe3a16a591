"""What does a policy learn from rows: the clipped objective of GRPO over exactly the sampled tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.rollout import Row


@dataclass(frozen=True)
class Batch:
    """Rows as tensors: prompts padded on the left to P, completions on the right to T."""

    ids: Any  # (B, P + T)
    attention: Any  # (B, P + T)
    mask: Any  # (B, T) bool: tokens that train
    advantages: Any  # (B, T)

    @property
    def width(self) -> int:
        """T."""
        return int(self.mask.shape[1])


def collate(rows: Sequence[Row], pad_id: int, device: Any) -> Batch:
    """Rows as tensors on a device."""
    import torch

    before = max(len(r.prompt_ids) for r in rows)
    after = max(len(r.completion_ids) for r in rows)
    ids, attention, mask, advantages = [], [], [], []
    for r in rows:
        left, right = before - len(r.prompt_ids), after - len(r.completion_ids)
        ids.append([pad_id] * left + [*r.prompt_ids, *r.completion_ids] + [pad_id] * right)
        attention.append([0] * left + [1] * (before - left + after - right) + [0] * right)
        mask.append([*r.mask] + [0] * right)
        advantages.append([*r.advantages] + [0.0] * right)
    return Batch(
        torch.tensor(ids, device=device),
        torch.tensor(attention, device=device),
        torch.tensor(mask, dtype=torch.bool, device=device),
        torch.tensor(advantages, dtype=torch.float32, device=device),
    )


def completion_logits(model: Any, batch: Batch, temperature: float) -> Any:
    """Logits (B, T, V) that predict each completion token, over the temperature that tokens were sampled at."""
    position = (batch.attention.cumsum(1) - 1).clamp(min=0)
    out = model(
        input_ids=batch.ids,
        attention_mask=batch.attention,
        position_ids=position,
        use_cache=False,
        logits_to_keep=batch.width + 1,
    )
    return out.logits[:, :-1].float() / temperature


def scores(logits: Any, batch: Batch) -> tuple[Any, Any]:
    """Log-probability and entropy, in nats, of each completion token: both (B, T); the entropy has no gradient."""
    import torch

    spoken = batch.ids[:, -batch.width :]
    all_ = torch.log_softmax(logits, dim=-1)
    with torch.no_grad():
        entropy = -(all_.exp() * all_).sum(-1)
    return all_.gather(-1, spoken[..., None])[..., 0], entropy


@dataclass(frozen=True)
class Clip:
    """How far from the policy that sampled a ratio counts: PPO's 1 ± ε (Schulman et al. 2017), and the KL's weight."""

    low: float = 0.2
    high: float = 0.2
    kl: float = 0.0


def clipped(
    logprobs: Any, old: Any, batch: Batch, tokens: float, clip: Clip, reference: Any = None
) -> tuple[Any, dict[str, Any]]:
    """The loss of a batch, and sums over its trained tokens for the metrics.

    L = −Σ_t min(ρ_t A_t, clip(ρ_t, 1−ε_low, 1+ε_high) A_t) / tokens + β Σ_t KL_t / tokens, over tokens with mask 1,
    with ρ_t = exp(log p_t − old_t) (Shao et al. 2024) and `tokens` the trained tokens of the whole batch of
    dialogues, so that each token weighs the same however long its row (DAPO: Yu et al. 2025). KL_t is the
    estimator exp(d) − d − 1 with d = reference_t − log p_t (k3: Schulman 2020). All (B, T). A token with mask 0
    contributes exactly nothing, whatever stands in its place, NaN too.
    """
    import torch

    zero = torch.zeros_like(logprobs)
    log_ratio = torch.where(batch.mask, logprobs - torch.where(batch.mask, old, zero), zero)
    ratio = log_ratio.exp()
    near = ratio.clamp(1 - clip.low, 1 + clip.high)
    loss = -torch.minimum(ratio * batch.advantages, near * batch.advantages)
    outside = torch.where(batch.advantages >= 0, ratio > 1 + clip.high, ratio < 1 - clip.low)
    sums = {"clip_fraction": (outside & batch.mask).sum().float(), "kl": torch.zeros((), device=loss.device)}
    if reference is not None:
        d = torch.where(batch.mask, reference - logprobs, zero)
        divergence = d.exp() - d - 1
        loss = loss + clip.kl * divergence
        sums["kl"] = torch.where(batch.mask, divergence, zero).sum().detach()
    return torch.where(batch.mask, loss, zero).sum() / tokens, sums


def likelihood(logprobs: Any, batch: Batch, tokens: float) -> Any:
    """The loss of supervised learning: −Σ log p over tokens with mask 1, over the `tokens` of the whole batch."""
    import torch

    return -torch.where(batch.mask, logprobs, torch.zeros_like(logprobs)).sum() / tokens
