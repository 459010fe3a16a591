"""Personas without a corpus, so that debates are played in a tenth of a second; and what moves did, by brute force."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodes.record import RunRecord

VALUES = {
    "floor": "{worst_off: 0.7, disadvantage_weighted_survival: 0.3}",
    "most": "{survival: 1.0}",
    "weighted": "{disadvantage_weighted_survival: 1.0}",
    "even": "{evenness: 0.5, worst_off: 0.5}",
}


@contextmanager
def personas(folder: Path) -> Iterator[None]:
    """`floor`, `most`, `weighted` and `even` can be seated: each wants what VALUES says, and cites nothing."""
    for name, values in VALUES.items():
        said = f"name: {name}\nsays: Wants {name}.\nvalues: {values}\nwastes_nothing: true\nsource: made for tests\n"
        (folder / f"{name}.yaml").write_text(said)
    before = os.environ.get("PARLEY_PERSONAS")
    os.environ["PARLEY_PERSONAS"] = str(folder)
    try:
        yield
    finally:
        del os.environ["PARLEY_PERSONAS"]
        if before is not None:
            os.environ["PARLEY_PERSONAS"] = before


def contest_share(record: RunRecord) -> float | None:
    """Brute force: of seat A's tagged cells, those whose value it moved away from what B stood at, over all rounds."""
    ward = record.scenario
    at = {seat: ward.array(solo.move.allocation or {}) for seat, solo in record.solo.items()}
    names = list(ward.resources)
    away = dealt = 0
    for made in record.rounds:
        spoken = [e for e in record.edges if e.round == made.round and e.source in ("propose", "critique")]
        for edge, move in zip(spoken, made.moves, strict=True):
            after = ward.array(move.allocation or {})
            if edge.seat == "A":
                for cell, tag in edge.cells.items():
                    patient, resource = cell.split(".")
                    place = [p.id for p in ward.patients].index(patient), names.index(resource)
                    farther = abs(after[place] - at["B"][place]) > abs(at["A"][place] - at["B"][place])
                    away += tag == "contest" or (tag == "trade" and farther)
                    dealt += 1
            at[move.seat] = after
    return away / dealt if dealt else None


def override_share(record: RunRecord) -> float | None:
    """Brute force: of the cells that each round left in dispute, those that it overrode."""
    left = [cell for r in record.rounds for cell in r.contested]
    over = [cell for r in record.rounds for cell in r.contested if cell in r.overridden]
    return len(over) / len(left) if left else None
