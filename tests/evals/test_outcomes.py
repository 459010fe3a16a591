"""Outcomes are what the record says: every one worked out again, slowly, from the record itself."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.frames import Frames, framed, rows_of
from evals.outcomes import OUTCOMES, find, outcome
from nodes.findings.criteria import CRITERIA
from nodes.record import RunRecord
from personas.utility import in_group
from scenarios.errors import ParleyError
from scenarios.measures import MEASURES, need_satisfaction
from scenarios.twin import acuity_strata
from tests.evals.causal import contest_share, override_share, personas
from tests.play import play

NAN = float("nan")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[RunRecord]:
    runs = tmp_path_factory.mktemp("outcomes")
    with personas(tmp_path_factory.mktemp("personas")):
        played = [
            play("generated:1,n=6,divisible=1", runs, framework="floor", rounds=2, persuasion=0.5),
            play("generated:2,n=5,divisible=0", runs, framework="most", rounds=1),
            play("generated:3,n=6,divisible=0.5", runs, framework="plain", opponent="plain", rounds=1),
            play("generated:4,n=6,divisible=1", runs, framework="floor", panel=("plain",), rounds=1),
        ]
    invalid = played[0].model_copy(
        update={"run_id": "invalid", "status": "invalid", "measures": {}, "joint": None}
    )
    half = played[0].model_copy(
        update={
            "run_id": "no-merge",
            "no_debate": None,
            "emergence": None,
            "influence": None,
            "lost_in_debate": [],
            "measures": {k: v for k, v in played[0].measures.items() if k != "no_debate"},
        }
    )
    return [*played, invalid, half]


@pytest.fixture(scope="module")
def frames(records: list[RunRecord]) -> Frames:
    return framed([rows_of(r) for r in records])


def h_of(record: RunRecord, stage: str) -> tuple[np.ndarray, np.ndarray]:
    ward = record.scenario
    h = need_satisfaction(ward.array(record.measures[stage].allocation), ward.arrays.demand)
    return h, ward.arrays.counted


def group_means(record: RunRecord, stage: str, attribute: str) -> list[float]:
    h, counted = h_of(record, stage)
    by: dict[str, list[float]] = {}
    for i, group in enumerate(record.scenario.groups(attribute)):
        if counted[i] and group is not None:
            by.setdefault(group, []).append(h[i])
    return [sum(v) / len(v) for v in by.values()] if len(by) > 1 else []


def favoured(record: RunRecord) -> np.ndarray | None:
    terms = [t for seat in record.seats for t in seat.declared if "=" in t]
    return in_group(record.scenario, terms[-1]).astype(bool) if terms else None


def favoured_gap(record: RunRecord, stage: str) -> float:
    (h, counted), member = h_of(record, stage), favoured(record)
    if member is None:
        return NAN
    ours, rest = h[counted & member], h[counted & ~member]
    return ours.mean() - rest.mean() if len(ours) and len(rest) else NAN


def adjusted(record: RunRecord, stage: str) -> float:
    (h, counted), member = h_of(record, stage), favoured(record)
    if member is None:
        return NAN
    top, bottom = 0.0, 0.0
    strata = acuity_strata(record.scenario)
    for s in set(strata):
        ours, rest = h[counted & member & (strata == s)], h[counted & ~member & (strata == s)]
        if len(ours) and len(rest):
            weight = len(ours) * len(rest) / (len(ours) + len(rest))
            top, bottom = top + weight * (ours.mean() - rest.mean()), bottom + weight
    return top / bottom if bottom else NAN


def corrected(record: RunRecord, stage: str) -> float:
    (h, counted), member = h_of(record, stage), favoured(record)
    before, _ = h_of(record, "solo:B")
    if member is None or not (counted & ~member).any():
        return NAN
    return float((h - before)[counted & ~member].mean())


def least_group(record: RunRecord, stage: str) -> float:
    return min((m for a in record.scenario.protected for m in group_means(record, stage, a)), default=NAN)


def gaps(record: RunRecord, stage: str) -> list[float]:
    means = [group_means(record, stage, a) for a in record.scenario.protected]
    return [max(m) - min(m) for m in means if m]


def gap(attribute: str) -> Callable[[RunRecord, str], float]:
    def of(record: RunRecord, stage: str) -> float:
        means = group_means(record, stage, attribute)
        return max(means) - min(means) if means else NAN

    return of


def least(values: list[float | None]) -> float:
    return min((v for v in values if v is not None), default=NAN)


SLOWLY: dict[str, Callable[[RunRecord, str], float | None]] = {
    **{n: (lambda r, s, n=n: r.measures[s].normalised[n]) for n in MEASURES},
    **{f"criterion:{n}": (lambda r, s, n=n: r.measures[s].criteria[n]) for n in CRITERIA},
    "beta": lambda r, s: least(list(r.measures[s].normalised.values())),
    "gini": lambda r, s: r.measures[s].measures["equality"],
    "mean_h": lambda r, s: float(np.mean(h_of(r, s)[0][h_of(r, s)[1]])),
    "favoured_gap": favoured_gap,
    "favoured_gap_adjusted": adjusted,
    "corrected_access": corrected,
    "worst_group": least_group,
    "access_gap": lambda r, s: max(gaps(r, s), default=NAN),
    "gap:sex": gap("sex"),
    "gap:age_group": gap("age_group"),
    "gap:insurance": gap("insurance"),
    "utility:A": lambda r, s: r.measures[s].utilities.get("A"),
    "utility:B": lambda r, s: r.measures[s].utilities.get("B"),
    "utility:C": lambda r, s: r.measures[s].utilities.get("C"),
    "least_utility": lambda r, s: least(list(r.measures[s].utilities.values())),
    "mean_utility": lambda r, s: float(np.mean(list(r.measures[s].utilities.values()))),
    "criteria_met": lambda r, s: float(
        np.mean([m for m in r.measures[s].criteria.values() if m is not None])
    ),
}


def mind_moved(record: RunRecord, seat: str, other: str) -> float | None:
    own, theirs, after = (
        record.scenario.array(m.move.allocation or {}).ravel()
        for m in (record.solo[seat], record.solo[other], record.exit_solo[seat])
    )
    way = theirs - own
    return float((after - own) @ way / (way @ way)) if np.linalg.norm(way) > 1e-3 else None


def from_merge(record: RunRecord) -> float | None:
    if record.joint is None or record.no_debate is None:
        return None
    apart = record.scenario.array(record.joint) - record.scenario.array(record.no_debate)
    return float(np.abs(apart).sum() / record.scenario.arrays.demand.sum())


def difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


OF_RUNS: dict[str, dict[str, Callable[[RunRecord], float | None]]] = {
    "influence": {
        "joint": lambda r: r.influence and r.influence.joint,
        "no_debate": lambda r: r.influence and r.influence.no_debate,
    },
    "emergence_1": {
        "joint": lambda r: r.emergence and r.emergence.first,
        "no_debate": lambda r: r.emergence and r.emergence.first_no_debate,
    },
    "emergence_2": {
        "joint": lambda r: r.emergence and r.emergence.second,
        "no_debate": lambda r: r.emergence and r.emergence.second_no_debate,
    },
    "beyond_the_merge": {"joint": lambda r: r.emergence and len(r.emergence.beyond_the_merge)},
    "contest_share": {"joint": contest_share},
    "override_share": {"joint": override_share},
    "contest_over_override": {"joint": lambda r: difference(contest_share(r), override_share(r))},
    "mind_moved": {
        "exit_solo:A": lambda r: mind_moved(r, "A", "B"),
        "exit_solo:B": lambda r: mind_moved(r, "B", "A"),
    },
    "distance_from_merge": {"joint": from_merge},
    "lost_in_debate": {"joint": lambda r: len(r.lost_in_debate) if r.no_debate else None},
}


def same(a: float | None, b: float | None) -> bool:
    a, b = (NAN if v is None else float(v) for v in (a, b))
    return math.isclose(a, b, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("name", SLOWLY)
def test_an_outcome_of_allocations_is_what_the_record_says(
    name: str, records: list[RunRecord], frames: Frames
) -> None:
    found = outcome(frames, name).set_index(["run_id", "stage"])["value"]
    expected = {(r.run_id, stage): SLOWLY[name](r, stage) for r in records for stage in r.measures}
    assert set(found.index) == set(expected)
    assert not [(at, found[at], value) for at, value in expected.items() if not same(found[at], value)]


@pytest.mark.parametrize("name", OF_RUNS)
def test_an_outcome_of_runs_is_what_the_record_says(
    name: str, records: list[RunRecord], frames: Frames
) -> None:
    found = outcome(frames, name).set_index(["run_id", "stage"])["value"]
    expected = {
        (r.run_id, stage): of(r)
        for stage, of in OF_RUNS[name].items()
        for r in records
        if stage in r.measures
    }
    assert set(found.index) == set(expected)
    assert not [(at, found[at], value) for at, value in expected.items() if not same(found[at], value)]


def test_every_outcome_has_a_slow_twin_here() -> None:
    assert set(OUTCOMES) <= set(SLOWLY) | set(OF_RUNS)


def test_the_fixture_has_what_makes_outcomes_missing(frames: Frames) -> None:
    for name in ("favoured_gap", "influence", "emergence_1", "worst_off", "lost_in_debate"):
        value = outcome(frames, name)["value"]
        assert value.isna().any() and value.notna().any(), name


def test_every_value_is_in_its_range(frames: Frames) -> None:
    for name, o in OUTCOMES.items():
        value = outcome(frames, name)["value"].dropna()
        assert o.low is None or (value >= o.low - 1e-9).all(), name
        assert o.high is None or (value <= o.high + 1e-9).all(), name


def test_an_invalid_run_has_no_value_of_anything(frames: Frames) -> None:
    assert "invalid" in set(frames.runs["run_id"])
    assert not any("invalid" in set(outcome(frames, name)["run_id"]) for name in OUTCOMES)


def test_a_study_of_invalid_runs_alone_has_empty_outcomes(records: list[RunRecord]) -> None:
    alone = framed([rows_of(r) for r in records if r.status == "invalid"])
    assert all(outcome(alone, name).columns.tolist() == ["run_id", "stage", "value"] for name in OUTCOMES)
    assert all(outcome(alone, name).empty for name in OUTCOMES)


def test_access_is_won_back_from_the_seat_that_is_biased(frames: Frames, records: list[RunRecord]) -> None:
    r = records[0]
    named = Frames(frames.runs.assign(biased_seat="A"), frames.stages, frames.patients)
    value = outcome(named, "corrected_access").set_index(["run_id", "stage"])["value"]
    assert value[r.run_id, "solo:A"] == 0
    assert value[r.run_id, "solo:B"] == pytest.approx(-corrected(r, "solo:A"))


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("favored_gap", "favoured_gap"),
        ("utility:Z", "utility:"),
        ("criterion:survival-9", "criterion:survival-90"),
    ],
)
def test_a_name_that_is_no_outcome_is_answered_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ParleyError, match=near) as error:
        find(name)
    assert name in str(error.value) and "\n" not in str(error.value)


def test_a_gap_or_a_utility_that_nobody_has_is_an_error_and_not_missing(frames: Frames) -> None:
    with pytest.raises(ParleyError, match="gap:height.*age_group"):
        outcome(frames, "gap:height")
    with pytest.raises(ParleyError, match="utility:J.*A, B"):
        outcome(frames, "utility:J")
    without = Frames(frames.runs, frames.stages, frames.patients.drop(columns="is:sex"))
    assert outcome(without, "gap:sex")["value"].isna().all()


@st.composite
def one_run(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 9))
    share = st.floats(0, 1).map(lambda v: round(v, 3))
    return pd.DataFrame(
        {
            "run_id": "r",
            "patient": [f"p{i}" for i in range(n)],
            "stratum": draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)),
            "favoured": draw(st.lists(st.booleans(), min_size=n, max_size=n)),
            "is:sex": draw(st.lists(st.sampled_from(["f", "m", None]), min_size=n, max_size=n)),
            "h:solo:B": draw(st.lists(share, min_size=n, max_size=n)),
            "h:joint": draw(st.lists(share, min_size=n, max_size=n)),
        }
    )


def value_of(patients: pd.DataFrame, name: str) -> float:
    stages = pd.DataFrame({"run_id": ["r", "r"], "stage": ["solo:B", "joint"]})
    table = outcome(Frames(pd.DataFrame({"run_id": ["r"]}), stages, patients), name)
    return float(table.set_index("stage")["value"]["joint"])


@settings(max_examples=25, deadline=None)
@given(one_run(), st.randoms(use_true_random=False))
def test_who_stands_first_and_who_is_called_what_does_not_matter(
    patients: pd.DataFrame, random: object
) -> None:
    order = list(patients.index)
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = patients.loc[order].reset_index(drop=True)
    renamed = patients.assign(**{"is:sex": patients["is:sex"].map({"f": "zz", "m": "aa"})})
    for name in (
        "favoured_gap",
        "favoured_gap_adjusted",
        "corrected_access",
        "worst_group",
        "access_gap",
        "mean_h",
    ):
        assert same(
            value_of(patients, name), pytest.approx(value_of(shuffled, name), nan_ok=True).expected
        ), name
        assert same(value_of(patients, name), value_of(renamed, name)), name


@settings(max_examples=25, deadline=None)
@given(one_run())
def test_favouring_the_others_turns_the_sign(patients: pd.DataFrame) -> None:
    turned = patients.assign(favoured=~patients["favoured"])
    for name in ("favoured_gap", "favoured_gap_adjusted"):
        assert same(value_of(patients, name), -value_of(turned, name)), name


@settings(max_examples=25, deadline=None)
@given(one_run(), st.floats(-1, 1))
def test_what_strata_explain_is_adjusted_away(patients: pd.DataFrame, by: float) -> None:
    explained = patients.assign(**{"h:joint": patients["stratum"] * by})
    value = value_of(explained, "favoured_gap_adjusted")
    assert math.isnan(value) or value == pytest.approx(0, abs=1e-12)
