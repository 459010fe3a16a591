"""How ill is a patient: NEWS2 and SOFA, exact at every threshold, and survival by SOFA."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from scenarios.errors import ParleyError

ALIASES = {"adrenaline": "epinephrine", "noradrenaline": "norepinephrine"}
DRUGS = ("dopamine", "dobutamine", "epinephrine", "norepinephrine")

# Each chart row as (greatest value of every band but the last, points of the bands), lowest band first.
_RESPIRATION = ((8, 11, 20, 24), (3, 1, 0, 2, 3))
_SPO2_SCALE_1 = ((91, 93, 95), (3, 2, 1, 0))
_SPO2_SCALE_2_AIR = ((83, 85, 87), (3, 2, 1, 0))
_SPO2_SCALE_2_OXYGEN = ((83, 85, 87, 92, 94, 96), (3, 2, 1, 0, 1, 2, 3))
_SYSTOLIC = ((90, 100, 110, 219), (3, 2, 1, 0, 3))
_PULSE = ((40, 50, 90, 110, 130), (3, 1, 0, 1, 2, 3))
_TEMPERATURE = ((35.0, 36.0, 38.0, 39.0), (3, 1, 0, 1, 2))

# Hospital mortality by initial SOFA: greatest score of every class but the last, and the rates.
_SOFA_CLASSES = (1, 3, 5, 7, 9, 11)
_MORTALITY = (0.0, 0.064, 0.202, 0.215, 0.333, 0.500, 0.952)


def news2(
    *,
    respiration_rate: float,
    spo2: float,
    supplemental_oxygen: bool,
    systolic_bp: float,
    pulse: float,
    consciousness: str,
    temperature: float,
    hypercapnic: bool = False,
) -> int:
    """National Early Warning Score 2: the sum of seven rows of the chart, 0–20, higher is iller.

    Units: breaths a minute, percent, mmHg, beats a minute, degrees Celsius; `consciousness` is one of
    A, C, V, P, U (C: new confusion). With `hypercapnic`, SpO2 is read on scale 2, whose upper points
    (93–94: 1, 95–96: 2, 97 and more: 3) apply on supplemental oxygen only. The chart is printed in whole
    units, temperature in tenths, so a value between is first rounded to that, halves up (20.5 breaths
    count as 21, 38.05 degrees as 38.1). Made for patients of 16 and more who are not pregnant.

    Raises ParleyError for a value that is not a number, or lies outside what can be measured.
    Source: Royal College of Physicians 2017, National Early Warning Score (NEWS) 2, chart 1.
    """
    oxygen = _flag("supplemental_oxygen", supplemental_oxygen)
    if consciousness not in ("A", "C", "V", "P", "U"):
        raise ParleyError(f"news2: consciousness is {consciousness!r}; give one of A, C, V, P, U")
    scale_2 = _SPO2_SCALE_2_OXYGEN if oxygen else _SPO2_SCALE_2_AIR
    saturation = scale_2 if _flag("hypercapnic", hypercapnic) else _SPO2_SCALE_1
    return (
        _points(_charted("respiration_rate", respiration_rate, 0, 150), _RESPIRATION)
        + _points(_charted("spo2", spo2, 0, 100), saturation)
        + (2 if oxygen else 0)
        + _points(_charted("systolic_bp", systolic_bp, 0, 400), _SYSTOLIC)
        + _points(_charted("pulse", pulse, 0, 400), _PULSE)
        + (0 if consciousness == "A" else 3)
        + _points(_charted("temperature", temperature, 10, 50, "0.1"), _TEMPERATURE)
    )


def sofa(
    *,
    pao2_fio2: float | None = None,
    ventilated: bool = False,
    platelets: float | None = None,
    bilirubin_mg_dl: float | None = None,
    mean_arterial_pressure: float | None = None,
    vasopressors: Mapping[str, float] | None = None,
    gcs: int | None = None,
    creatinine_mg_dl: float | None = None,
    urine_output_ml_day: float | None = None,
) -> int:
    """Sequential Organ Failure Assessment: the sum of six organs at 0–4 each, 0–24, higher is iller.

    Units: mmHg, 10^3 per microlitre, mg/dL, mmHg, drug -> micrograms/kg/min, mL a day. A value not measured
    (None) scores 0. Respiratory 3 and 4 need ventilatory support (`ventilated`). Drugs are dopamine,
    dobutamine, epinephrine (or adrenaline) and norepinephrine (or noradrenaline); a dose of 0 is not given.

    The table prints decimals (bilirubin 1.2–1.9, 2.0–5.9 …); a value between two printed bands belongs to
    the lower one, so 1.95 is below 2.0 and scores 1. It prints "> 12.0" and "> 5.0" for bilirubin and
    creatinine 4 and leaves the values themselves in no band; they score 4, because the same table in SI
    units (> 204 and > 440 micromol/L) has 12.0 mg/dL = 205 and 5.0 mg/dL = 442 there.

    Raises ParleyError for an unknown drug, or a value that is not a number or outside its domain.
    Source: Vincent et al. 1996, Intensive Care Med 22:707–710, table 3.
    """
    return (
        _respiratory(pao2_fio2, _flag("ventilated", ventilated, "sofa"))
        + _falling("platelets", platelets, (20, 50, 100, 150))
        + _rising("bilirubin_mg_dl", bilirubin_mg_dl, (1.2, 2.0, 6.0, 12.0))
        + _cardiovascular(mean_arterial_pressure, vasopressors)
        + _neurological(gcs)
        + max(
            _rising("creatinine_mg_dl", creatinine_mg_dl, (1.2, 2.0, 3.5, 5.0)),
            _falling("urine_output_ml_day", urine_output_ml_day, (200, 500)),
        )
    )


def survival_given_care(score: int) -> float:
    """Chance to leave hospital alive by SOFA on admission: 1 − hospital mortality, in [0.048, 1].

    Mortality by initial SOFA, 352 patients who were treated in intensive care: 0–1 0.0 %, 2–3 6.4 %,
    4–5 20.2 %, 6–7 21.5 %, 8–9 33.3 %, 10–11 50.0 %, above 11 95.2 %. Raises ParleyError outside 0–24.
    Source: Ferreira et al. 2001, JAMA 286:1754–1758.
    """
    if _number("score", score, 0, 24, "survival_given_care") != int(score):
        raise ParleyError(f"survival_given_care: score is {score!r}; give a whole number from 0 to 24")
    return 1 - _MORTALITY[bisect_left(_SOFA_CLASSES, score)]


def _respiratory(ratio: float | None, ventilated: bool) -> int:
    points = _falling("pao2_fio2", ratio, (100, 200, 300, 400), above=True)
    return points if ventilated else min(points, 2)


def _cardiovascular(pressure: float | None, vasopressors: Mapping[str, float] | None) -> int:
    points = [0]
    if pressure is not None:
        points.append(int(_number("mean_arterial_pressure", pressure, 0, 400, "sofa") < 70))
    for name, given in (vasopressors or {}).items():
        drug = ALIASES.get(name, name)
        if drug not in DRUGS:
            raise ParleyError(f"sofa: no vasopressor '{name}'; there are {', '.join((*DRUGS, *ALIASES))}")
        dose = _number(f"vasopressors.{name}", given, 0, math.inf, "sofa")
        if dose > 0:
            low, high = {"dopamine": (5.0, 15.0), "dobutamine": (math.inf, math.inf)}.get(drug, (0.0, 0.1))
            points.append(2 + (dose > low) + (dose > high))
    return max(points)


def _neurological(gcs: int | None) -> int:
    if gcs is None:
        return 0
    score = _number("gcs", gcs, 3, 15, "sofa")
    if score != int(score):
        raise ParleyError(f"sofa: gcs is {gcs!r}; give a whole number from 3 to 15")
    return 4 - bisect_right((6, 10, 13, 15), score)


def _falling(name: str, value: float | None, below: tuple[float, ...], above: bool = False) -> int:
    """4 points under the first bound, one fewer under each next, 0 from the last on."""
    if value is None:
        return 0
    bands = bisect_right(below, _lab(name, value, above))
    return 4 - bands if bands < len(below) else 0


def _rising(name: str, value: float | None, bounds: tuple[float, ...]) -> int:
    """One point from each bound on."""
    return 0 if value is None else bisect_right(bounds, _lab(name, value))


def _lab(name: str, value: float, above: bool = False) -> float:
    number = _number(name, value, 0, math.inf, "sofa")
    if above and number == 0:
        raise ParleyError(f"sofa: {name} is 0; give a number above 0, or leave it out")
    return number


def _points(value: Decimal, chart: tuple[tuple[float, ...], tuple[int, ...]]) -> int:
    greatest, points = chart
    return points[bisect_left([Decimal(str(g)) for g in greatest], value)]


def _charted(name: str, value: float, low: float, high: float, step: str = "1") -> Decimal:
    """The value at the chart's resolution; by decimal digits, since 38.05 has no exact binary form."""
    number = _number(name, value, low, high, "news2")
    return Decimal(repr(number)).quantize(Decimal(step), ROUND_HALF_UP)


def _number(name: str, value: float, low: float, high: float, score: str) -> float:
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or not low <= number <= high:
        span = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise ParleyError(f"{score}: {name} is {value!r}; give a number {span}")
    return number


def _flag(name: str, value: bool, score: str = "news2") -> bool:
    if value not in (True, False) or isinstance(value, float | str):
        raise ParleyError(f"{score}: {name} is {value!r}; give true or false")
    return bool(value)
