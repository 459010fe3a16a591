"""Which records are there: one kind a setting, told apart by the field `setting`; their one JSON Schema."""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from nodes.commons.record import CommonsRecord
from nodes.deliberation.record import DeliberationRecord
from nodes.games.record import GameRecord
from nodes.record import Record, RunRecord

AnyRecord = Annotated[
    RunRecord | CommonsRecord | GameRecord | DeliberationRecord, Field(discriminator="setting")
]

KINDS: dict[str, type[Record]] = {
    "triage": RunRecord,
    "commons": CommonsRecord,
    "games": GameRecord,
    "deliberation": DeliberationRecord,
}


@cache
def reader() -> TypeAdapter[RunRecord | CommonsRecord | GameRecord | DeliberationRecord]:
    """Reads a record of any setting; a document that names none is none."""
    return TypeAdapter(AnyRecord)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a run record, of whichever setting."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | reader().json_schema()


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1, ensure_ascii=False))
