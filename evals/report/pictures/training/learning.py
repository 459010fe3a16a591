"""How did training go: reward, agreement, signal, rounds, tokens, KL and entropy, step by step?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.section import Section, Shown, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.report.trained import Training
    from scenarios.ward import Array

CURVES: dict[str, tuple[str, dict[str, str]]] = {
    "training_reward": (
        "What the dialogues came to",
        {"reward": "reward, 0 to 5", "agreed": "share that agreed", "rounds": "rounds a dialogue"},
    ),
    "training_signal": (
        "Whether there was anything to learn from",
        {
            "zero_signal": "share of groups without signal",
            "all_fail": "share of groups that all failed",
            "missing": "share without a reward",
        },
    ),
    "training_policy": (
        "What training did to the policy",
        {
            "kl": "KL from the start, nats a token",
            "entropy": "entropy, nats a token",
            "tokens_per_dialogue": "tokens a dialogue",
        },
    ),
}
"""Figures, each its title and what it shows: metric -> what it is, with its unit."""

SHARES = ("agreed", "zero_signal", "all_fail", "missing")


def learning(run: Training) -> Section:
    """The section: curves, and a table of how each began and ended."""
    import pandas as pd

    says = [
        "Thin: the steps. Thick: their running mean over the last tenth of the run. A step is one update."
    ]
    tables = {"training_steps": pd.DataFrame(run.steps)}
    if not run.steps:
        return Section(
            "How training went", [f"No step is recorded in {run.folder.name}, so there is nothing to draw."]
        )
    return Section(
        title="How training went",
        says=says,
        tables=tables,
        shown=[_shown(run)],
        figures={name: _drawing(run, title, curves) for name, (title, curves) in CURVES.items()},
    )


def curve(run: Training, name: str) -> tuple[Array, Array]:
    """Steps and values (n,) of one metric; steps without it are left out."""
    found = [(row["step"], row[name]) for row in run.steps if row.get(name) is not None]
    return np.array([s for s, _ in found], dtype=float), np.array([v for _, v in found], dtype=float)


def running(values: Array) -> Array:
    """The mean of the last tenth of the run up to each step, (n,): of fewer at its beginning."""
    width = max(1, len(values) // 10)
    return np.array([values[max(0, k - width + 1) : k + 1].mean() for k in range(len(values))])


def _shown(run: Training) -> Shown:
    """Of every metric the mean of the first and of the last tenth of its steps, and its ends."""
    rows = []
    for _, curves in CURVES.values():
        for name, label in curves.items():
            _, values = curve(run, name)
            width = max(1, len(values) // 10)
            ends = (
                (values[:width].mean(), values[-width:].mean(), values.min(), values.max())
                if len(values)
                else [None] * 4
            )
            rows.append([label, *(number(v) for v in ends), str(len(run.steps) - len(values))])
    headings = ["", "first tenth", "last tenth", "least", "greatest", "steps without"]
    note = "Means over the first and the last tenth of the steps, at least one. A dash: not measured in any step."
    return Shown("How it began and ended", headings, rows, note)


def _drawing(run: Training, title: str, curves: dict[str, str]) -> Any:
    return lambda: drawn(run, title, curves)


def drawn(run: Training, title: str, curves: dict[str, str]) -> Figure:
    """A panel a metric; one that was not measured says so."""
    from evals.findings.drawing import COLOURS, QUIET, figure, titled

    fig, axes = figure(1, len(curves), width=3.0 * len(curves) + 0.4, height=2.7)
    last = max(row["step"] for row in run.steps)
    for ax, (name, label) in zip(axes[0], curves.items(), strict=True):
        ax.set_title(label, fontsize=9)
        ax.set_xlabel("step")
        steps, values = curve(run, name)
        if not len(values):
            ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", color=QUIET)
            ax.set_xticks([])
            ax.set_yticks([])
            continue
        ax.plot(steps, values, color=QUIET, linewidth=0.7, marker="." if len(values) < 3 else None)
        ax.plot(steps, running(values), color=COLOURS[0], linewidth=2.2)
        ax.set_xlim(-0.02 * max(1, last), 1.02 * max(1, last))
        ax.xaxis.get_major_locator().set_params(integer=True)
        if name in SHARES:
            ax.set_ylim(-0.04, 1.04)
        elif name == "reward":
            ax.set_ylim(-0.1, 5.1)
    model = f"{run.model}, " if run.model else ""
    note = f"{model}{len(run.steps)} steps. Thin: steps. Thick: running mean over a tenth of the run."
    return titled(fig, title, note)
