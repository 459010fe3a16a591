"""How are prompts made of words in files: templates with their fields filled in, and hashes to tell them by."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

Message = dict[str, str]

EMPTY_LINES = re.compile(r"\n{3,}")


def digest(data: Any) -> str:
    """sha256 of data as JSON with sorted keys and no spaces, in hex."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Prompts:
    """The prompt files of a folder, `NAME.md` each. Two of them every folder has: `correction` and `shorter`."""

    folder: Path

    def texts(self) -> dict[str, str]:
        """Every prompt file by name, read once."""
        return _texts(self.folder)

    def hashes(self) -> dict[str, str]:
        """sha256 of each prompt file, by name: two runs with equal hashes were asked in the same words."""
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.texts().items()}

    def render(self, name: str, **values: str) -> str:
        """A prompt file with its fields filled in. What is filled in is never read for fields again."""
        return EMPTY_LINES.sub("\n\n", Template(self.texts()[name]).substitute(values)).strip()

    def rows(self, name: str) -> dict[str, str]:
        """A prompt file of one sentence a line, `key: sentence`, by key."""
        return dict(row.split(": ", 1) for row in self.texts()[name].splitlines() if row)


@cache
def _texts(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}


def conversation(system: str, user: str) -> tuple[Message, ...]:
    """The two messages of a question."""
    return {"role": "system", "content": system}, {"role": "user", "content": user}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def number(value: float | None) -> str:
    """A number without needless digits, at most six after the point; '' where it is not known."""
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
