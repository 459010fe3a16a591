"""Tiny studies of the commons and of games from their files to their findings: run, resumed, exported, told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from evals.dilemmas.floor import by_concern
from evals.dilemmas.gathered import Gathered
from evals.dilemmas.measured import stock_by_month
from evals.dilemmas.report import gathered, sections
from evals.experiment import running
from evals.experiment.ledger import Folder
from evals.experiment.plan import Plan, planned
from evals.experiment.reading import parse_study
from evals.experiment.running import Session, Ways, run_study
from evals.experiment.tables import export, status
from evals.findings.report import findings as findings_of
from evals.findings.write import markdown
from evals.records import read
from nodes.table.equipment import Equipment
from scenarios.errors import ParleyError
from tests.evals.experiments import ledger

Json = dict[str, Any]

pytestmark = pytest.mark.slow

HYPOTHESES = [
    {"id": "F", "claim": "A floor.", "outcome": "loss", "of": {"regime": "best", "prosocial": 0}, "against": 0,
     "direction": "greater"},
    {"id": "P", "claim": "Concern | helps.", "outcome": "welfare_net", "of": {"regime": "none", "prosocial": 2},
     "against": {"prosocial": 0}, "direction": "greater"},
    {"id": "I", "claim": "It pays.", "outcome": "switch", "of": {"regime": "none", "prosocial": [1, 2]},
     "direction": "greater"},
]  # fmt: skip
FACTORS: Json = {"regime": ["none", "best"], "prosocial": [0, 1, 2]}
HALF = {"name": "half", "set": {"concern": 1}, "only": {"regime": ["none", "best"], "prosocial": 2}}
TOLD = {"name": "told", "set": {"hidden": 0}, "only": {"regime": "best", "prosocial": 0}}
COMMONS: Json = {
    "name": "tiny-commons",
    "question": "Does it run?",
    "setting": "commons",
    "scenarios": ["fishery,agents=2,months=3,capacity=12,collapse=1,contingencies=0.5,hidden=1,world={1..3}"],
    "factors": FACTORS | {"regrowth": ["deterministic", "stochastic"]},
    "conditions": [HALF, TOLD],
    "hypotheses": HYPOTHESES,
}
GAMES: Json = {
    "name": "tiny-games",
    "question": "Does it run?",
    "setting": "games",
    "scenarios": ["lift:prisoners-dilemma,T={9..10},R=8,P=2,S=0"],
    "settings": {"declared": "declared"},
    "factors": FACTORS | {"regime": ["none", "enforced", "best"]},
    "conditions": [HALF],
    "hypotheses": HYPOTHESES,
}


def ran(data: Json, folder: Path) -> tuple[Plan, Folder, Session]:
    """A study run in this process: others take seconds to start, and what they do is tested with debates."""
    made, at = planned(parse_study(data, "tiny.yaml")), Folder(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "FEW", 1000)
        return made, at, run_study(made, at, Ways(), Equipment(), quiet)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def commons(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Folder, Session]:
    return ran(COMMONS, tmp_path_factory.mktemp("commons"))


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Folder, Session]:
    return ran(GAMES, tmp_path_factory.mktemp("games"))


@pytest.fixture(scope="module")
def told(commons: tuple[Plan, Folder, Session]) -> Gathered:
    return gathered(commons[1], commons[0], lambda _: None)


@pytest.fixture(scope="module")
def made(commons: tuple[Plan, Folder, Session], games: tuple[Plan, Folder, Session]) -> dict[str, Folder]:
    for plan, folder, _ in (commons, games):
        findings_of(folder, plan, quiet)
    return {"commons": commons[1], "games": games[1]}


def quiet(_: object) -> None:
    pass


class TestRunning:
    def test_every_run_ends_under_the_id_it_was_planned_by(self, commons: Any, games: Any) -> None:
        for plan, folder, session in (commons, games):
            assert session.complete == len(plan.runs) and not session.failed and not session.stopped
            assert folder.recorded() == set(plan.runs)
            assert {read(folder.record(r), None).setting for r in plan.runs} == {plan.study.setting}

    def test_again_does_nothing_and_a_lost_record_alone_is_made_again(
        self, games: Any, tmp_path: Path
    ) -> None:
        plan, folder, _ = games
        lost = next(iter(plan.runs))
        before = folder.record(lost).read_text()
        folder.record(lost).unlink()
        _, _, again = ran(GAMES, folder.path)
        assert (again.missing, again.complete) == (1, 1)
        told = [
            re.sub(r'"recorded_at": *"[^"]*"', "", text) for text in (before, folder.record(lost).read_text())
        ]
        assert told[0] == told[1], "the same run is the same record"
        _, _, nothing = ran(GAMES, folder.path)
        assert nothing.missing == 0 and ledger(folder.path, "session")[-1]["missing"] == 0

    def test_one_record_of_several_uses_is_counted_once(self, commons: Any) -> None:
        plan, folder, _ = commons
        state = status(folder, plan)
        assert state.runs["complete"] == len(plan.runs) and state.calls == 0
        assert sum(sum(c.values()) for c in state.by_condition.values()) == sum(
            len(r.uses) for r in plan.runs.values()
        )


class TestTables:
    def test_export_writes_what_can_be_read_back(self, commons: Any, games: Any) -> None:
        for plan, folder, _ in (commons, games):
            files = export(folder, plan)
            assert sorted({f.stem for f in files}) == ["laws", "runs", "seats", "steps"]
            for path in files:
                table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
                assert set(table["run_id"]) <= set(plan.runs), path.name
            runs = pd.read_csv(folder.path / "tables" / "runs.csv")
            assert set(runs["cluster"]) == set(plan.study.wards)

    def test_a_pool_that_is_gone_has_no_stock(self, told: Gathered) -> None:
        stocks = stock_by_month(told)
        assert len(stocks) == 3 * told.cross["run_id"].nunique(), "a row a month, played or not"
        played = told.frames.runs.set_index("run_id")["steps"]
        after = stocks[stocks["step"] > stocks["run_id"].map(played)]
        assert len(after) and (after["stock"] == 0).all()

    def test_the_curve_holds_every_common_concern(self, told: Gathered) -> None:
        curve = by_concern(told)
        here = curve[(curve["regime"] == "none") & (curve["dynamics"] == "stochastic")]
        assert list(here["lambda"]) == [0.0, 1.0, float("inf")]
        assert here["mean"].is_monotonic_decreasing, "the more concern, the nearer to the planner"
        assert abs(here["mean"].iloc[-1]) < 1e-9, "prosocial seats without a contract are the planner"
        best = curve[(curve["regime"] == "best") & (curve["lambda"] == 0)]
        assert list(best["runs"]) == [3, 3], (
            "what a listed condition changes beside concern is not on the curve"
        )

    def test_dynamics_are_the_factors_beside_regime_and_concern(self, told: Gathered) -> None:
        assert told.dynamics == ["deterministic", "stochastic"] and told.make_ups == [0, 1, 2]
        assert told.regimes == ["none", "best"]


class TestFindings:
    @pytest.mark.parametrize("name", ["commons", "games"])
    def test_every_file_linked_is_there_and_reads(self, made: dict[str, Folder], name: str) -> None:
        out = made[name].path
        text = (out / "findings.md").read_text(encoding="utf-8")
        linked = set(re.findall(r"\]\(([^)]+)\)", text))
        assert linked and all((out / file).is_file() for file in linked)
        exported = {"seats", "steps", "laws"}
        tables = {f"tables/{p.name}" for p in (out / "tables").glob("*.csv")} - {
            f"tables/{e}.csv" for e in exported
        }
        assert tables <= linked
        for figure in (out / "figures").glob("*.svg"):
            assert len("".join(ElementTree.fromstring(figure.read_text(encoding="utf-8")).itertext())) > 20
            assert figure.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        assert {"hypotheses", "payoffs_by_type", "drift", "shortfall_by_concern"} <= {
            p.stem for p in (out / "figures").glob("*.svg")
        }
        assert "ward" not in text.replace("forward", ""), "a dilemma's unit is a world or a game"
        assert "**Reference negotiators alone made these runs.**" in text and str(out) not in text

    def test_numbers_of_hypotheses_are_those_of_pairs(self, made: dict[str, Folder]) -> None:
        for folder in made.values():
            table = pd.read_csv(folder.path / "tables" / "hypotheses.csv").set_index("hypothesis")
            pairs = pd.read_csv(folder.path / "tables" / "pairs.csv")
            assert list(table.index) == ["F", "P", "I"] and "bargaining_low" not in table
            for name, row in table.iterrows():
                mine = pairs[pairs["hypothesis"] == name]
                assert len(mine) == row["pairs"] + row["missing"]
                assert mine["difference"].mean() == pytest.approx(row["difference"], abs=1e-6)

    def test_again_is_the_same_to_the_byte(self, made: dict[str, Folder], commons: Any) -> None:
        plan, folder, _ = commons
        parts = sections(gathered(folder, plan, quiet), folder, plan, quiet)
        again = markdown(f"{plan.study.name}: {plan.study.question}", parts)
        assert (folder.path / "findings.md").read_text(encoding="utf-8") == again

    def test_known_values_of_the_effort_lift_come_out(self, made: dict[str, Folder]) -> None:
        """1/24 of the surplus is lost under the best mechanism, with λ = 1 too; all of it without; with λ = ∞ none."""
        table = pd.read_csv(made["games"].path / "tables" / "shortfall_by_concern.csv")
        lost = table.set_index(["regime", "lambda"])["mean"]
        assert lost["best", 0.0] == lost["best", 1.0] == pytest.approx(1 / 24)
        assert lost["none", 0.0] == pytest.approx(1.0) and lost["none", float("inf")] == pytest.approx(0.0)

    def test_without_a_record_it_is_one_line(self, commons: Any, tmp_path: Path) -> None:
        with pytest.raises(ParleyError, match="no run of study tiny-commons is recorded there"):
            findings_of(Folder(tmp_path), commons[0], quiet)
