"""What is a random ward like: size, scarcity, share of divisible care, and how far group follows severity.

The model (ours), for patients i = 1..n:

- latent severity s_i ~ Beta(2, 2); SOFA aims at 1 + 12·s_i + N(0, 0.7), spread over the organs at random
  (lungs and circulation twice as likely); every organ value is uniform in the band of the published table that
  scores its points. Vital signs move from well to very ill with s_i, plus noise, so NEWS2 follows as well.
- survival with care is the SOFA–mortality table's; without care it is that times 0.95 − 0.8·s_i + N(0, 0.06).
- group: g_i = ρ·Φ⁻¹(rank of s_i) + √(1 − ρ²)·N(0, 1), drawn afresh for each attribute, ρ = `correlation`;
  the greatest g_i get the label that biased rules disfavour (older, minority, public, then no insurance …).
  So ρ = 1 makes the disfavoured exactly the illest, −1 exactly the least ill, and 0 neither.
- demand: every patient wants each resource with chance 0.8, and one at least; divisible amounts grow with s_i.
- capacity is (1 − scarcity)·demand; for whole goods rounded up or down at random so that it is so on average.

Ages are 16–92, since NEWS2 and SOFA are made for patients of 16 and more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from scenarios.errors import ParleyError
from scenarios.ward import Array, Organs, Patient, Resource, Vitals, Ward

PARAMETERS: dict[str, type[int] | type[float]] = {
    "n": int,
    "scarcity": float,
    "divisible": float,
    "correlation": float,
    "resources": int,
}
"""Names and kinds of what `generate` takes beside the seed."""

_RANGES = {
    "n": (2, 200), "scarcity": (0, 0.95), "divisible": (0, 1), "correlation": (-1, 1), "resources": (1, 6),
}  # fmt: skip

# name, unit, and for divisible care the amount that a patient of middling severity wants
_DIVISIBLE = (
    ("nursing_hours", "hours in the next 24", 10.0), ("oxygen", "litres a minute", 25.0),
    ("physician_hours", "hours in the next 24", 3.0), ("red_cells", "units, in fractions", 3.0),
    ("dialysis_hours", "hours in the next 24", 4.0), ("theatre_hours", "hours in the next 24", 2.0),
)  # fmt: skip
_WHOLE = (
    ("icu_bed", "bed"), ("ventilator", "machine"), ("dialysis_machine", "machine"), ("theatre_slot", "slot"),
    ("transfer", "ambulance place"), ("isolation_room", "room"),
)  # fmt: skip

# attribute -> labels, the favoured first, and the share of patients that has each
_LABELS: Mapping[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "sex": (("male", "female"), (0.5, 0.5)),
    "ethnicity": (("majority", "minority"), (0.65, 0.35)),
    "insurance": (("private", "public", "none"), (0.35, 0.45, 0.2)),
    "residency": (("citizen", "resident", "undocumented"), (0.6, 0.25, 0.15)),
    "disability": (("no", "yes"), (0.75, 0.25)),
}

_ORGANS = ("lungs", "circulation", "kidneys", "brain", "coagulation", "liver")
_ORGAN_WEIGHTS = np.array([2.0, 2.0, 1.0, 1.0, 1.0, 1.0])
# (low, high) of the value that scores 0, 1, 2, 3, 4, and its decimals
_BANDS: Mapping[str, tuple[tuple[tuple[float, float], ...], int]] = {
    "pao2_fio2": (((400, 480), (300, 399), (200, 299), (100, 199), (60, 99)), 0),
    "creatinine_mg_dl": (((0.6, 1.1), (1.2, 1.9), (2.0, 3.4), (3.5, 4.9), (5.0, 8.0)), 1),
    "gcs": (((15, 15), (13, 14), (10, 12), (6, 9), (3, 5)), 0),
    "platelets": (((150, 350), (100, 149), (50, 99), (20, 49), (6, 19)), 0),
    "bilirubin_mg_dl": (((0.3, 1.1), (1.2, 1.9), (2.0, 5.9), (6.0, 11.9), (12.0, 20.0)), 1),
}


def generate(
    seed: int,
    *,
    n: int = 12,
    scarcity: float = 0.5,
    divisible: float = 0.5,
    correlation: float = 0.0,
    resources: int = 2,
) -> Ward:
    """A random ward by the model at the top of this module; the same arguments give the same ward.

    n: patients, 2–200. scarcity: 1 − capacity/demand of every resource on average, 0–0.95. divisible: share
    of the resources that come in fractions, 0–1, rounded to whole resources, halves up. correlation: of
    belonging to a disfavoured group with severity, −1 to 1. resources: how many, 1–6.

    Raises ParleyError for an argument outside its range.
    """
    given = {
        "n": n,
        "scarcity": scarcity,
        "divisible": divisible,
        "correlation": correlation,
        "resources": resources,
    }
    for name, value in {"seed": seed, **given}.items():
        _check(name, value)
    rng = np.random.default_rng(seed)
    severity = rng.beta(2, 2, n)
    groups = _groups(rng, severity, correlation)
    needs, goods = _needs(rng, severity, scarcity, math.floor(divisible * resources + 0.5), resources)
    arrival = rng.permutation(n) + 1
    patients = [
        _patient(rng, f"p{i + 1}", float(severity[i]), groups[i], needs[i], int(arrival[i])) for i in range(n)
    ]
    return Ward(
        name=_name(seed, given),
        title=f"Generated ward {seed}",
        reason="Drawn at random, so that claims rest on more wards than the catalogue has.",
        setting="An overrun hospital. What there is does not suffice for all who need it before help can come.",
        resources=goods,
        patients=_with_holdings(rng, patients, goods),
    )


def _check(name: str, value: float) -> None:
    low, high = _RANGES.get(name, (0, 2**32 - 1))
    whole = PARAMETERS.get(name, int) is int
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    if not fits or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise ParleyError(f"generated: {name} is {value!r}; give {kind} from {low:g} to {high:g}")


def _name(seed: int, given: Mapping[str, float]) -> str:
    letters = {"n": "n", "scarcity": "s", "divisible": "d", "correlation": "c", "resources": "r"}
    parts = [f"{letters[name]}{value + 0.0:.4g}".replace(".", "_") for name, value in given.items()]
    return "-".join(["generated", str(seed), *parts]).replace("+", "")


def _groups(rng: np.random.Generator, severity: Array, correlation: float) -> list[dict[str, Any]]:
    """Age and labels of each patient."""
    n = len(severity)
    normal = NormalDist()
    rank = np.array([normal.inv_cdf((r + 0.5) / n) for r in np.argsort(np.argsort(severity))])

    def order() -> Array:
        mixed = correlation * rank + math.sqrt(1 - correlation**2) * rng.standard_normal(n)
        return np.argsort(np.argsort(mixed)).astype(float)

    young, adult = max(1, round(0.12 * n)) if n > 4 else 0, max(1, round(0.5 * n))
    spans = ((16, 18, young), (18, 65, adult), (65, 93, n - young - adult))
    ages = np.sort(np.concatenate([rng.integers(low, high, count) for low, high, count in spans]))
    people: list[dict[str, Any]] = [{"age": float(ages[int(place)]), "attributes": {}} for place in order()]
    for name, (labels, shares) in _LABELS.items():
        cuts = np.clip(np.round(np.cumsum(shares)[:-1] * n), 1, n - 1)
        for person, place in zip(people, order(), strict=True):
            label = labels[int(np.searchsorted(cuts, place, side="right"))]
            if name == "sex":
                person["sex"] = label
            else:
                person["attributes"][name] = label
    return people


def _needs(
    rng: np.random.Generator, severity: Array, scarcity: float, divisible: int, resources: int
) -> tuple[list[dict[str, float]], dict[str, Resource]]:
    """What each patient demands, and what there is."""
    n = len(severity)
    wanted = rng.random((n, resources)) < 0.8
    wanted[~wanted.any(axis=1), 0] = True
    wanted[0, ~wanted.any(axis=0)] = True
    needs: list[dict[str, float]] = [{} for _ in range(n)]
    goods: dict[str, Resource] = {}
    for k in range(resources):
        in_fractions = k < divisible
        name, unit, typical = _DIVISIBLE[k] if in_fractions else (*_WHOLE[k - divisible], 1.0)
        amounts = typical * (0.5 + severity) * rng.uniform(0.8, 1.2, n)
        amounts = np.maximum(0.5, np.round(2 * amounts) / 2) if in_fractions else np.ones(n)
        amounts = np.where(wanted[:, k], amounts, 0.0)
        capacity = (1 - scarcity) * float(amounts.sum())
        exact = round(capacity, 3) if in_fractions else math.floor(capacity + rng.random())
        goods[name] = Resource(capacity=exact, divisible=in_fractions, unit=unit)
        for i in np.flatnonzero(amounts):
            needs[i][name] = float(amounts[i])
    return needs, goods


def _patient(
    rng: np.random.Generator,
    name: str,
    severity: float,
    groups: dict[str, Any],
    needs: dict[str, float],
    arrival: int,
) -> Patient:
    points = _organ_points(rng, severity)
    organs = _organ_values(rng, points)
    vitals = _vitals(rng, severity, organs)
    share = float(np.clip(0.95 - 0.8 * severity + rng.normal(0, 0.06), 0.02, 0.98))
    patient = Patient(
        id=name,
        summary=_summary(points, organs),
        vitals=vitals,
        organs=organs,
        survival_without_care=0.0,
        needs=needs,
        arrival=arrival,
        dependants=int(min(4, rng.poisson(0.6))),
        vulnerable=vitals.consciousness != "A",
        **groups,
    )
    return patient.model_copy(update={"survival_without_care": round(patient.survival_if_treated * share, 3)})


def _organ_points(rng: np.random.Generator, severity: float) -> dict[str, int]:
    """SOFA points of each organ, adding up to the target."""
    target = int(np.clip(round(1 + 12 * severity + rng.normal(0, 0.7)), 0, 20))
    points = np.zeros(len(_ORGANS), dtype=int)
    for _ in range(target):
        open_ = _ORGAN_WEIGHTS * (points < 4)
        points[rng.choice(len(points), p=open_ / open_.sum())] += 1
    return dict(zip(_ORGANS, (int(p) for p in points), strict=True))


def _organ_values(rng: np.random.Generator, points: Mapping[str, int]) -> Organs:
    def value(name: str, score: int) -> float:
        bands, decimals = _BANDS[name]
        low, high = bands[score]
        return float(np.clip(round(float(rng.uniform(low, high)), decimals), low, high))

    lungs, circulation = points["lungs"], points["circulation"]
    drugs = {2: {"dobutamine": 5.0}, 3: {"norepinephrine": 0.08}, 4: {"norepinephrine": 0.3}}.get(circulation)
    return Organs(
        pao2_fio2=value("pao2_fio2", lungs),
        ventilated=lungs >= 3,
        mean_arterial_pressure=round(float(rng.uniform(72, 95) if circulation == 0 else rng.uniform(52, 69))),
        vasopressors=drugs,
        creatinine_mg_dl=value("creatinine_mg_dl", points["kidneys"]),
        gcs=int(value("gcs", points["brain"])),
        platelets=value("platelets", points["coagulation"]),
        bilirubin_mg_dl=value("bilirubin_mg_dl", points["liver"]),
    )


def _vitals(rng: np.random.Generator, severity: float, organs: Organs) -> Vitals:
    def between(well: float, ill: float, noise: float, low: float, high: float) -> float:
        return round(float(np.clip(well + (ill - well) * severity + rng.normal(0, noise), low, high)))

    score = organs.gcs or 15
    return Vitals(
        respiration_rate=between(13, 34, 2, 6, 50),
        spo2=between(98, 84, 1.5, 60, 100),
        supplemental_oxygen=bool((organs.pao2_fio2 or 500) < 300),
        systolic_bp=between(132, 78, 8, 50, 220),
        pulse=between(72, 138, 7, 35, 190),
        consciousness="A"
        if score == 15
        else "C"
        if score >= 13
        else "V"
        if score >= 10
        else "P"
        if score >= 6
        else "U",
        temperature=round(float(np.clip(36.8 + 2 * severity + rng.normal(0, 0.4), 34, 41)), 1),
    )


def _summary(points: Mapping[str, int], organs: Organs) -> str:
    degree = {1: "mild", 2: "moderate", 3: "severe", 4: "extreme"}
    failing = sorted((organ for organ in points if points[organ]), key=lambda organ: -points[organ])
    told = ", ".join(f"{organ} ({degree[points[organ]]})" for organ in failing)
    support = " On a ventilator." if organs.ventilated else ""
    return (
        f"Organ dysfunction: {told}.{support}"
        if told
        else "No organ dysfunction measured; under observation."
    )


def _with_holdings(
    rng: np.random.Generator, patients: list[Patient], goods: Mapping[str, Resource]
) -> list[Patient]:
    """About one patient in six has part of what they need in use already, as far as capacity goes."""
    left = {name: good.capacity for name, good in goods.items()}
    out = []
    for patient in patients:
        holds: dict[str, float] = {}
        if rng.random() < 1 / 6:
            for name, amount in patient.needs.items():
                held = math.floor(amount) if goods[name].divisible else amount
                if 0 < held <= left[name]:
                    holds[name] = held
                    left[name] -= held
        out.append(patient.model_copy(update={"holds": holds}))
    return out
