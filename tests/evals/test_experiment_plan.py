"""A plan's numbers, exactly: which runs, what each is for, what they will cost, what they can show."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from evals.experiment.ahead import ahead, calls_of, pairs_of
from evals.experiment.plan import Plan
from evals.experiment.running import budget_of
from nodes.settings import Table
from scenarios.errors import ParleyError
from tests.evals.experiments import chatting, plan

FACTORS = {"framework": ["rawlsian", "utilitarian"], "opponent": ["plain", "biased-age"]}
NASH = {"name": "nash", "set": {"merge_rule": "nash"}, "only": {"opponent": "biased-age"}}
SERVER = "http://127.0.0.1:9/v1"


def uses(made: Plan) -> Counter[str]:
    return Counter(use.role for run in made.runs.values() for use in run.uses)


def test_factors_are_crossed_and_conditions_laid_over_the_cells_they_select() -> None:
    made = plan(factors=FACTORS, conditions=[NASH], seeds=[1, 2], replicates=2)
    assert uses(made) == {"study": 3 * 2 * 2 * (4 + 2)}
    assert made.conditions == (
        "rawlsian × plain",
        "rawlsian × biased-age",
        "utilitarian × plain",
        "utilitarian × biased-age",
        "nash: rawlsian × biased-age",
        "nash: utilitarian × biased-age",
    )
    laid = [r for r in made.runs.values() if r.uses[0].control == "nash"]
    assert {r.table.merge_rule for r in laid} == {"nash"}
    assert {(r.table.seed, r.table.replicate) for r in laid} == {(1, 0), (1, 1), (2, 0), (2, 1)}
    assert {r.uses[0].cluster for r in laid} == {f"generated:{i},n=4,divisible=1" for i in (1, 2, 3)}


def test_a_run_is_planned_once_and_keeps_every_use() -> None:
    same = {"name": "same", "set": {"rounds": 1}}
    made = plan(conditions=[same])
    assert len(made.runs) == 3 and uses(made) == {"study": 6}
    assert [[u.control for u in run.uses] for run in made.runs.values()] == [["", "same"]] * 3


def test_the_bargaining_null_of_a_reference_study_meets_it_at_its_own_policy() -> None:
    grid = {"exponent": [0.2, 1.0], "floor": [0.25, 0.5], "order": ["as-seated", "reversed"]}
    made = plan(nulls={"bargaining": grid})
    assert uses(made) == {"study": 3, "bargaining": 3 * 8}
    assert len(made.runs) == 3 * 8, "linear, floor 0.5, as seated is the study's own run"
    both = [r for r in made.runs.values() if len(r.uses) == 2]
    assert {u.policy for r in both for u in r.uses} == {"", "linear 1, floor 0.5, as-seated"}


def test_ways_to_concede_are_named_or_given_by_exponent() -> None:
    named = plan(nulls={"bargaining": {"concession": ["boulware", "tit-for-tat"], "floor": [0.5]}})
    policies = {(r.table.concession, r.table.exponent) for r in named.runs.values() if r.uses[-1].policy}
    assert policies == {("boulware", None), ("tit-for-tat", None)}


def test_the_bargaining_null_of_a_model_study_calls_no_model_and_coincides_over_models() -> None:
    factors = {"model": ["openai:a", "openai:b"]}
    made = plan(
        base_url=SERVER, settings={"retrieval": "off", "rounds": 1}, factors=factors, nulls={"bargaining": {}}
    )
    null = [r for r in made.runs.values() if r.uses[0].role == "bargaining"]
    assert len(null) == 3 and not any(r.paid for r in null)
    assert all([u.condition for u in r.uses] == ["openai:a", "openai:b"] for r in null)


def test_a_merge_by_a_model_has_a_null_merged_by_the_default_rule() -> None:
    made = plan(
        base_url=SERVER, **chatting(settings={"merge_rule": "llm"}), nulls={"bargaining": {"floor": [0.5]}}
    )
    assert {r.table.merge_rule for r in made.runs.values() if not r.paid} == {"mean-and-repair"}
    assert "merged by mean-and-repair" in made.left_out[0]


def test_twins_and_reruns_belong_to_the_condition_and_the_ward_they_are_of() -> None:
    twins = {"attributes": ["sex", "sex+age_group"], "permutations": 2, "reruns": 2}
    made = plan(factors=FACTORS, replicates=2, twins=twins | {"only": {"opponent": "plain"}})
    assert uses(made) == {"study": 3 * 2 * 4, "rerun": 3 * 2 * 2, "twin": 3 * 2 * 2 * 2}
    twin = [r for r in made.runs.values() if r.uses[0].role == "twin"]
    assert {r.uses[0].twin for r in twin} == {"sex@1", "sex@2", "sex+age_group@1", "sex+age_group@2"}
    assert all(r.scenario == f"{r.uses[0].cluster}~{r.uses[0].twin}" for r in twin)
    assert {r.table.replicate for r in twin} == {0}
    again = [r for r in made.runs.values() if r.uses[0].role == "rerun"]
    assert {r.table.replicate for r in again} == {2, 3}, "beyond the study's own replicates"
    assert {r.uses[0].condition for r in twin + again} == {"rawlsian × plain", "utilitarian × plain"}


def test_wards_without_a_twin_are_left_out_and_said() -> None:
    made = plan(
        wards=["one-ventilator", "generated:1,n=6"], twins={"attributes": ["merit"], "permutations": 3}
    )
    assert uses(made)["twin"] == 0
    assert made.left_out == (
        "no twin on merit of 2 wards (one group alone, or a measure uses it): one-ventilator, generated:1,n=6",
    )


def test_planted_runs_are_of_reference_seats_with_a_known_strength() -> None:
    planted = {"opponent": "biased-sex", "framework": "plain", "strengths": [0, 0.5, 1]}
    made = plan(base_url=SERVER, **chatting(), planted=planted)
    found = [r for r in made.runs.values() if r.uses[0].role == "planted"]
    assert Counter(r.table.strength for r in found) == {0.0: 3, 0.5: 3, 1.0: 3}
    assert {(r.table.framework, r.table.opponent, r.paid) for r in found} == {("plain", "biased-sex", False)}
    assert {u.condition for r in found for u in r.uses} == {
        f"planted: biased-sex {s}" for s in ("0", "0.5", "1")
    }


def test_run_ids_are_those_that_debates_give_themselves(tmp_path: Path) -> None:
    from tests.play import play

    made = plan(runs=tmp_path)
    spec, run = next((r.scenario, r) for r in made.runs.values())
    assert play(spec, tmp_path, rounds=1).run_id == run.run_id


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wards": ["pandemic-wav"]}, "wards: no scenario 'pandemic-wav'; did you mean"),
        ({"settings": {"blind": ["shoe_size"], "retrieval": "off"}}, "study tiny: blind: "),
    ],
)
def test_what_cannot_be_planned_is_said(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ParleyError, match=said):
        plan(**changes)


def test_calls_of_a_debate() -> None:
    both = Table(model="openai:a", rounds=3)
    assert calls_of(both) == {"openai:a": 2 * (1 + 3 + 1)}
    mixed = Table(model="openai:a", opponent_model="reference", rounds=3)
    assert calls_of(mixed) == {"openai:a": 5}
    merged = Table(model="openai:a", mediator_model="openai:m", merge_rule="llm", rounds=3, panel=("plain",))
    assert calls_of(merged) == {"openai:a": 3 * 5, "openai:m": 4}
    assert calls_of(Table()) == {}


def test_numbers_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_PRICES", raising=False)
    made = plan(base_url=SERVER, **chatting(), nulls={"bargaining": {}})
    seen = ahead(made)
    assert (seen.runs, seen.by_role, seen.clusters) == (6, {"study": 3, "bargaining": 3}, 3)
    assert seen.calls == {"openai:scripted": 3 * 6}
    read, written = seen.tokens["openai:scripted"]
    assert 18 * 300 < read < 18 * 3000 and 18 * 100 < written < 18 * 1000
    assert (seen.cost_usd, seen.unpriced) == (None, ["openai:scripted"])
    prices = tmp_path / "prices.yaml"
    prices.write_text("scripted: {input: 1, output: 10}\n")
    monkeypatch.setenv("PARLEY_PRICES", str(prices))
    assert ahead(made).cost_usd == pytest.approx((read + 10 * written) / 1e6)


def test_a_cap_in_dollars_needs_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_PRICES", raising=False)
    made = plan(base_url=SERVER, **chatting(), caps={"usd": 1.0})
    with pytest.raises(ParleyError, match=r"no price of openai:scripted is known; .*PARLEY_PRICES"):
        budget_of(made)
    assert budget_of(plan(caps={"usd": 1.0})).usd == 1.0, "nothing is paid for reference seats"


H = {"id": "H", "claim": "c", "outcome": "worst_off"}


class TestContrasts:
    def pairs(self, of: object, against: object, **changes: object) -> int:
        told = H | {"of": of, "against": against}
        made = plan(factors=FACTORS, conditions=[NASH], seeds=[1, 2], hypotheses=[told], **changes)
        return len(pairs_of(made, made.study.hypotheses[0]))

    def test_stages_of_the_same_runs(self) -> None:
        assert self.pairs({"stage": "joint", "opponent": "plain"}, {"stage": "no_debate"}) == 3 * 2 * 2

    def test_levels_of_a_factor_paired_over_the_others(self) -> None:
        assert self.pairs({"framework": "rawlsian"}, {"framework": "utilitarian"}) == 3 * 2 * 2

    def test_a_condition_against_the_cells_it_is_laid_over(self) -> None:
        assert self.pairs({"opponent": "biased-age"}, {"control": "nash"}) == 3 * 2 * 2
        assert self.pairs({"opponent": "plain"}, {"control": "nash"}) == 0, "it is not laid over these"
        assert self.pairs({"control": "nash"}, {"control": ""}) == 3 * 2 * 2

    def test_a_number(self) -> None:
        assert self.pairs({"framework": "rawlsian", "opponent": ["plain", "biased-age"]}, 0.5) == 3 * 2 * 2

    def test_power_and_least_effect_are_those_of_the_wards_at_holms_first_step(self) -> None:
        from evals.statistics import minimum_detectable_effect, power

        stages = {"of": {"stage": "joint"}, "against": {"stage": "no_debate"}}
        told = [H | stages | {"id": f"H{i}", "direction": "less", "smallest_effect": 0.1} for i in range(3)]
        made = plan(wards=["generated:{1..20},n=4,divisible=1"], hypotheses=told)
        found = ahead(made, tokens=False).contrasts[0]
        assert (found.clusters, found.pairs, found.family) == (20, 20, 3)
        least = minimum_detectable_effect(20, 0.05 / 3, 0.8, "less")
        assert least is not None and found.least_effect == least
        assert found.power == power(-0.5, 20, 0.05 / 3, "less")
        assert found.largest_sd == pytest.approx(0.1 / least)
