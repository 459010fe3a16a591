"""What is a judge asked: one argument, quoted as data, and which of five kinds of appeal it makes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from evals.rhetoric.gathering import LONGEST, one_line, shown
from negotiators.chat.quoting import quoted

Json = dict[str, Any]

LABELS = ("appeal_to_principle", "appeal_to_evidence", "appeal_to_identity", "threat", "concession")
"""The kinds of appeal; an argument may make none, one or several. `prompts/codebook.md` says what each means."""

PROMPTS = Path(__file__).parent / "prompts"
LONGEST_ECHO = 4_000


@cache
def templates() -> dict[str, str]:
    """Every prompt file by name, read once."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(PROMPTS.glob("*.md"))}


def prompt_hashes() -> dict[str, str]:
    """sha256 of each prompt file, by name: two judgements with equal hashes were asked for in the same words."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in templates().items()}


def codebook() -> str:
    """What every label means: the same words for a judge and for the people who fill in a sheet."""
    return templates()["codebook"]


def schema() -> Json:
    """The JSON Schema of a reply: the comment first, then labels, each with its span; objects closed, no bounds."""
    entry = _closed({"label": {"type": "string", "enum": list(LABELS)}, "span": {"type": "string"}})
    return _closed({"comment": {"type": "string"}, "labels": {"type": "array", "items": entry}})


def messages(text: str) -> list[Json]:
    """The messages about one argument. Pure: the words alone decide them, not who spoke, where or when.

    The argument stands on one line of its block, so that a span of it holds no line marks.
    """
    block = quoted("argument", one_line(shown(text)), LONGEST + 100)
    return [
        {"role": "system", "content": _render("system", codebook=codebook().strip())},
        {"role": "user", "content": _render("ask", argument=block)},
    ]


def corrective(asked: Sequence[Json], reply: str, problem: str) -> list[Json]:
    """Asking once more, with what is wrong about the first reply."""
    echo = {"role": "assistant", "content": reply[:LONGEST_ECHO] or "(nothing)"}
    return [*asked, echo, {"role": "user", "content": _render("correction", problem=problem)}]


def shorter(asked: Sequence[Json]) -> list[Json]:
    """Asking once more after a reply that was cut off: the same question, and to be brief."""
    *before, last = asked
    return [*before, {"role": "user", "content": f"{last['content']}\n\n{_render('shorter')}"}]


def _render(name: str, **values: str) -> str:
    """A prompt file with its fields filled in. What is filled in is never read for fields again."""
    return Template(templates()[name]).substitute(values).strip()


def _closed(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
