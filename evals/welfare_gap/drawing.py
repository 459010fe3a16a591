"""How is a curve kept: its points as CSV, and the figure as SVG and PNG in the house's style."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from evals.findings.drawing import figure, look, styled, titled
from evals.welfare_gap.curves import Curve
from scenarios.errors import ParleyError


def keep(curve: Curve, folder: Path) -> list[Path]:
    """NAME.csv, NAME.svg and NAME.png under `folder`; their paths. Raises ParleyError where it cannot be written."""
    paths = [folder / f"{curve.name}.{kind}" for kind in ("csv", "svg", "png")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{curve.name}.{os.getpid()}.part"
        with temporary.open("w", encoding="utf-8", newline="") as out:
            rows = curve.rows()
            writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        temporary.replace(paths[0])
        with styled():
            drawn = draw(curve)
            for path in paths[1:]:
                metadata = {"Date": None} if path.suffix == ".svg" else None
                drawn.savefig(path, dpi=160, bbox_inches="tight", metadata=metadata)
    except OSError as error:
        raise ParleyError(f"{folder}: cannot write ({error.strerror}); name a folder with --out") from None
    return paths


def draw(curve: Curve) -> Any:
    """Losses against the axis, a line a concept; of several points an x all are shown, and a line of the best."""
    fig, axes = figure(width=7.0, height=4.0)
    ax = axes[0, 0]
    for i, concept in enumerate(curve.points[0].losses):
        known = [(p.x, loss) for p in curve.points if (loss := p.losses[concept]) is not None]
        least: dict[float, float] = {}
        for x, loss in known:
            least[x] = min(loss, least.get(x, loss))
        style = look(i)
        if curve.several:
            shift = 0.06 * i  # so that one concept's points do not hide another's
            xs, ys = [x + shift for x, _ in known], [y for _, y in known]
            ax.plot(xs, ys, linestyle="", alpha=0.45, markersize=5, **style)
            ax.plot(
                [x + shift for x in least],
                list(least.values()),
                linewidth=1.6,
                label=f"{concept}, best partition",
                **style,
            )
        else:
            kind = "steps-post" if concept in curve.steps else "default"
            at = list(least), list(least.values())
            ax.plot(*at, drawstyle=kind, linewidth=1.6, markersize=4, label=concept, **style)
    ax.set_xlabel(curve.axis)
    ax.set_ylabel(f"welfare lost, {curve.unit}")
    ax.set_ylim(bottom=0)
    if all(float(p.x).is_integer() for p in curve.points):
        ax.set_xticks(sorted({int(p.x) for p in curve.points}))
    ax.legend()
    return titled(fig, curve.title, curve.note)
