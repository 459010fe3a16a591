"""What do pictures of dilemmas and deliberations stand on: the study's own runs, and a little of each record?"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from evals.deliberation.gathered import Gathered as Deliberations
    from evals.dilemmas.gathered import Gathered as Dilemmas
    from evals.experiment.study import Study
    from evals.records import SettingName
    from evals.report.source import Source

Kept = TypeVar("Kept")

QUARTILES = ("low", "median", "high")
"""Columns of a spread: the lower quartile, the median, the upper one."""


def of_dilemmas(source: Source) -> Dilemmas:
    """The runs of a source of commons or games, as findings about dilemmas take them."""
    from evals.dilemmas.frames import DilemmaFrames
    from evals.dilemmas.gathered import Gathered

    assert isinstance(source.frames, DilemmaFrames)
    return Gathered(
        _study(source, source.frames.setting, source.frames.own), source.frames, reference_only=False
    )


def of_dialogues(source: Source) -> Deliberations:
    """The runs of a source of deliberations, as findings about them take them."""
    from evals.deliberation.frames import DeliberationFrames
    from evals.deliberation.gathered import Gathered

    assert isinstance(source.frames, DeliberationFrames)
    return Gathered(
        _study(source, source.frames.setting, source.frames.own), source.frames, reference_only=False
    )


def _study(source: Source, setting: SettingName, own: pd.DataFrame) -> Study:
    """What tells the conditions of a source apart, read off its runs: the factors that it was crossed over."""
    from evals.experiment.study import Study

    factors = {c.removeprefix("cell:"): tuple(own[c].unique()) for c in own.columns if c.startswith("cell:")}
    return Study.model_construct(
        name=source.name,
        question=source.question,
        setting=setting,
        wards=tuple(own["cluster"].unique()) if len(own) else (),
        factors=factors,
    )


def of_records(
    source: Source, run_ids: set[str], keep: Callable[[Any], tuple[str, Kept]]
) -> dict[str, tuple[Path, Kept]]:
    """run_id -> the file of its record and what `keep` made of it, of these runs alone.

    `keep(record)` gives the run's id first; a function of a module, since it may be sent to other processes.
    Raises ParleyError as `evals.records.each` does.
    """
    from evals.records import each

    told = each(source.files, keep, setting=source.setting)  # type: ignore[arg-type]
    found = ((path, run_id, kept) for path, (run_id, kept) in zip(source.files, told, strict=True))
    return {run_id: (path, kept) for path, run_id, kept in found if run_id in run_ids}


def spread(rows: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Of rows with `cluster`: by, low, median, high, clusters: quartiles over clusters of each cluster's own mean.

    A value that is missing is left out; a group without any has no row.
    """
    import pandas as pd

    columns = [*by, *QUARTILES, "clusters"]
    known = rows.dropna(subset=[value])
    if known.empty:
        return pd.DataFrame(columns=columns)
    means = known.groupby([*by, "cluster"], sort=False)[value].mean().astype(float)
    of = means.groupby(by, sort=False)
    table = pd.DataFrame({name: of.quantile(q) for name, q in zip(QUARTILES, (0.25, 0.5, 0.75), strict=True)})
    return table.assign(clusters=of.size()).reset_index()[columns]


def panels(count: int, most: int = 3) -> tuple[int, int]:
    """Rows and columns of a grid that holds so many panels, at most `most` a row."""
    columns = min(most, max(1, count))
    return max(1, -(-count // columns)), columns


def key_at_right(fig: Any, ax: Any, names: Collection[str] | None = None) -> None:
    """The key of a figure at its right, of all that one of its axes has a name for, or of these names.

    Beside and not under it: there it would lie on the note.
    """
    found = [
        (h, n) for h, n in zip(*ax.get_legend_handles_labels(), strict=True) if names is None or n in names
    ]
    if found:
        fig.legend([h for h, _ in found], [n for _, n in found], loc="outside right upper", fontsize=8.5)
