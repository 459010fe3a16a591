"""Are agreement, rates and their correction right: against an independent package, the literature and simulation?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evals.rhetoric import LABELS, agreement, alpha, corrected, labelled, rates
from evals.rhetoric.correction import rogan_gladen
from evals.rhetoric.frequency import effective
from evals.rhetoric.people import majority
from evals.rhetoric.reliability import agreements


def transposed(coders: Sequence[str]) -> list[list[str | None]]:
    """Units of a printed reliability matrix: a row a coder, a dot where a value is missing."""
    return [
        [None if v == "." else v for v in unit] for unit in zip(*(c.split() for c in coders), strict=True)
    ]


class TestAlpha:
    """Examples A, B and C of Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011)."""

    def test_of_two_observers_and_binary_data(self) -> None:
        units = transposed(["0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"])
        assert alpha(units) == pytest.approx(0.095, abs=5e-4)

    def test_of_two_observers_and_many_categories(self) -> None:
        units = transposed(["a a b b d c c c e d d a", "b a b b b c c c e d d d"])
        assert alpha(units) == pytest.approx(0.692, abs=5e-4)

    def test_of_four_observers_with_missing_values(self) -> None:
        units = transposed(
            [
                "1 2 3 3 2 1 4 1 2 . . .",
                "1 2 3 3 2 2 4 1 2 5 . 3",
                ". 3 3 3 2 3 4 2 2 5 1 .",
                "1 2 3 3 2 4 4 1 2 5 1 .",
            ]
        )
        assert alpha(units) == pytest.approx(0.743, abs=5e-4)

    @given(
        st.lists(
            st.lists(st.sampled_from([0.0, 1.0, 2.0, math.nan]), min_size=3, max_size=3),
            min_size=2,
            max_size=30,
        )
    )
    def test_is_that_of_the_package(self, units: list[list[float]]) -> None:
        paired = [[v for v in u if v == v] for u in units]
        values = {v for u in paired if len(u) > 1 for v in u}
        if len(values) < 2:
            assert math.isnan(alpha(units))
            return
        theirs = krippendorff.alpha(reliability_data=np.array(units).T, level_of_measurement="nominal")
        assert alpha(units) == pytest.approx(float(theirs), abs=1e-9)

    @given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40), st.randoms())
    def test_is_at_most_one_and_knows_no_order(self, units: list[tuple[bool, bool]], random: object) -> None:
        value = alpha(units)
        assume(not math.isnan(value))
        assert value <= 1.0
        assert alpha([(not b, not a) for a, b in reversed(units)]) == pytest.approx(value)
        assert (value == 1.0) == all(a == b for a, b in units)

    @pytest.mark.parametrize("units", [[], [[1]], [[1, None], [None, 0]], [[1, 1], [1, 1]]])
    def test_is_undefined_where_nothing_could_disagree(self, units: list[list[int | None]]) -> None:
        assert math.isnan(alpha(units))


class TestAnInterval:
    def units(self, n: int, error: float, seed: int = 0) -> list[tuple[bool, bool]]:
        rng = np.random.default_rng(seed)
        truth = rng.random(n) < 0.5
        return [
            (bool(a), bool(b))
            for a, b in zip(truth ^ (rng.random(n) < error), truth ^ (rng.random(n) < error), strict=True)
        ]

    def test_holds_alpha_and_narrows_with_more_arguments(self, rng: np.random.Generator) -> None:
        few, many = (agreement(self.units(n, 0.1), rng=rng) for n in (40, 640))
        for found in (few, many):
            assert found.low is not None and found.high is not None and found.low < found.alpha < found.high
            assert found.resampled == "arguments"
        assert many.high - many.low < 0.5 * (few.high - few.low)  # type: ignore[operator]

    def test_is_wider_by_wards_where_a_ward_repeats_itself(self, rng: np.random.Generator) -> None:
        units = [u for u in self.units(25, 0.15) for _ in range(8)]
        wards = [i // 8 for i in range(len(units))]
        loose, right = agreement(units, rng=rng), agreement(units, rng=rng, clusters=wards)
        assert (loose.resampled, right.resampled) == ("arguments", "wards")
        assert right.high - right.low > 2 * (loose.high - loose.low)  # type: ignore[operator]

    def test_has_the_resamples_that_plain_recounting_has(self) -> None:
        units = self.units(30, 0.2)
        found = agreement(units, rng=np.random.default_rng(5), resamples=400)
        rng = np.random.default_rng(5)
        drawn = rng.multinomial(30, np.full(30, 1 / 30), size=400)
        order = np.unique([str(i) for i in range(30)], return_inverse=True)[1]
        plain = [alpha([u for u, k in zip(units, w[order], strict=True) for _ in range(k)]) for w in drawn]
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])))

    @pytest.mark.parametrize(
        ("units", "why"),
        [
            ([], "not measured"),
            ([(1, 1), (0, 0), (1, 0)], "under 10 arguments"),
            ([(1, 1)] * 30, "every value is the same"),
            ([(1, 1)] * 15 + [(0, 0)] * 15, "nobody disagreed"),
            ([(0, 0)] * 40 + [(1, 0)], "resamples have one value alone"),
        ],
    )
    def test_is_left_out_where_it_would_be_false(
        self, units: list[tuple[int, int]], why: str, rng: np.random.Generator
    ) -> None:
        found = agreement(units, rng=rng)
        assert found.low is None and found.high is None and why in found.note


def frame(
    truth: np.ndarray, wards: np.ndarray, label: str = "threat", reading: str = "first"
) -> pd.DataFrame:
    """Labels of one judge about one label, an argument a row."""
    n = len(truth)
    return pd.DataFrame(
        {
            "turn": [f"t{i:012x}" for i in range(n)],
            "persona": "plain",
            "round": 1,
            "condition": "",
            "cluster": wards,
            "label": label,
            "score": truth.astype(float),
            "rejected": 0,
            "judge": "openai:j",
            "reading": reading,
        }
    )


class TestARate:
    def test_is_the_mean_over_wards_with_what_is_missing_counted(self, rng: np.random.Generator) -> None:
        labels = frame(np.array([1, 1, 0, 0, 1, math.nan]), np.array(list("aaaabb")))
        labels.loc[0, "rejected"] = 3
        row = rates(labels, rng=rng).iloc[0]
        assert (row.n, row.missing, row.rejected, row.wards) == (5, 1, 3, 2)
        assert row.rate == pytest.approx((0.5 + 1.0) / 2)
        assert math.isnan(row.low) and "under 20 wards" in row.note

    def test_counts_first_readings_alone(self, rng: np.random.Generator) -> None:
        labels = pd.concat(
            [frame(np.ones(4), np.arange(4)), frame(np.zeros(4), np.arange(4), reading="again")]
        )
        assert rates(labels, rng=rng).rate.tolist() == [1.0]

    def test_has_an_interval_from_twenty_wards_on(self, rng: np.random.Generator) -> None:
        draws = np.random.default_rng(2).random(200) < 0.3
        row = rates(frame(draws, np.arange(200) // 8), by=("condition",), rng=rng).iloc[0]
        assert 0 <= row.low < row.rate < row.high <= 1

    def test_is_worth_as_many_arguments_as_its_wards_allow(self) -> None:
        alike = np.repeat([0.0, 1.0], 15)
        assert effective(alike, 300) == pytest.approx(30, rel=0.15), "an argument of a ward tells all of it"
        spread = np.random.default_rng(0).binomial(50, 0.4, 40) / 50
        assert effective(spread, 2000) > 1000
        assert effective(np.zeros(25), 500) == 25 and math.isnan(effective(np.array([0.5]), 9))


def people_of(truth: np.ndarray, judged: np.ndarray, label: str = "threat") -> pd.DataFrame:
    """A labelled set: what people say beside what the judge says."""
    return pd.DataFrame(
        {
            "turn": [f"t{i:012x}" for i in range(len(truth))],
            "label": label,
            "truth": truth.astype(float),
            "votes": 1,
            "split": False,
            "judge": "openai:j",
            "judged": judged.astype(float),
            "cluster": "w",
        }
    )


def exact_set(carrying: int, found: int, without: int, spared: int) -> pd.DataFrame:
    """A labelled set with these counts."""
    truth = np.r_[np.ones(carrying), np.zeros(without)]
    judged = np.r_[np.ones(found), np.zeros(carrying - found), np.zeros(spared), np.ones(without - spared)]
    return people_of(truth, judged)


class TestACorrection:
    @given(*(st.floats(0, 1) for _ in range(3)))
    def test_undoes_what_errors_do(self, theta: float, sensitivity: float, specificity: float) -> None:
        assume(sensitivity + specificity > 1.05)
        judged = theta * sensitivity + (1 - theta) * (1 - specificity)
        assert rogan_gladen(judged, sensitivity, specificity) == pytest.approx(theta, abs=1e-9)

    def test_stays_a_share(self) -> None:
        assert rogan_gladen(0.05, 0.9, 0.9) == 0.0 and rogan_gladen(0.95, 0.9, 0.9) == 1.0
        assert math.isnan(rogan_gladen(0.5, 0.4, 0.6))

    def corrected(self, share: float, known: pd.DataFrame, wards: int = 40, each: int = 10) -> pd.Series:
        rng = np.random.default_rng(7)
        hits = np.zeros(wards * each)
        hits[rng.permutation(len(hits))[: round(share * len(hits))]] = 1
        table = rates(frame(hits, np.arange(len(hits)) // each), rng=rng)
        return corrected(table, known, rng=rng).iloc[0]

    def test_has_about_the_interval_of_the_paper(self) -> None:
        """Lee et al. 2025 (2511.21140): normal interval with add-two counts, where all counts are large."""
        row = self.corrected(0.44, exact_set(120, 102, 120, 96))
        z, p, q1, q0, n, m = 1.959964, 0.44, 0.85, 0.8, row.effective, 120
        p, n = (n * p + z * z / 2) / (n + z * z), n + z * z
        q1, q0, m = (m * q1 + 1) / (m + 2), (m * q0 + 1) / (m + 2), m + 2
        theta = (p + q0 - 1) / (q0 + q1 - 1)
        shift = 2 * z * z * (-(1 - theta) * q0 * (1 - q0) / m + theta * q1 * (1 - q1) / m)
        spread = p * (1 - p) / n + (1 - theta) ** 2 * q0 * (1 - q0) / m + theta**2 * q1 * (1 - q1) / m
        half = z * math.sqrt(spread) / (q0 + q1 - 1)
        assert row.corrected == pytest.approx((0.44 + 0.8 - 1) / 0.65)
        assert row.corrected_low == pytest.approx(theta + shift - half, abs=0.02)
        assert row.corrected_high == pytest.approx(theta + shift + half, abs=0.02)

    def test_is_wider_the_fewer_people_labelled(self) -> None:
        few, many = (
            self.corrected(0.4, exact_set(*counts)) for counts in ((20, 18, 20, 18), (400, 360, 400, 360))
        )
        assert few.corrected == pytest.approx(many.corrected)
        assert few.corrected_high - few.corrected_low > 1.3 * (many.corrected_high - many.corrected_low)
        assert few.labelling_high - few.labelling_low < few.corrected_high - few.corrected_low

    def test_is_never_sure_of_nothing(self) -> None:
        row = self.corrected(0.0, exact_set(30, 30, 30, 30))
        assert row.corrected == 0.0 and row.corrected_low == 0.0 and row.corrected_high > 0.02

    @pytest.mark.parametrize(
        ("known", "why"),
        [
            (exact_set(0, 0, 30, 30), "no labelled argument carries it"),
            (exact_set(30, 30, 0, 0), "no labelled argument is without it"),
            (exact_set(30, 15, 30, 15), "not surely above"),
            (exact_set(3, 3, 3, 2), "not surely above"),
            (exact_set(30, 3, 30, 3), "not surely above"),
        ],
    )
    def test_is_not_made_where_the_judge_tells_too_little(self, known: pd.DataFrame, why: str) -> None:
        row = self.corrected(0.4, known)
        assert why in row.correction and math.isnan(row.corrected) and math.isnan(row.corrected_high)

    def test_without_anything_labelled_says_so_for_every_label(self, rng: np.random.Generator) -> None:
        table = rates(frame(np.ones(4), np.arange(4)), rng=rng)
        row = corrected(table, exact_set(5, 5, 5, 5).assign(label="concession"), rng=rng).iloc[0]
        assert row.carrying == 0 and "not correctable" in row.correction

    def test_under_twenty_wards_has_the_interval_of_the_labelling_alone(self) -> None:
        row = self.corrected(0.4, exact_set(40, 36, 40, 36), wards=6)
        assert math.isnan(row.corrected_low) and row.labelling_low < row.corrected < row.labelling_high
        assert "under 20 wards" in row.correction

    def test_leaves_out_ties_and_what_the_judge_did_not_answer(self) -> None:
        known = exact_set(40, 36, 40, 36)
        known.loc[0, "truth"] = math.nan
        known.loc[1, "judged"] = math.nan
        row = self.corrected(0.4, known)
        assert (row.carrying, row.without, row.ties, row.unjudged) == (38, 40, 1, 1)

    @pytest.mark.parametrize("apart", [True, False], ids=["labelled apart", "labelled among the judged"])
    def test_covers_the_truth_where_raw_rates_do_not(self, apart: bool) -> None:
        """150 simulated studies of 30 unlike wards: truth .1, sensitivity .9, specificity .9, 80 labelled."""
        rng = np.random.default_rng(11)
        covered, raw, made, studies = 0, 0, 0, 150
        for _ in range(studies):
            share = np.repeat(rng.beta(1, 9, 30), 6)
            truth = rng.random(180) < share
            judged = np.where(truth, rng.random(180) < 0.9, rng.random(180) < 0.1)
            table = rates(frame(judged, np.arange(180) // 6), rng=rng)
            if apart:
                told = rng.random(80) < 0.1
                said = np.where(told, rng.random(80) < 0.9, rng.random(80) < 0.1)
            else:
                part = rng.permutation(180)[:80]
                told, said = truth[part], judged[part]
            row = corrected(table, people_of(told, said), rng=rng, draws=2_000).iloc[0]
            if math.isnan(row.corrected):
                continue
            made += 1
            covered += bool(row.corrected_low <= 0.1 <= row.corrected_high)
            raw += bool(row.low <= 0.1 <= row.high)
        assert made > 0.8 * studies and covered / made >= 0.91 and raw / made < 0.6
        assert covered / made <= 0.99 or not apart


class TestSeveralPeople:
    def votes(self) -> pd.DataFrame:
        marks = {"t1": (1, 1, 0), "t2": (0, 0, 0), "t3": (1, 0, None), "t4": (None, 1, None)}
        return pd.DataFrame(
            [
                {"labeller": who, "turn": turn, "label": "threat", "value": float(value)}
                for turn, said in marks.items()
                for who, value in zip(("ada", "ben", "cy"), said, strict=True)
                if value is not None
            ]
        )

    def test_are_outvoted_and_a_tie_is_nobodys_word(self) -> None:
        told = majority(self.votes()).set_index("turn")
        assert told.truth.to_dict() == pytest.approx({"t1": 1, "t2": 0, "t3": math.nan, "t4": 1}, nan_ok=True)
        assert told.split.to_dict() == {"t1": True, "t2": False, "t3": True, "t4": False}
        assert told.votes.to_dict() == {"t1": 3, "t2": 3, "t3": 2, "t4": 1}

    def test_have_an_agreement_of_their_own_beside_the_judges(self, rng: np.random.Generator) -> None:
        labels = frame(np.array([1, 0, 1, 0]), np.arange(4))
        labels["turn"] = ["t1", "t2", "t3", "t4"]
        found = agreements(labels, self.votes(), rng=rng).set_index(["label", "between"])
        among = found.loc[("threat", "people among themselves")]
        assert among.units == 3 and among.alpha == pytest.approx(alpha([[1, 1, 0], [0, 0, 0], [1, 0]]))
        assert found.loc[("threat", "people")].alpha == pytest.approx(alpha([[1, 1], [0, 0], [0, 1]]))
        assert set(found.index.get_level_values(0)) == set(LABELS)
        assert found.loc[("concession", "itself")].note == "not measured"

    def test_stand_beside_what_the_judge_said_first(self) -> None:
        labels = frame(np.array([1, math.nan]), np.arange(2))
        labels["turn"] = ["t1", "t2"]
        both = pd.concat([labels, labels.assign(reading="again", score=0.0)])
        assert labelled(both, self.votes()).judged.tolist() == pytest.approx([1.0, math.nan], nan_ok=True)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)
