"""How does a served model answer: its chat template, one turn at the temperature asked for, one request at a time?"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.errors import ParleyError
from training.policy import TransformersPolicy
from training.serving.requests import Asked, Refused
from training.tokens import Template

DEFAULT_TOKENS = 512
"""The longest answer where a request names none."""


@dataclass(frozen=True)
class Answer:
    """A turn in words. `finish` is `stop`, or `length` where it was cut off."""

    text: str
    finish: str
    prompt_tokens: int
    tokens: int


class Served:
    """One model under one name. One request at a time: others wait for the lock.

    The same request with the same seed has the same answer; without a seed, draws are fresh.
    """

    def __init__(
        self, name: str, model: Any, tokenizer: Any, *, template: Mapping[str, Any] | None = None
    ) -> None:
        self.name = name
        self._template = Template(tokenizer, template)
        self._policy = TransformersPolicy(model, tokenizer, template=template)
        self._context = getattr(model.config, "max_position_embeddings", None)
        self._lock = threading.Lock()

    @classmethod
    def read(cls, name: str, folder: Path, *, dtype: str = "auto", device: str | None = None) -> Served:
        """The model of a checkpoint, or of the newest checkpoint in the folder of a run.

        Raises ParleyError where there is none.
        """
        from training.backends.checkpoint import latest
        from training.models import load
        from training.run import CHECKPOINTS, CONFIG

        if not folder.is_dir():
            raise ParleyError(f"{folder}: no such folder; name a checkpoint or the folder of a run")
        newest = latest(folder / CHECKPOINTS)
        model, tokenizer = load(newest or folder, dtype=dtype, device=device)
        return cls(name, model, tokenizer, template=_options(newest or folder, CONFIG))

    def answer(self, asked: Asked) -> Answer:
        """One turn. Raises Refused where prompt and answer are more than the model's context."""
        try:
            prompt = self._template.prompt(asked.messages)
        except Exception as error:  # a template refuses chats in its own way
            if type(error).__name__ != "TemplateError":
                raise
            raise Refused(f"messages: the model's chat template refuses them: {error}") from None
        most = self._room(len(prompt), asked.max_tokens)
        with self._lock:
            (turn,) = self._policy.sample(
                [prompt],
                max_tokens=most,
                temperature=asked.temperature,
                top_p=asked.top_p,
                rng=np.random.default_rng(asked.seed),
            )
        text, finish = self._template.words(turn.ids), "stop" if turn.ended else "length"
        cut = min((text.find(s) for s in asked.stop if s in text), default=-1)
        if cut >= 0:
            text, finish = text[:cut], "stop"
        return Answer(text, finish, len(prompt), len(turn.ids))

    def _room(self, prompt: int, asked: int | None) -> int:
        """How many tokens the answer may have."""
        if self._context is None:
            return asked or DEFAULT_TOKENS
        left = int(self._context) - prompt
        if left < (asked or 1):
            raise Refused(
                f"messages: {prompt} tokens and {asked or 1} for the answer are more than the model's context "
                f"of {self._context}; this model's maximum context length is {self._context} tokens",
                code="context_length_exceeded",
                param="messages",
            )
        return asked or min(DEFAULT_TOKENS, left)


def _options(folder: Path, config: str) -> dict[str, Any]:
    """What the run that a checkpoint is of told its chat template."""
    import json

    for at in (folder, folder.parent, folder.parent.parent):
        if (at / config).is_file() and "model_type" not in (found := json.loads((at / config).read_text())):
            return dict(found.get("template") or {})
    return {}
