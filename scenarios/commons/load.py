"""Which commons does a name stand for: of the catalogue, a file, with settings changed.

fishery                                       a commons of the catalogue
path/to/commons.yaml                          a file (.yaml, .yml, .json)
fishery,agents=6,months=24,regrowth=stochastic,contingencies=0.3,hidden=0.5,world=7
fishery,rates=1.2/2.8,kinds=drought/poacher   several values are set apart by /
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from scenarios.commons.commons import Commons, Contingencies, Need, Regrowth
from scenarios.errors import ParleyError

DEFAULT = "fishery"
CATALOGUE = Path(__file__).parent / "catalogue"

# what can be set -> the field that it sets, and its kind
_SETTINGS: Mapping[str, tuple[str, type[int] | type[float] | type[str]]] = {
    "agents": ("agents", int),
    "months": ("months", int),
    "stock": ("stock", int),
    "capacity": ("capacity", int),
    "collapse": ("collapse", int),
    "world": ("world", int),
    "regrowth": ("regrowth.kind", str),
    "rate": ("regrowth.rate", float),
    "rates": ("regrowth.rates", float),
    "degraded_rate": ("regrowth.degraded_rate", float),
    "falls": ("regrowth.falls", int),
    "recovers": ("regrowth.recovers", int),
    "contingencies": ("contingencies.chance", float),
    "hidden": ("contingencies.hidden", float),
    "order": ("contingencies.order", int),
    "kinds": ("contingencies.kinds", str),
    "drought": ("contingencies.drought", float),
    "newcomer": ("contingencies.newcomer", int),
    "price": ("contingencies.price", float),
    "poacher": ("contingencies.poacher", int),
}
_SEVERAL = ("rates", "kinds")


def names() -> list[str]:
    """Names of the catalogue's commons, in alphabetical order; reads the folder only."""
    return sorted(path.stem for path in CATALOGUE.glob("*.yaml"))


def catalogue() -> dict[str, Commons]:
    """Every commons of the catalogue by name; each file is read once in a process."""
    return {name: _catalogued(name) for name in names()}


def load(spec: str, files: bool = True) -> Commons:
    """The commons that `spec` stands for (see the top of this module).

    With `files=False` nothing is read but the catalogue: for a spec that came from a request. A `stock` that
    was the capacity follows a capacity that is set alone. Raises ParleyError, in one line, for a name or
    setting that is unknown (with the nearest ones) or a value that is wrong.
    """
    base, *settings = (part.strip() for part in spec.strip().split(","))
    is_file = "/" in base or base.endswith((".yaml", ".yml", ".json"))
    if is_file and not files:
        raise ParleyError(f"commons '{base}': files are not read here; name one of {', '.join(names())}")
    commons = read_commons(Path(base).expanduser()) if is_file else _catalogued(base)
    return _with_settings(commons, settings, spec) if settings else commons


def read_commons(path: Path) -> Commons:
    """The commons in a .yaml, .yml or .json file; raises ParleyError, in one line, for whatever is wrong."""
    from scenarios.reading import read_data

    return parse_commons(read_data(path, "commons"), str(path))


def parse_commons(data: object, source: str) -> Commons:
    """A commons from plain data; `source` is the name that errors begin with."""
    from pydantic import ValidationError

    from scenarios.reading import explained

    if not isinstance(data, Mapping):
        raise ParleyError(f"{source}: a commons is a mapping of name, title, agents, …; write one")
    try:
        commons = Commons.model_validate(data)
    except ValidationError as error:
        raise ParleyError(f"{source}: {explained(error, data, _fields())}") from None
    try:
        commons.worth_table  # noqa: B018 - the ward and resource it names are looked up now, not mid-run
    except ParleyError as error:
        raise ParleyError(f"{source}: {error}") from None
    return commons


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a commons file."""
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return about | Commons.model_json_schema()


def _fields() -> tuple[str, ...]:
    return tuple(name for model in (Commons, Regrowth, Contingencies, Need) for name in model.model_fields)


@cache
def _catalogued(name: str) -> Commons:
    known = names()
    if name not in known:
        near = get_close_matches(name, known, 3, 0.5)
        mend = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise ParleyError(f"no commons '{name}'; {mend}")
    return read_commons(CATALOGUE / f"{name}.yaml")


def _with_settings(commons: Commons, settings: list[str], spec: str) -> Commons:
    data = commons.model_dump()
    given: set[str] = set()
    for setting in settings:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if key not in _SETTINGS or not equals:
            near = get_close_matches(key, _SETTINGS, 1)
            mend = f"did you mean {near[0]}=…?" if near else f"there are {', '.join(_SETTINGS)}"
            raise ParleyError(f"commons '{spec}': no setting '{setting}'; {mend}")
        if key in given:
            raise ParleyError(f"commons '{spec}': {key} stands twice; remove one")
        given.add(key)
        field, _ = _SETTINGS[key]
        *inside, last = field.split(".")
        (data[inside[0]] if inside else data)[last] = _value(key, value, spec)
    if "capacity" in given and "stock" not in given and commons.stock == commons.capacity:
        data["stock"] = data["capacity"]
    return parse_commons(data, f"commons '{spec}'")


def _value(key: str, text: str, spec: str) -> Any:
    kind = _SETTINGS[key][1]
    try:
        return tuple(kind(part) for part in text.split("/")) if key in _SEVERAL else kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        what = f"{what}s set apart by /" if key in _SEVERAL else what
        raise ParleyError(f"commons '{spec}': {key} is '{text}'; give {what}") from None
