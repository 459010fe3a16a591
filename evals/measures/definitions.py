"""By which formula is each outcome made, when is it missing, and whose is it: what the registries leave to words?

Name, unit, range and direction of an outcome stand in its registry, with the code that makes it; here stands the
rest, a YAML file a setting (`definitions/`). What is a function of arrays says all of this in its own docstring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from evals.outcomes import Outcome
from evals.records import SETTINGS, SettingName
from scenarios.errors import ParleyError
from scenarios.model import Model

FOLDER = Path(__file__).parent / "definitions"

FAMILIES = {"criterion": "criterion:NAME", "gap": "gap:ATTRIBUTE", "utility": "utility:SEAT"}
"""Outcomes of a debate of which there is one for every criterion, attribute, seat: prefix -> the name of all."""


SAYS = {
    "criterion:NAME": "the criterion of that name is met (see Criteria)",
    "gap:ATTRIBUTE": "greatest less least mean need satisfaction over groups of that attribute",
    "utility:SEAT": "declared utility of that seat",
}
"""What a family says of all of its members."""


class Definition(Model):
    """How a number is made: its formula, when it is missing, and its source (author year) or "ours"."""

    formula: str
    missing: str
    source: str = "ours"


@cache
def definitions(of: str) -> Mapping[str, Definition]:
    """Definitions by name: of the outcomes of a setting, or of the `criteria`. Raises ParleyError for another word."""
    from scenarios.reading import read_data

    path = FOLDER / f"{of}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
        raise ParleyError(f"definitions: none of '{of}'; there are {there}")
    rows: Any = read_data(path, "definitions")
    return {name: Definition.model_validate(row) for name, row in rows.items()}


def defined(setting: SettingName) -> Iterator[tuple[Outcome, Definition]]:
    """Every outcome of a setting with its definition, a family once, under the name that FAMILIES gives it.

    Raises ParleyError for an outcome without a definition, and for a definition of no outcome.
    """
    known, told = definitions(setting), set()
    for name, outcome in outcomes(setting).items():
        family = FAMILIES.get(name.partition(":")[0], name) if setting == "triage" else name
        if family in told:
            continue
        if family not in known:
            raise ParleyError(f"definitions/{setting}.yaml: no outcome '{family}'; write its formula there")
        told.add(family)
        yield replace(outcome, name=family, says=SAYS.get(family, outcome.says)), known[family]
    if spare := set(known) - told:
        raise ParleyError(
            f"definitions/{setting}.yaml: '{min(spare)}' is no outcome of the setting {setting}"
        )


def outcomes(setting: SettingName) -> Mapping[str, Outcome]:
    """The registry of outcomes of a setting."""
    from evals import outcomes as of_debates
    from evals.deliberation import outcomes as of_deliberations
    from evals.dilemmas import outcomes as of_dilemmas

    if setting not in SETTINGS:
        raise ParleyError(f"setting: '{setting}' is none of {', '.join(SETTINGS)}")
    if setting == "triage":
        return of_debates.OUTCOMES
    return of_deliberations.OUTCOMES if setting == "deliberation" else of_dilemmas.OUTCOMES[setting]
