"""Who gains: payoffs by type, what turning prosocial costs or brings, what the selfish live off, where types drift?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evals.dilemmas.frames import PROSOCIAL, SELFISH
from evals.dilemmas.gathered import Gathered
from evals.findings.section import SEED, Section, Shown, number, p_value
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import pandas as pd

    from evals.prosociality import Drift

BY = ("regime", "dynamics")
PAIR = ("cluster", "seed", "replicate")

MOST_LINES = 8
"""Phase lines in one figure; where there are more, only those of no contract and of the best law are drawn."""

RESAMPLES = 199
"""Of the worlds, for each phase line: what stands in so many is told to a hundredth or so, in a second."""

WORDS = {
    "selfish": "prosocial agents vanish",
    "prosocial": "selfish agents vanish",
    "bistable": "whoever is many enough takes over",
    "coexistence": "both stay",
    "neutral": "neither gains on the other",
    "other": "several ends",
}


def gains(g: Gathered) -> list[Section]:
    """The sections on types: payoffs, exploitation, drift."""
    table = g.payoffs()
    if table["type"].nunique() < 2:
        one = "only one type of seat plays, so nobody can be compared"
        return [Section("Who gains", [f"In this study {one}."])]
    return [_types(g, table), _drift(g, table)]


def _types(g: Gathered, table: pd.DataFrame) -> Section:
    from evals.prosociality import advantage, exploitation, payoffs, switch
    from evals.prosociality.figures import payoff_figure

    rng = np.random.default_rng(SEED)
    own = _in_order(g, payoffs(table, by=BY, rng=rng, pair=PAIR))
    turned = switch(table, by=BY, rng=rng, pair=PAIR)
    lived = exploitation(table, by=BY, rng=rng, pair=PAIR)
    beside = advantage(table, by=BY, rng=rng, pair=PAIR)
    unit = "payoff of a season" if g.study.setting == "commons" else "payoff a round"
    says = [
        _sentence(
            turned,
            "turning prosocial",
            "brings the one who does it more than it costs, the others as they are,",
        ),
        _sentence(lived, "prosocial company", "brings a selfish seat more than it had among its like"),
        _sentence(beside, "within one group, selfishness", "brings more than concern"),
        "Payoffs are net of payments; p is uncorrected. *Switch*: π_P(k + 1) − π_S(k), one seat turned and the others "
        "as they are. *Exploitation*: π_S(k) − π_S(0). *Advantage*: π_S(k) − π_P(k) within one group, which mixes "
        "what the selfish take with what the prosocial give up.",
    ]
    tables = {"payoffs_by_type": own, "switch": turned, "exploitation": lived, "advantage": beside}
    return Section(
        title="Who gains: payoffs by type",
        says=says,
        tables=tables,
        shown=[
            _by_type(g, own),
            _shown(
                g, turned, "others", "Switch: what one seat gains by being prosocial beside so many others"
            ),
            _shown(
                g, lived, "prosocial", "Exploitation: what a selfish seat gains from so many prosocial ones"
            ),
        ],
        figures={"payoffs_by_type": lambda: payoff_figure(own, BY, unit)},
    )


def _in_order(g: Gathered, table: pd.DataFrame) -> pd.DataFrame:
    """The rows by dynamics as planned, then by regime as they are read."""
    places = {name: i for i, name in enumerate([*g.dynamics, *g.regimes])}
    return table.sort_values(
        ["dynamics", "regime"], key=lambda c: c.map(places), kind="stable", ignore_index=True
    )


def _sentence(table: pd.DataFrame, what: str, does: str) -> str:
    known = table.dropna(subset=["mean"])
    if known.empty:
        return f"Whether {what} {does.rstrip(',')} cannot be told here."
    positive = int((known["mean"] > 0).sum())
    sure = int(((known["p"] <= 0.05) & (known["mean"] > 0)).sum())
    contrary = int(((known["p"] <= 0.05) & (known["mean"] < 0)).sum())
    return (
        f"{what[0].upper()}{what[1:]} {does} in {positive} of {len(known)} make-ups and conditions "
        f"({sure} with p at most .05; {contrary} the other way)."
    )


def _by_type(g: Gathered, table: pd.DataFrame) -> Shown:
    rows = []
    for (regime, dynamics, size), here in table.groupby([*BY, "size"], sort=False):
        for kind in (SELFISH, PROSOCIAL):
            mine = here[here["type"] == kind].set_index("prosocial")["mean"]
            cells = [number(mine.get(k), 1) for k in range(int(size) + 1)]
            rows.append([f"{g.named(str(dynamics), str(regime))}: {kind}", *cells])
    most = int(table["size"].max()) if len(table) else 0
    rows = [[*row, *["–"] * (most + 2 - len(row))] for row in rows]
    return Shown("Mean payoff by type", ["", *(f"p{k}" for k in range(most + 1))], rows)


def _shown(g: Gathered, table: pd.DataFrame, column: str, title: str) -> Shown:
    columns = sorted(int(k) for k in table[column].unique())
    rows = []
    for regime in g.regimes:
        for dynamics in g.dynamics:
            here = table[(table["regime"] == regime) & (table["dynamics"] == dynamics)].set_index(column)
            cells = [_cell(here, k) for k in columns]
            rows.append([g.named(dynamics, regime), *cells])
    return Shown(title, ["", *map(str, columns)], rows, "In brackets p, by sign-flip, uncorrected.")


def _cell(here: pd.DataFrame, k: int) -> str:
    if k not in here.index or here.loc[k, "mean"] != here.loc[k, "mean"]:
        return "–"
    return f"{number(here.loc[k, 'mean'], 1, signed=True)} ({p_value(here.loc[k, 'p'])})"


def _drift(g: Gathered, table: pd.DataFrame) -> Section:
    from evals.prosociality.figures import phase_figure

    found, without = drifts(table, g.study.unit)
    points, rows = _points(found), []
    for (dynamics, regime), of in found.items():
        ends = [f"{number(p.share)} {p.stability}" for p in of.phase.points]
        stands = of.portraits.set_index("portrait")["stands"].get(of.phase.portrait)
        rows.append(
            [
                g.named(dynamics, regime),
                of.phase.portrait,
                WORDS[of.phase.portrait],
                "; ".join(ends),
                number(stands),
            ]
        )
    drawn = {
        g.named(d, r): of for (d, r), of in found.items() if len(found) <= MOST_LINES or r in ("none", "best")
    }
    says = [
        "Were types copied by how well they do (replicator dynamics over groups drawn from a large population), the "
        f"share of prosocial agents would drift so. *stands*: the share of {RESAMPLES} resamples of "
        f"{g.study.unit}s with the same portrait.",
        *without,
    ]
    return Section(
        title="Where a population of types drifts",
        says=says,
        tables={"drift": points},
        shown=[Shown("Replicator dynamics", ["", "portrait", "so", "fixed points", "stands"], rows)],
        figures={"drift": lambda: phase_figure(drawn)} if drawn else {},
    )


def drifts(table: pd.DataFrame, unit: str) -> tuple[dict[tuple[str, str], Drift], list[str]]:
    """The drift by (dynamics, regime), and a sentence for what has none."""
    from evals.prosociality import curves, drift

    found: dict[tuple[str, str], Drift] = {}
    without: list[str] = []
    for key, of in curves(table, BY, PAIR).items():
        regime, dynamics = str(key[0]), str(key[1])
        try:
            found[dynamics, regime] = drift(of, rng=np.random.default_rng(SEED), resamples=RESAMPLES)
        except ParleyError as error:
            without.append(f"No drift for {dynamics}, {regime}: {error}.")
    return found, without


def _points(found: dict[tuple[str, str], Drift]) -> pd.DataFrame:
    import pandas as pd

    from evals.prosociality.drift import POINTS

    parts = [
        of.points.astype({"share": float}).assign(dynamics=d, regime=r, portrait=of.phase.portrait)
        for (d, r), of in found.items()
    ]
    columns = ["dynamics", "regime", "portrait", *POINTS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
