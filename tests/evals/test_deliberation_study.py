"""Is a study of deliberations planned, run, gone on with, exported, judged and told as it says?"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from evals.deliberation import judged
from evals.deliberation.ahead import calls_of, spoken
from evals.deliberation.frames import study_frames
from evals.experiment import running
from evals.experiment.ahead import ahead
from evals.experiment.ledger import Folder, models_of, spent
from evals.experiment.plan import Plan, planned
from evals.experiment.reading import parse_study
from evals.experiment.running import Session, Ways, run_study
from evals.experiment.tables import export
from evals.findings.report import findings
from evals.outcomes import outcome
from evals.records import read
from nodes.deliberation.settings import DeliberationTable
from nodes.table.equipment import Equipment
from scenarios.dilemmas import catalogue, load
from scenarios.errors import ParleyError
from tests.deliberating import deliberate, talker
from tests.evals.deliberations import STUDY, XY, dialogue_of, gathered, record
from tests.loopback import Loopback

Json = dict[str, Any]

TINY: Json = STUDY | {
    "name": "tiny-dialogues",
    "scenarios": ["late-result", "any:3", "any:4"],
    "factors": {"pair": ["rules-people"], "swap": [False, True]},
    "conditions": [{"name": "alone", "set": {"alone": True}, "only": {"swap": False}}],
    "hypotheses": [
        {"id": "S", "claim": "Who speaks first leads.", "outcome": "lead", "of": {"swap": True},
         "against": {"swap": False}},
        {"id": "A", "claim": "One who knows both does better.", "outcome": "worth_least",
         "of": {"control": "alone", "swap": False}, "against": {"control": ""}, "direction": "greater"},
        {"id": "J", "claim": "A judge prefers it.", "outcome": "won:collective_agency",
         "of": {"control": "alone", "swap": False}, "against": 0.5},
    ],
}  # fmt: skip


def quiet(_: object) -> None:
    pass


def ran(data: Json, folder: Path) -> tuple[Plan, Folder, Session]:
    made, at = planned(parse_study(data, "tiny.yaml")), Folder(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "FEW", 1000)
        return made, at, run_study(made, at, Ways(), Equipment(), quiet)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Folder, Session]:
    return ran(TINY, tmp_path_factory.mktemp("tiny"))


def score(run_id: str, value: float | None, judge: str = "one", reading: int = 1) -> Json:
    line: Json = {"run_id": run_id, "key": "collective_agency", "score": value, "judge": judge}
    return line | {"reading": reading, "comment": "as made"}


def pair(trained: str, base: str, winner: str | None, judge: str = "one") -> Json:
    return {"trained": trained, "base": base, "key": "collective_agency", "judge": judge, "winner": winner}


def lay(folder: Path, name: str, *lines: Json | str) -> None:
    (folder / "judged").mkdir(exist_ok=True)
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "judged" / name).write_text(text, encoding="utf-8")


class TestFiles:
    @pytest.mark.parametrize("word", ["held-out", "train", "all"])
    def test_words_stand_for_the_dilemmas_of_the_catalogue(self, word: str) -> None:
        study = parse_study(STUDY | {"scenarios": word}, "tiny.yaml")
        expected = [n for n, d in catalogue().items() if word == "all" or d.held_out == (word == "held-out")]
        assert list(study.wards) == expected
        assert (study.unit, study.final_stage, study.listed_as) == ("dilemma", "final", "scenarios")

    def test_train_and_held_out_are_all_of_them_and_overlap_nowhere(self) -> None:
        study = parse_study(STUDY | {"scenarios": ["train", "held-out"]}, "tiny.yaml")
        assert sorted(study.wards) == sorted(catalogue())
        with pytest.raises(ParleyError, match="stands twice"):
            parse_study(STUDY | {"scenarios": ["all", "late-result"]}, "tiny.yaml")

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"settings": {"pair": "speed-qualty"}}, "settings.pair: .*did you mean 'speed-quality'"),
            ({"factors": {"pair": ["speed-quality", "nobody"]}}, "factors.pair: no pair of personas 'nobody'"),
            ({"settings": {"panel": ["nobody:x"]}}, "settings.panel: no pair of personas 'nobody'"),
            ({"settings": {"panel": "speed-quality:speed"}}, "settings.panel: "),
            ({"settings": {"panel": None}}, "settings.panel: "),
            ({"conditions": [{"name": "c", "set": {"pair": "nobody"}}]}, "set.pair: no pair of personas"),
            ({"hypotheses": [{"id": "H", "claim": "c", "outcome": "regrets"}]}, "did you mean regret or regret_mean"),
            ({"hypotheses": [{"id": "H", "claim": "c", "outcome": "agreed", "of": {"stage": "joint"}}]}, "stage"),
            ({"settings": {"judge": "reference"}}, "settings.judge: .*the judge that needs no model is rule"),
            ({"factors": {"model": ["reference", "rule"]}}, "factors.model: .*who needs no model to speak is ref"),
            ({"settings": {"window": 0}}, "settings.window: 0 turns; give 1 to 64, or all"),
            ({"settings": {"alone": True, "mediator": True}}, "alone: nobody else sits there"),
            ({"twins": {"attributes": ["sex"]}}, "twins: only in studies of triage"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_one_line(self, changes: Json, says: str) -> None:
        with pytest.raises(ParleyError, match=says) as raised:
            parse_study(STUDY | changes, "tiny.yaml")
        assert "\n" not in str(raised.value) and str(raised.value).startswith("tiny.yaml: ")

    @pytest.mark.parametrize(
        "changes", [{"scenarios": ["late-resul"]}, {"settings": {"panel": ["speed-quality:no"]}}]
    )
    def test_what_turns_out_when_runs_are_named_is_one_line_too(self, changes: Json) -> None:
        with pytest.raises(
            ParleyError, match="did you mean late-result|has no 'no'; it has speed and quality"
        ):
            planned(parse_study(STUDY | changes, "tiny.yaml"))

    def test_a_dilemma_of_words_alone_is_refused_where_it_is_planned(self, tmp_path: Path) -> None:
        bare = load("late-result").model_copy(update={"issues": {}}).model_dump(mode="json")
        theme = {k: bare.pop(k) for k in ("theme", "stratum", "held_out", "source")}
        file = tmp_path / "bare.json"
        file.write_text(json.dumps(theme | {"dilemmas": {bare.pop("name"): bare}}))
        with pytest.raises(ParleyError, match="no issues to bargain over"):
            planned(parse_study(STUDY | {"scenarios": [f"{file}#late-result"]}, "tiny.yaml"))

    def test_a_factor_of_yes_and_no_may_be_set_against_itself(self) -> None:
        h = {"id": "H", "claim": "c", "outcome": "lead", "of": {"swap": True}, "against": {"swap": False}}
        study = parse_study(STUDY | {"factors": {"swap": [True, False]}, "hypotheses": [h]}, "tiny.yaml")
        assert study.hypotheses[0].against == {"swap": False}
        with pytest.raises(ParleyError, match="true or false where a number belongs"):
            parse_study(STUDY | {"hypotheses": [h | {"of": {}, "against": True}]}, "tiny.yaml")


class TestAhead:
    @pytest.mark.parametrize(
        "settings",
        [
            {"rounds": 2},
            {"rounds": 2, "mediator": True, "mediator_model": "openai:other", "window": "all"},
            {"rounds": 1, "panel": ("speed-quality:speed",), "judge": "openai:other"},
            {"rounds": 2, "opponent_model": "reference"},
            {"rounds": 1, "judge": "rule"},
            {"alone": True, "rounds": 5},
        ],
        ids=str,
    )
    def test_calls_are_those_that_a_dialogue_to_its_cap_makes(
        self, settings: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        whole: Json = {"model": "openai:scripted"} | settings
        case = load("late-result")
        with Loopback(talker(case, agrees_after=settings.get("rounds", 1))) as server:
            made = deliberate(case, tmp_path, base_url=server.base_url, **whole)
        table = DeliberationTable.model_validate(whole)
        told = calls_of(table)
        assert told == Counter(h.body["model"] and f"openai:{h.body['model']}" for h in server.heard)
        assert Counter(model for model, _, _ in spoken(case, table)) == told
        kept = made.model_dump(mode="json")
        assert {model: n[0] for model, n in spent(kept).items()} == told, "the ledger books them by model"
        assert models_of(kept)["judge"] == table.judging

    def test_a_longer_window_and_shown_clauses_are_read_and_paid_for(self) -> None:
        case, base = load("late-result"), {"model": "openai:x", "rounds": 4}
        tokens = [
            sum(r for _, r, _ in spoken(case, DeliberationTable.model_validate(base | more)))
            for more in ({"window": 1}, {}, {"window": "all"}, {"window": "all", "clauses": True})
        ]
        assert tokens == sorted(set(tokens))

    @pytest.mark.slow
    def test_a_plan_of_reference_seats_costs_nothing(self, tiny: Any) -> None:
        seen = ahead(tiny[0])
        assert (seen.calls, seen.tokens, seen.cost_usd, seen.clusters) == ({}, {}, 0.0, 3)
        assert [c.pairs for c in seen.contrasts] == [3, 3, 3]


@pytest.mark.slow
class TestRun:
    def test_every_run_ends_under_the_id_it_was_planned_by(self, tiny: Any) -> None:
        plan, folder, session = tiny
        assert session.complete == len(plan.runs) == 3 * 3 and not session.failed
        assert folder.recorded() == set(plan.runs)
        assert {read(folder.record(r), None).setting for r in plan.runs} == {"deliberation"}

    def test_a_lost_record_alone_is_made_again_and_is_the_same(self, tiny: Any) -> None:
        plan, folder, _ = tiny
        lost = folder.record(next(iter(plan.runs)))
        before = lost.read_text()
        lost.unlink()
        _, _, again = ran(TINY, folder.path)
        assert (again.missing, again.complete) == (1, 1)
        dateless = [re.sub(r'"recorded_at": *"[^"]*"', "", t) for t in (before, lost.read_text())]
        assert dateless[0] == dateless[1]
        assert ran(TINY, folder.path)[2].missing == 0

    def test_tables_are_exported_and_read_back(self, tiny: Any) -> None:
        plan, folder, _ = tiny
        files = export(folder, plan)
        assert sorted({f.stem for f in files}) == ["runs", "turns", "verdicts"]
        for path in files:
            table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
            assert len(table) and set(table["run_id"]) <= set(plan.runs), path.name
        runs = pd.read_csv(folder.path / "tables" / "runs.csv")
        assert set(runs["cluster"]) == set(plan.study.wards)
        alone = runs[runs["alone"]]
        assert len(alone) == 3 and alone["m:agreed"].isna().all() and alone["m:least"].notna().all()

    def test_findings_are_whole(self, tiny: Any) -> None:
        plan, folder, _ = tiny
        ids = [
            next(r for r, run in plan.runs.items() for use in run.uses if (use.control, use.cluster) == at)
            for at in (("alone", "late-result"), ("", "late-result"))
        ]
        lay(folder.path, "verdicts.jsonl", score(ids[0], 4), score(ids[1], 2.5))
        lay(folder.path, "comparisons.jsonl", pair(ids[0], ids[1], "trained"))
        lay(folder.path, "judgements.jsonl", {"request": "kept"})
        title, sections, path = findings(folder, plan, quiet)
        assert title.startswith("tiny-dialogues: ") and len(sections) == 7
        text = path.read_text(encoding="utf-8")
        linked = set(re.findall(r"\]\(([^)]+)\)", text))
        assert {
            f"figures/{n}.svg" for n in ("hypotheses", "measures", "agreement", "answers", "compared")
        } <= linked
        for file in (folder.path / name for name in linked):
            if file.suffix == ".svg":
                words = "".join(ElementTree.fromstring(file.read_text(encoding="utf-8")).itertext())
                assert len(words) > 20 and file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
            else:
                assert len(pd.read_csv(file)), f"{file.name} is empty"
        assert "no run has a value" not in text and "nan" not in text.lower().split()
        assert "ward" not in re.sub("forward|toward", "", text), "a dilemma's unit is a dilemma"
        assert "| alone | 4.00 | 2 |" in text.replace("alone: swap false", "alone"), (
            "two of three were not judged"
        )
        table = pd.read_csv(folder.path / "tables" / "hypotheses.csv").set_index("hypothesis")
        assert table.loc["S", "pairs"] == table.loc["A", "pairs"] == 3
        assert (table.loc["J", "pairs"], table.loc["J", "missing"], table.loc["J", "difference"]) == (
            1,
            2,
            0.5,
        )

    def test_without_a_record_it_is_one_line(self, tiny: Any, tmp_path: Path) -> None:
        with pytest.raises(ParleyError, match="no run of study tiny-dialogues is recorded there"):
            findings(Folder(tmp_path), tiny[0], quiet)


class TestJudged:
    def test_scores_are_means_over_judges_of_their_first_reading(self, tmp_path: Path) -> None:
        lay(tmp_path, "a.jsonl", score("r", 4), score("r", 0, reading=2), score("s", 3), score("t", None))
        lay(tmp_path, "b.jsonl", score("r", 1, "two"), score("t", 5, "two"))
        found = judged.scores(tmp_path)["collective_agency"]
        assert found == {"r": 2.5, "s": None, "t": None}, "what one of the judges did not score is missing"

    def test_wins_are_shares_of_the_comparisons_that_were_decided(self, tmp_path: Path) -> None:
        lay(
            tmp_path, "c.jsonl", pair("r", "s", "trained"), pair("r", "s", "tie", "two"), pair("r", "t", None)
        )
        assert judged.wins(tmp_path)["collective_agency"] == {"r": 0.75, "s": 0.25, "t": None}

    @pytest.mark.parametrize(
        "line",
        ["{", "[]", {}, score("r", 6), pair("r", "s", "nobody"), score("r", 1) | {"key": 1}],
        ids=str,
    )
    def test_what_is_no_verdict_is_one_line(self, line: Json | str, tmp_path: Path) -> None:
        lay(tmp_path, "v.jsonl", score("r", 1), line)
        with pytest.raises(ParleyError, match=r"v\.jsonl, line 2: is no verdict"):
            judged.scores(tmp_path)

    @pytest.mark.slow
    def test_a_study_is_joined_by_run_and_what_is_not_judged_is_missing(
        self, tiny: Any, tmp_path: Path
    ) -> None:
        plan, folder, _ = tiny
        run = next(iter(plan.runs))
        (tmp_path / "records").symlink_to(folder.records)
        lay(tmp_path, "v.jsonl", score(run, 0), score("of another study", 5))
        found = outcome(study_frames(Folder(tmp_path), plan), "collective_agency").set_index("run_id")[
            "value"
        ]
        assert found.dropna().to_dict() == {run: 0.0}
        assert len(found) == len(plan.runs)

    def test_arms_that_were_compared(self, tmp_path: Path) -> None:
        alone = record((), (), {}, XY, alone=True, run_id="c")
        g = gathered(*(dialogue_of(("agreed",), r) for r in "ab"), alone, arms={"c": "alone"})
        decided = pair("c", "a", "trained"), pair("c", "b", "base"), pair("c", "elsewhere", "tie")
        lay(tmp_path, "c.jsonl", *decided, pair("c", "a", None, "two"))
        rows = judged.compared(g, tmp_path).to_dict("records")
        told = ("judge", "one", "other", "pairs", "won", "tied", "lost", "missing")
        assert [tuple(r[n] for n in told) for r in rows] == [
            ("one", "alone", "as it is", 2, 1, 0, 1, 0),
            ("two", "alone", "as it is", 1, 0, 0, 0, 1),
        ]
        assert rows[0]["net"] == 0.0 and rows[1]["net"] != rows[1]["net"]

    def test_without_verdicts_there_is_no_section(self, tmp_path: Path) -> None:
        assert judged.judged(gathered(record()), tmp_path) is None
