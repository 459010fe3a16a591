"""What is a passage, and which ones are shipped?"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from scenarios.errors import ParleyError

Kind = Literal["holds", "scarcity", "objection", "reply", "policy", "user"]

CORPUS = Path(__file__).parent / "corpus"

MEASURE_NAMES = (
    "survival",
    "worst_off",
    "evenness",
    "disadvantage_weighted_survival",
    "vulnerability_weighted_care",
    "equality",
)
"""The keys of `scenarios.measures.MEASURES`, repeated so that reading a passage needs no numpy."""

_SLUG = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times as fast


class Passage(BaseModel):
    """One citable piece of text.

    `principles` are weights >= 0 over the six measures that say which of them the passage speaks for; empty
    where it speaks for none, as with a document a user brought. `kind` is what the passage does: say what
    the framework `holds`, what it says of `scarcity`, raise an `objection`, give a `reply`, state published
    `policy`, or come from a `user`'s file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: str = Field(max_length=200)
    framework: str = Field(max_length=100)
    kind: Kind
    title: str = Field(min_length=1)
    text: str = Field(min_length=1)
    source: str = Field(min_length=1)
    principles: dict[str, float] = Field(default_factory=dict)

    @field_validator("id", "framework")
    @classmethod
    def _is_a_slug(cls, value: str) -> str:
        if not _SLUG.fullmatch(value):
            raise ValueError(_no_slug(value))
        return value

    @field_validator("title", "text", "source")
    @classmethod
    def _has_no_nul(cls, value: str) -> str:
        if "\x00" in value:
            raise ValueError("holds a NUL character, which PostgreSQL cannot store; take it out")
        return value

    @field_validator("principles")
    @classmethod
    def _weighs_measures(cls, value: dict[str, float]) -> dict[str, float]:
        for measure, weight in value.items():
            if measure not in MEASURE_NAMES:
                raise ValueError(f"{measure!r} is no measure; use one of {', '.join(MEASURE_NAMES)}")
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(f"the weight of {measure!r} is {weight}; give a finite number of at least 0")
        return value

    def content_hash(self) -> str:
        """sha256 over all fields in canonical JSON: equal exactly when nothing about the passage changed."""
        canonical = json.dumps(self.model_dump(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def embedded_text(self) -> str:
        """What is embedded for this passage: its title, then its text."""
        return f"{self.title}. {self.text}"


def _no_slug(value: str) -> str:
    return f"{value!r} is no slug; use a-z, 0-9 and single . _ - between them"


def check_slug(what: str, value: str) -> None:
    """Raise ParleyError unless the value can be an id or a framework's name."""
    if not _SLUG.fullmatch(value):
        raise ParleyError(f"{what} {_no_slug(value)}")


def load_passages(folder: Path) -> tuple[Passage, ...]:
    """All passages of a folder's `*.yaml` files, in order of file name and position.

    A file is `framework: NAME` and `passages:`, a list of the other fields of `Passage`.
    Raises ParleyError naming file, passage and mend: unreadable YAML, a missing or unknown field, an id given
    twice, an empty folder.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ParleyError(f"{folder}: holds no *.yaml file of passages; restore it or install Parley again")
    first_seen: dict[str, Path] = {}
    passages: list[Passage] = []
    for file in files:
        for passage in _file_passages(file):
            if passage.id in first_seen:
                other = first_seen[passage.id].name
                raise ParleyError(f"{file}: passage {passage.id!r} is already in {other}; give it another id")
            first_seen[passage.id] = file
            passages.append(passage)
    return tuple(passages)


def _file_passages(file: Path) -> Iterable[Passage]:
    try:
        document: Any = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ParleyError(f"{file}: is not valid YAML ({reason}); mend the syntax") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ParleyError(f"{file}: cannot be read ({error}); make it readable UTF-8 text") from error
    if not isinstance(document, dict) or set(document) != {"framework", "passages"}:
        raise ParleyError(f"{file}: must hold exactly 'framework' (a name) and 'passages' (a list)")
    entries = document["passages"]
    if not isinstance(entries, list) or not entries:
        raise ParleyError(f"{file}: 'passages' must be a list with at least one entry")
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise ParleyError(f"{file}: passage {number} must be a mapping of id, kind, title, text, source")
        try:
            yield Passage.model_validate({"framework": document["framework"], **entry})
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "passage"
            name = entry.get("id", f"number {number}")
            reason = first["msg"].removeprefix("Value error, ")
            raise ParleyError(f"{file}: passage {name!r}: {field}: {reason}") from error


@cache
def corpus() -> tuple[Passage, ...]:
    """The shipped passages, read once."""
    return load_passages(CORPUS)


def corpus_hash(passages: Iterable[Passage] | None = None) -> str:
    """sha256 over the content of the passages (default: the shipped ones), whatever their order."""
    chosen = corpus() if passages is None else passages
    lines = sorted(f"{passage.id} {passage.content_hash()}" for passage in chosen)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
