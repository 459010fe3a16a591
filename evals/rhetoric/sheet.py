"""What do people fill in: a CSV sheet of arguments, blind to who spoke, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evals.rhetoric.asking import LABELS
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import numpy as np

    from evals.rhetoric.gathering import Argument

COLUMNS = ("run_id", "turn", "argument", *LABELS)
MARKS = {
    **dict.fromkeys(("1", "1.0", "x", "yes", "y", "true"), True),
    **dict.fromkeys(("0", "0.0", "no", "n", "false"), False),
    "": None,
}
SEPARATORS = ",;\t"
MOST_BYTES = 50_000_000

TRIGGERS = r"=+\-@＝＋－＠\t\r"
"""What a spreadsheet takes for the beginning of a formula at the start of a cell (CWE-1236), in either width."""

GUARDABLE = re.compile(rf"(?P<before>^|[;,\t\r\n])(?P<blank>[ \"]*)(?P<marks>'*)(?=[{TRIGGERS}])")
GUARDED = re.compile(rf"(?P<before>^|[;,\t\r\n])(?P<blank>[ \"]*)'(?P<marks>'*)(?=[{TRIGGERS}])")


@dataclass(frozen=True)
class Marked:
    """One row of a filled-in sheet: per label True, False, or None where it was left empty."""

    turn: str
    argument: str
    marks: Mapping[str, bool | None]


def guarded(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: `'` before what could begin one. `unguarded` undoes it.

    Also after a comma, semicolon, tab or line end inside the cell: a spreadsheet that is set to another
    separator splits there. What already has such a mark gets one more, so that the way back is unique.
    """
    return GUARDABLE.sub(lambda m: f"{m['before']}{m['blank']}'{m['marks']}", text)


def unguarded(text: str) -> str:
    """The text that was guarded."""
    return GUARDED.sub(lambda m: f"{m['before']}{m['blank']}{m['marks']}", text)


def sample(arguments: Sequence[Argument], n: int, rng: np.random.Generator) -> list[Argument]:
    """`n` arguments of distinct words, spread evenly over persona × round, in an order that tells nothing.

    Strata take turns, each giving one of its own in a drawn order, until n are drawn or all are; a word-for-word
    repetition is asked about once. Every stratum is so represented however rare; rates of a sheet alone are
    therefore no estimate of rates in the runs. Raises ParleyError for n < 1.
    """
    if n < 1:
        raise ParleyError(f"--n: {n}; give 1 or more")
    strata: dict[tuple[str, int], list[Argument]] = defaultdict(list)
    for argument in sorted(arguments, key=lambda a: a.turn):
        strata[argument.persona, argument.round].append(argument)
    queues = [[strata[k][i] for i in rng.permutation(len(strata[k]))] for k in sorted(strata)]
    queues = [queues[i] for i in rng.permutation(len(queues))]
    drawn: dict[str, Argument] = {}
    while len(drawn) < n and any(queues):
        for queue in queues:
            while queue and queue[-1].text in drawn:
                queue.pop()
            if queue and len(drawn) < n:
                argument = queue.pop()
                drawn[argument.text] = argument
    chosen = list(drawn.values())
    return [chosen[i] for i in rng.permutation(len(chosen))]


def write_sheet(arguments: Iterable[Argument], path: str | Path) -> Path:
    """Write a sheet to be filled in: no persona, no seat, no round, no judge; one empty column a label.

    Never over a file that is there: it may hold a person's work. Raises ParleyError then, or if it cannot be
    written.
    """
    path = Path(path)
    rows = ({"run_id": a.run_id, "turn": a.turn, "argument": a.text} for a in arguments)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(
            "x", encoding="utf-8-sig", newline=""
        ) as file:  # the mark tells Excel that it is UTF-8
            file.write(table(rows, COLUMNS))
    except FileExistsError:
        raise ParleyError(f"{path}: is there already and may hold labels; name another --out") from None
    except OSError as error:
        raise ParleyError(f"{path}: cannot be written ({error.strerror}); name another --out") from None
    return path


def table(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> str:
    """Rows as CSV whose every text is guarded and quoted; None and NaN are empty."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def read_sheet(path: str | Path) -> list[Marked]:
    """The rows of a filled-in sheet, guards taken off; separated by comma, semicolon or tab, as spreadsheets save.

    A mark is 1 or 0 (also x, yes, no, true, false); an empty cell is no answer, never a no. Raises ParleyError,
    in one line with the row, for a file that is no such sheet, another mark, or a turn that stands in it twice.
    """
    path = Path(path)
    rows = _rows(path)
    if not rows:
        raise ParleyError(f"{path}: empty; make a sheet with `sheet`")
    head = [cell.strip().lower() for cell in rows[0]]
    absent = [c for c in ("turn", *LABELS) if c not in head]
    if absent:
        raise ParleyError(f"{path}: no column {', '.join(absent)}; keep the columns that `sheet` wrote")
    found: dict[str, Marked] = {}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        cells = dict(zip(head, row, strict=False))
        marked = _marked(cells, f"{path}, row {number}")
        if marked.turn in found:
            raise ParleyError(f"{path}, row {number}: turn {marked.turn} stands there twice; keep one")
        found[marked.turn] = marked
    return list(found.values())


def _marked(cells: Mapping[str, str], where: str) -> Marked:
    turn = unguarded(cells.get("turn", "")).strip()
    if not re.fullmatch(r"t[0-9a-f]{12}", turn):
        raise ParleyError(f"{where}: '{turn[:40]}' is no turn; leave that column as `sheet` wrote it")
    marks = {}
    for label in LABELS:
        said = unguarded(cells.get(label) or "").strip().lower()
        if said not in MARKS:
            raise ParleyError(f"{where}, {label}: '{said[:40]}'; write 1, 0, or leave it empty")
        marks[label] = MARKS[said]
    return Marked(turn, unguarded(cells.get("argument") or ""), marks)


def _rows(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ParleyError(f"{path}: larger than {MOST_BYTES // 10**6} MB; it is no sheet")
        text = path.read_bytes().decode("utf-8-sig")
        first = text.partition("\n")[0]
        separator = max(SEPARATORS, key=first.count)
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except OSError as error:
        raise ParleyError(f"{path}: cannot be read ({error.strerror}); name a sheet") from None
    except UnicodeDecodeError:
        raise ParleyError(f"{path}: not UTF-8; save it as `CSV UTF-8`") from None
    except csv.Error as error:
        raise ParleyError(f"{path}: no CSV ({error}); save it as CSV again") from None


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, tuple):
        return guarded(" | ".join(map(str, value)))
    return guarded(value) if isinstance(value, str) else str(value)
