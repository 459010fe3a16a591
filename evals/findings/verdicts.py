"""What became of each hypothesis: effect, interval, corrected p, both nulls, standing, how far it holds?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evals.findings.contrasts import Contrast
from evals.findings.section import Section, Shown, interval, number, p_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def verdicts(found: Sequence[Contrast], standing: Mapping[str, str]) -> Section:
    """The section of hypotheses; `standing` says of each whether it is confirmatory, exploratory or deviating."""
    table = _table(found, standing)
    return Section(
        title="What was asked, and what came out",
        says=[_in_words(c) for c in found],
        tables={"hypotheses": table, "pairs": _pairs(found)},
        shown=[_shown(found, standing)],
        figures={"hypotheses": lambda: _figure(found)},
    )


def held_in(contrast: Contrast) -> tuple[int, int]:
    """In how many cells of the cross the effect has the sign of the whole, of those with a value."""
    cells = [c for c in contrast.pairs.columns if c.startswith("cell:")]
    pairs, whole = contrast.pairs.dropna(subset=["difference"]), contrast.estimate.mean
    if whole is None or not cells or pairs.empty:
        return 0, 0
    means = pairs.groupby(cells, dropna=False)["difference"].mean()
    return int((np.sign(means) == np.sign(whole)).sum()), len(means)


def _in_words(c: Contrast) -> str:
    h, e = c.hypothesis, c.estimate
    if e.mean is None:
        return f"**{h.id}: not tested.** {h.claim} No pair of runs has a value yet."
    where = (
        f"{number(c.treatment)} against {number(c.control)}, a difference of {number(e.mean, signed=True)}"
    )
    if e.low is not None:
        where += f" {interval(e.low, e.high)}"
    return f"**{h.id}: {c.verdict}.** {h.claim} `{h.outcome}`: {where} (p {p_value(c.p_family)})."


def _table(found: Sequence[Contrast], standing: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for c in found:
        e, h = c.estimate, c.hypothesis
        held, cells = held_in(c)
        rows.append(
            {
                "hypothesis": h.id,
                "claim": h.claim,
                "outcome": h.outcome,
                "direction": h.direction,
                "treatment": c.treatment,
                "control": c.control,
                "difference": e.mean,
                "low": e.low,
                "high": e.high,
                "p": e.p,
                "p_holm": c.p_family,
                "family": h.family,
                "effect_dz": e.effect,
                "smallest_effect": h.smallest_effect,
                "pairs": e.n,
                "wards": e.clusters,
                "missing": e.missing,
                "unmatched": c.unmatched,
                "bargaining_low": c.null_low,
                "bargaining_high": c.null_high,
                "beyond_bargaining": c.beyond_bargaining,
                "cells_same_sign": held,
                "cells": cells,
                "standing": standing.get(h.id, "exploratory"),
                "verdict": c.verdict,
                "note": e.note,
            }
        )
    return pd.DataFrame(rows)


def _pairs(found: Sequence[Contrast]) -> pd.DataFrame:
    """Every pair behind every number, with the ids of its runs."""
    import pandas as pd

    keep = [
        "cluster",
        "seed",
        "replicate",
        "run_treatment",
        "run_control",
        "treatment",
        "control",
        "difference",
    ]
    return pd.concat(
        [c.pairs[keep].astype(object).assign(hypothesis=c.hypothesis.id) for c in found], ignore_index=True
    )[["hypothesis", *keep]]


def _shown(found: Sequence[Contrast], standing: Mapping[str, str]) -> Shown:
    rows = []
    for c in found:
        e = c.estimate
        held, cells = held_in(c)
        missing = e.missing + c.unmatched
        rows.append(
            [
                c.hypothesis.id,
                number(e.mean, signed=True),
                interval(e.low, e.high),
                p_value(c.p_family),
                number(e.effect),
                f"{e.n} / {e.clusters}" + (f" ({missing} missing)" if missing else ""),
                interval(c.null_low, c.null_high),
                f"{held}/{cells}" if cells else "–",
                standing.get(c.hypothesis.id, "exploratory").split(":")[0],
                c.verdict,
            ]
        )
    notes = dict.fromkeys(c.estimate.note for c in found if c.estimate.note and c.estimate.low is not None)
    headings = ["", "effect", "95 %", "p (Holm)", "d_z", "pairs / wards", "bargaining null", "cells"]
    return Shown(
        title="Hypotheses",
        headings=[*headings, "standing", "verdict"],
        rows=rows,
        note="effect: treatment less control, the mean over wards of paired differences. 95 %: bootstrap-t over "
        "wards; none under 20 wards. p: sign-flip over wards, Holm within its family. d_z: effect over its "
        "standard deviation. bargaining null: the same effect where reference negotiators bargain, over the "
        "policy grid. cells: in how many cells of the cross the effect has this sign. "
        + " ".join(f"{note[0].upper()}{note[1:]}." for note in notes),
    )


def _figure(found: Sequence[Contrast]) -> Figure:
    from evals.findings.drawing import figure, forest, titled

    fig, axes = figure(width=7.2, height=0.9 + 0.34 * len(found))
    ax = axes[0, 0]
    forest(
        ax,
        [f"{c.hypothesis.id}  {c.hypothesis.outcome}" for c in found],
        [c.estimate.mean for c in found],
        [(c.estimate.low, c.estimate.high) for c in found],
        [(c.null_low, c.null_high) for c in found],
    )
    ax.set_xlabel("treatment less control")
    note = "Dot: mean over wards; line: 95 % interval; grey: the same effect under bargaining reference negotiators."
    return titled(fig, "Effects, each in the units of its outcome", note)
