"""Sources of a report made by hand: a study of few runs, with whatever names and words a test gives it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd

from evals.findings.section import LIMITS, Section, Shown
from evals.report.packing import Packed, squeezed
from evals.report.page import assembled, told_of
from evals.report.source import Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WHO = "**Reference negotiators alone made these runs.** They are no evidence about any language model."


def runs(conditions: Sequence[str], seeds: int = 3) -> pd.DataFrame:
    """A row a use: the study's own run a condition and seed, a twin of the first seed, two runs of the null."""
    rows = []
    for number, condition in enumerate(conditions):
        for seed in range(seeds):
            rows.append(
                {"run_id": f"r{number}-{seed}", "role": "study", "condition": condition, "seed": seed}
            )
        rows.append({"run_id": f"t{number}", "role": "twin", "condition": condition, "seed": 0})
        rows += [
            {"run_id": f"b{number}-{k}", "role": "bargaining", "condition": condition, "seed": k}
            for k in (0, 1)
        ]
    return pd.DataFrame(rows)


def hypothesis(name: str, **changes: Any) -> dict[str, Any]:
    """A row of the table of hypotheses."""
    return {
        "hypothesis": name, "claim": f"Claim of {name}.", "outcome": "worst_off", "direction": "greater",
        "difference": 0.2, "low": 0.1, "high": 0.3, "p": 0.001, "p_holm": 0.002, "smallest_effect": 0.05,
        "pairs": 2, "wards": 2, "missing": 0, "unmatched": 0, "bargaining_low": None, "bargaining_high": None,
        "beyond_bargaining": None, "standing": "exploratory", "verdict": "supported",
    } | changes  # fmt: skip


def asked(rows: Sequence[dict[str, Any]]) -> Section:
    """The section of hypotheses, each with two pairs behind it; one about a number has none beside it."""
    pairs = pd.DataFrame(
        {
            "hypothesis": row["hypothesis"],
            "run_treatment": f"r0-{seed}",
            "run_control": f"r1-{seed}",
            "difference": 0.2,
        }
        for row, seed in itertools.product(rows, (0, 1))
    )
    return Section(
        "What was asked",
        [f"**{row['hypothesis']}: {row['verdict']}.** {row['claim']}" for row in rows],
        {"hypotheses": pd.DataFrame(rows), "pairs": pairs},
        [Shown("Hypotheses", ["", "effect"], [[row["hypothesis"], "+0.20"] for row in rows])],
        behind=("study", "bargaining"),
    )


def source(
    conditions: Sequence[str] = ("aligned × plain", "aligned × biased"),
    sections: Sequence[Section] = (),
    name: str = "little",
    **changes: Any,
) -> Source:
    """A source with its limits last."""
    limits = Section(LIMITS, ["Wards are drawn from a model of ours."], behind=())
    of: dict[str, Any] = {"question": "Does it?", "setting": "triage", "unit": "ward", "negotiators": WHO}
    frames: Any = SimpleNamespace(runs=runs(conditions), final="joint")
    return Source(name, **of | {"frames": frames} | changes, sections=[*sections, limits])


def figured(
    labels: Sequence[str], title: str = "Effects", note: str = "Dot: a mean."
) -> Callable[[], Figure]:
    """A figure whose rows are labelled so."""

    def drawn() -> Figure:
        from evals.findings.drawing import figure, forest, keyed, titled

        fig, axes = figure(height=2)
        named, key = keyed(labels)
        forest(axes[0, 0], list(named.values()), [0.1] * len(named), [(0.0, 0.2)] * len(named))
        return titled(fig, title, note, key)

    return drawn


def small(title: str = "Small") -> Figure:
    """The least figure there is."""
    from evals.findings.drawing import figure, titled

    fig, axes = figure(width=2, height=1.5)
    axes[0, 0].plot([0, 1], "o")
    axes[0, 0].set_axis_off()
    return titled(fig, title)


def page_of(*made: Source, title: str = "Does it?", command: str = "") -> str:
    """The page of the sources, without transcripts."""
    packs = Packed([], squeezed({}), {}, {"r0-0": (("Python", "3.13"),)})
    return assembled(
        [told_of(s, lambda _: None, made) for s in made], {}, packs, title=title, live=False, command=command
    )
