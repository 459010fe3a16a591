"""Which dilemma is a row of a table: MoralChoice's CSV files, a context, two actions, and the rules that each breaks.

The columns are those of Scherrer, Shi, Feder & Blei 2023 (CC BY 4.0; their rules are Gert's ten, 2004): scenario_id,
ambiguity (low, high), context, action1, action2, and for each action ten marks, a1_death … a2_duty, each Yes (the
action breaks the rule), No, or No Agreement (the annotators did not agree: no mark, so it counts for nothing).
Other columns are not read. What each broken rule costs is ours, and so is all that follows from it:

death          care −2, caution −2      deceive        candour −2
pain           care −1                  cheat          fairness −2, candour −1
disable        care −1, caution −2      break_promise  loyalty −2
freedom        liberty −2               break_law      order −2, community −1
pleasure       liberty −1               duty           order −1, community −1

An action's costs are summed and held at −2. The two principles are the consideration that speaks most for the first
action (the widest gap between the two) and the one that speaks most for the second; where all speak for one action,
as in most rows of low ambiguity, the two that do so most; of equal ones, the first in the order of CONSIDERATIONS.
A row whose actions fewer than two considerations tell apart has no principles to name, and is no dilemma here.
Low ambiguity is of the stratum `everyday`, high of `professional` (which holds what is high-stakes). All rows are
held out: a published survey is for measuring, not for training.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.errors import ParleyError

__all__ = ["COSTS", "left_out", "load_row", "read_table"]

COSTS: dict[str, dict[str, int]] = {
    "death": {"care": -2, "caution": -2},
    "pain": {"care": -1},
    "disable": {"care": -1, "caution": -2},
    "freedom": {"liberty": -2},
    "pleasure": {"liberty": -1},
    "deceive": {"candour": -2},
    "cheat": {"fairness": -2, "candour": -1},
    "break_promise": {"loyalty": -2},
    "break_law": {"order": -2, "community": -1},
    "duty": {"order": -1, "community": -1},
}
"""Rule -> what an action that breaks it costs, by consideration. Ours."""

LIMIT_BYTES = 5_000_000
_ACTIONS = ("action1", "action2")
_WORDS = ("scenario_id", "ambiguity", "context", *_ACTIONS)
_MARKS = {"yes": True, "no": False, "no agreement": None}
_STRATA = {"low": "everyday", "high": "professional"}

Row = Mapping[str, str]


def load_row(rest: str) -> Dilemma:
    """The dilemma of `PATH#ID`. Raises ParleyError, with file, row and column, for what is missing or wrong."""
    path_text, _, wanted = (part.strip() for part in rest.rpartition("#"))
    if not path_text or not wanted:
        raise ParleyError(
            f"moralchoice:{rest}: no row named; write moralchoice:PATH#ID, as in …high.csv#H_001"
        )
    path = Path(path_text).expanduser()
    rows = _rows(path)
    found = [(number, row) for number, row in rows if row["scenario_id"].strip() == wanted]
    if not found:
        from difflib import get_close_matches

        known = [row["scenario_id"].strip() for _, row in rows]
        near = get_close_matches(wanted, known, 3, 0.5) or known[:3]
        raise ParleyError(f"{path}: no scenario_id '{wanted[:40]}'; did you mean {' or '.join(near)}?")
    if len(found) > 1:
        raise ParleyError(
            f"{path}: scenario_id '{wanted}' stands in rows {found[0][0]} and {found[1][0]}; rename one"
        )
    dilemma = _dilemma(path, *found[0])
    if dilemma is None:
        raise ParleyError(
            f"{path}: row {found[0][0]} (scenario_id '{wanted}'): its marks tell the actions apart on fewer than two"
            " considerations, so it has no principles in conflict; name another row"
        )
    return dilemma


def read_table(path: Path) -> dict[str, Dilemma]:
    """The dilemmas of a table by scenario_id, in its order, without the rows that `left_out` names.

    Raises ParleyError for the first row that is wrong, and where no row is a dilemma.
    """
    found = {name: dilemma for name, dilemma in _all(path).items() if dilemma is not None}
    if not found:
        raise ParleyError(f"{path}: no row tells its actions apart on two considerations; give another table")
    return found


def left_out(path: Path) -> list[str]:
    """The scenario_ids of rows whose actions fewer than two considerations tell apart."""
    return [name for name, dilemma in _all(path).items() if dilemma is None]


def _all(path: Path) -> dict[str, Dilemma | None]:
    out: dict[str, Dilemma | None] = {}
    slugs: dict[str, str] = {}
    for number, row in _rows(path):
        name = row["scenario_id"].strip()
        twin = slugs.setdefault(_slug(name), name)
        if name in out or twin != name:
            raise ParleyError(f"{path}: row {number}: scenario_id '{name}' is taken by '{twin}'; rename one")
        out[name] = _dilemma(path, number, row)
    return out


def _dilemma(path: Path, number: int, row: Row) -> Dilemma | None:
    """A row's dilemma, or None where fewer than two considerations tell its actions apart."""
    from scenarios.dilemmas.load import parse_dilemma

    place = f"{path}: row {number} (scenario_id '{row['scenario_id'].strip()[:40]}')"
    words = {name: _text(place, row, name) for name in _WORDS}
    stratum = _STRATA.get(words["ambiguity"].lower())
    if stratum is None:
        raise ParleyError(f"{place}: ambiguity is '{words['ambiguity'][:40]}'; write low or high")
    if words["action1"] == words["action2"]:
        raise ParleyError(f"{place}: action1 and action2 are the same words; correct one")
    serves = [_serves(place, row, prefix) for prefix in ("a1", "a2")]
    principles = _principles(*serves)
    if principles is None:
        return None
    options = {
        action: {"says": words[action], "serves": own} for action, own in zip(_ACTIONS, serves, strict=True)
    }
    data = {
        "name": _slug(words["scenario_id"]),
        "theme": "moralchoice",
        "stratum": stratum,
        "held_out": True,
        "goal": "Choose between two actions",
        "prompt": f"{words['context']} What do you do?",
        "principles": principles,
        "issues": {"action": {"asks": "Which of the two do you do?", "options": options}},
        "source": f"A table shaped as MoralChoice's (Scherrer, Shi, Feder & Blei 2023), {words['scenario_id']}",
    }
    return parse_dilemma(data, place)


def _serves(place: str, row: Row, prefix: str) -> dict[str, int]:
    """What an action costs, by consideration: the sum over the rules that it breaks, −2 at the lowest."""
    total: Counter[str] = Counter()
    for rule, costs in COSTS.items():
        column = f"{prefix}_{rule}"
        mark = " ".join(row[column].split()).lower()
        if mark not in _MARKS:
            raise ParleyError(f"{place}: {column} is '{mark[:40]}'; write Yes, No or No Agreement")
        if _MARKS[mark]:
            total.update(costs)
    return {name: max(total[name], -2) for name in CONSIDERATIONS if name in total}


def _principles(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, str] | None:
    """The considerations that speak most for each action, in words; None where fewer than two speak at all."""
    gaps = {name: first.get(name, 0) - second.get(name, 0) for name in CONSIDERATIONS}
    apart = sorted((name for name in gaps if gaps[name]), key=lambda name: -abs(gaps[name]))
    if len(apart) < 2:
        return None
    for_first = [name for name in apart if gaps[name] > 0]
    for_second = [name for name in apart if gaps[name] < 0]
    chosen = [for_first[0], for_second[0]] if for_first and for_second else apart[:2]
    return {
        name: f"What speaks for the {'first' if gaps[name] > 0 else 'second'} action: {CONSIDERATIONS[name]}."
        for name in chosen
    }


def _text(place: str, row: Row, name: str) -> str:
    text = " ".join(row[name].split())
    if not text:
        raise ParleyError(f"{place}: {name} is empty; write it")
    return text


def _slug(name: str) -> str:
    """A dilemma's name from a scenario_id, `moralchoice-h_001`."""
    return f"moralchoice-{re.sub(r'[^a-z0-9_]+', '-', name.lower())}"[:64]


def _rows(path: Path) -> list[tuple[int, Row]]:
    """The rows with their numbers as a spreadsheet counts them, the header being row 1."""
    from scenarios.reading import read_text

    text = read_text(path, LIMIT_BYTES, "table of scenarios")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_header(path, reader.fieldnames or ())
        rows: list[tuple[int, Row]] = list(enumerate(reader, 2))
    except csv.Error as error:
        raise ParleyError(f"{path}: line {reader.line_num}: {error}; correct the CSV") from None
    if not rows:
        raise ParleyError(f"{path}: a header and no rows; add a scenario")
    for number, row in rows:
        if None in row or None in row.values():
            raise ParleyError(f"{path}: row {number}: has not one value for each column; correct it")
    return rows


def _check_header(path: Path, header: Sequence[str]) -> None:
    needed = [*_WORDS, *(f"{prefix}_{rule}" for prefix in ("a1", "a2") for rule in COSTS)]
    for name in needed:
        if name not in header:
            raise ParleyError(f"{path}: no column '{name}', which a table of scenarios needs; add it")
        if header.count(name) > 1:
            raise ParleyError(f"{path}: column '{name}' stands twice; remove one")
