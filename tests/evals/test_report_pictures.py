"""Do the pictures of debates show the numbers of their records, and of the debates the one that the rule names?"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from evals.arrow import debate_axioms, summary
from evals.arrow.audit import audit
from evals.calibration.coverage import CELLS
from evals.calibration.kept import keep, read_kept
from evals.findings.drawing import styled
from evals.findings.section import Section, estimated, number
from evals.frames import Frames, frames
from evals.outcomes import outcome
from evals.report.pictures import calibration
from evals.report.pictures.debates import axioms, exemplar, influence, stages, ward_map
from evals.report.pictures.debates.triage import crossed, of_triage, who_got_what
from evals.report.source import Source
from nodes.record import RunRecord
from scenarios.errors import ParleyError
from tests.play import ROOT, play

PLAYED: tuple[dict[str, Any], ...] = (
    *({"ward": k, "framework": "rawlsian", "opponent": "biased-age", "rounds": 2} for k in (1, 2, 3)),
    {"ward": 1, "framework": "rawlsian", "opponent": "plain", "rounds": 1},
    {"ward": 1, "framework": "plain", "opponent": "plain", "rounds": 1},
)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RunRecord]]:
    runs = tmp_path_factory.mktemp("pictures")
    made = []
    for asked in PLAYED:
        settings = {k: v for k, v in asked.items() if k != "ward"}
        made.append(play(f"generated:{asked['ward']},n=4,divisible=1", runs, **settings))
    return runs, made


@pytest.fixture(scope="module")
def source(played: tuple[Path, list[RunRecord]]) -> Source:
    return of(played[0])


def of(runs: Path, **changes: Any) -> Source:
    """Records as a source whose conditions are framework × opponent, nothing measured of them."""
    files = sorted(runs.glob("*.json"))
    f = frames(files)
    table = f.runs.assign(role="study", control="", policy="")
    table["condition"] = table["framework"] + " × " + table["opponent"]
    held = Frames(table, f.stages, f.patients)
    return replace(Source("here", "?", "triage", "ward", "", [], files, held), **changes)


def words(fig: Figure) -> list[str]:
    return [t.get_text() for ax in fig.axes if ax.get_visible() for t in ax.texts]


def drawn(section: Section, name: str) -> Figure:
    with styled():
        return section.figures[name]()


# ── who got what ──────────────────────────────────────────────────────────────────────────────────────


def test_a_ward_map_is_filled_by_the_need_met_that_was_measured(
    played: tuple[Path, list[RunRecord]], source: Source
) -> None:
    assert source.frames is not None
    record = next(r for r in played[1] if "biased-age" in {s.persona.name for s in r.seats})
    assert isinstance(source.frames, Frames)
    patients = source.frames.patients
    mine = patients[patients["run_id"] == record.run_id].set_index("patient")
    leads = outcome(source.frames, "favoured_gap")
    lead = leads[leads["run_id"] == record.run_id].set_index("stage")["value"]
    shown = {m.stage: m for m in ward_map.maps(record)}
    assert list(shown) == [
        "solo:A",
        "solo:B",
        "no_debate",
        "round:1",
        "round:2",
        "exit_solo:A",
        "exit_solo:B",
    ]
    assert shown["round:2"].title == "Round 2: the joint"
    for stage, at in shown.items():
        for tile in ward_map.tiles_of(record):
            met = mine[f"h:{stage}"][tile.name]
            assert at.met[tile.patient] == pytest.approx(met)
            # Columns are equally wide, so the filled share of a tile is the need met.
            assert np.mean([at.shares[tile.patient, c] for c in tile.columns]) == pytest.approx(met)
            assert tile.favoured == mine["favoured"][tile.name]
        assert at.lead == pytest.approx(lead[stage])


def test_a_ward_map_marks_the_favoured_and_what_is_in_dispute(played: tuple[Path, list[RunRecord]]) -> None:
    record = next(r for r in played[1] if r.seats[1].persona.name == "biased-age" and r.rounds[0].contested)
    with styled():
        told = words(ward_map.ward_map(record))
    maps = ward_map.maps(record)
    assert sum(ward_map.STAR in t for t in told) == len(maps) * int(ward_map.favoured_in(record).sum()) > 0
    assert sum(ward_map.FLAG in t for t in told) == sum(len(r.contested) for r in record.rounds) > 0
    for at in maps:
        shown = [number(at.met[t.patient]) for t in ward_map.tiles_of(record)]
        assert set(shown) <= set(told)


def test_every_map_has_each_patient_in_one_place_and_the_favoured_first(
    played: tuple[Path, list[RunRecord]],
) -> None:
    record = played[1][0]
    tiles = ward_map.tiles_of(record)
    assert sorted(t.patient for t in tiles) == [
        int(i) for i in np.flatnonzero(record.scenario.arrays.counted)
    ]
    assert len({(t.x, t.y) for t in tiles}) == len(tiles)
    order = [(not t.favoured, -record.scenario.arrays.acuity[t.patient]) for t in tiles]
    assert order == sorted(order)


def test_three_seats_over_whole_goods_are_drawn_and_told(tmp_path: Path) -> None:
    record = play("one-ventilator", tmp_path, rounds=1, opponent="biased-sex", panel=["utilitarian"])
    maps = ward_map.maps(record)
    assert {"C alone · utilitarian", "C after · utilitarian"} <= {m.title for m in maps}
    with styled():
        fig = ward_map.ward_map(record)
    assert sum(ax.get_visible() for ax in fig.axes) == len(maps)
    sections = of_triage(of(tmp_path), lambda what: None)
    assert len(sections) == 4
    for section in sections:
        assert section.says
        assert all(len(row) == len(shown.headings) for shown in section.shown for row in shown.rows)
        for name in section.figures:
            drawn(section, name)
    assert sections[2].tables["influence_map"]["seats"].unique().tolist() == [3]


def test_a_run_without_bias_is_drawn_without_a_star_or_a_lead(
    played: tuple[Path, list[RunRecord]], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = next(r for r in played[1] if r.protocol.opponent == "plain")
    with styled():
        fig = ward_map.ward_map(record)
    assert not any(ward_map.STAR in t for t in words(fig))
    assert not any(ax.get_title(loc="right") for ax in fig.axes)
    # With no room for words a tile keeps its need met and, of any cell in dispute, one flag.
    monkeypatch.setattr(ward_map, "MOST_LETTERED", 1)
    with styled():
        told = words(ward_map.ward_map(record))
    patients = {cell.split(".")[0] for r in record.rounds for cell in r.contested}
    counted = len(ward_map.tiles_of(record)) * len(ward_map.maps(record))
    assert sum(bool(re.fullmatch(r"[01]\.\d\d", t)) for t in told) == counted
    flags = sum(len({cell.split(".")[0] for cell in r.contested}) for r in record.rounds)
    assert told.count(ward_map.FLAG) == flags and (flags > 0 or not patients)


def test_an_invalid_run_says_so_and_a_source_of_none_but_invalid_runs_has_no_picture(
    tmp_path: Path, played: tuple[Path, list[RunRecord]]
) -> None:
    void = played[1][0].model_copy(
        update={"status": "invalid", "joint": None, "measures": {}, "influence": None, "emergence": None}
    )
    with styled():
        assert words(ward_map.ward_map(void)) == ["The run is invalid: it came to no allocation."]
    (tmp_path / f"{void.run_id}.json").write_text(void.model_dump_json(), encoding="utf-8")
    assert of_triage(of(tmp_path), lambda what: None) == []


@given(st.lists(st.from_regex(r"[a-z][a-z_]{0,11}", fullmatch=True), min_size=1, max_size=8, unique=True))
def test_resources_are_told_apart_by_their_abbreviations(names: list[str]) -> None:
    short = ward_map.abbreviations(names)
    assert len(set(short.values())) == len(names)
    assert all(name.startswith(s) for name, s in short.items())


# ── which debate ──────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.one_of(st.none(), st.integers(-50, 50).map(lambda v: v / 25)), max_size=12))
def test_the_nearest_to_the_median_is_that_of_a_loop(values: list[float | None]) -> None:
    known = [v for v in values if v is not None]
    place = exemplar.nearest(pd.Series(values, dtype=float))
    if not known:
        assert place is None
        return
    assert place is not None
    middle = float(np.median(known))
    distances = [float("inf") if v is None else round(abs(v - middle), 9) for v in values]
    assert place == distances.index(min(distances))


def hypotheses(rows: list[tuple[str, str | None, float]]) -> Section:
    pairs = pd.DataFrame(rows, columns=["run_treatment", "run_control", "difference"]).assign(hypothesis="H3")
    told = pd.DataFrame(
        [{"hypothesis": "H1", "outcome": "gini"}, {"hypothesis": "H3", "outcome": "favoured_gap"}]
    )
    return Section("asked", [], {"hypotheses": told, "pairs": pairs})


def test_of_a_hypothesis_the_pair_nearest_the_median_difference_stands_for_the_rest(source: Source) -> None:
    ids = [path.stem for path in source.files]
    rows: list[tuple[str, str | None, float]] = [
        (ids[3], ids[0], 0.4),
        (ids[2], ids[1], -0.1),
        (ids[1], ids[4], 0.2),
        ("not-among-the-files", ids[0], 0.21),
    ]
    found = exemplar.exemplar(replace(source, sections=[hypotheses(rows)]))
    assert found is not None
    assert (found.run_id, found.beside) == (ids[1], ids[4])
    assert "of the 3 pairs of H3" in found.rule and "+0.200, is nearest their median, +0.200" in found.rule
    told = who_got_what(replace(source, sections=[hypotheses(rows)]))
    assert told is not None
    assert f"(#run={ids[1]})" in told.says[1] and f"(#pair={ids[1]},{ids[4]})" in told.says[2]
    # A run against its own merge is no pair of two runs.
    same = exemplar.exemplar(replace(source, sections=[hypotheses([(ids[0], ids[0], 0.4)])]))
    assert same is not None and same.beside == ""


def test_without_a_hypothesis_it_is_the_run_of_median_lead_where_somebody_is_favoured(source: Source) -> None:
    assert isinstance(source.frames, Frames)
    values = outcome(source.frames, "favoured_gap")
    joint = values[values["stage"] == "joint"].set_index("run_id")["value"]
    runs = source.frames.runs
    mine = sorted(runs.loc[runs["opponent"] == "biased-age", "run_id"])
    middle = float(np.median([joint[r] for r in mine]))
    found = exemplar.exemplar(source)
    assert found is not None
    assert found.run_id == min(mine, key=lambda r: (round(abs(joint[r] - middle), 9), r))
    assert "of the 3 runs of *rawlsian × biased-age*" in found.rule


def test_where_nobody_is_favoured_it_is_the_run_of_median_gap_of_the_first_condition(source: Source) -> None:
    assert isinstance(source.frames, Frames)
    f = source.frames
    runs = f.runs[f.runs["opponent"] == "plain"]
    plain = replace(source, frames=Frames(runs, f.stages, f.patients))
    found = exemplar.exemplar(plain)
    assert found is not None
    first = next(iter(dict.fromkeys(runs["condition"])))
    assert f"of *{first}*" in found.rule and found.run_id in set(
        runs.loc[runs["condition"] == first, "run_id"]
    )
    assert exemplar.exemplar(replace(source, frames=None)) is None


# ── fairness by stage ─────────────────────────────────────────────────────────────────────────────────


def test_the_favoured_less_the_rest_is_the_lead_that_the_findings_tell(source: Source) -> None:
    assert isinstance(source.frames, Frames)
    table = stages.met_by_stage(source.frames, crossed(source))
    lead = outcome(source.frames, "favoured_gap").merge(
        source.frames.runs[["run_id", "condition", "cluster"]]
    )
    lead = (
        lead.groupby(["condition", "stage", "cluster"])["value"].mean().groupby(["condition", "stage"]).mean()
    )
    at = table.set_index(["condition", "whose", "stage"])["mean"]
    biased = [c for c in crossed(source) if "biased" in c]
    assert biased
    for condition in biased:
        for stage in ("solo:A", "solo:B", "no_debate", "round:1", "joint", "exit_solo:B"):
            told = at[condition, "favoured", stage] - at[condition, "rest", stage]
            assert told == pytest.approx(lead[condition, stage])


def test_where_nobody_is_biased_the_same_groups_are_followed_and_said_to_be(
    played: tuple[Path, list[RunRecord]], source: Source
) -> None:
    assert isinstance(source.frames, Frames)
    section = stages.fairness(source.frames, crossed(source))
    table = section.tables["need_met_by_stage"]
    plain = table[table["condition"] == "plain × plain"]
    assert not plain["bias"].any() and "Where nobody is biased" in section.says[0]
    record = next(r for r in played[1] if r.protocol.framework == "plain")
    young = np.array([p.group("age_group") in ("child", "adult") for p in record.scenario.patients])
    at = {m.stage: m.met for m in ward_map.maps(record)}["no_debate"]
    value = plain[(plain["whose"] == "favoured") & (plain["stage"] == "no_debate")]["mean"].item()
    assert value == pytest.approx(at[young].mean())


def test_the_fairness_figure_draws_the_means_of_its_table(source: Source) -> None:
    assert isinstance(source.frames, Frames)
    section = stages.fairness(source.frames, crossed(source))
    table = section.tables["need_met_by_stage"]
    fig = drawn(section, "need-met-by-stage")
    for ax, condition in zip(fig.axes, crossed(source), strict=False):
        heights = {
            round(y, 9) for line in ax.lines for y in np.asarray(line.get_ydata(), dtype=float) if y == y
        }
        assert heights == {round(v, 9) for v in table.loc[table["condition"] == condition, "mean"]}


def test_where_nobody_is_favoured_at_all_that_is_said_and_nothing_is_drawn(source: Source) -> None:
    assert isinstance(source.frames, Frames)
    f = source.frames
    plain = Frames(f.runs[f.runs["opponent"] == "plain"], f.stages, f.patients)
    section = stages.fairness(plain, list(plain.runs["condition"].unique()))
    assert section.figures == {} and section.says == [stages.NOBODY]


# ── influence ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_influence_map_tells_the_means_of_the_records(
    played: tuple[Path, list[RunRecord]], source: Source
) -> None:
    assert isinstance(source.frames, Frames)
    section = influence.influence(source.frames, crossed(source))
    table = section.tables["influence_map"].set_index(["condition", "value"])
    mine = [r.influence for r in played[1] if r.seats[1].persona.name == "biased-age"]
    known = [i for i in mine if i is not None]
    row = table.loc["rawlsian × biased-age"]
    assert row.loc["influence", "mean"] == pytest.approx(np.mean([i.joint for i in known]))
    assert row.loc["debate_added", "mean"] == pytest.approx(np.mean([i.debate_added for i in known]))
    assert row.loc["influence", "missing"] == len(mine) - len(known)
    told = words(drawn(section, "influence-map"))
    share = row.loc["influence", "mean"]
    assert number(share) in told and number(1 - share) in told
    assert any(
        t.startswith(f"debate: {estimated(row.loc['debate_added', 'mean'], None, None, signed=True)}")
        for t in told
    )


def test_where_both_would_do_the_same_influence_is_undefined_and_no_number_stands_there(
    source: Source,
) -> None:
    assert isinstance(source.frames, Frames)
    section = influence.influence(source.frames, ["plain × plain"])
    assert section.says == [influence.NONE] and section.figures == {}
    assert section.shown[0].rows == [["plain × plain", *["–"] * 5, "0 (1 undefined)"]]
    both = influence.influence(source.frames, ["plain × plain", "rawlsian × biased-age"])
    assert sum("undefined" in t for t in words(drawn(both, "influence-map"))) == 1


@pytest.mark.parametrize(
    ("moved", "told"), [(0.4, "mind +0.40"), (-0.2, "mind −0.20"), (0.0, "mind unmoved")]
)
def test_a_mind_that_moved_has_its_number(source: Source, moved: float, told: str) -> None:
    assert isinstance(source.frames, Frames)
    f = source.frames
    runs = f.runs.assign(**{"mind_moved:A": moved, "mind_moved:B": 0.3, "influence": 1.2})
    section = influence.influence(Frames(runs, f.stages, f.patients), crossed(source))
    found = words(drawn(section, "influence-map"))
    assert told in found and "mind +0.30" in found
    assert "1.20" in found and "−0.20" in found, "a joint beyond a seat's solo is told as it is"


# ── the Arrow table ───────────────────────────────────────────────────────────────────────────────────


def test_the_arrow_table_is_that_of_the_audit_with_a_counterexample_for_each_failure(source: Source) -> None:
    section = axioms.axioms(source)
    rules = ("mean-and-repair", "nash", "leximin")
    asked = [(rule, induction) for induction in axioms.ASKED for rule in rules]
    found = [audit(rule, 3, induction) for rule, induction in asked]
    wanted = [
        [
            f"{a.rule} *" if a.rule == "mean-and-repair" else a.rule,
            axioms.ASKED[a.induction],
            v.axiom,
            v.counterexample,
        ]
        for a in found
        for v in a.verdicts
        if not v.holds
    ]
    rows = section.shown[0].rows
    assert [[*row[:3], row[5]] for row in rows] == wanted
    assert all(row[5] and re.fullmatch(r"[1-9]\d* of \d+", row[4]) for row in rows)
    told = words(drawn(section, "arrow-table"))
    assert told.count(axioms.NO) == len(rows)
    assert told.count(axioms.YES) == sum(v.holds for a in found for v in a.verdicts)
    below = " ".join(told[-1].split())
    assert all(" ".join(row[5].split()) in below for row in rows), "each counterexample stands under the grid"


def test_the_arrow_table_names_what_is_outside_the_theorem(source: Source) -> None:
    assert isinstance(source.frames, Frames)
    f = source.frames
    drawn_by_lot = Frames(f.runs.assign(merge_rule="weighted-lottery"), f.stages, f.patients)
    section = axioms.axioms(replace(source, frames=drawn_by_lot, files=[]))
    assert any("`weighted-lottery` is outside the theorem" in says for says in section.says)
    assert {row[0] for row in section.shown[0].rows} == set(axioms.COMPARED)


def test_what_debates_kept_is_their_summary_by_condition(source: Source) -> None:
    section = axioms.axioms(source)
    whole = debate_axioms(source.files, reruns=0)
    assert isinstance(source.frames, Frames)
    runs = source.frames.runs
    for row in section.shown[1].rows:
        mine = whole[whole["run_id"].isin(runs.loc[runs["condition"] == row[0], "run_id"])]
        told = summary(mine)["weak_pareto"]
        assert row[1] == f"{told['keep']} of {told['of']}"
    assert len(section.shown[1].rows) == runs["condition"].nunique()


# ── calibration ───────────────────────────────────────────────────────────────────────────────────────


def test_what_is_kept_of_the_calibration_agrees_with_its_page() -> None:
    kept = read_kept(ROOT / "docs" / "calibration.json")
    page = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    assert f"`{kept.command}`" in page
    assert {(r["cell"], r["wards"]) for r in kept.coverage} == {(c.name, c.wards) for c in CELLS}
    for r in kept.coverage:
        told = " | ".join(number(r[name], 3) for name in ("coverage", "size", "mean_zero_size", "power"))
        assert f"| {r['cell']} | {r['wards']} | {told} | {r['test']} | {r['verdict']} |" in page
    for r in kept.recovery:
        known = " | ".join(number(r[name], 3) for name in ("identified", "covered", "error", "width"))
        line = f"| {r['case']} | {r['wards']} | {r['noise']:.2f} | {r['parameter']} | "
        assert f"{line}{'yes' if r['knowable'] else 'no'} | {known} |" in page


def test_the_calibration_figure_draws_the_shares_that_are_kept() -> None:
    (section,) = calibration.of_calibration()
    table = section.tables["calibration_coverage"]
    fig = drawn(section, "calibration")
    for ax, column in zip(fig.axes, ("coverage", "size"), strict=True):
        marks = [line for line in ax.lines if str(line.get_label()).endswith("wards")]
        shown = sorted(x for line in marks for x in np.asarray(line.get_xdata(), dtype=float))
        assert shown == sorted(table[column].dropna())
    low, high = calibration.band(0.95, 2000)
    numbered = [t for t in words(fig) if re.fullmatch(r"0\.\d{3}", t)]
    misled = int((table["coverage"] < low).sum() + (table["size"] > calibration.band(0.05, 2000)[1]).sum())
    assert len(numbered) == misled and low < 0.95 < high
    for cell in table.loc[table["coverage"] < low, "cell"]:
        assert cell in section.says[1], "a shortfall is said in words"
    known = table["coverage"].dropna()
    assert f"in {(known >= low).sum()} of {len(known)}." in section.says[0]


def test_a_kept_calibration_is_read_as_it_was_written_and_no_other_file_is(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    covered = pd.DataFrame([{"cell": "normal", "wards": 12, "coverage": float("nan"), "size": 0.05}])
    keep(path, {"command": "c", "studies": 4, "recoveries": 1, "seed": 2}, covered, covered.head(0))
    kept = read_kept(path)
    assert kept.coverage == [{"cell": "normal", "wards": 12, "coverage": None, "size": 0.05}]
    assert (kept.studies, kept.seed, kept.recovery) == (4, 2, [])
    path.write_text(json.dumps({"command": "c"}), encoding="utf-8")
    with pytest.raises(ParleyError, match="keeps no calibration; make it by"):
        calibration.of_calibration(path)
    (section,) = calibration.of_calibration(tmp_path / "nothing.json")
    assert section.says == [calibration.NOT_KEPT] and not section.figures
