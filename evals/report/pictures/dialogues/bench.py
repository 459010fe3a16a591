"""How far do judges of plans agree: with each other, with themselves asked again, and in both orders of a pair?"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.section import SEED, Section, Shown, estimated, number, share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.deliberation.gathered import Gathered

AGREED = ("key", "one", "other", "exact", "kappa", "low", "high", "n", "clusters", "missing", "note")
ORDERS = ("key", "judge", "pairs", "same", "missing")
Voice = tuple[str, int]
"""A judge, and which reading of its: 1, or asked again 2, 3, …"""

NONE = (
    "No judge has said anything of these plans yet; `python -m evals.judges score RECORDS --out FOLDER/judged` asks "
    "one, and `… compare` compares two conditions."
)


def bench(g: Gathered, folder: Path) -> Section:
    """The section; one that says so where no judge was asked. Raises ParleyError as `judged.verdicts` does."""
    from evals.deliberation.judged import verdicts

    title, lines = "How far judges agree", list(verdicts(folder))
    if not lines:
        return Section(title, [NONE])
    said = _scores(g, lines)
    table, orders = agreements(g, said), orders_of(g, lines)
    says = [
        "κ: 1 is the same score for every plan, 0 no more than chance; squares of differences weigh (Cohen 1968)."
    ]
    if table.empty:
        says.append("One judge scored each plan once, so there is nothing to hold its scores against.")
    crossed = _crossed(said)
    figures: dict[str, Any] = {"judges_crossed": lambda: _drawn(*crossed)} if crossed else {}
    return Section(
        title=title,
        says=says,
        tables={"judges_agree": table, "judges_orders": orders},
        shown=[s for s in (_agreed(table), _orders(orders)) if s.rows],
        figures=figures,
    )


def _scores(g: Gathered, lines: list[dict[str, Any]]) -> dict[str, dict[Voice, dict[str, float]]]:
    """key -> (judge, reading) -> run_id -> score, NaN where it gave none; of the study's own runs."""
    own = set(g.runs["run_id"])
    out: dict[str, dict[Voice, dict[str, float]]] = {}
    for line in lines:
        if line.get("run_id") in own:
            of = out.setdefault(line["key"], {}).setdefault((line["judge"], line["reading"]), {})
            of[line["run_id"]] = np.nan if line["score"] is None else float(line["score"])
    return out


def agreements(g: Gathered, said: dict[str, dict[Voice, dict[str, float]]]) -> pd.DataFrame:
    """AGREED: of every two first readings of different judges, and of every judge's later readings with its first."""
    import pandas as pd

    from evals.judges.reliability import agreement

    clusters = dict(zip(g.runs["run_id"], g.runs["cluster"], strict=True))
    rows = []
    for key, of in said.items():
        for one, other in _beside(of):
            runs = sorted(of[one].keys() | of[other].keys())
            a, b = ([of[v].get(r, np.nan) for r in runs] for v in (one, other))
            e = agreement(a, b, [clusters[r] for r in runs], rng=np.random.default_rng(SEED))
            told = (e.exact, e.kappa, e.low, e.high, e.n, e.clusters, e.missing, e.note)
            rows.append(dict(zip(AGREED, (key, _name(one), _name(other), *told), strict=True)))
    return pd.DataFrame(rows, columns=list(AGREED))


def orders_of(g: Gathered, lines: list[dict[str, Any]]) -> pd.DataFrame:
    """ORDERS: of the pairs that a judge compared, in how many it preferred the same plan whichever was shown first."""
    import pandas as pd

    own = set(g.runs["run_id"])
    found: dict[tuple[str, str], list[bool | None]] = {}
    for line in lines:
        if "trained_first" in line and {line["trained"], line["base"]} <= own:
            one, other = line["trained_first"], line["base_first"]
            same = None if one is None or other is None else one == other
            found.setdefault((line["key"], line["judge"]), []).append(same)
    rows = [
        (*at, len(of), sum(s is True for s in of), sum(s is None for s in of)) for at, of in found.items()
    ]
    return pd.DataFrame(rows, columns=list(ORDERS))


def _beside(of: dict[Voice, dict[str, float]]) -> list[tuple[Voice, Voice]]:
    first = [v for v in of if v[1] == 1]
    again = [((v[0], 1), v) for v in of if v[1] != 1 and (v[0], 1) in of]
    return [*combinations(first, 2), *again]


def _name(voice: Voice) -> str:
    judge, reading = voice
    return judge if reading == 1 else f"{judge}, asked again ({reading})"


def _agreed(table: pd.DataFrame) -> Shown:
    rows = [
        [
            r.key,
            r.one,
            r.other,
            number(r.exact),
            estimated(r.kappa, r.low, r.high),
            str(r.n),
            str(r.missing),
            r.note,
        ]
        for r in table.itertuples()
    ]
    headings = ["", "judge", "beside", "same score", "κ", "plans", "missing", "note"]
    return Shown("Judges beside each other", headings, rows)


def _orders(table: pd.DataFrame) -> Shown:
    rows = [[r.key, r.judge, share(r.same, r.pairs - r.missing), str(r.missing)] for r in table.itertuples()]
    return Shown("The same plan preferred in both orders", ["", "judge", "pairs", "missing"], rows)


def _crossed(
    said: dict[str, dict[Voice, dict[str, float]]],
) -> tuple[str, str, str, np.ndarray[Any, Any]] | None:
    """Of the two voices with most plans in common, different judges first: key, names, and counts by score (6, 6)."""
    best: tuple[tuple[bool, int], str, str, str, np.ndarray[Any, Any]] | None = None
    for key, of in said.items():
        for one, other in _beside(of):
            counts = np.zeros((6, 6))
            for run_id in of[one].keys() & of[other].keys():
                a, b = of[one][run_id], of[other][run_id]
                if a == a and b == b:
                    counts[round(a), round(b)] += 1
            rank = (one[0] != other[0], int(counts.sum()))
            if counts.sum() and (best is None or rank > best[0]):
                best = (rank, key, _name(one), _name(other), counts)
    return None if best is None else best[1:]


def _drawn(key: str, one: str, other: str, counts: np.ndarray[Any, Any]) -> Figure:
    from evals.findings.drawing import figure, heatmap, titled

    fig, axes = figure(width=6.2, height=4.2)
    text = [["" if n == 0 else str(int(n)) for n in row] for row in counts]
    scores = [str(score) for score in range(6)]
    heatmap(axes[0, 0], scores, scores, counts / counts.max(), text)
    axes[0, 0].invert_yaxis()
    axes[0, 0].tick_params(axis="x", rotation=0)
    axes[0, 0].set_ylabel(f"score by {one}")
    axes[0, 0].set_xlabel(f"score by {other}")
    note = (
        f"{key}. Number: plans with both scores, to the nearest whole one. On the diagonal both say the same."
    )
    return titled(fig, "Two judges of the same plans", note)
