"""How does TRL train on our dialogues: its GRPOTrainer is handed rows, masks and the core's advantages?

The one file that knows TRL. `rollout_func` is experimental there, so TRL is pinned to 1.16, and a test holds the
gradient to the reference loop's.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from scenarios.errors import ParleyError
from training.backends import Roll, Told, Tuning, checkpoint, prepared
from training.backends.reference import optimiser
from training.models.load import older_names
from training.policy import TransformersPolicy
from training.rollout import NAN, Rollout, Row
from training.tokens import Template

PINNED = (1, 16)

NAMES = {"loss": "loss", "grad_norm": "grad_norm", "learning_rate": "learning_rate", "step_time": "seconds"}
"""TRL's names of metrics -> the reference loop's."""

PER_TOKEN = {"entropy": "entropy", "kl": "kl", "clip_ratio/region_mean": "clip_fraction"}
"""The same of means over tokens. TRL averages them over micro-batches, one of padding alone as 0: we weigh them."""


class TrlBackend:
    """GRPO by TRL's GRPOTrainer on `dialogues` dialogues a step and process. The same `Tuning` gives the same steps."""

    def __init__(
        self, model: Any, tokenizer: Any, tuning: Tuning, rows_per_dialogue: int, *, dialogues: int, out: Path
    ) -> None:
        self.tuning = tuning
        self.model = model
        self.tokenizer = tokenizer
        self.rows_per_dialogue = rows_per_dialogue
        self.dialogues = dialogues
        self.done = 0
        self._out = out
        self._template = Template(tokenizer)
        self._optimiser = optimiser(model, tuning)
        self._compared = _frozen(model) if tuning.kl > 0 else None
        self._trainer: Any = None
        self._roll: Roll | None = None
        self._told: Told | None = None
        self._rows: list[Row] = []
        self._rollouts: list[Rollout] = []
        self._measured: list[tuple[float, dict[str, float]]] = []  # of micro-batches: tokens, means over them
        _check_version()

    def policy(self, *, batch: int = 64, template: Mapping[str, Any] | None = None) -> TransformersPolicy:
        """The policy that the model in training is."""
        return TransformersPolicy(self.model, self.tokenizer, batch=batch, template=template)

    def train(self, roll: Roll, *, start: int = 0, steps: int, told: Told) -> None:
        """See `Backend`."""
        if start >= steps:
            return
        self._roll, self._told, self.done = roll, told, start
        with older_names(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*rollout_func.*experimental")
            self._trainer = self._made(steps - start)
            self._trainer.train()

    def save(self, folder: Path) -> None:
        """See `Backend`; the first process alone writes."""
        if self._trainer is None or self._trainer.is_world_process_zero():
            checkpoint.save(
                folder,
                model=self.model,
                tokenizer=self.tokenizer,
                optimiser=self._optimiser,
                step=self.done,
            )
        if self._trainer is not None:
            self._trainer.accelerator.wait_for_everyone()

    def load(self, folder: Path) -> int:
        """See `Backend`. Raises ParleyError, in one line, for what is no checkpoint of this model."""
        self.done = checkpoint.load(folder, model=self.model, optimiser=self._optimiser)
        return self.done

    def rollouts(self, prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:
        """TRL's `rollout_func`: the dialogues of this step as rows. What the prompts say is nothing to us."""
        assert self._roll is not None
        self._rollouts = self._roll(self.done)
        self._rows = prepared(self._rollouts, self.tuning, self.rows_per_dialogue, self._template.pad_id)
        if len(self._rows) != len(prompts):
            raise ParleyError(
                f"trl: {len(self._rollouts)} dialogues were played where {self.dialogues} are trained on; "
                "play as many in every step"
            )
        return {
            "prompt_ids": [list(r.prompt_ids) for r in self._rows],
            "completion_ids": [list(r.completion_ids) for r in self._rows],
            "logprobs": None,
            "env_mask": [list(r.mask) for r in self._rows],
        }

    def per_token(self, like: Any) -> Any:
        """The core's advantages in the shape (rows, tokens) of TRL's completion ids."""
        import torch

        values = torch.zeros(like.shape, dtype=torch.float32, device=like.device)
        for k, row in enumerate(self._rows):
            values[k, : len(row.advantages)] = torch.tensor(row.advantages)
        return values

    def measured(self, tokens: float, metrics: Mapping[str, Sequence[float]]) -> None:
        """Take in what TRL measured on a micro-batch of so many trained tokens."""
        self._measured.append((tokens, {name: metrics[name][-1] for name in PER_TOKEN if metrics.get(name)}))

    def heard(self, logs: Mapping[str, float], update: int) -> bool:
        """A line of TRL's log -> whether training ends. Several updates on one batch are one step."""
        if "loss" not in logs:
            return False
        measured, self._measured = self._measured, []
        if update % self.tuning.epochs:
            return False
        assert self._told is not None
        metrics = {ours: float(logs.get(theirs, NAN)) for theirs, ours in NAMES.items()}
        metrics["tokens"] = max(1.0, sum(tokens for tokens, _ in measured))
        for theirs, ours in PER_TOKEN.items():
            total = sum(tokens * means.get(theirs, NAN) for tokens, means in measured)
            metrics[ours] = total / metrics["tokens"]
        step, self.done = self.done, self.done + 1
        return self._told(step, metrics, self._rollouts)

    def _made(self, steps: int) -> Any:
        """TRL's trainer, on a data set that only counts the steps."""
        import torch
        from datasets import Dataset
        from transformers.trainer_callback import PrinterCallback
        from trl.trainer.utils import add_fused_lm_head

        tuning, updates = self.tuning, steps * self.tuning.epochs
        begun = self.done
        rate = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, lambda k: tuning.rate(begun + k // tuning.epochs) / tuning.learning_rate
        )
        trainer = _trainer_class()(
            model=self.model,
            reward_funcs=[_reward],
            args=self._settings(updates),
            train_dataset=Dataset.from_dict({"prompt": [str(k) for k in range(steps)]}),
            processing_class=self.tokenizer,
            optimizers=(self._optimiser, rate),
            rollout_func=self.rollouts,
        )
        trainer.core = self
        trainer.remove_callback(PrinterCallback)
        if tuning.kl > 0:  # set here: TRL would read the model that training began with from a path
            trainer.beta = tuning.kl
            if self._compared is not None:
                add_fused_lm_head(self._compared, temperature=tuning.temperature)
                trainer.ref_model = self._compared.to(trainer.accelerator.device)
        return trainer

    def _settings(self, updates: int) -> Any:
        import torch
        from trl import GRPOConfig

        tuning, total = self.tuning, self.dialogues * self.rows_per_dialogue
        micro = max(k for k in range(1, min(tuning.micro_batch, total) + 1) if total % k == 0)
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        return GRPOConfig(
            output_dir=str(self._out),
            max_steps=updates,
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=total // micro,
            steps_per_generation=total // micro,
            num_generations=total * processes,  # one prompt a step: groups are the core's business
            num_iterations=tuning.epochs,
            shuffle_dataset=False,
            loss_type="dapo",
            scale_rewards="none",
            epsilon=tuning.clip_low,
            epsilon_high=tuning.clip_high,
            beta=0.0,
            temperature=tuning.temperature,
            learning_rate=tuning.learning_rate,
            weight_decay=tuning.weight_decay,
            max_grad_norm=tuning.max_grad_norm,
            bf16=False,
            use_cpu=not torch.cuda.is_available(),
            remove_unused_columns=False,
            save_strategy="no",
            logging_steps=1,
            report_to="none",
            disable_tqdm=True,
            ddp_find_unused_parameters=False,
            **{_checkpointing(GRPOConfig): tuning.checkpointing},
        )


def _checkpointing(settings: Any) -> str:
    """What this release of transformers calls recomputing activations."""
    names = {f.name for f in fields(settings)}
    return "activation_checkpointing" if "activation_checkpointing" in names else "gradient_checkpointing"


@cache
def _trainer_class() -> type:
    """GRPOTrainer, but for whose advantages it uses and who hears of its log."""
    from trl import GRPOTrainer

    class CoreTrainer(GRPOTrainer):  # type: ignore[misc]
        core: TrlBackend

        def _generate_and_score_completions(self, inputs: Any) -> Any:
            output = super()._generate_and_score_completions(inputs)
            output["advantages"] = self.core.per_token(output["completion_ids"])
            return output

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            loss = super()._compute_loss(model, inputs)
            tokens = (inputs["completion_mask"] * inputs["tool_mask"]).sum()
            self.core.measured(float(self.accelerator.reduce(tokens)), self._metrics["train"])
            return loss

        def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
            super().log(logs, start_time)
            if self.core.heard(self.state.log_history[-1], self.state.global_step):
                self.control.should_training_stop = True

    return CoreTrainer


def _reward(completions: Sequence[Any], **_: Any) -> list[float]:
    """TRL must be given a reward. Nothing is learned from this one or told of it: advantages are the core's."""
    return [0.0] * len(completions)


def _frozen(model: Any) -> Any:
    """A copy to compare with, made before TRL patches the model; None where adapters can be switched off."""
    from copy import deepcopy

    return None if hasattr(model, "disable_adapter") else deepcopy(model).requires_grad_(False).eval()


def _check_version() -> None:
    from importlib.metadata import version

    found = version("trl")
    if tuple(int(part) for part in found.split(".")[:2]) != PINNED:
        raise ParleyError(f"trl {found}: this adapter is written for 1.16; pip install 'trl>=1.16,<1.17'")
