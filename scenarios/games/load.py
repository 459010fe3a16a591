"""Which game does a name stand for: a classic with its payoffs, one of the catalogue, a lift, a table's or a file's.

prisoners-dilemma                     a classic with its published payoffs (`scenarios.games.library`)
prisoners-dilemma,T=6,S=-1            the same with these payoffs
public-goods,n=5,multiplier=2         … and with more players
hidden-temptation                     a game of the catalogue, a file in scenarios/games/catalogue
lift:SPEC                             the 4×4 game with hidden effort of a symmetric 2×2 one (`scenarios.games.lift`)
csv:path/to/games.csv#1091            the game of this id in a table of GT-HarmBench (`scenarios.games.table`)
path/to/game.yaml                     a file (.yaml, .yml, .json)
"""

from __future__ import annotations

import math
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from scenarios.errors import ParleyError
from scenarios.games.game import Game, State
from scenarios.games.library import LIBRARY, prepared

__all__ = ["CATALOGUE", "DEFAULT", "catalogue", "load", "names", "parse_game", "read_game"]

DEFAULT = "prisoners-dilemma"
CATALOGUE = Path(__file__).parent / "catalogue"
LIFTED = ("lift:prisoners-dilemma", "lift:stag-hunt")
"""The lifts that the paper plays; any symmetric 2×2 game with R > P has one."""


def names() -> list[str]:
    """What `load` knows without a file of the user's: classics, two lifts, then the catalogue."""
    return [*LIBRARY, *LIFTED, *sorted(path.stem for path in CATALOGUE.glob("*.yaml"))]


def catalogue() -> dict[str, Game]:
    """Every game of `names`, by the name that loads it; each is made once in a process."""
    return {name: load(name) for name in names()}


def load(spec: str, *, files: bool = True) -> Game:
    """The game that `spec` stands for (see the top of this module).

    With `files=False` nothing is read but the catalogue: for a spec that came from a request. Raises
    ParleyError, in one line, for a name that is unknown (with the nearest ones) or a game that is wrong.
    """
    spec = spec.strip()
    kind, colon, rest = spec.partition(":")
    if colon and kind == "lift":
        from scenarios.games.lift import lift

        return lift(load(rest, files=files))
    is_table = bool(colon) and kind == "csv"
    if is_table or "/" in spec or spec.endswith((".yaml", ".yml", ".json")):
        if not files:
            raise ParleyError(f"game '{spec}': files are not read here; name one of {', '.join(names())}")
        if is_table:
            from scenarios.games.table import load_row

            return load_row(rest)
        return read_game(Path(spec).expanduser())
    name, *settings = (part.strip() for part in spec.split(","))
    return _named(name, tuple(settings))


def read_game(path: Path) -> Game:
    """The game in a .yaml, .yml or .json file of at most 1 MB.

    Raises ParleyError, in one line, for a file that cannot be read and for whatever is wrong with the game.
    """
    from scenarios.reading import read_data

    return parse_game(read_data(path, "game"), str(path))


def parse_game(data: object, source: str) -> Game:
    """A game from plain data; `source` is the name that errors begin with."""
    from pydantic import ValidationError

    from scenarios.reading import explained

    if not isinstance(data, dict):
        raise ParleyError(f"{source}: a game is a mapping of name, title, source, actions, states; write one")
    try:
        return Game.model_validate(data)
    except ValidationError as error:
        fields = (*Game.model_fields, *State.model_fields)
        raise ParleyError(f"{source}: {explained(error, data, fields)}") from None


@cache
def _named(name: str, settings: tuple[str, ...]) -> Game:
    """A classic with its settings, or a game of the catalogue, which takes none."""
    if name in LIBRARY:
        return prepared(name, **_settings(name, settings))
    path = CATALOGUE / f"{name}.yaml"
    if name not in names():
        near = get_close_matches(name, names(), 3, 0.5)
        mend = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}"
        if name in ("lift", "csv"):
            mend = f"write {'lift:prisoners-dilemma' if name == 'lift' else 'csv:path/to/games.csv#1091'}"
        raise ParleyError(f"no game '{name}'; {mend}")
    if settings:
        raise ParleyError(f"game '{name}' takes no parameters; leave out '{settings[0]}'")
    return read_game(path)


def _settings(name: str, settings: tuple[str, ...]) -> dict[str, Any]:
    """`T=6`, `S=-1` as numbers of the kinds that the game's parameters have; letters may be small."""
    defaults = LIBRARY[name].defaults
    known = {key.lower(): key for key in defaults}
    given: dict[str, Any] = {}
    for setting in settings:
        typed, equals, value = (part.strip() for part in setting.partition("="))
        key = known.get(typed.lower())
        if key is None or not equals:
            near = get_close_matches(typed.lower(), known, 1)
            mend = f"did you mean {known[near[0]]}=…?" if near else f"there are {', '.join(defaults)}"
            raise ParleyError(f"{name}: no parameter '{setting}'; {mend}")
        if key in given:
            raise ParleyError(f"{name}: {key} stands twice; remove one")
        given[key] = _number(name, key, value, whole=key in ("n", "levels"))
    return given


def _number(name: str, key: str, text: str, whole: bool) -> int | float:
    kind = int if whole else float
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        what = "a whole number" if whole else "a number"
        example = ",".join([name, *(f"{k}={v:g}" for k, v in LIBRARY[name].defaults.items())])
        raise ParleyError(f"{name}: {key} is '{text[:40]}'; give {what}, as in {example}")
    return value
