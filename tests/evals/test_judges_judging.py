"""Does a judge see the plans alone, is each answer paid for once, and is what it did not say missing?"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.judges.evaluators import collective_agency, conflict_resolution, joint_worth, pairwise
from evals.judges.judging import IDENTICAL, NOTHING_WRITTEN, Bench
from evals.judges.measuring import Asked, drawn_pairs, measured
from evals.judges.session import at_work, measuring
from negotiators.chat.cost import Price
from negotiators.chat.judging import QUALITIES
from negotiators.chat.judging.asking import comparing as pair_question
from negotiators.chat.judging.asking import scoring
from negotiators.chat.judging.reading import read_choice, read_score
from scenarios.errors import ParleyError, Unreachable
from tests.evals import judges_served as served
from tests.evals.judges_served import asking, outcome, pairs_of, plans_in, planted
from tests.loopback import Answer, Heard, Loopback, completion, failing, in_turn
from tests.negotiators.test_injection import ATTACKS, outside_blocks
from tests.scenarios.dilemmas_cases import supper

CA = "collective_agency"


def said(**fields: Any) -> Answer:
    return completion(json.dumps({"why": "so", **fields}))


class TestAQuestion:
    @pytest.mark.parametrize("quality", QUALITIES)
    def test_holds_the_dilemma_and_the_plan_and_nothing_of_who_made_it(self, quality: Any) -> None:
        asked = json.dumps(scoring(quality, supper(), "Tell them tonight.").messages)
        assert supper().prompt in asked and "Tell them tonight." in asked
        assert "that it is kind" in asked, "the principles in conflict"
        for secret in ("SECRET-STANCE", "seat A", "reference", "run-0"):
            assert secret not in asked
        assert "$" not in asked, "no field is left open"

    @pytest.mark.parametrize("plan", ATTACKS.values(), ids=ATTACKS.keys())
    def test_has_a_plan_as_data_whatever_it_says(self, plan: str) -> None:
        tame = pair_question(CA, supper(), "Because.", "Why not.").messages
        wild = pair_question(CA, supper(), plan, "Why not.").messages
        assert wild[0] == tame[0]
        assert outside_blocks(wild[1]["content"]) == outside_blocks(tame[1]["content"])

    def test_says_what_clauses_stand_for_only_where_a_plan_names_them(self) -> None:
        user = scoring(CA, supper(), "We tell.\nPlan: what=tell; when=later.").messages[1]["content"]
        assert "Do tell about what." in user and "Do hush about what." not in user
        assert "stand for" not in scoring(CA, supper(), "We tell.").messages[1]["content"]

    def test_is_the_same_about_both_orders_but_for_the_order(self) -> None:
        here, there = (pair_question(CA, supper(), *p).messages for p in (("one", "two"), ("two", "one")))
        assert here[0] == there[0]
        assert outside_blocks(here[1]["content"]) == outside_blocks(there[1]["content"])


class TestAReading:
    @pytest.mark.parametrize("given", [4, 4.0, "4", " 4 "])
    def test_takes_a_whole_number(self, given: object) -> None:
        assert read_score(json.dumps({"why": "", "score": given}), "stop").value == 4

    @pytest.mark.parametrize("given", [6, -1, 4.5, True, None, "high", "4/5", [4], {"ca": 4}])
    def test_guesses_nothing(self, given: object) -> None:
        got = read_score(json.dumps({"why": "", "score": given}), "stop")
        assert got.value is None and got.problems

    def test_of_two_answers_or_a_torn_one_is_none(self) -> None:
        assert read_score('{"score": 1} or {"score": 5}', "stop").value is None
        assert read_score('{"why": "", "score": 5}', "length").value is None
        assert read_choice('{"choice": "First"}', "stop").value == "first"
        assert read_choice('{"choice": "neither"}', "stop").value is None

    @given(st.text(max_size=200))
    def test_never_raises_for_what_a_model_may_write(self, text: str) -> None:
        assert read_score(text, "stop").value in (None, 0, 1, 2, 3, 4, 5)
        assert read_choice(text, None).value in (None, "first", "second")


class TestScores:
    async def test_are_the_judge_s_in_order_and_equal_plans_are_asked_about_once(
        self, tmp_path: Path
    ) -> None:
        plans = [outcome("worth 4", 1), outcome("worth 2", 2), outcome("worth 4", 3), outcome(None, 4)]
        marks, spent, server = await asking(served.honest, tmp_path, lambda b: b.scores(CA, plans))
        assert [m.score for m in marks] == [4, 2, 4, None]
        assert marks[3].comment == NOTHING_WRITTEN
        assert len(server.heard) == 2 == spent.questions == spent.paid
        assert (spent.input_tokens, spent.output_tokens) == (200, 100)
        assert spent.cost_usd is None, "no price is known"

    async def test_cost_what_the_price_table_says(self, tmp_path: Path) -> None:
        prices = {"scripted": Price(input=1.0, output=2.0)}
        plans = [outcome("worth 4", 1), outcome("worth 2", 2)]
        _, spent, _ = await asking(served.honest, tmp_path, lambda b: b.scores(CA, plans), prices=prices)
        assert spent.cost_usd == pytest.approx((200 * 1.0 + 100 * 2.0) / 1e6)

    async def test_are_asked_for_so_many_at_once_and_no_more(self, tmp_path: Path) -> None:
        under_way, most = 0, 0

        def script(heard: Heard) -> Answer:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            time.sleep(0.02)
            under_way -= 1
            return served.honest(heard)

        await asking(script, tmp_path, lambda b: b.scores(CA, planted(3, 3)), at_once=3)
        assert 1 < most <= 3

    async def test_that_cannot_be_read_are_missing_after_one_correction_and_never_0(
        self, tmp_path: Path
    ) -> None:
        marks, spent, server = await asking(
            served.garbage, tmp_path, lambda b: b.scores(CA, [outcome("worth 4")])
        )
        assert marks[0].score is None and "no judgement" in marks[0].comment
        assert len(server.heard) == 2 and "cannot be used" in server.heard[1].user
        assert (spent.missing, spent.answers) == (1, 2)

    async def test_stand_once_corrected(self, tmp_path: Path) -> None:
        script = in_turn(said(score="four"), said(score=4))
        marks, _, server = await asking(script, tmp_path, lambda b: b.scores(CA, [outcome("worth 4")]))
        assert marks[0].score == 4 and len(server.heard) == 2

    async def test_are_paid_for_once_but_not_for_another_judge_or_seed(self, tmp_path: Path) -> None:
        plans = planted(2, 3)
        with Loopback(served.honest) as server:
            for more, calls in (({}, 6), ({}, 6), ({"temperature": 0.0}, 12)):
                marks, spent = await at_work(
                    "openai:scripted",
                    lambda b: b.scores(CA, plans),
                    folder=tmp_path,
                    base_url=server.base_url,
                    limits=served.QUICK,
                    **more,
                )
                assert [m.score for m in marks] == [served.worth(o.completion or "") for o in plans]
                assert len(server.heard) == calls and spent.answers == 6
        assert spent.paid == 6

    async def test_answered_before_a_server_fell_silent_are_kept(self, tmp_path: Path) -> None:
        plans = planted(1, 4)

        def script(heard: Heard) -> Answer:
            return served.honest(heard) if heard.number < 2 else failing(500)

        with Loopback(script) as server:
            options: dict[str, Any] = {
                "folder": tmp_path,
                "base_url": server.base_url,
                "limits": served.QUICK,
            }
            with pytest.raises(Unreachable):
                await at_work("openai:scripted", lambda b: b.scores(CA, plans), at_once=1, **options)
            assert len(server.heard) == 4, "two answers, one tried twice, and no further plan is begun"
            server.script = served.honest
            marks, spent = await at_work("openai:scripted", lambda b: b.scores(CA, plans), **options)
        assert spent.paid == 2 and None not in [m.score for m in marks]


class TestAComparison:
    async def test_is_won_in_both_orders(self, tmp_path: Path) -> None:
        pair = (outcome("worth 4", 1), outcome("worth 2", 2))
        (won, lost), _, server = await asking(
            served.honest, tmp_path, lambda b: b.comparisons(CA, [pair, pair[::-1]])
        )
        assert (won.winner, lost.winner) == ("one", "other")
        assert len(server.heard) == 2, "the same two questions"
        assert plans_in(server.heard[0]) == plans_in(server.heard[1])[::-1]

    async def test_by_a_judge_that_goes_by_position_is_a_tie(self, tmp_path: Path) -> None:
        pairs = pairs_of(planted(3, 3))
        found, _, _ = await asking(served.first_shown, tmp_path, lambda b: b.comparisons(CA, pairs))
        assert [c.winner for c in found] == ["tie"] * len(pairs) and all(c.asked for c in found)

    async def test_of_the_same_words_is_a_tie_that_nobody_is_asked_about(self, tmp_path: Path) -> None:
        pair = (outcome("worth 4", 1), outcome("worth 4", 2))
        (found,), _, server = await asking(served.honest, tmp_path, lambda b: b.comparisons(CA, [pair]))
        assert (found.winner, found.asked, found.comment, server.heard) == ("tie", False, IDENTICAL, [])

    async def test_with_an_order_unanswered_is_missing(self, tmp_path: Path) -> None:
        pair = (outcome("worth 4", 1), outcome("worth 2", 2))

        def script(heard: Heard) -> Answer:
            return said(choice="first") if plans_in(heard)[0] == "worth 4" else said(choice="neither")

        (found,), spent, _ = await asking(script, tmp_path, lambda b: b.comparisons(CA, [pair]))
        assert found.winner is None and spent.missing == 1

    async def test_needs_two_plans_of_one_dilemma(self) -> None:
        for other in (outcome(None, 2), outcome("worth 2", 2, dilemma="another")):
            with pytest.raises(ParleyError, match="both need a plan of one dilemma"):
                await Bench(None).comparisons("joint_worth", [(outcome("worth 4", 1), other)])


class TestTheRule:
    async def test_scores_the_clauses_and_says_what_is_undefined(self) -> None:
        best, bad = {"what": "tell", "when": "later"}, {"what": "hush", "when": "now"}
        styles = tuple(p.model_copy(update={"values": {}}) for p in served.POLES)
        plans = [
            outcome("best", 1, plan=best),
            outcome("bad", 2, plan=bad),
            outcome("words", 3),
            outcome("words", 4, clauses=False),
            outcome("best", 5, plan=best, poles=styles),
            outcome(None, 6),
        ]
        marks = await Bench(None).scores("joint_worth", plans)
        assert [m.score for m in marks] == [pytest.approx(5.0), pytest.approx(2.5), 0.0, None, None, None]
        (won,) = await Bench(None).comparisons("joint_worth", [(plans[1], plans[0])])
        assert won.winner == "other"
        (tie,) = await Bench(None).comparisons("joint_worth", [(plans[0], outcome("so too", 7, plan=best))])
        assert tie.winner == "tie"

    async def test_makes_no_claim_about_collective_agency(self) -> None:
        with pytest.raises(ParleyError, match="rule makes no claim"):
            await Bench(None).scores(CA, [outcome("worth 4")])


class TestAnEvaluator:
    @pytest.fixture
    def wired(self) -> Any:
        with Loopback(served.honest) as server:
            yield {"base_url": server.base_url, "limits": served.QUICK}

    def test_has_openevals_shape(self, wired: Any) -> None:
        evaluate = collective_agency("openai:scripted", **wired)
        for inputs in (supper(), {"dilemma": supper()}, supper().model_dump(), "late-result"):
            got = evaluate(inputs=inputs, outputs={"completion": "worth 4"}, reference_outputs=None)
            assert got == {"key": CA, "score": 4.0, "comment": "as planted"}

    def test_in_pairs_is_1_a_tie_or_0(self, wired: Any) -> None:
        evaluate = pairwise("openai:scripted", "conflict_resolution", **wired)
        results = [evaluate(supper(), "worth 4", reference)["score"] for reference in ("worth 2", "worth 5")]
        assert results == [1.0, 0.0]
        assert evaluate(supper(), "worth 4", "worth 4")["score"] == 0.5

    async def test_that_failed_has_no_score(self) -> None:
        with Loopback(served.garbage) as server:
            one = conflict_resolution("openai:scripted", base_url=server.base_url, limits=served.QUICK)
            got = await one.asked(supper(), "worth 4")
            await one.close()  # type: ignore[misc]
        assert got["score"] is None and "no judgement" in str(got["comment"])

    def test_by_the_rule_reads_the_plan_line(self) -> None:
        inputs = {"dilemma": supper(), "poles": [p.model_dump() for p in served.POLES]}
        assert joint_worth()(inputs, "Plan: what=tell; when=later.")["score"] == pytest.approx(5.0)
        assert joint_worth()(inputs, "We tell.")["score"] == 0.0

    @pytest.mark.parametrize("inputs", [{"prompt": "?"}, 7, "no-such-dilemma"])
    def test_says_in_one_line_what_is_no_dilemma(self, inputs: Any) -> None:
        with pytest.raises(ParleyError):
            joint_worth()(inputs, "Plan: what=tell; when=later.")

    async def test_says_that_it_is_to_be_awaited_where_a_loop_runs(self) -> None:
        with pytest.raises(ParleyError, match="await its `asked`"):
            joint_worth()(supper(), "words")


class TestAMeasuredJudge:
    async def measure(self, script: Any, plans: list[Any], folder: Path, readings: int = 1) -> dict[str, Any]:
        pairs = drawn_pairs(plans, 12, np.random.default_rng(1))
        with Loopback(script) as server:
            found, _ = await measuring(
                {"openai:scripted": [CA]},
                plans,
                pairs,
                folder=folder,
                readings=readings,
                seed=1,
                at_once=32,
                options={"openai:scripted": {"base_url": server.base_url, "limits": served.QUICK}},
            )
        return {r.measure: r for r in measured(plans, found, rng=np.random.default_rng(1))}

    async def test_that_is_constant_has_no_kappa_and_only_flat_groups(self, tmp_path: Path) -> None:
        rows = await self.measure(served.constant, planted(6, 2), tmp_path, readings=2)
        assert rows["retest_exact"].value == 1.0
        assert rows["retest_kappa"].value is None and "every score is the same" in rows["retest_kappa"].note
        assert rows["flat_groups"].value == 1.0

    async def test_that_loves_length_is_found_out(self, tmp_path: Path) -> None:
        rows = await self.measure(served.length_loving, planted(12, 3, padding=True), tmp_path)
        assert rows["length_bias"].value > 0.5 and rows["length_bias"].p < 0.001
        assert rows["swap_consistency"].value == 1.0
        assert "retest_kappa" not in rows, "read once, there is nothing to hold it against"

    async def test_that_goes_by_position_is_found_out(self, tmp_path: Path) -> None:
        rows = await self.measure(served.first_shown, planted(12, 2), tmp_path)
        assert rows["position_bias"].value == 0.5 and rows["position_bias"].p < 0.001
        assert rows["swap_consistency"].value == 0.0

    async def test_that_forgets_has_the_kappa_that_was_planted(self, tmp_path: Path) -> None:
        # Each reading is the worth with .7, else any score: two agree as one with itself by .7² = .49.
        rows = await self.measure(served.forgetful, planted(20, 3), tmp_path, readings=2)
        kappa = rows["retest_kappa"]
        assert kappa.low < 0.49 < kappa.high and kappa.high - kappa.low < 0.6
        assert rows["position_bias"].value == 0.0

    def test_beside_the_rule_is_held_to_ranks_alone(self) -> None:
        from evals.judges.judging import Mark

        plans = planted(3, 4)
        up = tuple(Mark(float(i % 4), "") for i in range(12))
        halved = tuple(Mark(i % 4 / 2, "") for i in range(12))
        rows = measured(
            plans,
            [Asked("openai:x", CA, (up,), ()), Asked("rule", "joint_worth", (halved,), ())],
            rng=np.random.default_rng(1),
        )
        beside = {r.measure: r for r in rows if r.beside}
        assert set(beside) == {"tau_b", "rho"}, "scores of unlike things cannot agree"
        assert beside["tau_b"].value == pytest.approx(1.0) and beside["tau_b"].beside == "rule (joint_worth)"
