"""What could have been in the ward of a run: an oracle, a lottery, and every mixture of the two solos.

oracle         the allocation whose least normalised measure is greatest, over all measures the ward defines
lottery:1 …    random allocations that leave nothing idle: what a trivial agent does
mixture:0 …    λ·A + (1 − λ)·B of the first two solos, λ = 0, 0.1, … 1; whole goods drawn by lot at those chances

The first two are the same for every run of a ward. The ceilings and floors are the sceptic's (C6 and C9 of
`studies/beyond-arrow.yaml`): a debate that beats neither a lottery nor a mixture has found nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evals.frames import Frames, Rows, framed, rows_of
from evals.records import each
from nodes.findings.base_rate import random_allocations
from nodes.recorder import measured
from personas.utility import usable, utility
from scenarios.lottery import draw
from scenarios.measures import MEASURES
from scenarios.optimum import balanced_optimum
from scenarios.ward import Array, Ward

if TYPE_CHECKING:
    from nodes.record import Outcome, RunRecord

LOTTERIES = 20
MIXTURES = 11


def bounds_of(record: RunRecord) -> Rows:
    """The rows of a record's further stages alone."""
    return rows_of(record.model_copy(update={"measures": outcomes_with(record)}))


def with_bounds(frames: Frames, files: Sequence[Path]) -> Frames:
    """The frames with the further stages of these complete records beside their own."""
    import pandas as pd

    made = framed(each(files, bounds_of))
    if made.stages.empty:
        return frames
    more = [c for c in made.patients if c.startswith("h:")]
    return Frames(
        frames.runs,
        pd.concat([frames.stages, made.stages], ignore_index=True),
        frames.patients.merge(
            made.patients[["run_id", "patient", *more]], on=["run_id", "patient"], how="left"
        ),
    )


def outcomes_with(record: RunRecord) -> dict[str, Outcome]:
    """The further stages of a record, measured as its own are."""
    ward = record.scenario
    shown = ward.blinded(record.protocol.blind) if record.protocol.blind else ward
    utilities = {s.seat: utility(shown, s.declared) for s in record.seats if usable(shown, s.declared)}
    stages = {"oracle": _oracle(ward)}
    stages |= {f"lottery:{i + 1}": x for i, x in enumerate(_lotteries(ward))}
    stages |= mixtures(record)
    return {name: measured(ward, shown, ward.allocation(x), utilities) for name, x in stages.items()}


def mixtures(record: RunRecord) -> dict[str, Array]:
    """λ·A + (1 − λ)·B of the first two solos, by stage name; empty where a solo is missing."""
    ward, solos = record.scenario, [s.move.allocation for s in record.solo.values()][:2]
    if len(solos) < 2 or solos[0] is None or solos[1] is None:
        return {}
    a, b = ward.array(solos[0]), ward.array(solos[1])
    rng = np.random.default_rng([record.seed, 0xC6])
    out = {}
    for i, share in enumerate(np.linspace(0, 1, MIXTURES)):
        x = share * a + (1 - share) * b
        out[f"mixture:{i}"] = draw(ward, x, rng) if ward.arrays.whole.any() else x
    return out


def _oracle(ward: Ward) -> Array:
    return _cached_oracle(ward.model_dump_json())


def _lotteries(ward: Ward) -> Array:
    return _cached_lotteries(ward.model_dump_json())


@lru_cache(maxsize=256)
def _cached_oracle(ward_json: str) -> Array:
    ward = Ward.model_validate_json(ward_json)
    return balanced_optimum(ward, list(usable(ward, dict.fromkeys(MEASURES, 1.0)))).x


@lru_cache(maxsize=256)
def _cached_lotteries(ward_json: str) -> Array:
    return random_allocations(Ward.model_validate_json(ward_json), np.random.default_rng(0xC9), LOTTERIES)
