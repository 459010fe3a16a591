"""What the tests of training play with: a dilemma of two issues, letters for tokens, seats that say their lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from negotiators.deliberation import DeliberationView, Dialogue, Kind, Utterance, Verdict
from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma
from training.policy import Sampled
from training.rules import Case

PAD, BEGIN, END, TH = 0, 1, 2, 3
"""Special tokens of `Letters`, and the one pair of letters that it merges."""


class Letters:
    """A tokenizer whose ids can be read: one a letter, but `th` is one of its own, so ids are not text's only ones."""

    chat_template = "ChatML"
    name_or_path = "letters"
    pad_token_id = PAD
    eos_token_id = END
    all_special_ids = (PAD, BEGIN, END)
    added_tokens_decoder: dict[int, Any] = {}  # noqa: RUF012  as transformers has it

    def apply_chat_template(
        self, messages: Sequence[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        assert not tokenize
        text = "".join(f"<{m['role'][0]}:{m['content']}>" for m in messages)
        return text + "<a:" if add_generation_prompt else text

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        assert not add_special_tokens
        return {"input_ids": ids_of(text)}

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        assert skip_special_tokens
        return "".join("th" if i == TH else chr(i) for i in ids if i not in self.all_special_ids)


def ids_of(text: str) -> list[int]:
    """Text as `Letters` reads it: `<` begins a message, `>` ends it."""
    single = {"<": BEGIN, ">": END, "\0": TH}
    return [single.get(c, ord(c)) for c in text.replace("th", "\0")]


def said(text: str, *, ended: bool = True) -> Sampled:
    """A turn sampled letter by letter, `th` too; log-probabilities are −0.1, −0.2, … so that they can be told apart."""
    ids = [ord(c) for c in text] + [END] * ended
    return Sampled(tuple(ids), tuple(-0.1 * (k + 1) for k in range(len(ids))), ended)


@dataclass
class Scripted:
    """A policy that says its lines in order, the same to every dialogue of a batch, and keeps what it was asked."""

    lines: Sequence[Sampled]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        temperature: float,
        top_p: float,
        rng: np.random.Generator,
    ) -> list[Sampled]:
        line = self.lines[len(self.asked)]
        self.asked.append(
            {"prompts": [list(p) for p in prompts], "temperature": temperature, "most": max_tokens}
        )
        return [line] * len(prompts)


class Terse:
    """Prompts of a few letters: s is the persona, D the dilemma, the others' words in brackets."""

    def speaking(self, view: DeliberationView, /) -> list[dict[str, str]]:
        assert view.persona is not None
        messages = [{"role": "system", "content": view.persona.name}]
        heard = "D"
        for u in view.heard:
            if u.seat != view.seat:
                heard += f"[{u.text}]"
            else:
                messages += [
                    {"role": "user", "content": heard},
                    {"role": "assistant", "content": u.text or "-"},
                ]
                heard = ""
        return [*messages, {"role": "user", "content": heard}]

    def completing(self, view: DeliberationView, /) -> list[dict[str, str]]:
        return [{"role": "user", "content": "".join(f"[{u.text}]" for u in view.heard) + "P"}]

    def alone(self, view: DeliberationView, /) -> list[dict[str, str]]:
        return [{"role": "user", "content": f"{'+'.join(p.name for p in view.personas)}P"}]


DILEMMA = Dilemma.model_validate(
    {
        "name": "late-train",
        "theme": "travel",
        "stratum": "everyday",
        "goal": "wait or go",
        "prompt": "The last train is late and a friend is not there yet. Do you wait?",
        "principles": {"care": "the friend is not left", "pace": "you get home"},
        "issues": {
            "when": {
                "asks": "When do you go?",
                "options": {
                    "wait": {"says": "you wait", "serves": {"care": 2, "pace": -2}},
                    "go": {"says": "you go", "serves": {"care": -2, "pace": 2}},
                },
            },
            "call": {
                "asks": "Do you call?",
                "options": {
                    "call": {"says": "you call", "serves": {"care": 1, "pace": 1}},
                    "not": {"says": "you do not", "serves": {}},
                },
            },
        },
        "source": "ours",
    }
)

POLES = (
    Pole(name="x", says="You care.", values={"care": 1.0}),
    Pole(name="y", says="You hurry.", values={"pace": 1.0}),
)


def case(group: str = "g") -> Case:
    """One dialogue on the late train."""
    return Case(dilemma=DILEMMA, poles=POLES, group_id=group)


def verdicts(*kinds: Kind | None) -> Callable[[Dialogue], Verdict]:
    """A judge that gives one verdict a round."""
    return lambda d: Verdict(round=d.round, kind=kinds[d.round - 1], judge="script")


def worth_of(reward: float | None = 1.0) -> Callable[..., float | None]:
    """A reward that is always the same."""
    return lambda dilemma, text, poles, dialogue: reward


def texts(utterances: Sequence[Utterance]) -> list[str]:
    """What was said, with who said it: `A hi`."""
    return [f"{u.seat} {u.text}" for u in utterances]
