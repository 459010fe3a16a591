"""Which game is a row of a table: GT-HarmBench's CSV files, 2×2 with four payoff columns or 4×4 with one matrix.

Lists stand in the cells as Python writes them. In a 4×4 row effort is hidden: each action of `actions_row` and
`actions_column` is there with high and with low effort, and only the action can be verified. Columns named
`target_*` are not read: they are answers.
"""

from __future__ import annotations

import ast
import csv
import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import ParleyError
from scenarios.games.game import Game

__all__ = ["games", "load_row"]

LIMIT_BYTES = 20_000_000
_COMMON = ("id", "formal_game", "actions_row", "actions_column")
_CELLS = (("1_1_payoff", "1_2_payoff"), ("2_1_payoff", "2_2_payoff"))
_MATRIX = "payoff_matrix_4x4"
_LIFTED = ("actions_row_4x4", "actions_col_4x4")

Row = Mapping[str, str]


def load_row(address: str) -> Game:
    """The game of `PATH#ID`. Raises ParleyError, with file, row and field, for what is missing or wrong."""
    path_text, hash_sign, wanted = (part.strip() for part in address.rpartition("#"))
    if not hash_sign or not path_text or not wanted:
        raise ParleyError(f"csv:{address}: no game named; write csv:PATH#ID, as in csv:games.csv#1091")
    path = Path(path_text).expanduser()
    rows = _rows(path)
    found = [(number, row) for number, row in rows if row["id"] == wanted]
    if not found:
        from difflib import get_close_matches

        known = [row["id"] for _, row in rows]
        near = get_close_matches(wanted, known, 3, 0.5) or known[:5]
        raise ParleyError(f"{path}: no game with id '{wanted[:40]}'; did you mean {' or '.join(near)}?")
    if len(found) > 1:
        raise ParleyError(f"{path}: id '{wanted}' stands in rows {found[0][0]} and {found[1][0]}; rename one")
    return _game(path, *found[0])


def games(path: Path) -> dict[str, Game]:
    """Every game of a table by its id, in the order of the rows. Raises ParleyError for the first that is wrong."""
    rows = _rows(path)
    out: dict[str, Game] = {}
    for number, row in rows:
        if row["id"] in out:
            raise ParleyError(f"{path}: row {number}: id '{row['id']}' stands twice; rename one")
        out[row["id"]] = _game(path, number, row)
    return out


def _rows(path: Path) -> list[tuple[int, Row]]:
    """The rows with their numbers as a spreadsheet counts them, the header being row 1."""
    from scenarios.reading import read_text

    text = read_text(path, LIMIT_BYTES, "table of games")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or ()
        _check_header(path, header)
        rows: list[tuple[int, Row]] = list(enumerate(reader, 2))
    except csv.Error as error:
        raise ParleyError(f"{path}: line {reader.line_num}: {error}; correct the CSV") from None
    if not rows:
        raise ParleyError(f"{path}: a header and no rows; add a game")
    for number, row in rows:
        if None in row or None in row.values():
            raise ParleyError(f"{path}: row {number}: has not one value for each column; correct it")
    return rows


def _check_header(path: Path, header: Any) -> None:
    twice = sorted({name for name in header if header.count(name) > 1}) if header else []
    if twice:
        raise ParleyError(f"{path}: column '{twice[0]}' stands twice; remove one")
    lifted = _MATRIX in header
    needed = (*_COMMON, *((_MATRIX, *_LIFTED) if lifted else (name for pair in _CELLS for name in pair)))
    for name in needed:
        if name not in header:
            kind = "4×4" if lifted else "2×2"
            raise ParleyError(f"{path}: no column '{name}', which a table of {kind} games needs; add it")


def _game(path: Path, number: int, row: Row) -> Game:
    from scenarios.games.load import parse_game

    place = f"{path}: row {number} (id '{row['id'][:40]}')"
    plain = [_listed(place, row, name) for name in ("actions_row", "actions_column")]
    if _MATRIX in row:
        payoffs = _listed(place, row, _MATRIX)
        actions = [_listed(place, row, name) for name in _LIFTED]
        if any(len(part) != 2 for part in plain) or any(len(part) != 4 for part in actions):
            raise ParleyError(f"{place}: actions: two to a player, and four with effort; correct them")
        verifiable = [[name for name in names for _ in range(2)] for names in plain]
    else:
        payoffs = [[_listed(place, row, name) for name in names] for names in _CELLS]
        actions, verifiable = plain, None
    stem = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:30] or "games"
    identity = re.sub(r"[^a-z0-9]+", "-", row["id"].lower()).strip("-")[:24]
    stories = tuple(row.get(name, "") for name in ("story_row", "story_col"))
    data = {
        "name": "-".join(part for part in ("csv", stem, identity) if part),
        "title": f"{row['formal_game']}: {' or '.join(map(str, plain[0]))}",
        "says": row.get("Description", "")[:2000],
        "source": f"GT-HarmBench, game {row['id']}",
        "actions": actions,
        "verifiable": verifiable,
        "stories": stories if all(stories) else (),
        "states": [{"payoffs": payoffs}],
    }
    return parse_game(data, place)


def _listed(place: str, row: Row, name: str) -> list[Any]:
    """A cell that holds a list or tuple in Python's notation."""
    text = row[name]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, list | tuple):
        shown = text if len(text) <= 40 else f"{text[:37]}..."
        raise ParleyError(f"{place}: {name} is {shown!r}, no list; write it as [5, 5]")
    return list(value)
