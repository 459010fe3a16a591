"""Which dilemma does a name stand for: one of the catalogue's, a row of a MoralChoice table, or a file's.

late-result                           a dilemma of the catalogue, which has a file a theme
any:SEED                              the dilemma of the catalogue that a seed draws
moralchoice:path/to/table.csv#H_001   the row of this id in a table shaped as MoralChoice's
path/to/file.yaml#late-result         one of a file of dilemmas of one's own (.yaml, .yml, .json)
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from scenarios.dilemmas.dilemma import Dilemma, Theme
from scenarios.errors import ParleyError

CATALOGUE = Path(__file__).parent / "catalogue"
DEFAULT = "late-result"


@cache
def catalogue() -> dict[str, Dilemma]:
    """Every dilemma by name, themes in order of their files; raises ParleyError for the first that is wrong."""
    out: dict[str, Dilemma] = {}
    for path in sorted(CATALOGUE.glob("*.yaml")):
        for name, dilemma in read_theme(path).items():
            if name in out:
                raise ParleyError(f"{path}: '{name}' stands in {out[name].theme} too; rename one")
            out[name] = dilemma
    return out


def names() -> list[str]:
    """What `load` knows without a file of the user's."""
    return list(catalogue())


def load(spec: str, *, files: bool = True) -> Dilemma:
    """The dilemma that `spec` stands for (see the top of this module).

    With `files=False` nothing is read but the catalogue: for a spec that came from a request. Raises
    ParleyError, in one line, for a name that is unknown (with the nearest ones) or a dilemma that is wrong.
    """
    spec = spec.strip()
    kind, colon, rest = spec.partition(":")
    if colon and kind == "any":
        return _drawn(rest)
    table = bool(colon) and kind == "moralchoice"
    path, _, at = spec.partition("#")
    if table or "/" in path or path.endswith((".yaml", ".yml", ".json")):
        if not files:
            raise ParleyError(f"dilemma '{spec}': files are not read here; name one of the catalogue's")
        if table:
            from scenarios.dilemmas.moralchoice import load_row

            return load_row(rest)
        return _one(read_theme(Path(path).expanduser()), at, path)
    if spec not in catalogue():
        near = get_close_matches(spec, names(), 3, 0.5)
        mend = f"did you mean {' or '.join(near)}?" if near else "see `python -m scenarios.dilemmas list`"
        raise ParleyError(f"no dilemma '{spec}'; {mend}")
    return catalogue()[spec]


def read_theme(path: Path) -> dict[str, Dilemma]:
    """The dilemmas of a file, by name; raises ParleyError, in one line, for whatever is wrong with it."""
    from pydantic import ValidationError

    from scenarios.reading import explained, read_data

    data = read_data(path, "file of dilemmas")
    if not isinstance(data, dict):
        raise ParleyError(f"{path}: a file of dilemmas is a mapping of theme, stratum, source, dilemmas")
    try:
        theme = Theme.model_validate(data)
    except ValidationError as error:
        raise ParleyError(f"{path}: {explained(error, data, tuple(Theme.model_fields))}") from None
    shared = {"theme": theme.theme, "stratum": theme.stratum, "held_out": theme.held_out}
    return {
        name: parse_dilemma({"source": theme.source} | one | {"name": name} | shared, f"{path}: {name}")
        for name, one in theme.dilemmas.items()
    }


def parse_dilemma(data: object, source: str) -> Dilemma:
    """A dilemma from plain data; `source` is the name that errors begin with."""
    from pydantic import ValidationError

    from scenarios.reading import explained

    if not isinstance(data, dict):
        raise ParleyError(
            f"{source}: a dilemma is a mapping of name, theme, stratum, goal, prompt; write one"
        )
    try:
        return Dilemma.model_validate(data)
    except ValidationError as error:
        raise ParleyError(f"{source}: {explained(error, data, tuple(Dilemma.model_fields))}") from None


def _one(found: dict[str, Dilemma], at: str, path: str) -> Dilemma:
    if not at and len(found) == 1:
        return next(iter(found.values()))
    if at not in found:
        raise ParleyError(f"{path}: no dilemma '{at}'; name one, {path}#{next(iter(found), 'NAME')}")
    return found[at]


def _drawn(seed: Any) -> Dilemma:
    import numpy as np

    try:
        index = int(np.random.default_rng([int(seed)]).integers(len(catalogue())))
    except ValueError:
        raise ParleyError(f"dilemma 'any:{seed}': give a whole number from 0, as in any:7") from None
    return list(catalogue().values())[index]
