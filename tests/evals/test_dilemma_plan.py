"""Is a study of dilemmas planned as one of debates is: worlds as clusters, one line a mistake, ids that runs have?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from evals.dilemmas.ahead import calls, calls_of, spoken
from evals.experiment.ahead import ahead, pairs_of
from evals.experiment.freezing import content_of, prompts_of
from evals.experiment.ledger import spent
from evals.experiment.plan import Plan, planned
from evals.experiment.reading import load_study, parse_study
from graphs.setting import setting
from nodes.commons.settings import CommonsTable
from nodes.games.settings import GamesTable
from nodes.table.equipment import Equipment, lend
from scenarios.commons import load as load_commons
from scenarios.errors import ParleyError
from scenarios.games import load as load_game
from tests.evals.dilemmas import season

Json = dict[str, Any]


def data(**changes: Any) -> Json:
    """A study of two worlds of the fishery, as YAML would give it."""
    return {
        "name": "tiny",
        "question": "Does it run?",
        "setting": "commons",
        "scenarios": ["fishery,world={1..2}"],
        "factors": {"regime": ["none", "best"], "prosocial": [0, 5]},
    } | changes


def plan(**changes: Any) -> Plan:
    lend(Equipment(base_url="http://127.0.0.1:9/v1"))
    return planned(parse_study(data(**changes), "tiny.yaml"))


def refused(**changes: Any) -> str:
    with pytest.raises(ParleyError) as caught:
        plan(**changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestPlan:
    def test_a_world_is_the_cluster_under_every_condition(self) -> None:
        made = plan(hypotheses=[
            {"id": "H", "claim": "c", "outcome": "loss", "of": {"regime": "best"}, "against": {"regime": "none"}}
        ])  # fmt: skip
        assert len(made.runs) == 2 * 4
        clusters = Counter(use.cluster for run in made.runs.values() for use in run.uses)
        assert clusters == {"fishery,world=1": 4, "fishery,world=2": 4}
        assert {k[0] for k in pairs_of(made, made.study.hypotheses[0])} == set(clusters)
        assert made.conditions[0] == "regime=none × prosocial=0"

    def test_ids_are_those_that_runs_give_themselves(self) -> None:
        made, at = plan(), setting("commons")
        for run in made.runs.values():
            assert run.run_id == at.name_run(at.load(run.scenario), run.table)
            assert not run.paid

    @pytest.mark.parametrize("name", ["not-enough", "not-enough-games"])
    def test_the_shipped_studies_can_be_carried_out(self, name: str) -> None:
        study = load_study(name)
        clusters = len(study.wards)
        assert clusters >= 20, "fewer would have no interval"
        small = study.model_copy(update={"wards": study.wards[:1]})
        made = planned(small)
        assert {h.family for h in study.hypotheses} >= {"floor", "prosociality", "individual", "contracts"}
        assert all(len(pairs_of(made, h)) for h in study.hypotheses)
        assert not made.models

    def test_wards_and_scenarios_are_one_field(self) -> None:
        both = refused(wards=["fishery,world=9"])
        assert both == "tiny.yaml: scenarios: another word for wards, which are given too; keep one"
        old = {k: v for k, v in data().items() if k != "scenarios"} | {"wards": ["fishery,world=3"]}
        assert parse_study(old, "x").wards == ("fishery,world=3",)
        assert (
            parse_study({"name": "t", "question": "q", "scenarios": ["generated:1"]}, "x").setting == "triage"
        )

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"scenarios": []}, "scenarios: empty; give at least one entry"),
            ({"scenarios": ["fishery", "world=1"]}, "'world=1' is no scenario; put the whole spec"),
            ({"scenarios": ["fishry"]}, "study tiny: scenarios: no commons 'fishry'; did you mean fishery"),
            ({"scenarios": ["${PARLEY}/x"]}, "scenarios: '${PARLEY}/x': ${PARLEY} is not read here"),
            ({"setting": "chess"}, "setting: 'chess' is not one of"),
            ({"settings": {"rounds": 3}}, "settings.rounds: no such setting"),
            ({"settings": {"review": True}}, "settings.review: a study has nobody to ask"),
            ({"settings": {"selfish_as": "selfless"}}, "settings.selfish_as: no persona 'selfless'; did you mean"),
            ({"factors": {"prosocial": [0, 6]}}, "condition 'prosocial=6' on fishery,world=1: prosocial: 6 of 5 seats"),
            ({"settings": {"law": "half-stok", "regime": "enforced"}, "factors": {}}, "settings.law: "),
            ({"settings": {"law": "half-stock", "regime": "none"}, "factors": {}}, "law: the regime is none"),
            ({"twins": {"attributes": ["sex"]}}, "twins: only in studies of triage, and the setting is commons"),
            ({"planted": {"opponent": "biased-sex", "strengths": [0]}}, "planted: only in studies of triage"),
            ({"nulls": {"bargaining": {}}}, "nulls.bargaining: only in studies of triage"),
            ({"thresholds": {"x": 1}}, "thresholds: only in studies of triage"),
        ],
    )  # fmt: skip
    def test_a_mistake_is_one_line(self, changes: Json, said: str) -> None:
        assert said in refused(**changes)

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            (
                {"outcome": "best_cell"},
                "hypothesis H.outcome: none is called 'best_cell' in the setting commons",
            ),
            ({"of": {"stage": "joint"}}, "hypothesis H.of.stage: no stage 'joint'; there are final"),
            (
                {"of": {"stage": "final"}, "against": {"stage": "final"}},
                "hypothesis H.against: the same as `of`",
            ),
            ({"of": {"opponent": "plain"}}, "hypothesis H.of.opponent: no such factor"),
        ],
    )
    def test_a_mistake_in_a_hypothesis_is_one_line(self, fields: Json, said: str) -> None:
        assert said in refused(hypotheses=[{"id": "H", "claim": "c", "outcome": "loss"} | fields])


class TestFrozen:
    def test_the_setting_is_frozen_and_a_triage_plan_reads_as_it_did(self) -> None:
        content = content_of(plan())
        assert content["setting"] == "commons" and len(content["runs"]["ids"]) == 8
        debates = parse_study(
            {"name": "t", "question": "q", "wards": ["generated:1,n=4"], "settings": {"retrieval": "off"}},
            "x",
        )
        assert "setting" not in content_of(planned(debates)), (
            "plans frozen before there was another setting hold"
        )
        assert prompts_of(debates) != prompts_of(plan().study)


class TestCalls:
    def test_of_a_season_with_everything(self) -> None:
        case = load_commons("fishery,agents=3,months=4")
        table = CommonsTable.model_validate(
            {"regime": "enforced", "model": "openai:a", "coder_model": "openai:c", "reports": "own-word"}
        )
        # A meeting before, and three months after which something can be agreed: talk, draft, code, vote.
        assert calls_of(case, table) == {"openai:a": 4 * (3 + 3) + 4 * (3 + 1 + 3), "openai:c": 4}
        late = table.model_copy(update={"opening": False})
        assert calls_of(case, late) == {"openai:a": 4 * (3 + 3) + 3 * (3 + 1 + 3), "openai:c": 3}

    def test_of_a_mixed_table_and_of_none(self) -> None:
        case = load_commons("fishery,agents=3,months=2")
        mixed = CommonsTable.model_validate(
            {"regime": "none", "prosocial": 1, "prosocial_model": "openai:p", "talk": False}
        )
        assert calls_of(case, mixed) == {"openai:p": 2}
        assert calls_of(case, CommonsTable()) == {}

    def test_of_a_game_where_everything_is_said_before_it_is_done(self) -> None:
        table = GamesTable.model_validate({"rounds": 2, "regime": "spoken", "model": "openai:a"})
        made = list(calls(load_game("prisoners-dilemma"), table))
        assert [c[2] for c in made] == ["talk", "talk", "draft", "vote", "vote", "act", "act"] * 2
        drafters = [c[1] for c in made if c[2] == "draft"]
        assert sorted(drafters) == sorted(load_game("prisoners-dilemma").players), (
            "each once before anyone twice"
        )

    @pytest.mark.parametrize(
        ("case", "table"),
        [
            (load_commons("fishery,agents=3,months=4"), CommonsTable(model="openai:a", regime="enforced")),
            (load_game("prisoners-dilemma"), GamesTable(model="openai:a", regime="enforced", rounds=3)),
        ],
    )
    def test_tokens_are_estimated_for_every_call_and_grow_with_history(self, case: Any, table: Any) -> None:
        told = list(spoken(case, table))
        made = list(calls(case, table))
        assert len(told) == len(made) and all(read > 50 and written > 0 for _, read, written in told)
        votes = [
            read for (_, read, _), c in zip(told, made, strict=True) if c[2] == "vote" and c[1] == made[0][1]
        ]
        assert votes[-1] > votes[0]

    def test_a_plan_with_models_says_its_calls_and_tokens(self) -> None:
        seen = ahead(
            plan(settings={"model": "openai:a", "regime": "none"}, scenarios=["fishery,months=2"], factors={})
        )
        assert seen.calls == {"openai:a": 2 * 5 + 5} and seen.tokens["openai:a"][0] > 1000


def test_what_a_coder_was_paid_is_the_coders() -> None:
    """Usage of clauses written for a seat belongs to the coder's model, all else to the seat's own."""
    record = season(model="openai:a", coder_model="openai:c").model_dump(mode="json")
    record["seats"][0] |= {"model": "openai:a", "negotiator": "chat"}
    cost = {"calls": 1, "input_tokens": 10, "output_tokens": 2}
    record["usage"] = [{"seat": "a1", "node": n} | cost for n in ("draft", "code")]
    record["usage"].append({"seat": "a2", "node": "vote"} | cost)
    assert spent(record) == {"openai:a": [1, 10, 2], "openai:c": [1, 10, 2]}
