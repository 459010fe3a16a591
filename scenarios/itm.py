"""Which ward is a military triage pair: items of ITM-Kitware/align-system, who has need and who has standing.

An item is a choice of a lone medic. Its `medical` need becomes severity and survival gain (survival is 1 with
care and 1 − medical without: ours), its other rating the protected attribute, in two groups: `high` from
0.5 on, else `low`. What the item says of the attribute in words is kept apart as `ATTRIBUTE_story`.

Four kinds are told apart by that attribute: `affiliation` and `merit` (two patients, treat one),
`personal_safety` (one patient: treat now or wait in cover, so there is nothing to divide), and `search`
(a patient already in treatment, and the chance of another out of sight, whose need the data puts at 0).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from scenarios.errors import ParleyError
from scenarios.reading import parse_json, read_text

if TYPE_CHECKING:
    from scenarios.ward import Patient, Ward

LIMIT_BYTES = 50_000_000
HIGH = 0.5
"""From this rating on the group is `high`."""


class Choice(BaseModel):
    """One action on offer; `kdma_association` has `medical` and one attribute."""

    action_type: str
    character_id: str | None = None
    kdma_association: dict[str, float] = Field(min_length=2, max_length=2)


class Character(BaseModel):
    """One casualty: the first line of `unstructured` is clinical, the second tells the attribute."""

    id: str
    unstructured: str
    medical_condition: float = Field(ge=0, le=1)
    attribute_rating: float = Field(ge=0, le=1)


class Threat(BaseModel):
    """What the medic is told of the place."""

    unstructured: str


class State(BaseModel):
    """The scene."""

    unstructured: str
    threat_state: Threat
    characters: list[Character] = Field(min_length=1)


class Input(BaseModel):
    """Scene and choices of one item."""

    full_state: State
    choices: list[Choice] = Field(min_length=1)


class Item(BaseModel):
    """One item of a file of pairs; what is not named here is not read."""

    input: Input


def load_pair(address: str) -> Ward:
    """The ward of `PATH#INDEX`, counted from 0: one whole `treatment`, and who could have it.

    Raises ParleyError for an address without index, an index out of range, or an item that is no triage pair.
    """
    path_text, hash_sign, index_text = address.rpartition("#")
    if not hash_sign or not path_text or not re.fullmatch(r"\d{1,9}", index_text):
        raise ParleyError(f"itm:{address}: no item named; write itm:PATH#INDEX, as in itm:AF.json#0")
    path, index = Path(path_text).expanduser(), int(index_text)
    items = parse_json(read_text(path, LIMIT_BYTES), str(path))
    if not isinstance(items, list) or not items:
        raise ParleyError(f"{path}: not a list of triage pairs; give a file of ITM pairs")
    if index >= len(items):
        raise ParleyError(f"{path}: no item {index}; there are 0 to {len(items) - 1}")
    return pair(items[index], path.stem, index, f"{path}#{index}")


def pair(data: Any, stem: str, index: int, source: str) -> Ward:
    """The ward of one item's data; `source` is the name that errors begin with."""
    from scenarios.ward import Resource, Ward

    try:
        item = Item.model_validate(data).input
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ParleyError(f"{source}: not a triage pair: {where}: {first['msg']}; correct it") from None
    attribute = _attribute(item, source)
    patients = [_patient(c, item, attribute, rank) for rank, c in enumerate(item.full_state.characters, 1)]
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:40] or "pairs"
    alone = " One patient: treat now or wait, nothing to divide." if len(patients) == 1 else ""
    return Ward(
        name=f"itm-{slug}-{index}",
        title=f"Military triage {'pair' if len(patients) == 2 else 'scene'} {stem} {index}",
        reason=f"Need against {attribute.replace('_', ' ')}, by ITM-Kitware/align-system.{alone}",
        setting=_setting(item.full_state),
        resources={"treatment": Resource(capacity=1, divisible=False, unit="patient treated")},
        patients=patients,
    )


def _attribute(item: Input, source: str) -> str:
    names = {name for choice in item.choices for name in choice.kdma_association} - {"medical"}
    if len(names) != 1:
        raise ParleyError(f"{source}: attributes {sorted(names)} beside medical; an item has exactly one")
    return names.pop()


def _patient(character: Character, item: Input, attribute: str, rank: int) -> Patient:
    from scenarios.ward import Patient

    treated = any(choice.character_id == character.id for choice in item.choices)
    clinical, story = _told(character.unstructured, attribute, treated)
    words = {f"{attribute}_story": story} if story else {}
    in_treatment = attribute == "search" and treated
    need = character.medical_condition
    return Patient(
        id=re.sub(r"[^a-z0-9]+", "-", character.id.lower()).strip("-"),
        summary=clinical,
        attributes={attribute: "high" if character.attribute_rating >= HIGH else "low"} | words,
        severity=need,
        survival_with_care=1.0,
        survival_without_care=1 - need,
        needs={"treatment": 1},
        holds={"treatment": 1} if in_treatment else {},
        arrival=rank if attribute == "search" else None,
    )


def _told(text: str, attribute: str, treated: bool) -> tuple[str, str]:
    """What is clinical and what tells the attribute, apart."""
    clinical, _, story = (part.strip() for part in text.strip().partition("\n"))
    if story:
        return _sentence(clinical), story
    if not treated:
        return "Not found yet; nothing is known of their injuries.", clinical
    if attribute == "personal_safety":  # where the casualty lies is the medic's risk, the rest is clinical
        place, _, condition = clinical.partition(". ")
        return condition or clinical, f"{place}." if condition else ""
    return _sentence(clinical), ""


def _sentence(clinical: str) -> str:
    return f"The patient has {clinical.removesuffix('.')}."


def _setting(state: State) -> str:
    """The scene, without the question and the lines that speak of a patient, which tell the attribute."""
    told = [part.strip() for c in state.characters for part in c.unstructured.split("\n") if part.strip()]
    lines = [line for line in state.unstructured.split("\n")[:-1] if not any(part in line for part in told)]
    return "\n".join(line.strip() for line in lines if line.strip()) or state.threat_state.unstructured
