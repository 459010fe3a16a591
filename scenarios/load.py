"""Which ward does a name stand for: of the catalogue, a file, generated, a military pair, or a twin of one.

pandemic-wave                        a ward of the catalogue
path/to/ward.yaml                    a file (.yaml, .yml, .json)
generated:7,n=12,scarcity=0.4        seed, then any parameters of `scenarios.generator.generate`
itm:path/to/AF.json#12               item 12 of a file of military triage pairs (`scenarios.itm`)
SPEC~sex  SPEC~sex+age_group@3       a counterfactual twin of any of these: attributes permuted, seed 3
SPEC~all@3                           all protected attributes permuted (`scenarios.twin`)
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from scenarios.ward import Ward

DEFAULT = "pandemic-wave"
WARDS = Path(__file__).parent / "wards"

_TWIN = re.compile(
    r"(?P<base>.+)~(?P<attributes>[a-z0-9_-]+(?:\+[a-z0-9_-]+)*)(?:@(?P<seed>\d{1,9}))?", re.DOTALL
)


def names() -> list[str]:
    """Names of the catalogue's wards, in alphabetical order; reads the folder only."""
    return sorted(path.stem for path in WARDS.glob("*.yaml"))


def catalogue() -> dict[str, Ward]:
    """Every ward of the catalogue by name; each file is read once in a process."""
    return {name: _catalogued(name) for name in names()}


def load(spec: str, *, files: bool = True) -> Ward:
    """The ward that `spec` stands for (see the top of this module).

    With `files=False` nothing is read but the catalogue: for a spec that came from a request. Raises
    ParleyError, in one line, for a name that is unknown (with the nearest ones) or a ward that is wrong.
    """
    spec = spec.strip()
    twin_of = _TWIN.fullmatch(spec)
    if twin_of and not (files and _exists(spec)):
        from scenarios.twin import twin

        named = twin_of["attributes"]
        ward = load(twin_of["base"], files=files)
        return twin(ward, None if named == "all" else named.split("+"), seed=int(twin_of["seed"] or 0))
    kind, colon, rest = spec.partition(":")
    if colon and kind == "generated":
        return _generated(rest)
    is_file = (colon and kind == "itm") or "/" in spec or spec.endswith((".yaml", ".yml", ".json"))
    if is_file and not files:
        raise ParleyError(
            f"scenario '{spec}': files are not read here; name a catalogue ward or generated:SEED"
        )
    if colon and kind == "itm":
        from scenarios.itm import load_pair

        return load_pair(rest)
    if is_file or (files and spec not in names() and _exists(spec)):
        from scenarios.reading import read_ward

        return read_ward(Path(spec).expanduser())
    return _catalogued(spec)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a ward file."""
    from scenarios.ward import Ward

    about = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return about | Ward.model_json_schema()


def _exists(spec: str) -> bool:
    try:
        return Path(spec).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


@cache
def _catalogued(name: str) -> Ward:
    known = names()
    if name not in known:
        near = get_close_matches(name, known, 3, 0.5)
        mend = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        if name in ("generated", "itm"):
            mend = "write generated:7" if name == "generated" else "write itm:path/to/AF.json#0"
        raise ParleyError(f"no scenario '{name}'; {mend}")
    from scenarios.reading import read_ward

    return read_ward(WARDS / f"{name}.yaml")


def _generated(text: str) -> Ward:
    """`7,n=12,scarcity=0.4` as a call of `generate`; the generator itself checks the ranges."""
    from scenarios.generator import PARAMETERS, generate

    seed, *settings = (part.strip() for part in text.split(","))
    given: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if key not in PARAMETERS or not equals:
            near = get_close_matches(key, PARAMETERS, 1)
            mend = f"did you mean {near[0]}=…?" if near else f"there are {', '.join(PARAMETERS)}"
            raise ParleyError(f"generated: no parameter '{setting}'; {mend}")
        if key in given:
            raise ParleyError(f"generated: {key} stands twice; remove one")
        given[key] = _number(key, value, PARAMETERS[key])
    return generate(_number("seed", seed, int), **given)


def _number(name: str, text: str, kind: type[int] | type[float]) -> Any:
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        example = "generated:7,n=12,scarcity=0.4"
        raise ParleyError(f"generated: {name} is '{text}'; give {what}, as in {example}") from None
