"""How does the reference loop train: rows in micro-batches, one clipped update, on as many processes as there are?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from scenarios.errors import ParleyError
from training.backends import Roll, Told, Tuning, checkpoint, prepared
from training.loss import Batch, Clip, clipped, collate, completion_logits, likelihood, scores
from training.models.load import recompute
from training.policy import TransformersPolicy, speaking
from training.rollout import Rollout, Row
from training.tokens import Template

Objective = Callable[[Any, Batch, int], tuple[Any, dict[str, Any]]]
"""Log-probabilities, their batch and its number -> its part of the loss, and sums for the metrics."""


class ReferenceBackend:
    """GRPO in torch, transformers and accelerate. What `Tuning.kl` diverges from is the model as it is given here.

    Several processes (`accelerate launch`) each play and train their own dialogues, as many each; gradients are
    averaged by DistributedDataParallel. Sharded weights (FSDP, DeepSpeed) are TRL's to do, not this loop's.
    """

    def __init__(
        self, model: Any, tokenizer: Any, tuning: Tuning, rows_per_dialogue: int, accelerator: Any = None
    ) -> None:
        self.tuning = tuning
        self.tokenizer = tokenizer
        self.rows_per_dialogue = rows_per_dialogue
        self.done = 0
        self._pad_id = Template(tokenizer).pad_id
        self._accelerator = accelerator if accelerator is not None else _accelerator()
        if tuning.checkpointing:
            recompute(model)
        self._compared = _frozen(model) if tuning.kl > 0 else None
        self.model, self._optimiser = self._accelerator.prepare(model, optimiser(model, tuning))
        if self._compared is not None:
            self._compared = self._compared.to(self._accelerator.device)

    @property
    def inner(self) -> Any:
        """The model itself, whatever it was wrapped in."""
        return self._accelerator.unwrap_model(self.model)

    def policy(self, *, batch: int = 64, template: Mapping[str, Any] | None = None) -> TransformersPolicy:
        """The policy that the model in training is."""
        return TransformersPolicy(self.inner, self.tokenizer, batch=batch, template=template)

    def train(self, roll: Roll, *, start: int = 0, steps: int, told: Told) -> None:
        """See `Backend`."""
        for step in range(start, steps):
            rollouts = roll(step)
            if told(step, self.step(rollouts), rollouts):
                return

    def step(self, rollouts: Sequence[Rollout]) -> dict[str, float]:
        """One step on a batch of dialogues: `Tuning.epochs` updates. Metrics as `update` gives them."""
        return self.update(prepared(rollouts, self.tuning, self.rows_per_dialogue, self._pad_id))

    def update(self, rows: Sequence[Row]) -> dict[str, float]:
        """The same on rows that have their advantages. Metrics are means over trained tokens of all processes.

        `loss`, `grad_norm` (before clipping), `learning_rate`, `entropy` (nats), `kl` (nats; NaN where it is not
        asked for), `clip_fraction`, `tokens`, `seconds`. Where no token trains the gradient is 0.
        """
        batches, tokens = self._batches(rows)
        share = tokens / self._accelerator.num_processes
        clip = Clip(self.tuning.clip_low, self.tuning.clip_high, self.tuning.kl)
        old = [self._scored(b, self.tuning.temperature) for b in batches] if self.tuning.epochs > 1 else None

        def objective(logprobs: Any, batch: Batch, k: int) -> tuple[Any, dict[str, Any]]:
            before = logprobs.detach() if old is None else old[k]
            return clipped(logprobs, before, batch, share, clip, self._reference(batch))

        begun, metrics = time.perf_counter(), {}
        for _ in range(self.tuning.epochs):
            metrics = self._updated(batches, tokens, self.tuning.temperature, objective)
        self.done += 1
        if not clip.kl:
            metrics["kl"] = float("nan")
        return metrics | {"seconds": time.perf_counter() - begun}

    def teach(self, rows: Sequence[Row]) -> dict[str, float]:
        """One supervised step: the likelihood of the tokens with mask 1, at temperature 1. Metrics as `update`."""
        begun, (batches, tokens) = time.perf_counter(), self._batches(rows)
        share = tokens / self._accelerator.num_processes
        metrics = self._updated(batches, tokens, 1.0, lambda p, b, _: (likelihood(p, b, share), {}))
        self.done += 1
        return metrics | {"seconds": time.perf_counter() - begun}

    def save(self, folder: Path) -> None:
        """See `Backend`; the first process alone writes."""
        if self._accelerator.is_main_process:
            checkpoint.save(
                folder,
                model=self.inner,
                tokenizer=self.tokenizer,
                optimiser=self._optimiser,
                step=self.done,
            )
        self._accelerator.wait_for_everyone()

    def load(self, folder: Path) -> int:
        """See `Backend`. Raises ParleyError, in one line, for what is no checkpoint of this model."""
        self.done = checkpoint.load(folder, model=self.inner, optimiser=self._optimiser)
        return self.done

    def _updated(
        self, batches: Sequence[Batch], tokens: float, temperature: float, objective: Objective
    ) -> dict[str, float]:
        """One update of the weights by the gradient of all micro-batches."""
        import torch

        sums: dict[str, Any] = {}
        self.model.train()
        self._accelerator.sync_gradients = (
            True  # one state a process: a trainer before us may have left it off,
        )
        self._optimiser.zero_grad()  # and then no step is taken
        for k, batch in enumerate(batches):
            last = k == len(batches) - 1  # gradients of several processes meet once, at the end
            with nullcontext() if last else self._accelerator.no_sync(self.model):
                logprobs, entropy = scores(completion_logits(self.model, batch, temperature), batch)
                loss, more = objective(logprobs, batch, k)
                self._accelerator.backward(loss)
            more |= {"loss": loss.detach() * tokens, "entropy": (entropy * batch.mask).sum()}
            for name, value in more.items():
                sums[name] = sums.get(name, 0.0) + value
        norm = self._accelerator.clip_grad_norm_(self.model.parameters(), self.tuning.max_grad_norm)
        rate = self.tuning.rate(self.done)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        totals = self._accelerator.reduce(torch.stack([v.float() for v in sums.values()]), reduction="sum")
        means = {name: float(v) / tokens for name, v in zip(sums, totals, strict=True)}
        means["loss"] /= self._accelerator.num_processes
        return means | {"grad_norm": float(norm), "learning_rate": rate, "tokens": tokens}

    def _batches(self, rows: Sequence[Row]) -> tuple[list[Batch], float]:
        """Rows that train, alike in length together, and the trained tokens of all processes, at least 1.

        Every process has as many micro-batches, made up with a row that does not train: they wait for each other.
        """
        import torch

        if not rows:
            raise ParleyError("update: there are no rows; give the rows of at least one dialogue")
        device, size = self._accelerator.device, self.tuning.micro_batch
        work = sorted((r for r in rows if r.tokens), key=lambda r: len(r.prompt_ids) + len(r.completion_ids))
        mine = torch.tensor([sum(r.tokens for r in work), max(1, -(-len(work) // size))], device=device)
        everyone = self._accelerator.gather(mine).reshape(-1, 2)
        idle = Row((self._pad_id,), (self._pad_id,), (0,), (0.0,), (float("nan"),))
        parts = [work[i : i + size] for i in range(0, len(work), size)]
        parts += [[idle]] * (int(everyone[:, 1].max()) - len(parts))
        return [collate(p, self._pad_id, device) for p in parts], float(max(1, everyone[:, 0].sum()))

    def _scored(self, batch: Batch, temperature: float) -> Any:
        import torch

        with torch.no_grad(), speaking(self.model):
            return scores(completion_logits(self.model, batch, temperature), batch)[0]

    def _reference(self, batch: Batch) -> Any:
        """Log-probabilities of the model as training began: without its adapters, or a copy kept from then."""
        import torch

        if self._compared is None:
            return None
        with torch.no_grad(), self._as_begun() as model, speaking(model):
            return scores(completion_logits(model, batch, self.tuning.temperature), batch)[0]

    @contextmanager
    def _as_begun(self) -> Iterator[Any]:
        if hasattr(self.inner, "disable_adapter"):
            with self.inner.disable_adapter():
                yield self.inner
        else:
            yield self._compared


def optimiser(model: Any, tuning: Tuning) -> Any:
    """AdamW (Loshchilov and Hutter 2019) over the weights that train; both backends have the same."""
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(trained, lr=tuning.learning_rate, weight_decay=tuning.weight_decay)


def _frozen(model: Any) -> Any:
    """A copy to compare with; a model with adapters is its own, without them."""
    from copy import deepcopy

    return model if hasattr(model, "disable_adapter") else deepcopy(model).requires_grad_(False).eval()


def _accelerator() -> Any:
    from accelerate import Accelerator

    return Accelerator()
