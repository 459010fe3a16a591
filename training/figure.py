"""What did a training run look like: its curves in one figure, drawn from metrics.jsonl alone?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scenarios.errors import ParleyError
from training.metrics import METRICS, read_metrics

CURVES = (
    ("reward", "reward (0–5)"),
    ("agreed", "share that agreed"),
    ("rounds", "rounds a dialogue"),
    ("zero_signal", "share of groups without signal"),
    ("all_fail", "share of groups that all failed"),
    ("tokens_per_dialogue", "tokens a dialogue"),
    ("kl", "KL from the start (nats a token)"),
    ("entropy", "entropy (nats a token)"),
    ("missing", "share without a reward"),
)
"""Metric -> its title. The reward is collective agency where a model judges it."""


def draw(folder: Path, title: str, reward: str = "") -> Path:
    """Write figure.png and figure.svg into a run's folder; the path of the first.

    Thin lines are steps, thick ones their running mean over a tenth of the run. A curve that has no numbers says so.
    Raises ParleyError where there is no step to draw, or matplotlib is missing.
    """
    rows = read_metrics(folder)
    if not rows:
        raise ParleyError(f"{folder}: no step in {METRICS} to draw; train first")
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ParleyError("matplotlib is not installed; pip install matplotlib") from None
    figure = Figure(figsize=(11, 8), layout="constrained")
    for place, (name, label) in enumerate(CURVES):
        ax = figure.add_subplot(3, 3, place + 1)
        ax.set_title(f"{label}{f': {reward}' * (name == 'reward' and bool(reward))}", fontsize=9, wrap=True)
        ax.tick_params(labelsize=8)
        found = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        if not found:
            ax.text(0.5, 0.5, "not measured", ha="center", va="center", transform=ax.transAxes, fontsize=9)
            ax.set_axis_off()
            continue
        _curve(ax, found)
    figure.suptitle(title, fontsize=10)
    figure.supxlabel("step", fontsize=9)
    for kind in ("svg", "png"):
        figure.savefig(folder / f"figure.{kind}", dpi=110)
    return folder / "figure.png"


def _curve(ax: Any, found: Sequence[tuple[int, float]]) -> None:
    import numpy as np

    steps, values = (np.array(part, dtype=float) for part in zip(*found, strict=True))
    width = max(1, len(values) // 10)
    ax.plot(steps, values, color="0.7", linewidth=0.8, marker="." if len(values) < 3 else None)
    means = [values[max(0, k - width + 1) : k + 1].mean() for k in range(len(values))]
    ax.plot(steps, means, color="#0b5394", linewidth=1.8)
    ax.grid(alpha=0.3)
