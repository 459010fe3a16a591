"""Do NEWS2 and SOFA give the published points at, just below and just above every threshold?

The tables are typed from the charts themselves (RCP 2017 chart 1; Vincent 1996 table 3), not from the code.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.acuity import news2, sofa, survival_given_care
from scenarios.errors import ParleyError

WELL: dict[str, Any] = {
    "respiration_rate": 16, "spo2": 98, "supplemental_oxygen": False, "systolic_bp": 120, "pulse": 70,
    "consciousness": "A", "temperature": 37.0,
}  # fmt: skip

NEWS2_ROWS: dict[str, list[tuple[float, int]]] = {
    "respiration_rate": [
        (0, 3), (7, 3), (8, 3), (9, 1), (10, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3),
        (60, 3),
        (8.4, 3), (8.5, 1), (11.5, 0), (20.4, 0), (20.5, 2), (24.49, 2), (24.5, 3),
    ],
    "spo2": [
        (70, 3), (90, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0),
        (91.4, 3), (91.5, 2), (93.5, 1), (95.4, 1), (95.5, 0),
    ],
    "systolic_bp": [
        (0, 3), (89, 3), (90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3),
        (300, 3),
        (90.5, 2), (100.5, 1), (110.5, 0), (219.4, 0), (219.5, 3),
    ],
    "pulse": [
        (0, 3), (39, 3), (40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2),
        (131, 3), (200, 3), (40.5, 1), (90.4, 0), (90.5, 1), (110.5, 2), (130.4, 2), (130.5, 3),
    ],
    "temperature": [
        (30.0, 3), (34.9, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1),
        (39.1, 2), (42.0, 2), (35.04, 3), (35.05, 1), (36.05, 0), (38.04, 0), (38.05, 1), (39.04, 1),
        (39.05, 2),
    ],
}  # fmt: skip

SCALE_2_AIR = [
    (80, 3), (83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0), (93, 0), (94, 0), (95, 0),
    (97, 0), (100, 0)
]  # fmt: skip
SCALE_2_OXYGEN = [
    (80, 3), (83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0), (93, 1), (94, 1), (95, 2),
    (96, 2),
    (97, 3), (100, 3), (92.4, 0), (92.5, 1), (96.5, 3),
]  # fmt: skip

SOFA_ROWS: dict[str, list[tuple[float, int]]] = {
    "pao2_fio2": [
        (500, 0), (400, 0), (399.9, 1), (399, 1), (300, 1), (299.9, 2), (299, 2), (200, 2), (199.9, 3),
        (199, 3),
        (100, 3), (99.9, 4), (99, 4), (40, 4),
    ],
    "platelets": [
        (300, 0), (150, 0), (149.9, 1), (149, 1), (100, 1), (99.9, 2), (99, 2), (50, 2), (49.9, 3), (49, 3),
        (20, 3),
        (19.9, 4), (19, 4), (0, 4),
    ],
    "bilirubin_mg_dl": [
        (0, 0), (1.1, 0), (1.19, 0), (1.2, 1), (1.9, 1), (1.95, 1), (1.99, 1), (2.0, 2), (5.9, 2), (5.99, 2),
        (6.0, 3),
        (11.9, 3), (11.99, 3), (12.0, 4), (12.1, 4), (30, 4),
    ],
    "mean_arterial_pressure": [(90, 0), (70, 0), (69.9, 1), (69, 1), (30, 1)],
    "gcs": [
        (15, 0), (14, 1), (13, 1), (12, 2), (11, 2), (10, 2), (9, 3), (8, 3), (7, 3), (6, 3), (5, 4), (4, 4),
        (3, 4),
    ],
    "creatinine_mg_dl": [
        (0.7, 0), (1.1, 0), (1.19, 0), (1.2, 1), (1.9, 1), (1.95, 1), (2.0, 2), (3.4, 2), (3.45, 2),
        (3.5, 3), (4.9, 3),
        (4.99, 3), (5.0, 4), (5.1, 4), (12, 4),
    ],
    "urine_output_ml_day": [(1500, 0), (501, 0), (500, 0), (499.9, 3), (499, 3), (200, 3), (199.9, 4),
    (199, 4), (0, 4)],
}  # fmt: skip

VASOPRESSORS = [
    ({}, 0), ({"dopamine": 0}, 0), ({"norepinephrine": 0.0}, 0),
    ({"dobutamine": 0.1}, 2), ({"dobutamine": 40}, 2),
    ({"dopamine": 0.5}, 2), ({"dopamine": 5}, 2), ({"dopamine": 5.1}, 3), ({"dopamine": 15}, 3),
    ({"dopamine": 15.1}, 4),
    ({"epinephrine": 0.01}, 3), ({"epinephrine": 0.1}, 3), ({"epinephrine": 0.11}, 4),
    ({"norepinephrine": 0.01}, 3), ({"norepinephrine": 0.1}, 3), ({"norepinephrine": 0.1001}, 4),
    ({"adrenaline": 0.2}, 4), ({"noradrenaline": 0.05}, 3),
    ({"dobutamine": 5, "norepinephrine": 0.05}, 3), ({"dopamine": 3, "epinephrine": 0.2}, 4),
]  # fmt: skip


def flat(table: dict[str, list[tuple[float, int]]]) -> list[tuple[str, float, int]]:
    return [(name, value, points) for name, rows in table.items() for value, points in rows]


@pytest.mark.parametrize(("name", "value", "points"), flat(NEWS2_ROWS))
def test_a_vital_sign_scores_as_the_chart_prints(name: str, value: float, points: int) -> None:
    assert news2(**(WELL | {name: value})) == points


@pytest.mark.parametrize(("value", "points"), SCALE_2_AIR)
def test_scale_2_on_air_has_no_upper_points(value: float, points: int) -> None:
    assert news2(**(WELL | {"spo2": value, "hypercapnic": True})) == points


@pytest.mark.parametrize(("value", "points"), SCALE_2_OXYGEN)
def test_scale_2_on_oxygen_scores_too_much_oxygen(value: float, points: int) -> None:
    assert news2(**(WELL | {"spo2": value, "hypercapnic": True, "supplemental_oxygen": True})) == points + 2


@pytest.mark.parametrize(("value", "points"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_anything_but_alert_scores_three(value: str, points: int) -> None:
    assert news2(**(WELL | {"consciousness": value})) == points


def test_news2_adds_up_to_twenty_at_worst_and_oxygen_scores_two() -> None:
    assert news2(**WELL) == 0
    assert news2(**(WELL | {"supplemental_oxygen": True})) == 2
    worst = news2(
        respiration_rate=40, spo2=70, supplemental_oxygen=True, systolic_bp=60, pulse=150,
        consciousness="U", temperature=34,
    )  # fmt: skip
    assert worst == 20


@pytest.mark.parametrize(("name", "value", "points"), flat(SOFA_ROWS))
def test_an_organ_scores_as_the_table_prints(name: str, value: float, points: int) -> None:
    organ: dict[str, Any] = {name: value}
    assert sofa(**organ, ventilated=True) == points


@pytest.mark.parametrize(("value", "points"), [(400, 0), (399, 1), (299, 2), (199, 2), (99, 2), (40, 2)])
def test_respiratory_three_and_four_need_ventilatory_support(value: float, points: int) -> None:
    assert sofa(pao2_fio2=value, ventilated=False) == points


@pytest.mark.parametrize(("drugs", "points"), VASOPRESSORS)
def test_vasopressors_score_by_drug_and_dose(drugs: dict[str, float], points: int) -> None:
    assert sofa(vasopressors=drugs) == points
    assert sofa(vasopressors=drugs, mean_arterial_pressure=60) == max(points, 1)


def test_renal_takes_the_worse_of_creatinine_and_urine() -> None:
    assert sofa(creatinine_mg_dl=1.3, urine_output_ml_day=150) == 4
    assert sofa(creatinine_mg_dl=5.5, urine_output_ml_day=450) == 4
    assert sofa(creatinine_mg_dl=2.5, urine_output_ml_day=900) == 2


def test_what_was_not_measured_scores_nothing_and_the_worst_scores_twenty_four() -> None:
    assert sofa() == 0
    worst = sofa(
        pao2_fio2=60, ventilated=True, platelets=10, bilirubin_mg_dl=15, mean_arterial_pressure=50,
        vasopressors={"norepinephrine": 1.0}, gcs=3, creatinine_mg_dl=7, urine_output_ml_day=0,
    )  # fmt: skip
    assert worst == 24


@given(
    st.floats(0, 150), st.floats(0, 100), st.booleans(), st.floats(0, 400), st.floats(0, 400),
    st.sampled_from("ACVPU"), st.floats(10, 50), st.booleans(),
)  # fmt: skip
def test_news2_is_the_sum_of_its_rows(
    rate: float, spo2: float, oxygen: bool, bp: float, pulse: float,
    alert: str, temperature: float, hypercapnic: bool,
) -> None:  # fmt: skip
    vitals: dict[str, Any] = {
        "respiration_rate": rate, "systolic_bp": bp, "pulse": pulse, "consciousness": alert,
        "temperature": temperature,
    }  # fmt: skip
    breathing: dict[str, Any] = {"spo2": spo2, "supplemental_oxygen": oxygen, "hypercapnic": hypercapnic}
    total = news2(**vitals, **breathing)
    rows = [news2(**(WELL | {name: value})) for name, value in vitals.items()]
    assert total == sum(rows) + news2(**(WELL | breathing))
    assert 0 <= total <= 20


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"spo2": 101}, "spo2 is 101; give a number from 0 to 100"),
        ({"spo2": -1}, "spo2 is -1"),
        ({"pulse": math.nan}, "pulse is nan"),
        ({"systolic_bp": math.inf}, "systolic_bp is inf"),
        ({"respiration_rate": -3}, "respiration_rate is -3"),
        ({"temperature": 98.6}, "temperature is 98.6; give a number from 10 to 50"),
        ({"temperature": None}, "temperature is None"),
        ({"pulse": "80"}, "pulse is '80'"),
        ({"pulse": True}, "pulse is True"),
        ({"consciousness": "a"}, "consciousness is 'a'; give one of A, C, V, P, U"),
        ({"supplemental_oxygen": "no"}, "supplemental_oxygen is 'no'; give true or false"),
        ({"hypercapnic": None}, "hypercapnic is None; give true or false"),
    ],
)
def test_news2_refuses_what_cannot_be_measured(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ParleyError, match=f"^news2: {says.replace('.', '[.]')}"):
        news2(**(WELL | change))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"vasopressors": {"vasopressin": 0.03}}, "no vasopressor 'vasopressin'; there are dopamine, "),
        ({"vasopressors": {"dopamine": -1}}, "vasopressors.dopamine is -1; give a number of at least 0"),
        ({"pao2_fio2": 0}, "pao2_fio2 is 0; give a number above 0"),
        ({"platelets": -5}, "platelets is -5"),
        ({"bilirubin_mg_dl": math.nan}, "bilirubin_mg_dl is nan"),
        ({"gcs": 2}, "gcs is 2; give a number from 3 to 15"),
        ({"gcs": 16}, "gcs is 16"),
        ({"gcs": 7.5}, "gcs is 7.5; give a whole number from 3 to 15"),
        ({"creatinine_mg_dl": -0.1}, "creatinine_mg_dl is -0.1"),
        ({"urine_output_ml_day": math.inf}, "urine_output_ml_day is inf"),
        ({"mean_arterial_pressure": -70}, "mean_arterial_pressure is -70"),
        ({"ventilated": "yes"}, "ventilated is 'yes'; give true or false"),
    ],
)
def test_sofa_refuses_what_cannot_be_measured(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ParleyError, match=f"^sofa: {says}"):
        sofa(**values)


FERREIRA = {
    0: 0.0, 1: 0.0, 2: 6.4, 3: 6.4, 4: 20.2, 5: 20.2, 6: 21.5, 7: 21.5, 8: 33.3, 9: 33.3, 10: 50.0, 11: 50.0,
    12: 95.2, 13: 95.2, 24: 95.2,
}  # fmt: skip


@pytest.mark.parametrize(("score", "mortality"), FERREIRA.items())
def test_survival_is_one_less_the_published_mortality(score: int, mortality: float) -> None:
    assert survival_given_care(score) == pytest.approx(1 - mortality / 100, abs=1e-12)


@pytest.mark.parametrize("score", [-1, 25, 3.5, math.nan, True])
def test_survival_refuses_what_is_no_sofa(score: float) -> None:
    with pytest.raises(ParleyError, match=r"survival_given_care: score is .*from 0 to 24"):
        survival_given_care(score)  # type: ignore[arg-type]
