"""What can be seen of debates at a glance: who got what, how fair each stage was, who moved whom, which axiom went?"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from evals.findings.section import Section
from evals.report.pictures.debates.axioms import axioms, own_runs
from evals.report.pictures.debates.exemplar import exemplar
from evals.report.pictures.debates.influence import influence
from evals.report.pictures.debates.stages import fairness
from evals.report.pictures.debates.ward_map import ward_map
from evals.report.source import Source, Tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

READ = (
    "One debate, from each seat alone to each seat asked again alone. A tile is a patient, in the same place in every "
    "map; what of it is filled is what of its need is met."
)


def of_triage(source: Source, tell: Tell) -> list[Section]:
    """The pictures of debates: an exemplar's ward maps, fairness by stage, an influence map, the Arrow table.

    [] where no run of the study itself is complete.
    """
    from evals.frames import Frames

    own = own_runs(source)
    if not isinstance(source.frames, Frames) or own.empty:
        return []
    conditions = crossed(source)
    tell(f"{source.name}: drawing who got what")
    maps = who_got_what(source)
    tell(f"{source.name}: auditing merge rules and debates")
    return [
        *([maps] if maps is not None else []),
        fairness(source.frames, conditions),
        influence(source.frames, conditions),
        axioms(source),
    ]


def crossed(source: Source) -> list[str]:
    """The conditions of the cross, in the order planned."""
    runs = own_runs(source)
    return list(dict.fromkeys(runs.loc[runs["control"] == "", "condition"]))


def who_got_what(source: Source) -> Section | None:
    """The ward maps of the debate that stands for the others; None where no record can be read."""
    found = exemplar(source)
    path = None if found is None else next((p for p in source.files if p.stem == found.run_id), None)
    if found is None or path is None:
        return None
    says = [READ, f"Which debate: {found.rule}. It is [`{found.run_id}`](#run={found.run_id})."]
    if found.beside:
        pair = f"#pair={found.run_id},{found.beside}"
        says.append(
            f"The other run of that pair is [`{found.beside}`](#run={found.beside}): [side by side]({pair})."
        )
    return Section("Who got what, round by round", says, figures={"who-got-what": partial(_mapped, path)})


def _mapped(path: Path) -> Figure:
    from evals.records import read

    return ward_map(read(path))
