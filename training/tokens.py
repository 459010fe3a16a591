"""How does a chat become token ids that only ever grow: sampled ids are kept, what is between them is templated?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from scenarios.errors import ParleyError
from training.rollout import NAN, NOT_SPOKEN, View

Message = dict[str, str]

MARK = "parleyturnendshere"
"""Stands for an own turn where a template is rendered only to see what it puts after one."""


class Template:
    """The chat template of a tokenizer, whichever; `options` go to it as they stand (`enable_thinking` and such).

    Only the prompt is rendered whole. What follows an own turn is cut from a rendering with a stand-in for that
    turn, so a template that rewrites earlier turns (dropping their thoughts) changes nothing that was sampled.
    """

    def __init__(self, tokenizer: Any, options: Mapping[str, Any] | None = None) -> None:
        self.tokenizer = tokenizer
        self.options = dict(options or {})
        if not getattr(tokenizer, "chat_template", None):
            name = getattr(tokenizer, "name_or_path", "") or "the tokenizer"
            raise ParleyError(f"{name}: has no chat template; take an instruction-tuned model, or set one")

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The ids of a chat up to where the assistant speaks."""
        return self._ids(self._text(messages))

    def between(self, messages: Sequence[Message]) -> list[int]:
        """The ids between an own turn's words and the next own turn: end of turn, what others said, template."""
        text = self._text(
            [{"role": "user", "content": "…"}, {"role": "assistant", "content": MARK}, *messages]
        )
        return self._ids(
            text[text.index(MARK) + len(MARK) :]
        )  # the first: others may write it, and come later

    @cached_property
    def end_of_turn(self) -> int | None:
        """The special token that the template ends an assistant's turn with; None where it has none."""
        first = self.between([{"role": "user", "content": "…"}])[0]
        return first if first in self._special else None

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end a turn when they are sampled."""
        return frozenset(t for t in (self.end_of_turn, self.tokenizer.eos_token_id) if t is not None)

    def words(self, ids: Sequence[int]) -> str:
        """The text of sampled ids, special tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    @cached_property
    def pad_id(self) -> int:
        """The id that padding is made of: the tokenizer's own, or its end of text."""
        pad = self.tokenizer.pad_token_id
        return int(self.tokenizer.eos_token_id if pad is None else pad)

    @cached_property
    def _special(self) -> frozenset[int]:
        added = self.tokenizer.added_tokens_decoder
        return frozenset(self.tokenizer.all_special_ids) | {i for i, token in added.items() if token.special}

    @cached_property
    def _takes_system(self) -> bool:
        """Whether the template takes a system message; some raise on one."""
        from jinja2.exceptions import TemplateError

        try:
            self._rendered([{"role": "system", "content": "…"}, {"role": "user", "content": "…"}])
        except TemplateError:
            return False
        return True

    def _text(self, messages: Sequence[Message]) -> str:
        if messages[0]["role"] == "system" and not self._takes_system:
            head, first, *rest = messages
            messages = [first | {"content": f"{head['content']}\n\n{first['content']}"}, *rest]
        return self._rendered(messages)

    def _rendered(self, messages: Sequence[Message]) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=True, **self.options
            )
        )

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


class Conversation:
    """One seat's chat as ids that are only ever appended to; it becomes one training row."""

    def __init__(self, template: Template, messages: Sequence[Message]) -> None:
        self._template = template
        self._prompt = template.prompt(messages)
        self._ids: list[int] = []
        self._logprobs: list[float] = []
        self._turns: list[int] = []

    @property
    def ids(self) -> list[int]:
        """All of it so far: what the seat samples its next turn from."""
        return self._prompt + self._ids

    def say(self, ids: Sequence[int], logprobs: Sequence[float], turn: int) -> None:
        """Append an own turn as it was sampled; `turn` is its place in the dialogue."""
        self._ids += ids
        self._logprobs += logprobs
        self._turns += [turn] * len(ids)

    def hear(self, messages: Sequence[Message]) -> None:
        """Append what others said since the own turn, and the template up to the next own turn."""
        between = self._template.between(messages)
        if self._ids and between[0] == self._template.end_of_turn == self._ids[-1]:
            between = between[1:]  # the end of turn was sampled: it is the seat's own, and stands already
        self._ids += between
        self._logprobs += [NAN] * len(between)
        self._turns += [NOT_SPOKEN] * len(between)

    def view(self, seat: str) -> View:
        """The row: exactly the sampled tokens have mask 1."""
        return View(
            prompt_ids=tuple(self._prompt),
            completion_ids=tuple(self._ids),
            mask=tuple(int(t != NOT_SPOKEN) for t in self._turns),
            logprobs=tuple(self._logprobs),
            turns=tuple(self._turns),
            seat=seat,
        )
