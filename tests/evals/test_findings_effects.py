"""Are effects of debates that were played those that their records give when worked out by hand?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evals.experiment.tables import study_frames
from evals.findings.contrasts import differences
from evals.findings.section import NOISE
from evals.frames import Frames
from evals.records import read
from tests.evals.contrasting import contrast_of
from tests.evals.experiments import plan, run


class TestFromRecords:
    """Effects of debates that were played, against numbers worked out from their records alone."""

    SETTINGS: Mapping[str, Any] = {"retrieval": "off", "rounds": 2, "framework": "plain", "floor": 0.9}

    @pytest.fixture(scope="class")
    @classmethod
    def played(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, dict[str, Any]]:
        folder = tmp_path_factory.mktemp("study")
        made_plan = plan(
            wards=["generated:{1..4},n=5,divisible=1"],
            seeds=[1, 2],
            settings=dict(cls.SETTINGS),
            factors={"opponent": ["biased-age", "biased-sex"]},
            conditions=[{"name": "last", "set": {"merge_rule": "last-word-last"}}],
            nulls={"bargaining": {"exponent": [0.5, 2], "floor": [0.9]}},
        )
        run(made_plan, folder, processes=1)
        records = {r: read(Path(folder) / "records" / f"{r}.json") for r in made_plan.runs}
        uses = {
            (u.role, u.control, dict(u.cell)["opponent"], u.cluster, records[r].seed, u.policy): records[r]
            for r, planned in made_plan.runs.items()
            for u in planned.uses
        }
        return study_frames(folder, made_plan), uses

    @staticmethod
    def by_hand(uses: dict[str, Any], role: str, policy: str, of: str, against: str) -> float:
        """Mean over wards of the mean over seeds and opponents, of the last word's β less the cross's."""
        wards: dict[str, list[float]] = {}
        for (r, control, opponent, ward_, seed, p), record in uses.items():  # type: ignore[misc]
            if (r, p, control) == (role, policy, of):
                other = uses[role, against, opponent, ward_, seed, p]  # type: ignore[index]
                g, f = (
                    min(v for v in x.measures["joint"].normalised.values() if v is not None)
                    for x in (record, other)
                )
                wards.setdefault(ward_, []).append(0.0 if abs(g - f) <= NOISE else g - f)
        return sum(sum(v) / len(v) for v in wards.values()) / len(wards)

    def test_an_effect_and_its_band(self, played: tuple[Frames, dict[str, Any]]) -> None:
        frames, uses = played
        found = contrast_of(frames, outcome="beta", of={"control": "last"}, against={"control": ""})
        assert len(found.pairs) == 16 and found.estimate.clusters == 4
        assert found.estimate.mean == pytest.approx(self.by_hand(uses, "study", "", "last", ""))
        assert abs(found.estimate.mean or 0) > 1e-3, "there is an effect to get wrong"
        policies = [p for p in frames.runs["policy"].unique() if p]
        band = [self.by_hand(uses, "bargaining", p, "last", "") for p in policies]
        assert len(band) == 2
        assert (found.null_low, found.null_high) == (pytest.approx(min(band)), pytest.approx(max(band)))

    def test_the_favoureds_lead_of_a_stage_against_the_merge(
        self, played: tuple[Frames, dict[str, Any]]
    ) -> None:
        frames, uses = played
        pairs, unmatched = differences(
            frames, "favoured_gap", {"stage": "joint", "opponent": "biased-sex"}, {"stage": "no_debate"}
        )
        by_run = pairs.set_index("run_treatment")["difference"]
        checked = 0
        for (role, control, opponent, *_), record in uses.items():  # type: ignore[misc]
            if (role, control, opponent) == ("study", "", "biased-sex"):
                wanted = lead(record, "joint") - lead(record, "no_debate")
                wanted = 0.0 if abs(wanted) <= NOISE else wanted
                assert by_run[record.run_id] == pytest.approx(wanted, nan_ok=True)
                checked += 1
        assert checked == len(pairs) == 8 and unmatched == 0


def lead(record: Any, stage: str) -> float:
    """Mean need met of the favoured less that of the rest, from the record."""
    term = next(k for s in record.seats for k in s.declared if "=" in k)
    attribute, _, groups = term.partition("=")
    met: dict[bool, list[float]] = {True: [], False: []}
    for patient, group in zip(record.scenario.patients, record.scenario.groups(attribute), strict=True):
        got = record.measures[stage].allocation.get(patient.id, {})
        shares = [got.get(k, 0.0) / d for k, d in patient.needs.items() if d > 0]
        met[group in groups.split(",")].append(sum(shares) / len(shares))
    if not met[True] or not met[False]:
        return float("nan")
    return sum(met[True]) / len(met[True]) - sum(met[False]) / len(met[False])
