"""Where do contracts come from: the shipped catalogue, and plain data that somebody sent."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from scenarios.contracts.contract import KINDS, MOST_CLAUSES, Clause, Contract, ContractError
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from scenarios.contracts.language import Language

SHIPPED = Path(__file__).parent / "catalogue"


def names() -> list[str]:
    """Names of the shipped contracts, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def catalogue(language: Language | None = None) -> dict[str, Contract]:
    """Every shipped contract by name; given a language, those that can be adopted in it."""
    shipped = {name: load_contract(name) for name in names()}
    if language is None:
        return shipped
    return {name: contract for name, contract in shipped.items() if _adoptable(contract, language)}


def _adoptable(contract: Contract, language: Language) -> bool:
    from scenarios.contracts.trial import adoptable

    try:
        adoptable(contract, language)
    except ContractError:
        return False
    return True


@cache
def load_contract(name: str) -> Contract:
    """The shipped contract of a name. Raises ParleyError for a name that is none, with the nearest."""
    import yaml

    if name not in names():
        near = get_close_matches(name, names(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names())}"
        raise ParleyError(f"no contract '{name[:64]}'; {hint}")
    return contract_from(yaml.safe_load((SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")))


def contract_from(data: object) -> Contract:
    """A contract from plain data (parsed JSON or YAML), which may be anybody's.

    Raises ContractError with a line for everything that is wrong: unknown fields, missing ones, texts that are
    too long or hold control characters, more than twelve clauses. Nothing is evaluated here.
    """
    if not isinstance(data, Mapping):
        raise ContractError([f"a contract is a mapping with a list of clauses, not {type(data).__name__}"])
    try:
        return Contract.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        lines = dict.fromkeys(_fault(fault) for fault in faults[:20])
        raise ContractError(lines) from None


def _fault(fault: ErrorDetails) -> str:
    """One thing that is wrong with the data, with its place and mend."""
    loc = list(fault["loc"])
    place = ""
    if len(loc) > 1 and loc[0] == "clauses" and isinstance(loc[1], int):
        place, loc = f"clause {loc[1] + 1}: ", loc[2:]
    field = ".".join(str(part)[:40] for part in loc)
    fields = Clause.model_fields if place else Contract.model_fields
    kind = fault["type"]
    if kind == "extra_forbidden":
        near = get_close_matches(field, fields, n=1)
        return f"{place}no field '{field}'; {f'did you mean {near[0]!r}?' if near else 'leave it out'}"
    if kind == "missing":
        return f"{place}the field '{field}' is missing; add it"
    if kind == "string_type":
        value = fault["input"]
        mend = f", say '{float(value)}'" if type(value) in (int, float) and abs(value) < 1e15 else ""
        return f"{place}{field} is no text; write it as text{mend}"
    if kind == "literal_error":
        return f"{place}{field} is no kind of clause; there are {', '.join(KINDS)}"
    if field == "clauses" and kind == "too_long":
        return f"more than {MOST_CLAUSES} clauses; merge or drop some"
    said = fault["msg"].removeprefix("Value error, ")
    return f"{place}{field}{': ' if field else ''}{said[:200]}"
