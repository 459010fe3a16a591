"""Who turns rollouts into gradients: a short reference loop, or TRL's GRPOTrainer; one interface, the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field

from scenarios.model import Model
from training.advantages import advantages
from training.rollout import Rollout, Row, rows

Roll = Callable[[int], list[Rollout]]
"""Plays the dialogues of a step, counted from 0, with the policy as it is then. Where its draws hang on the seed, the
step and the process alone, a run that is resumed goes on exactly as it would have."""

Told = Callable[[int, dict[str, float], list[Rollout]], bool]
"""Hears of a step that is done: its number, its metrics, what this process played. True ends the training; several
processes have to answer alike, since they wait for one another."""


class Tuning(Model):
    """How the policy is moved. Defaults are Anantaprayoon et al. 2026's where they say; the clip is PPO's."""

    learning_rate: float = Field(default=5e-6, gt=0)
    warmup_steps: int = Field(
        default=0, ge=0, description="over which the learning rate rises to its full height"
    )
    clip_low: float = Field(default=0.2, ge=0, lt=1)
    clip_high: float = Field(default=0.2, ge=0)
    kl: float = Field(default=0.0, ge=0, description="weight of the divergence from where training began")
    epochs: int = Field(default=1, ge=1, description="updates on one batch of dialogues")
    micro_batch: int = Field(default=8, ge=1, description="rows at once on one device; changes memory alone")
    max_grad_norm: float = Field(default=1.0, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    temperature: float = Field(default=0.7, gt=0, description="that turns are sampled at: the rules' own")
    credit: Literal["dialogue", "turn"] = "dialogue"
    reward_scale: float = Field(
        default=1.0, gt=0, description="the best reward there is; read by credit turn"
    )
    checkpointing: bool = Field(default=False, description="recompute activations: less memory, more time")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0: rises in a line over the warm-up, then stays."""
        return self.learning_rate * min(1.0, (step + 1) / self.warmup_steps if self.warmup_steps else 1.0)


class Backend(Protocol):
    """What both backends do. Each owns the model it was made with, and its optimiser."""

    def train(self, roll: Roll, *, start: int, steps: int, told: Told) -> None:
        """Steps `start` … `steps` − 1: play, work out advantages, update, tell."""
        ...

    def save(self, folder: Path) -> None:
        """Model, tokenizer, optimiser and step, whole or not at all."""
        ...

    def load(self, folder: Path) -> int:
        """Go back to what was saved; the number of steps that were done."""
        ...


def prepared(rollouts: Sequence[Rollout], tuning: Tuning, rows_per_dialogue: int, pad_id: int) -> list[Row]:
    """The rows that either backend is handed, with the core's advantages."""
    given = advantages(rollouts, credit=tuning.credit, scale=tuning.reward_scale)
    return rows(rollouts, given, rows_per_dialogue, pad_id=pad_id)
