"""A frozen plan holds: another is refused, an amendment stays listed, and every number says how it stands to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.experiment.freezing import amendments, freeze, standing, versions_of
from evals.experiment.ledger import Folder, Ledger
from evals.experiment.plan import Plan
from scenarios.errors import ParleyError
from tests.evals.experiments import ledger, plan

H1 = {
    "id": "H1",
    "claim": "c",
    "outcome": "worst_off",
    "of": {"stage": "joint"},
    "against": {"stage": "no_debate"},
}
H2 = {"id": "H2", "claim": "d", "outcome": "beta", "of": {"stage": "joint"}, "against": 0.5}


def made(**changes: Any) -> Plan:
    return plan(**{"hypotheses": [H1, H2]} | changes)


def ran(folder: Path, the_plan: Plan, **changes: Any) -> None:
    """Enter every run of a plan as done now, as running would."""
    from nodes.recorder import versions

    where = Folder(folder)
    where.make()
    with Ledger(where) as book:
        for run_id in the_plan.runs:
            where.record(run_id).write_text("{}")
            line = {"run_id": run_id, "prompts": None, "versions": versions(), "models": {}, "spent": {}}
            book.append("complete", **line | changes)


def test_the_same_plan_again_changes_nothing(tmp_path: Path) -> None:
    first = freeze(made(), Folder(tmp_path))
    kept = (tmp_path / "plan.json").read_bytes()
    assert freeze(made(), Folder(tmp_path)) == first
    assert (tmp_path / "plan.json").read_bytes() == kept
    content = first["content"]
    assert content["runs"]["ids"] == sorted(made().runs) and content["runs"]["count"] == 3
    assert {"solo", "system"} <= content["prompts"].keys() and "numpy" in content["versions"]
    otherwise = made(caps={"tokens": 10}, question="Said otherwise?")
    assert freeze(otherwise, Folder(tmp_path)) == first, "no number means anything else"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hypotheses": [H1 | {"direction": "greater"}, H2]}, "hypotheses.H1 changed"),
        ({"hypotheses": [H1]}, "hypotheses.H2 removed"),
        ({"seeds": [1, 2]}, r"seeds changed; runs: 3 new, 0 gone"),
        ({"settings": {"retrieval": "off", "rounds": 2}}, r"settings.rounds changed; runs: 3 new, 3 gone"),
        ({"exclusions": ["wards that look odd"]}, "exclusions changed"),
        ({"thresholds": {"survival-90": 0.8}}, "thresholds.survival-90 added"),
    ],
)
def test_another_plan_is_refused_with_the_difference_named(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    freeze(made(), Folder(tmp_path))
    with pytest.raises(ParleyError, match=rf"another plan is frozen there \({named}.*--amend"):
        freeze(made(**changes), Folder(tmp_path))
    assert len(versions_of(Folder(tmp_path))) == 1


def test_an_amendment_is_added_and_listed_for_ever(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with pytest.raises(ParleyError, match="nothing is frozen there to amend"):
        freeze(made(), folder, amend="early")
    freeze(made(), folder)
    freeze(made(seeds=[1, 2]), folder, amend="one seed is too few")
    freeze(made(), folder, amend="no, it is enough")
    first, second = amendments(tmp_path)
    assert "one seed is too few (seeds changed; runs: 3 new, 0 gone)" in first
    assert "no, it is enough (seeds changed; runs: 0 new, 3 gone)" in second


class TestStanding:
    def test_without_a_frozen_plan_all_is_exploratory(self, tmp_path: Path) -> None:
        ran(tmp_path, made())
        assert standing(tmp_path, made().study) == {"H1": "exploratory", "H2": "exploratory"}

    def test_frozen_first_and_run_then_is_confirmatory(self, tmp_path: Path) -> None:
        freeze(made(), Folder(tmp_path))
        ran(tmp_path, made())
        assert standing(tmp_path, made().study) == {"H1": "confirmatory", "H2": "confirmatory"}

    def test_frozen_after_the_runs_is_deviating(self, tmp_path: Path) -> None:
        ran(tmp_path, made())
        freeze(made(), Folder(tmp_path))
        assert standing(tmp_path, made().study)["H1"] == "deviating: frozen after 3 runs were made"

    def test_a_hypothesis_changed_or_added_since_is_told_from_the_others(self, tmp_path: Path) -> None:
        freeze(made(), Folder(tmp_path))
        ran(tmp_path, made())
        now = made(hypotheses=[H1 | {"direction": "greater"}, H2, H2 | {"id": "H3"}]).study
        assert standing(tmp_path, now) == {
            "H1": "deviating: changed after it was frozen",
            "H2": "confirmatory",
            "H3": "exploratory",
        }

    def test_an_amendment_before_the_runs_confirms_and_after_them_deviates(self, tmp_path: Path) -> None:
        folder = Folder(tmp_path)
        freeze(made(), folder)
        amended = made(hypotheses=[H1 | {"direction": "greater"}, H2])
        freeze(amended, folder, amend="a direction was missing")
        ran(tmp_path, amended)
        assert standing(tmp_path, amended.study) == {"H1": "confirmatory", "H2": "confirmatory"}
        again = made(hypotheses=[H1 | {"direction": "less"}, H2])
        freeze(again, folder, amend="the other way round")
        assert standing(tmp_path, again.study) == {
            "H1": "deviating: amended (the other way round) after 3 runs were made",
            "H2": "confirmatory",
        }

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"exclusions": ["wards that look odd"]}, "exclusions changed after freezing"),
            ({"seeds": [1, 2]}, "seeds changed after freezing"),
            ({"thresholds": {"survival-90": 0.1}}, "thresholds changed after freezing"),
        ],
    )
    def test_a_changed_design_concerns_every_hypothesis(
        self, tmp_path: Path, changes: dict[str, Any], why: str
    ) -> None:
        freeze(made(), Folder(tmp_path))
        ran(tmp_path, made())
        assert standing(tmp_path, made(**changes).study) == dict.fromkeys(("H1", "H2"), f"deviating: {why}")

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ({"prompts": "other"}, "deviating: 3 runs were asked with other prompts"),
            ({"versions": {"numpy": "1.0"}}, "deviating: ran with numpy 1.0, not "),
        ],
    )
    def test_what_ran_is_held_against_what_was_frozen(
        self, tmp_path: Path, line: dict[str, Any], why: str
    ) -> None:
        freeze(made(), Folder(tmp_path))
        ran(tmp_path, made(), **line)
        assert standing(tmp_path, made().study)["H1"].startswith(why)

    def test_a_model_that_answers_as_another_is_told(self, tmp_path: Path) -> None:
        freeze(made(), Folder(tmp_path))
        spent = {"openai:scripted": [6, 1, 1]}
        ran(tmp_path, made(), spent=spent, models={"A": ["scripted-1 (fp_a)"], "B": ["scripted-1 (fp_a)"]})
        assert standing(tmp_path, made().study)["H1"] == "confirmatory"
        ran(tmp_path, made(), spent=spent, models={"A": ["scripted-1 (fp_b)"]})
        (tmp_path / "ledger.jsonl").write_text(
            "".join(json.dumps(e) + "\n" for e in [*ledger(tmp_path)[:1], *ledger(tmp_path)[4:]])
        )
        said = standing(tmp_path, made().study)["H1"]
        both = "scripted-1 (fp_a), scripted-1 (fp_b)"
        assert said.startswith(f"deviating: openai:scripted answered as 2 versions ({both})")

    @pytest.mark.parametrize(
        "bend",
        [
            lambda v: v["content"]["hypotheses"]["H1"].update(claim="what came out"),
            lambda v: v.update(previous="0"),
        ],
    )
    def test_a_plan_bent_by_hand_is_found_out(
        self, tmp_path: Path, bend: Callable[[dict[str, Any]], None]
    ) -> None:
        folder = Folder(tmp_path)
        freeze(made(), folder)
        freeze(made(exclusions=["none"]), folder, amend="said")
        document = json.loads(folder.plan.read_text())
        bend(document["frozen"][-1])
        folder.plan.write_text(json.dumps(document))
        said = standing(tmp_path, made(exclusions=["none"]).study)
        assert all("plan.json was changed by hand" in s for s in said.values())

    def test_a_damaged_plan_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "plan.json").write_text('{"frozen": [{"at": 1}]}')
        with pytest.raises(ParleyError, match="is no frozen plan, or is damaged"):
            standing(tmp_path, made().study)
