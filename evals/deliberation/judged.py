"""What do judges say of the plans of a study: the verdicts that lie in its folder, joined to its runs and arms?

`FOLDER/judged/*.jsonl` is what `python -m evals.judges score FOLDER/records --out FOLDER/judged` and `… compare` write:
scores, a line a run, and comparisons, a line a pair. Its kept answers lie there too and are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.deliberation.gathered import Gathered
from evals.deliberation.outcomes import JUDGED, SCORED
from evals.findings.section import SEED, Section, Shown, estimated
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Json = dict[str, Any]

JUDGEMENTS = "judged"
"""The folder of verdicts in a study's folder."""

KEPT = "judgements.jsonl"
"""Answered calls, which are no verdicts."""

POINTS = {"trained": 1.0, "tie": 0.5, "base": 0.0}
COMPARED = (
    *("key", "judge", "one", "other", "pairs", "won", "tied", "lost", "missing", "net", "low", "high"),
    "clusters",
)


def scores(folder: Path) -> dict[str, dict[str, float | None]]:
    """key -> run_id -> its score, 0 to 5: the mean over the judges that lie there, each by its first reading.

    None where one of those judges gave none, so that all runs of a study are scored by the same judges. A run that
    no line is about is left out. Raises ParleyError as `verdicts` does.
    """
    said: dict[str, dict[str, dict[str, float | None]]] = {}
    for line in verdicts(folder):
        if "run_id" in line and line["reading"] == 1:
            said.setdefault(line["key"], {}).setdefault(line["judge"], {})[line["run_id"]] = line["score"]
    out: dict[str, dict[str, float | None]] = {}
    for key, by_judge in said.items():
        runs = dict.fromkeys(run_id for of in by_judge.values() for run_id in of)
        out[key] = {run_id: _mean([of.get(run_id) for of in by_judge.values()]) for run_id in runs}
    return out


def wins(folder: Path) -> dict[str, dict[str, float | None]]:
    """key -> run_id -> its share of its comparisons, all judges together: won 1, tied ½, lost 0.

    Comparisons without a winner are missing; None for a run that has no other. Raises ParleyError as `verdicts` does.
    """
    points: dict[str, dict[str, list[float]]] = {}
    for line in verdicts(folder):
        if "run_id" in line:
            continue
        point = POINTS.get(line["winner"])
        for side, own in (("trained", point), ("base", None if point is None else 1.0 - point)):
            kept = points.setdefault(line["key"], {}).setdefault(line[side], [])
            kept += [] if own is None else [own]
    return {key: {r: float(np.mean(p)) if p else None for r, p in of.items()} for key, of in points.items()}


def joined(runs: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The runs with what judges say of each, `j:KEY` and `won:KEY`; without verdicts, as they are."""
    found = {f"j:{key}": of for key, of in scores(folder).items()}
    found |= {f"won:{key}": of for key, of in wins(folder).items()}
    return runs.assign(**{name: runs["run_id"].map(of).astype(float) for name, of in found.items()})


def verdicts(folder: Path) -> Iterator[Json]:
    """Every line of the verdict files of a study, checked: scores have a `run_id`, comparisons `trained` and `base`.

    Raises ParleyError, in one line, for a line that is neither, or a file that cannot be read.
    """
    for path in sorted((folder / JUDGEMENTS).glob("*.jsonl")):
        if path.name == KEPT:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ParleyError(f"{path}: cannot be read ({type(error).__name__}); move it away") from None
        for number_, line in enumerate(text.splitlines(), 1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict) or not (_is_score(row) or _is_comparison(row)):
                raise ParleyError(
                    f"{path}, line {number_}: is no verdict of a judge; mend it, or move the file"
                )
            yield row


def judged(g: Gathered, folder: Path) -> Section | None:
    """The section: mean scores by arm, and which arm's plans were preferred; None where no judge has said anything."""
    by_arm = g.by_arm([n for n in JUDGED if _is_told(g, n)], np.random.default_rng(SEED))
    pairs = compared(g, folder)
    if by_arm.empty and pairs.empty:
        return None
    judges = sorted({line["judge"] for line in verdicts(folder)})
    return Section(
        title="What judges say of the plans",
        says=[
            f"Judged by {', '.join(judges)}. A score is from 0 to 5, higher better. A comparison shows two plans in "
            "both orders; a win needs both, and where they differ it is a tie. What a judge did not say is missing, "
            "and so is every dialogue that came to no plan: an arm that agrees seldom is judged on its easy dilemmas. "
            "How far these judges can be believed is measured by `python -m evals.judges measure`.",
        ],
        tables={"judged": by_arm, "compared": pairs},
        shown=[s for s in (_scores(g, by_arm), _pairs(pairs)) if s.rows],
        figures={} if pairs.empty else {"compared": lambda: _drawn(pairs)},
    )


def compared(g: Gathered, folder: Path) -> pd.DataFrame:
    """COMPARED: of every two arms that were compared, by key and judge: pairs, won, tied and lost by `one`, `net`.

    net = share won less share lost, the mean over dilemmas, in [−1, 1]: above 0 the plans of `one` are preferred.
    """
    import pandas as pd

    from evals.statistics import estimate

    arms = dict(zip(g.runs["run_id"], g.runs["arm"], strict=True))
    clusters = dict(zip(g.runs["run_id"], g.runs["cluster"], strict=True))
    found: dict[tuple[str, str, str, str], list[tuple[float, str]]] = {}
    for line in verdicts(folder):
        if "run_id" in line or line["trained"] not in arms or line["base"] not in arms:
            continue
        at = (line["key"], line["judge"], arms[line["trained"]], arms[line["base"]])
        point = POINTS.get(line["winner"], np.nan)
        found.setdefault(at, []).append((2 * point - 1, clusters[line["trained"]]))
    rows = []
    for at, of in found.items():
        net = np.array([n for n, _ in of])
        e = estimate(net, [c for _, c in of], rng=np.random.default_rng(SEED))
        counts = (len(of), *(int((net == v).sum()) for v in (1, 0, -1)), e.missing)
        rows.append(dict(zip(COMPARED, (*at, *counts, e.mean, e.low, e.high, e.clusters), strict=True)))
    return pd.DataFrame(rows, columns=list(COMPARED))


def _is_told(g: Gathered, name: str) -> bool:
    column = JUDGED[name]
    return column in g.runs and bool(g.runs[column].notna().any())


def _is_score(row: Mapping[str, Any]) -> bool:
    words = all(isinstance(row.get(n), str) for n in ("run_id", "key", "judge"))
    score = row.get("score", "")
    counted = score is None or (isinstance(score, int | float) and 0 <= score <= 5)
    return words and counted and isinstance(row.get("reading"), int)


def _is_comparison(row: Mapping[str, Any]) -> bool:
    words = all(isinstance(row.get(n), str) for n in ("trained", "base", "key", "judge"))
    return words and row.get("winner", "") in (*POINTS, None)


def _mean(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def _scores(g: Gathered, table: pd.DataFrame) -> Shown:
    at = {(r.arm, r.outcome): r for r in table.itertuples()}
    names = [n for n in SCORED if n in set(table["outcome"])]
    rows = []
    for arm in g.arms if names else ():
        cells = [at[arm, n] for n in names]
        rows.append([arm, *(estimated(c.mean, c.low, c.high) for c in cells), str(cells[0].missing)])
    return Shown(
        "Scores by arm", ["", *names, "missing"], rows, "Means over dilemmas; `missing`: runs without."
    )


def _pairs(table: pd.DataFrame) -> Shown:
    rows = [
        [
            *(r.key, r.judge, r.one, r.other),
            *map(str, (r.pairs, r.won, r.tied, r.lost, r.missing)),
            estimated(r.net, r.low, r.high, signed=True),
        ]
        for r in table.itertuples()
    ]
    return Shown(
        "Whose plans are preferred",
        ["", "judge", "one", "other", "pairs", "won", "tied", "lost", "missing", "net"],
        rows,
        "net: share won less share lost by `one`, the mean over dilemmas.",
    )


def _drawn(table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import figure, forest, titled

    rows = list(table.itertuples())
    fig, axes = figure(width=8, height=1.6 + 0.35 * len(rows))
    ends = [(None if r.low != r.low else r.low, None if r.high != r.high else r.high) for r in rows]
    labels = [f"{r.one} against {r.other}: {r.key} ({r.judge})" for r in rows]
    forest(axes[0, 0], labels, [None if r.net != r.net else r.net for r in rows], ends)
    axes[0, 0].set_xlim(-1.05, 1.05)
    axes[0, 0].set_xlabel("share won less share lost")
    return titled(
        fig,
        "Whose plans are preferred",
        "Mean over dilemmas; lines: 95 %, where there are 20 or more. 0: neither is.",
    )
