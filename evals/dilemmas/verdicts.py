"""What became of each hypothesis about a dilemma: effect, interval, corrected p, standing, how far it holds?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evals.dilemmas.gathered import in_units
from evals.findings.contrasts import Contrast
from evals.findings.section import Section, Shown, interval, number, p_value
from evals.findings.verdicts import TITLE, drawn, held_in, pairs_of, power_of, table_of

if TYPE_CHECKING:
    from evals.experiment.study import Study

OF_BARGAINING = ("bargaining_low", "bargaining_high", "beyond_bargaining")
"""Columns of the table of hypotheses that debates alone have."""


def verdicts(study: Study, found: Sequence[Contrast], standing: Mapping[str, str]) -> Section:
    """The section of hypotheses; `standing` says of each whether it is confirmatory, exploratory or deviating."""
    table = table_of(found, standing).drop(columns=list(OF_BARGAINING), errors="ignore")
    table = table.rename(columns={"wards": "clusters"})
    if "note" in table:
        table["note"] = [in_units(str(note), study) for note in table["note"]]
    tables = {"hypotheses": table, "pairs": pairs_of(found)}
    if not found:
        return Section(
            title=TITLE, says=["The study names no hypothesis, so nothing is tested."], tables=tables
        )
    return Section(
        title=TITLE,
        says=[_in_words(c, standing.get(c.hypothesis.id, "exploratory")) for c in found],
        tables=tables,
        shown=[_shown(study, found, standing)],
        figures={"hypotheses": lambda: drawn(found, study.unit)},
    )


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
    return f"**{h.id}: {c.verdict}.** {h.claim} `{h.outcome}`: {where} (p {p_value(c.p_family)}; {standing})."


def _shown(study: Study, found: Sequence[Contrast], standing: Mapping[str, str]) -> Shown:
    from evals.statistics.estimates import FEW, NOTHING

    rows = []
    for c in found:
        e, (held, cells) = c.estimate, held_in(c)
        missing = e.missing + c.unmatched
        rows.append(
            [
                c.hypothesis.id,
                number(e.mean, signed=True),
                interval(e.low, e.high),
                p_value(c.p_family),
                number(e.effect),
                f"{e.n} / {e.clusters}" + (f" ({missing} missing)" if missing else ""),
                f"{held}/{cells}" if cells else "–",
                standing.get(c.hypothesis.id, "exploratory").split(":")[0],
                c.verdict,
            ]
        )
    notes = dict.fromkeys(c.estimate.note for c in found if c.estimate.note not in ("", FEW, NOTHING))
    said = [in_units(note, study) for note in notes]
    unit = study.unit
    return Shown(
        title="Hypotheses",
        headings=[
            "",
            "effect",
            "95 %",
            "p (Holm)",
            "d_z",
            f"pairs / {unit}s",
            "cells",
            "standing",
            "verdict",
        ],
        rows=rows,
        note="effect: treatment less control, the mean over strata of paired differences; strata are the cells of "
        f"the factors that the two sides do not set apart. 95 %: bootstrap-t over {unit}s; none under 20 {unit}s, or "
        f"where they are all alike. p: stratified paired permutation test, a {unit}'s sign flipped as a whole in all "
        f"strata, Holm within its family. d_z: effect over its standard deviation over {unit}s. cells: in how many "
        f"cells of the cross the effect has this sign. {in_units(power_of(found), study)}"
        + "".join(f" {note[0].upper()}{note[1:]}." for note in said),
    )
