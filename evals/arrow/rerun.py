"""What would the same debate have come to with one patient more who needs nothing? Asked by playing it again.

Independence of null patients: add a patient without demand, and nobody's need satisfaction moves by more than
it does when the debate is merely played again with every draw made anew.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenarios.measures import need_satisfaction
from scenarios.ward import NOTICEABLE, Array, Patient, Ward

if TYPE_CHECKING:
    from nodes.record import RunRecord
    from nodes.settings import Table

NULL = "needs-nothing"


@dataclass(frozen=True)
class NullPatient:
    """`shift` is the most that anyone's h moved with the null patient there, `noise` the most that it moved in
    `reruns` reruns without one; both in [0, 1], lower is better. `patient` is whose h moved most."""

    shift: float
    noise: float
    reruns: int
    patient: str

    @property
    def independent(self) -> bool:
        """Whether the shift is within rerun noise, a thousandth allowed for rounding."""
        return self.shift <= self.noise + NOTICEABLE


def with_null_patient(ward: Ward) -> Ward:
    """The ward with one patient more, last, who demands nothing and of whom nothing is known."""
    taken = {p.id for p in ward.patients}
    name = next(n for i in range(len(taken) + 1) if (n := NULL + (f"-{i}" if i else "")) not in taken)
    null = Patient(
        id=name,
        severity=0.0,
        survival_with_care=1.0,
        survival_without_care=1.0,
        life_years=0.0 if ward.benefit == "life_years" else None,
        needs={},
    )
    fields = {field: getattr(ward, field) for field in Ward.model_fields}  # a copy would keep what is cached
    return Ward(**(fields | {"patients": [*ward.patients, null]}))


def null_patient(record: RunRecord, reruns: int = 1, folder: Path | None = None) -> NullPatient:
    """Play the record's debate again with a null patient, and `reruns` times without, at the next seeds.

    h is taken at the joint allocation; where the merge drew a lot, at its chances, so that another draw is no
    movement. Records go to `folder`, where a rerun that is there already is read instead of played (a model
    is not paid twice); None keeps nothing. A model is called if the debate calls one, and that costs money.
    Raises ParleyError for a record that is not complete, Unreachable for a model that cannot be reached.
    """
    from scenarios.errors import ParleyError

    if record.status != "complete":
        raise ParleyError(f"run {record.run_id}: {record.status}; only a complete debate can be compared")
    if reruns < 1:
        raise ParleyError(f"reruns: {reruns}; rerun noise needs at least one")
    table = record.protocol.model_copy(update={"review": False})
    before = joint_satisfaction(record)
    with runs_folder(folder) as kept:
        after = joint_satisfaction(play(with_null_patient(record.scenario), table, kept))
        again = []
        for step in range(1, reruns + 1):
            other = table.model_copy(update={"seed": (table.seed + step) % 2**31})
            again.append(joint_satisfaction(play(record.scenario, other, kept)))
    moved = np.nan_to_num(abs(after[: len(before)] - before))
    noise = max(float(np.nan_to_num(abs(h - before)).max()) for h in again)
    most = int(np.argmax(moved))
    return NullPatient(float(moved[most]), noise, reruns, record.scenario.patients[most].id)


def joint_satisfaction(record: RunRecord) -> Array:
    """h of every patient at the joint allocation, or at the chances of its lottery; NaN without demand."""
    last = record.rounds[-1]
    x = last.marginals if last.marginals is not None and not last.amended else record.joint
    return need_satisfaction(record.scenario.array(x or {}), record.scenario.arrays.demand)


@contextmanager
def runs_folder(folder: Path | None) -> Iterator[Path]:
    """Lend a folder for records to the debates played inside; a temporary one if none is given."""
    from nodes.table.equipment import equipment, lend
    from nodes.table.journal import put_away

    lent = equipment()
    with tempfile.TemporaryDirectory(prefix="parley-arrow-") as temporary:
        kept = Path(temporary) if folder is None else folder
        lend(replace(lent, runs=kept))
        try:
            yield kept
        finally:
            put_away()
            lend(lent)


def play(ward: Ward, table: Table, folder: Path) -> RunRecord:
    """The record of a debate: read from `folder` if it was played before, else played now."""
    from evals.records import read
    from nodes.brief import name_run
    from nodes.table.seats import seat_everyone

    path = folder / f"{name_run(ward, table, seat_everyone(table))}.json"
    if path.is_file():
        return read(path)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_played(ward, table))
    with ThreadPoolExecutor(1) as elsewhere:  # a notebook has a loop of its own running in this thread
        return elsewhere.submit(asyncio.run, _played(ward, table)).result()


async def _played(ward: Ward, table: Table) -> RunRecord:
    from graphs.triage import compiled
    from nodes.record import RunRecord
    from nodes.table.equipment import hang_up

    try:
        end = await compiled().ainvoke(
            {"ward": ward.model_dump(mode="json")},
            {"recursion_limit": 10 + 6 * table.rounds},
            context=table,
        )
    finally:
        await hang_up()
    return RunRecord.model_validate(end["record"])
