"""How does a training run go: model, warm-up, step after step, kept, resumed exactly, stopped with a reason?"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal as signals
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from scenarios.errors import ParleyError
from training.advantages import signal
from training.config import TINY, Training, parse_config
from training.curriculum import Curriculum, dilemmas_of, pairs_of
from training.dialogue import Stage
from training.judges import agreement, worth
from training.metrics import Metrics, read_metrics
from training.policy import TransformersPolicy, VllmPolicy
from training.rollout import Rollout
from training.tokens import Template
from training.warmup import phrases, reference_rows, texts_of

Ended = Literal["done", "no signal", "stopped"]
Tell = Callable[[str], None]

CHECKPOINTS, BEGUN, CONFIG, SUMMARY = "checkpoints", "begun", "config.json", "summary.json"
WARMED = "warm_up_steps.txt"

CONTEXT = 16_384
"""Tokens that a model from scratch takes: enough for the prompts of every graph."""

PLAYED = 14
"""What the draws of dialogues are for, beside seed, step and process."""


def to_stderr(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)


@dataclass
class Run:
    """One training run in a folder of its own. `BEGUN` in it is the policy before its first dialogue."""

    config: Training
    folder: Path
    backend: Literal["reference", "trl"] = "reference"
    base_url: str | None = None
    tell: Tell = to_stderr
    tensorboard: bool = True
    until: float = math.inf  # time.monotonic() at which it ends, after the step under way
    warm_until: float = math.inf  # the same of the warm-up
    warmed: int = field(default=0, init=False)  # steps of it that were done
    ended: Ended = field(default="done", init=False)
    why: str = field(default="", init=False)
    _idle: int = field(default=0, init=False)
    _unjudged: bool = field(default=False, init=False)
    _stop: bool = field(default=False, init=False)

    def go(self, *, resume: bool = False) -> Path:
        """Train; the folder of the last checkpoint.

        With `resume` it goes on from the newest checkpoint with the settings it began with, and ends as it would
        have. Ctrl-C ends it after the step under way, and keeps it. Raises ParleyError for what cannot be run.
        """
        newest = self._checked(resume)
        self._threads()
        from accelerate import Accelerator

        self._accelerator = Accelerator() if self.backend == "reference" else None
        self._main = int(os.environ.get("RANK", "0")) == 0
        self._world = int(os.environ.get("WORLD_SIZE", "1"))
        if self.config.batch % (self.config.group * self._world):
            raise ParleyError(
                f"batch: {self.config.batch} dialogues are no whole groups of {self.config.group} "
                f"on each of {self._world} processes; give a multiple of {self.config.group * self._world}"
            )
        model, tokenizer = self._model(newest is not None)
        backend = self._backend(model, tokenizer)
        start = backend.load(newest) if newest else 0
        metrics = Metrics(self.folder, start=start, tensorboard=self.tensorboard) if self._main else None
        begun = time.monotonic()
        with self._stage(backend, model, tokenizer) as stage, self._listening():
            self._steps(backend, stage, metrics, start, begun)
        if metrics is not None:
            metrics.close()
        return self._finished(backend, time.monotonic() - begun, start)

    def _checked(self, resume: bool) -> Path | None:
        """The checkpoint to go on from; raises ParleyError where that, or starting anew, would lose a run."""
        from training.backends.checkpoint import latest

        kept = self.folder / CONFIG
        if resume:
            newest = latest(self.folder / CHECKPOINTS)
            if not kept.is_file() or newest is None:
                raise ParleyError(f"{self.folder}: no checkpoint to resume from; leave --resume out")
            as_begun = parse_config(json.loads(kept.read_text()), str(kept))
            given = self.config.model_copy(update={"steps": as_begun.steps})
            if given != as_begun:
                wrong = next(n for n in Training.model_fields if getattr(given, n) != getattr(as_begun, n))
                raise ParleyError(
                    f"{self.folder}: began with another {wrong}; resume with what it began with"
                )
            return newest
        if kept.is_file():
            raise ParleyError(f"{self.folder}: holds a run already; add --resume, or name another --out")
        return None

    def _threads(self) -> None:
        import torch

        if self.config.threads:
            torch.set_num_threads(self.config.threads)

    def _model(self, resumed: bool) -> tuple[Any, Any]:
        """The policy before its first dialogue: as it was kept, or made, and warmed up where that is asked for."""
        from training.models import Lora, load, with_lora

        config, kept = self.config, self.folder / BEGUN
        if resumed and kept.is_dir():
            self.warmed = int((kept / WARMED).read_text())
            return load(kept, dtype="float32" if config.tiny else "auto", device=self._device())
        if config.tiny:
            model, tokenizer = from_scratch(config)
        else:
            model, tokenizer = load(config.model, four_bit=config.four_bit, device=self._device())
            if config.lora is not None:
                a = config.lora
                targets = a.targets if isinstance(a.targets, str) else tuple(a.targets)
                model = with_lora(model, Lora(a.rank, a.alpha, a.dropout, targets))
        if config.warm_up is not None:
            tell = self.tell if self._main else _silent
            self.warmed = warm_up(config, model, tokenizer, tell, self.warm_until)
        if self._main:
            self.folder.mkdir(parents=True, exist_ok=True)
            if config.tiny or config.warm_up is not None:
                model.save_pretrained(kept)
                tokenizer.save_pretrained(kept)
                (kept / WARMED).write_text(f"{self.warmed}\n")
            (self.folder / CONFIG).write_text(config.model_dump_json(indent=1) + "\n")
        return model, tokenizer

    def _device(self) -> str | None:
        import torch

        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else None

    def _backend(self, model: Any, tokenizer: Any) -> Any:
        rules, tuning = self.config.rules, self.config.tuning
        if self.backend == "reference":
            from training.backends.reference import ReferenceBackend

            return ReferenceBackend(model, tokenizer, tuning, rules.rows_per_dialogue, self._accelerator)
        from training.backends.trl import TrlBackend

        each = self.config.batch // self._world
        return TrlBackend(
            model, tokenizer, tuning, rules.rows_per_dialogue, dialogues=each, out=self.folder / "trl"
        )

    def _stage(self, backend: Any, model: Any, tokenizer: Any) -> Stage:
        config = self.config
        policy: TransformersPolicy | VllmPolicy
        policy = backend.policy(batch=config.generation_batch, template=config.template)
        if config.generation == "vllm":
            longest = getattr(model.config, "max_position_embeddings", CONTEXT)
            policy = VllmPolicy.colocated(
                model, tokenizer, self._accelerator, longest=min(longest, CONTEXT),
                memory_share=config.vllm_memory, template=config.template,
            )  # fmt: skip
        return Stage(
            policy,
            tokenizer,
            config.rules,
            agree=agreement(config.judge, self.base_url),
            reward=worth(config.reward, self.base_url),
            opponent=_opponent(config),
            template=config.template,
        )

    def _steps(self, backend: Any, stage: Stage, metrics: Metrics | None, start: int, begun: float) -> None:
        config, curriculum = self.config, curriculum_of(self.config)
        each = config.batch // config.group // self._world
        rank = int(os.environ.get("RANK", "0"))

        def roll(step: int) -> list[Rollout]:
            if config.past and step % config.past == 0:
                stage.opponent = backend.policy(template=config.template).frozen()
            if config.generation == "vllm" and step > start:
                stage.policy.sync()  # type: ignore[attr-defined]
            cases = curriculum.groups((step * self._world + rank) * each, each, config.group)
            rng = np.random.default_rng([config.seed, PLAYED, step, rank])
            return stage.play(cases, rng)

        def told(step: int, numbers: dict[str, float], rollouts: list[Rollout]) -> bool:
            found = signal(rollouts).metrics()
            found["tokens_per_dialogue"] = found.pop("tokens")
            numbers = self._shared(found | numbers)
            if metrics is not None:
                metrics.add(step, numbers)
                self._progress(step, numbers, begun, step + 1 - start)
            self._idle = 0 if numbers["zero_signal"] < 1 else self._idle + 1
            self._unjudged = numbers["missing"] == 1
            if self._over(step):
                return True
            if (step + 1) % config.save_every == 0:
                self._save(backend)
            return False

        if start < config.steps:
            backend.train(roll, start=start, steps=config.steps, told=told)

    def _over(self, step: int) -> bool:
        """Whether it ends before its time, and why."""
        last = step + 1 == self.config.steps
        if self._idle >= self.config.patience and not last:
            self.ended = "no signal"
            why = f"no group carried signal for {self._idle} steps: "
            if self._unjudged:
                self.why = f"{why}no dialogue has a reward; see that the judges answer, and --base-url"
            else:
                self.why = (
                    f"{why}all rewards within each group are equal, so there is nothing to learn from; "
                    "warm the policy up longer, raise the temperature, or give it easier dilemmas"
                )
        elif self._stop:
            self.ended, self.why = "stopped", f"stopped after step {step + 1}; --resume goes on"
        elif time.monotonic() > self.until and not last:
            self.ended, self.why = "stopped", f"out of time after step {step + 1} of {self.config.steps}"
        return bool(self.why)

    def _shared(self, numbers: dict[str, float]) -> dict[str, float]:
        """Means over all processes, of those that have a number."""
        if self._world == 1 or self._accelerator is None:
            return numbers
        import torch

        mine = torch.tensor([list(numbers.values())], device=self._accelerator.device)
        means = torch.nanmean(self._accelerator.gather(mine), dim=0).tolist()
        return dict(zip(numbers, means, strict=True))

    def _progress(self, step: int, n: dict[str, float], begun: float, done: int) -> None:
        spent = time.monotonic() - begun
        left = min(spent / done * (self.config.steps - step - 1), max(0.0, self.until - time.monotonic()))
        self.tell(
            f"step {step + 1}/{self.config.steps}  reward {n['reward']:.2f}  agreed {n['agreed']:.0%}  "
            f"rounds {n['rounds']:.1f}  no signal {n['zero_signal']:.0%}  entropy {n['entropy']:.2f}  "
            f"{spent / done:.1f} s a step, {_clock(left)} left"
        )

    def _save(self, backend: Any) -> None:
        """Keep a checkpoint, and the newest few of those before."""
        where = self.folder / CHECKPOINTS
        backend.save(where / f"step-{backend.done:06d}")
        if self._main:
            for old in sorted(where.glob("step-*"))[: -self.config.keep]:
                shutil.rmtree(old)

    def _finished(self, backend: Any, seconds: float, start: int) -> Path:
        """Keep what there is, draw it, and say in summary.json what was trained, on what, and for how long."""
        from training.backends.checkpoint import latest
        from training.figure import draw

        exact = not self.config.past or backend.done % self.config.past == 0 or self.ended == "done"
        if exact or latest(self.folder / CHECKPOINTS) is None:
            self._save(backend)  # a past opponent is not kept: between its renewals nothing resumes exactly
        newest = latest(self.folder / CHECKPOINTS)
        assert newest is not None
        if self._main:
            rows = read_metrics(self.folder)
            (self.folder / SUMMARY).write_text(
                json.dumps(self.summary(backend, seconds, start), indent=1) + "\n"
            )
            if rows:
                draw(self.folder, f"{self.config.model}, {len(rows)} steps", self.config.reward)
        return newest

    def summary(self, backend: Any, seconds: float, start: int) -> dict[str, Any]:
        """What was trained, on what, for how long, and how it ended."""
        return {
            "model": self.config.model,
            "backend": self.backend,
            "steps": backend.done,
            "steps_now": backend.done - start,
            "warm_up_steps": self.warmed,
            "seconds": round(seconds, 1),
            "dialogues": backend.done * self.config.batch,
            "dilemmas": len(curriculum_of(self.config).dilemmas),
            "judge": self.config.judge,
            "reward": self.config.reward,
            "ended": self.ended,
            "why": self.why,
        }

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Ctrl-C ends the run after the step under way; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signals.getsignal(signals.SIGINT)

        def heard(*_: Any) -> None:
            if self._stop:
                raise KeyboardInterrupt
            self._stop = True
            self.tell("stopping after this step; Ctrl-C once more stops at once, and loses it")

        signals.signal(signals.SIGINT, heard)
        try:
            yield
        finally:
            signals.signal(signals.SIGINT, before)


def curriculum_of(config: Training) -> Curriculum:
    """What a run trains on: never what is held out."""
    dilemmas, among = dilemmas_of("train", config.dilemmas), pairs_of(config.pairs)
    return Curriculum(tuple(dilemmas), tuple(among), config.seed, ruled=config.reward == "rule")


def from_scratch(config: Training) -> tuple[Any, Any]:
    """A model with random weights, and a tokenizer of the catalogue's own words, held-out dilemmas' too."""
    from training.models import build

    dilemmas = [*dilemmas_of("train"), *dilemmas_of("held_out")]
    poles = [pole for pair in pairs_of("all") for pole in pair.poles]
    size = config.model.removeprefix(TINY)
    return build(
        size, texts_of(dilemmas, poles), config.seed, phrases=phrases(dilemmas, poles), context=CONTEXT
    )


def warm_up(config: Training, model: Any, tokenizer: Any, tell: Tell, until: float = math.inf) -> int:
    """Supervised steps on dialogues of reference seats over the dilemmas of training; how many were done."""
    from training.backends.reference import ReferenceBackend

    warm = config.warm_up
    assert warm is not None
    tuning = config.tuning.model_copy(
        update={"learning_rate": warm.learning_rate, "warmup_steps": warm.rising_steps, "kl": 0.0}
    )
    rules = config.rules.model_copy(update={"train_roles": "both", "train_final": True})
    teacher = ReferenceBackend(model, tokenizer, tuning, rules.rows_per_dialogue)
    curriculum = curriculum_of(config.model_copy(update={"reward": "rule"}))
    template, begun, each = Template(tokenizer, config.template), time.monotonic(), max(1, warm.steps // 20)
    for step in range(warm.steps):
        cases = curriculum.groups(step * warm.dialogues, warm.dialogues, 1)
        rows = reference_rows(
            cases, rules, template, config.seed * 100_003 + step, said=warm.said, plans=warm.plans
        )
        loss = teacher.teach(rows)["loss"]
        spent = time.monotonic() - begun
        if (step + 1) % each == 0 or step + 1 == warm.steps:
            left = spent / (step + 1) * (warm.steps - step - 1)
            tell(f"warm-up {step + 1}/{warm.steps}  loss {loss:.3f} nats a token  {_clock(left)} left")
        if time.monotonic() > until:
            tell(f"warm-up: out of time after step {step + 1} of {warm.steps}")
            return step + 1
    return warm.steps


def _opponent(config: Training) -> Any:
    if config.opponent == "reference":
        from negotiators.reference.deliberation import ReferenceSpeaker

        return ReferenceSpeaker()
    return None


def _silent(_: str) -> None:
    """What a process says that is not the first."""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}h{minutes % 60:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
