"""Does a hypothesis compare what it says: pairs, folds, nulls and verdicts against frames with known answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evals.findings.contrasts import Contrast, contrasts
from evals.findings.section import NOISE
from evals.findings.verdicts import held_in
from evals.frames import Frames
from scenarios.errors import ParleyError
from tests.evals.contrasting import OUTCOME, Value, asked, contrast_of, crossed, made, outcome, ward


class TestPairs:
    def test_a_stage_against_another_of_the_same_run(self) -> None:
        value = {"joint": 0.5, "no_debate": 0.2, "solo:A": 0.9, "solo:B": 0.8}
        frames = made(lambda r, s: value[s] + 0.1 * ward(r), crossed(opponent=["x", "y"]))
        found = contrast_of(
            frames,
            of={"stage": "joint", "opponent": "x"},
            against={"stage": "no_debate"},
            direction="greater",
        )
        assert found.estimate.mean == pytest.approx(0.3) and found.estimate.n == 4
        assert found.estimate.p == pytest.approx(1 / 16), "four wards, all the same way, exactly"
        assert (found.treatment, found.control) == (pytest.approx(0.65), pytest.approx(0.35))
        assert (found.pairs["run_treatment"] == found.pairs["run_control"]).all()

    def test_the_joint_is_the_stage_where_none_is_named(self) -> None:
        frames = made(lambda r, s: {"joint": 1.0}.get(s, 0.0), crossed())
        assert contrast_of(frames, against={"stage": "no_debate"}).estimate.mean == 1
        assert contrast_of(frames, against=0.25).estimate.mean == 0.75

    def test_a_factor_is_paired_by_all_the_others(self) -> None:
        """What the other factor, the ward and the seed add cancels out, since it is the same on both sides."""

        def value(r: Mapping[str, Any], s: str) -> float:
            effect = {"plain": 0.0, "rawlsian": 0.25}[r["cell:framework"]]
            return effect + 10 * {"x": 1, "y": 2}[r["cell:opponent"]] + 100 * ward(r) + 1000 * r["seed"]

        runs = crossed(seeds=(1, 2), framework=["plain", "rawlsian"], opponent=["x", "y"])
        found = contrast_of(made(value, runs), of={"framework": "rawlsian"}, against={"framework": "plain"})
        assert np.allclose(found.pairs["difference"], 0.25) and len(found.pairs) == 16
        assert found.unmatched == 0 and found.estimate.clusters == 4 and found.estimate.n == 16

    def test_several_levels_are_pooled_and_paired_each_with_its_own(self) -> None:
        add = {"a": 1.0, "b": 2.0, "c": 50.0}
        frames = made(
            lambda r, s: add[r["cell:framework"]] + (s == "joint") * add[r["cell:framework"]] / 10,
            crossed(framework=["a", "b", "c"]),
        )
        found = contrast_of(frames, of={"framework": ["a", "b"]}, against={"stage": "no_debate"})
        assert found.estimate.mean == pytest.approx(0.15) and len(found.pairs) == 8

    def test_a_listed_condition_against_its_cell_of_the_cross(self) -> None:
        frames = made(
            lambda r, s: (r["control"] == "blinded") * 0.3 + {"x": 5, "y": 7}[r["cell:opponent"]] + ward(r),
            crossed(controls=("", "blinded", "other"), opponent=["x", "y"]),
        )
        one = contrast_of(frames, of={"control": "blinded", "opponent": "x"}, against={"control": ""})
        assert np.allclose(one.pairs["difference"], 0.3) and len(one.pairs) == 4
        back = contrast_of(frames, of={"opponent": "x"}, against={"control": "blinded"})
        assert np.allclose(back.pairs["difference"], -0.3) and len(back.pairs) == 4

    def test_stage_and_condition_may_differ_at_once(self) -> None:
        frames = made(
            lambda r, s: (r["control"] == "alone") * 0.5 + (s == "joint") * 0.2,
            crossed(controls=("", "alone")),
        )
        found = contrast_of(frames, of={"stage": "joint"}, against={"stage": "no_debate", "control": "alone"})
        assert found.estimate.mean == pytest.approx(-0.3)

    @pytest.mark.parametrize(
        ("levels", "wanted"),
        [([0, 0.5, 1], 1), ([0, 0.5, 1], 1.0), ([True, False], True), ([None, "x"], None)],
    )
    def test_levels_are_compared_as_a_study_compares_them(self, levels: list[Any], wanted: Any) -> None:
        runs = crossed(level=levels)
        planted = {**runs[0], "run_id": "p", "role": "planted", "control": "planted", "cell:level": np.nan}
        frames = made(lambda r, s: 1.0, [*runs, planted])
        assert len(contrast_of(frames, of={"level": wanted}, against=0).pairs) == 4

    def test_several_replicates_are_paired_each_with_its_own(self) -> None:
        runs = crossed(controls=("", "x"))
        runs += [r | {"run_id": f"{r['run_id']}|again", "replicate": 1} for r in runs]
        frames = made(lambda r, s: 10.0 * r["replicate"] + (r["control"] == "x"), runs)
        found = contrast_of(frames, of={"control": "x"}, against={"control": ""})
        assert list(found.pairs["difference"]) == [1.0] * 8 and found.estimate.clusters == 4


class TestMissing:
    def test_a_run_without_partner_is_counted_whichever_side_it_is_on(self) -> None:
        runs = crossed(controls=("", "x"), wards=5)
        runs[1]["status"] = "invalid"  # ward 1 of the cross
        gone = [r for r in runs if not (r["control"] == "x" and r["cluster"] in ("w3", "w4"))]
        found = contrast_of(made(lambda r, s: 1.0, gone), of={"control": "x"}, against={"control": ""})
        assert found.unmatched == 3 and set(found.pairs["cluster"]) == {"w0", "w2"}

    def test_a_value_that_is_missing_is_counted_and_stays_missing(self) -> None:
        frames = made(
            lambda r, s: None if (ward(r), s) in ((0, "joint"), (1, "no_debate")) else float(s == "joint"),
            crossed(wards=5),
        )
        found = contrast_of(frames, against={"stage": "no_debate"})
        assert (found.estimate.missing, found.estimate.n, found.unmatched) == (2, 3, 0)
        assert found.estimate.mean == found.treatment == 1 and found.control == 0
        assert found.pairs["difference"].isna().sum() == 2

    def test_other_roles_are_no_part_of_it(self) -> None:
        runs = crossed()
        others = [
            r | {"run_id": f"{r['run_id']}{role}", "role": role}
            for r in runs
            for role in ("twin", "rerun", "planted", "bargaining")
        ]
        frames = made(lambda r, s: 1.0 if r["role"] == "study" else 99.0, runs + others)
        assert contrast_of(frames, against=0).estimate.mean == 1

    def test_nothing_at_all_is_not_tested(self) -> None:
        runs = crossed()
        for r in runs:
            r["status"] = "invalid"
        frames = Frames(pd.DataFrame(runs), pd.DataFrame(), pd.DataFrame())
        (found,) = contrasts(frames, [asked(against={"stage": "no_debate"})], np.random.default_rng(1))
        assert found.verdict == "not tested" and found.estimate.mean is None and found.p_family is None

    def test_what_solvers_leave_between_equals_is_no_difference(self) -> None:
        tiny = [NOISE / 2, -NOISE / 2, NOISE * 0.99, 3 * NOISE]
        frames = made(lambda r, s: 0.5 + (s == "joint") * tiny[ward(r)], crossed())
        found = contrast_of(frames, against={"stage": "no_debate"})
        assert list(found.pairs["difference"]) == [0, 0, 0, pytest.approx(3 * NOISE)]

    def test_mistakes_are_one_line(self) -> None:
        frames = made(lambda r, s: 1.0, crossed(opponent=["x"]))
        for fields, said in (
            ({"of": {"colour": "red"}}, "no factor or column 'colour'"),
            ({"of": {"stage": ["joint", "no_debate"]}}, "name one"),
            ({"outcome": "distance_from_merge", "against": {"stage": "best_solo"}}, "neither more nor less"),
        ):
            with pytest.raises(ParleyError, match=said) as caught:
                contrast_of(frames, **fields)
            assert "\n" not in str(caught.value)


class TestFolds:
    VALUES: Mapping[str, float] = {
        "solo:A": 0.2,
        "solo:B": 0.6,
        "solo:C": 0.4,
        "mixture:0": 0.1,
        "mixture:1": 0.7,
        "lottery:1": 0.0,
        "lottery:2": 0.3,
        "lottery:3": 0.9,
        "joint": 1.0,
    }

    @pytest.mark.parametrize(
        ("stage", "control"), [("best_solo", 0.6), ("best_mixture", 0.7), ("lottery", 0.4)]
    )
    def test_of_what_is_better_higher_the_greatest_and_of_lotteries_the_mean(
        self, stage: str, control: float
    ) -> None:
        frames = made(lambda r, s: self.VALUES[s], crossed(), tuple(self.VALUES))
        found = contrast_of(frames, against={"stage": stage})
        assert found.control == pytest.approx(control) and found.treatment == 1

    @pytest.mark.parametrize(
        ("stage", "control"), [("best_solo", 0.2), ("best_mixture", 0.1), ("lottery", 0.4)]
    )
    def test_of_what_is_better_lower_the_least(self, stage: str, control: float) -> None:
        frames = made(lambda r, s: self.VALUES[s], crossed(), tuple(self.VALUES))
        lower = Frames(frames.runs, frames.stages.rename(columns={OUTCOME: "raw:equality"}), frames.patients)
        assert contrast_of(lower, outcome="gini", against={"stage": stage}).control == pytest.approx(control)

    def test_of_what_is_better_nearer_0_the_nearest_with_its_sign(self) -> None:
        frames = made(lambda r, s: 0.0, crossed(wards=3))
        first, second, third = frames.runs["run_id"]
        nan = float("nan")
        joint = {"h:joint": (0.5, 0.5), "h:no_debate": (0.0, 0.0)}
        met = {
            first: {"h:solo:A": (0.9, 0.4), "h:solo:B": (0.5, 0.7), **joint},
            second: {"h:solo:A": (nan, nan), "h:solo:B": (nan, nan), **joint},
            third: {"h:solo:A": (0.5, 0.5), "h:solo:B": (nan, nan), **joint},
        }
        patients = [
            {"run_id": run_id, "favoured": favoured} | {stage: two[i] for stage, two in h.items()}
            for run_id, h in met.items()
            for i, favoured in enumerate((True, False))
        ]
        led = Frames(frames.runs, frames.stages, pd.DataFrame(patients))
        found = contrast_of(led, outcome="favoured_gap", against={"stage": "best_solo"})
        assert found.control == pytest.approx(-0.2) and found.treatment == 0
        assert (found.estimate.n, found.estimate.missing) == (1, 2)

    def test_where_one_of_them_is_missing_the_fold_is(self) -> None:
        frames = made(
            lambda r, s: None if (s, ward(r)) == ("solo:A", 0) else self.VALUES[s],
            crossed(),
            tuple(self.VALUES),
        )
        found = contrast_of(frames, against={"stage": "best_solo"})
        assert (found.estimate.missing, found.estimate.n) == (1, 3)


class TestBargaining:
    @staticmethod
    def bargained(value: Value, **more: Any) -> Frames:
        runs = crossed(wards=3, seeds=(1, 2), controls=("", "x"), **more)
        null = [
            r | {"run_id": f"{r['run_id']}|{policy}", "role": "bargaining", "policy": policy}
            for r in runs
            for policy in ("soft", "hard", "tough")
        ]
        return made(value, runs + null)

    def test_the_band_spans_the_policies_means_of_ward_means(self) -> None:
        rng = np.random.default_rng(3)
        drawn: dict[tuple[str, str], float] = {}

        def value(r: Mapping[str, Any], s: str) -> float | None:
            if (r["policy"], r["cluster"], r["seed"], s) == ("soft", "w0", 2, "joint"):
                return None  # an unbalanced ward: the mean of its means is not the mean of its runs
            return drawn.setdefault((r["run_id"], s), float(rng.normal()))

        frames = self.bargained(value)
        found = contrast_of(frames, of={"stage": "joint"}, against={"stage": "no_debate"})
        means = []
        for policy in ("soft", "hard", "tough"):
            wards = []
            for w in range(3):
                ids = [f"|{{}}|{w}|{seed}|{policy}" for seed in (1, 2)]
                d = [drawn[i, "joint"] - drawn[i, "no_debate"] for i in ids if (i, "joint") in drawn]
                wards.append(sum(d) / len(d))
            means.append(sum(wards) / 3)
        assert (found.null_low, found.null_high) == (pytest.approx(min(means)), pytest.approx(max(means)))
        assert found.null_low != pytest.approx(found.null_high)

    def test_each_policy_is_paired_with_itself(self) -> None:
        add = {"": 0.0, "soft": 1.0, "hard": 2.0, "tough": 3.0}
        frames = self.bargained(lambda r, s: add[r["policy"]] * (1 + (r["control"] == "x")))
        found = contrast_of(frames, of={"control": "x"}, against={"control": ""})
        assert (found.null_low, found.null_high) == (1, 3)

    def test_without_one_it_is_not_known(self) -> None:
        found = contrast_of(made(lambda r, s: 1.0, crossed()), against={"stage": "no_debate"})
        assert found.null_low is None and found.null_high is None and found.beyond_bargaining is None
        assert found.bargaining == "no bargaining null"

    def test_two_conditions_that_a_policy_makes_one_run_have_no_null(self) -> None:
        frames = self.bargained(lambda r, s: 1.0)
        runs = frames.runs.copy()
        null = runs["role"] == "bargaining"
        runs.loc[null, "run_id"] = runs.loc[null, "run_id"].str.replace("x|", "|", regex=False)
        same = Frames(runs, frames.stages, frames.patients)
        found = contrast_of(same, of={"control": "x"}, against={"control": ""})
        assert found.null_low is None, "a band of no width around 0 would be an artefact"
        assert contrast_of(same, against={"stage": "no_debate"}).null_low == 0, "stages of one run do differ"

    @pytest.mark.parametrize(
        ("direction", "low", "high", "null", "beyond"),
        [
            ("greater", 0.3, 0.4, (0.1, 0.2), True),
            ("greater", 0.15, 0.4, (0.1, 0.2), False),
            ("greater", -0.4, -0.3, (0.1, 0.2), False),
            ("less", -0.4, -0.3, (-0.2, 0.2), True),
            ("less", 0.3, 0.4, (-0.2, 0.2), False),
            ("two-sided", 0.3, 0.4, (-0.2, 0.2), True),
            ("two-sided", -0.4, -0.3, (-0.2, 0.2), True),
            ("two-sided", -0.4, 0.3, (-0.2, 0.2), False),
            ("two-sided", None, None, (-0.2, 0.2), None),
        ],
    )
    def test_beyond_it_means_the_whole_interval_on_the_side_predicted(
        self,
        direction: str,
        low: float | None,
        high: float | None,
        null: tuple[float, float],
        beyond: bool | None,
    ) -> None:
        found = outcome(direction=direction, low=low, high=high, null=null)
        assert found.beyond_bargaining is beyond
        words = {True: "beyond", False: "not beyond", None: "against bargaining undecided"}
        assert found.bargaining.startswith(words[beyond]), "what has no interval is not said to be within"


class TestVerdicts:
    @pytest.mark.parametrize(
        ("found", "verdict"),
        [
            (outcome(0.3, 0.05), "supported"),
            (outcome(0.3, 0.051), "not shown"),
            (outcome(0.05, 0.01), "supported, but smaller than matters"),
            (outcome(-0.05, 0.01, direction="less"), "supported, but smaller than matters"),
            (outcome(-0.3, 0.01, direction="less"), "supported"),
            (outcome(-0.3, 0.01, direction="two-sided"), "supported"),
            (outcome(-0.3, 1.0, low=-0.4, high=-0.2), "opposite"),
            (outcome(0.3, 1.0, direction="less", low=0.2, high=0.4), "opposite"),
            (outcome(-0.3, 1.0, low=-0.4, high=0.1), "not shown"),
            (outcome(-0.3, 1.0), "not shown"),
            (outcome(-0.3, 0.01), "not shown"),
            (outcome(-0.3, 0.2, direction="two-sided", low=-0.4, high=-0.2), "not shown"),
            (outcome(None, None), "not tested"),
            (outcome(0.3, None), "not tested"),
        ],
    )
    def test_every_case(self, found: Contrast, verdict: str) -> None:
        assert found.verdict == verdict

    def test_p_is_corrected_by_holm_within_its_family_alone(self) -> None:
        frames = made(
            lambda r, s: {"joint": 1.0, "solo:A": (-1.0) ** (ward(r) == 0), "solo:B": 0.5}.get(s, 0.0),
            crossed(wards=6),
        )
        asks = [
            asked(id="a", of={"stage": "joint"}, direction="greater"),
            asked(id="b", of={"stage": "solo:A"}, direction="greater"),
            asked(id="c", of={"stage": "solo:B"}, direction="greater"),
            asked(id="d", of={"stage": "joint"}, direction="greater", family="other"),
            asked(id="e", of={"stage": "round:9"}, direction="greater"),
        ]
        found = contrasts(frames, asks, np.random.default_rng(1))
        p = 1 / 64
        assert [c.estimate.p for c in found] == [p, 7 * p, p, p, None]
        # Three of the family have a p: the least is tripled, the next doubled, the last stays; never falling.
        assert [c.p_family for c in found] == [3 * p, 7 * p, 3 * p, p, None]


class TestHeldIn:
    def test_cells_with_the_sign_of_the_whole_over_cells_with_a_value(self) -> None:
        add = {("a", "x"): 0.5, ("a", "y"): -0.1, ("b", "x"): 0.4, ("b", "y"): 0.0}
        frames = made(
            lambda r, s: (s == "joint") * add[r["cell:framework"], r["cell:opponent"]],
            crossed(framework=["a", "b"], opponent=["x", "y"]),
        )
        assert held_in(contrast_of(frames, against={"stage": "no_debate"})) == (2, 4)
        one = contrast_of(frames, of={"framework": "a"}, against={"stage": "no_debate"})
        assert held_in(one) == (1, 2)

    def test_elsewhere_are_the_listed_conditions_with_the_sign_of_the_cross(self) -> None:
        add = {"": 0.5, "swapped": 0.1, "at-once": -0.2, "unpaired": None}
        frames = made(
            lambda r, s: add[r["control"]] if s == "joint" else 0.0,
            crossed(controls=tuple(add), opponent=["x", "y"]),
        )
        assert contrast_of(frames, against={"stage": "no_debate"}).elsewhere == (1, 2)
        assert contrast_of(frames, of={"control": "swapped"}, against={"control": ""}).elsewhere == (0, 0)

    def test_without_factors_or_values_there_is_no_cell(self) -> None:
        assert held_in(contrast_of(made(lambda r, s: 1.0, crossed()), against=0)) == (0, 0)
        empty = made(lambda r, s: None, crossed(framework=["a", "b"]))
        assert held_in(contrast_of(empty, against=0)) == (0, 0)
