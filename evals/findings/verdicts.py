"""What became of each hypothesis: effect, interval, corrected p, both nulls, standing, how far it holds?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evals.findings.contrasts import Contrast
from evals.findings.section import BESIDE_NULL, Section, Shown, interval, number, p_value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


TITLE = "What was asked, and what came out"

PAIRS = (
    *("cluster", "seed", "replicate", "run_treatment", "run_control"),
    *("treatment", "control", "difference"),
)


def verdicts(found: Sequence[Contrast], standing: Mapping[str, str]) -> Section:
    """The section of hypotheses; `standing` says of each whether it is confirmatory, exploratory or deviating."""
    table = table_of(found, standing)
    if not found:
        return Section(title=TITLE, says=["The study names no hypothesis, so nothing is tested."],
                       tables={"hypotheses": table, "pairs": pairs_of(found)})  # fmt: skip
    return Section(
        title=TITLE,
        says=[_in_words(c, standing.get(c.hypothesis.id, "exploratory")) for c in found],
        tables={"hypotheses": table, "pairs": pairs_of(found)},
        shown=[_shown(found, standing)],
        figures={"hypotheses": lambda: drawn(found)},
        behind=BESIDE_NULL,
    )


def held_in(contrast: Contrast) -> tuple[int, int]:
    """In how many cells of the cross the effect has the sign of the whole, of those with a value."""
    cells = [c for c in contrast.pairs.columns if c.startswith("cell:")]
    pairs, whole = contrast.pairs.dropna(subset=["difference"]), contrast.estimate.mean
    if whole is None or not cells or pairs.empty:
        return 0, 0
    means = pairs.groupby(cells, dropna=False)["difference"].mean()
    return int((np.sign(means) == np.sign(whole)).sum()), len(means)


def _in_words(c: Contrast, standing: str) -> str:
    h, e = c.hypothesis, c.estimate
    if e.mean is None:
        return (
            f"**{h.id}: not tested.** {h.claim} `{h.outcome}`: no pair of runs has a value ({e.missing} pairs are "
            f"without one, {c.unmatched} runs without a partner)."
        )
    where = (
        f"{number(c.treatment)} against {number(c.control)}, a difference of {number(e.mean, signed=True)}"
    )
    if e.low is not None:
        where += f" {interval(e.low, e.high)}"
    return (
        f"**{h.id}: {c.verdict}; {c.bargaining}.** {h.claim} `{h.outcome}`: {where} (p {p_value(c.p_family)}; "
        f"{standing})."
    )


def table_of(found: Sequence[Contrast], standing: Mapping[str, str]) -> pd.DataFrame:
    """A row a hypothesis: what it compares, what came out, how it stands."""
    import pandas as pd

    from evals.statistics import minimum_detectable_effect

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
                "conditions_same_sign": c.elsewhere[0],
                "conditions": c.elsewhere[1],
                "detectable_dz": minimum_detectable_effect(e.clusters) if e.clusters else None,
                "cells_same_sign": held,
                "cells": cells,
                "standing": standing.get(h.id, "exploratory"),
                "verdict": c.verdict,
                "note": e.note,
            }
        )
    return pd.DataFrame(rows)


def pairs_of(found: Sequence[Contrast]) -> pd.DataFrame:
    """Every pair behind every number, with the ids of its runs."""
    import pandas as pd

    columns = ["hypothesis", *PAIRS]
    parts = [c.pairs[list(PAIRS)].astype(object).assign(hypothesis=c.hypothesis.id) for c in found]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _shown(found: Sequence[Contrast], standing: Mapping[str, str]) -> Shown:
    from evals.statistics.estimates import FEW, NOTHING

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
                "{}/{}".format(*c.elsewhere) if c.elsewhere[1] else "–",
                standing.get(c.hypothesis.id, "exploratory").split(":")[0],
                f"{c.verdict}; {c.bargaining}",
            ]
        )
    notes = dict.fromkeys(c.estimate.note for c in found if c.estimate.note not in ("", FEW, NOTHING))
    headings = [
        "",
        "effect",
        "95 %",
        "p (Holm)",
        "d_z",
        "pairs / wards",
        "bargaining null",
        "cells",
        "elsewhere",
    ]
    return Shown(
        title="Hypotheses",
        headings=[*headings, "standing", "verdict"],
        rows=rows,
        note="effect: treatment less control, the mean over wards of paired differences. 95 %: bootstrap-t over "
        "wards; none under 20 wards. p: sign-flip over wards, Holm within its family. d_z: effect over its "
        "standard deviation. bargaining null: the same effect where reference negotiators bargain, over the "
        "policy grid. cells: in how many cells of the cross the effect has this sign; elsewhere: in how many of the "
        "listed conditions (order, simultaneity, merge rule, retrieval …). Persona wording and model were varied only "
        f"if they are factors. {power_of(found)}"
        + "".join(f" {note[0].upper()}{note[1:]}." for note in notes),
    )


def power_of(found: Sequence[Contrast]) -> str:
    """The least d_z that the fewest wards of any hypothesis detect."""
    from evals.statistics import minimum_detectable_effect

    wards = min((c.estimate.clusters for c in found if c.estimate.clusters), default=0)
    least = minimum_detectable_effect(wards) if wards else None
    if least is None:
        return "Too few wards for a test to reach .05."
    return f"With {wards} wards a d_z of {number(least)} is detected with power .8, before correction."


def drawn(found: Sequence[Contrast], unit: str = "ward") -> Figure:
    """The effects with their intervals, a panel a unit; with the bands of the bargaining null, where there is one."""
    from evals.findings.drawing import figure, forest, titled

    panels = _by_unit(found, unit)
    heights = [len(of) + 1.6 for of in panels.values()]
    fig, axes = figure(len(panels), 1, width=7.2, height=0.7 + 0.34 * sum(heights), height_ratios=heights)
    for ax, (measured_in, of) in zip(axes[:, 0], panels.items(), strict=True):
        forest(
            ax,
            [f"{c.hypothesis.id}  {c.hypothesis.outcome}" for c in of],
            [c.estimate.mean for c in of],
            [(c.estimate.low, c.estimate.high) for c in of],
            [(c.null_low, c.null_high) for c in of],
        )
        ax.set_xlabel(f"treatment less control: {measured_in}")
    note = f"Dot: mean over {unit}s. Line: 95 % interval (none under 20 {unit}s). Panels have scales of their own."
    if unit == "ward":
        note += " Grey: the same effect among reference negotiators, over the policy grid."
    return titled(fig, "Effects, by the unit of their outcome", note)


def _by_unit(found: Sequence[Contrast], cluster: str) -> dict[str, list[Contrast]]:
    """Contrasts by the unit of their outcome, in the order asked: on one axis only what is measured alike."""
    from evals.experiment.study import UNITS
    from evals.outcomes import find_for

    setting = next(name for name, unit in UNITS.items() if unit == cluster)
    panels: dict[str, list[Contrast]] = {}
    for c in found:
        panels.setdefault(find_for(setting, c.hypothesis.outcome).unit, []).append(c)
    return panels
