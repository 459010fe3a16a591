"""What is a ward: patients, resources with a capacity, who demands what, and the arrays that measures read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from scenarios.acuity import news2, sofa, survival_given_care
from scenarios.errors import ParleyError
from scenarios.model import Model, Slug, Written

Array = NDArray[np.float64]
Allocation = dict[str, dict[str, float]]
"""x[patient][resource] >= 0, at most the demand of that patient and, summed, the capacity."""

STORY = "_story"
"""An attribute `X_story` tells `X` in words: no group of its own, but told, permuted and hidden with `X`."""

TOLERANCE = 1e-6
"""How far a sum may pass a capacity, or a whole unit miss an integer, by rounding alone."""

LEAST_AMOUNT = 1e-3
"""The least need above 0: amounts are recorded to 1e-6."""

NOTICEABLE = 1e-3
"""Amounts of one cell that differ by no more than this share of its demand count as the same: solvers leave less."""


class Vitals(Model):
    """What NEWS2 reads (Royal College of Physicians 2017)."""

    respiration_rate: float = Field(ge=0, le=90, description="breaths a minute")
    spo2: float = Field(ge=30, le=100, description="oxygen saturation, percent")
    supplemental_oxygen: bool
    systolic_bp: float = Field(ge=0, le=320, description="mmHg")
    pulse: float = Field(ge=0, le=320, description="beats a minute")
    consciousness: Literal["A", "C", "V", "P", "U"] = Field(description="ACVPU; C is new confusion")
    temperature: float = Field(ge=20, le=46, description="degrees Celsius")
    hypercapnic: bool = Field(default=False, description="hypercapnic respiratory failure: SpO2 scale 2")


class Organs(Model):
    """What SOFA reads (Vincent 1996); a value not measured is left out and scores 0."""

    pao2_fio2: float | None = Field(default=None, gt=0, description="PaO2/FiO2, mmHg")
    ventilated: bool = False
    platelets: float | None = Field(default=None, ge=0, description="10^3 per microlitre")
    bilirubin_mg_dl: float | None = Field(default=None, ge=0)
    mean_arterial_pressure: float | None = Field(default=None, ge=0, description="mmHg")
    vasopressors: dict[str, float] | None = Field(default=None, description="drug -> micrograms/kg/min")
    gcs: int | None = Field(default=None, ge=3, le=15)
    creatinine_mg_dl: float | None = Field(default=None, ge=0)
    urine_output_ml_day: float | None = Field(default=None, ge=0)


class PatientWeights(Model):
    """Published weights of one patient; a missing one is derived (see `Patient.prioritarian`, `.care`)."""

    prioritarian: float | None = Field(default=None, ge=0)
    care: float | None = Field(default=None, ge=0)


class Patient(Written):
    """One patient. `summary` is clinical only: protected attributes stand in their own fields.

    So that a twin can permute them and `--blind` can hide them, nothing in `summary` may give them away.
    """

    id: Slug
    summary: str = Field(default="", max_length=600, description="the clinical picture, in words")
    age: float | None = Field(default=None, ge=0, le=120)
    sex: str | None = None
    attributes: dict[Slug, str] = Field(
        default_factory=dict,
        description="other protected attributes; NAME_story tells NAME in words, and moves and hides with it",
    )
    dependants: int = Field(default=0, ge=0, le=20, description="people who depend on this patient's care")
    vulnerable: bool = Field(default=False, description="cannot speak for or look after themselves")
    vitals: Vitals | None = None
    organs: Organs | None = None
    severity: float | None = Field(default=None, ge=0, le=1, description="acuity where no score can be had")
    survival_with_care: float | None = Field(default=None, ge=0, le=1)
    survival_without_care: float = Field(ge=0, le=1)
    life_years: float | None = Field(default=None, ge=0, le=120, description="expected, if they survive")
    needs: dict[Slug, Annotated[float, Field(ge=0, le=1e6)]] = Field(
        description="resource -> amount demanded"
    )
    holds: dict[Slug, Annotated[float, Field(ge=0, le=1e6)]] = Field(
        default_factory=dict, description="resource -> amount in use already"
    )
    arrival: int | None = Field(default=None, ge=0, description="order of arrival, 1 came first")
    weights: PatientWeights = PatientWeights()

    @cached_property
    def sofa(self) -> int | None:
        """SOFA of the organ values, 0–24; None where there are none."""
        return None if self.organs is None else sofa(**self.organs.model_dump())

    @cached_property
    def news2(self) -> int | None:
        """NEWS2 of the vitals, 0–20; None where there are none."""
        return None if self.vitals is None else news2(**self.vitals.model_dump())

    @property
    def acuity(self) -> float:
        """How ill, in [0, 1], higher is iller: SOFA/24, else NEWS2/20, else the declared severity."""
        if self.sofa is not None:
            return self.sofa / 24
        if self.news2 is not None:
            return self.news2 / 20
        return self.severity or 0.0

    @property
    def survival_if_treated(self) -> float:
        """Chance to survive with care: as declared, else read from the SOFA–mortality table."""
        if self.survival_with_care is not None:
            return self.survival_with_care
        return survival_given_care(self.sofa if self.sofa is not None else 0)

    @property
    def survival_gain(self) -> float:
        """p_i: survival with care minus survival without, in [0, 1]."""
        return max(0.0, self.survival_if_treated - self.survival_without_care)

    @property
    def prioritarian(self) -> float:
        """Prioritarian weight: as published with the ward, else 1 + acuity (ours), so 1 to 2."""
        return 1 + self.acuity if self.weights.prioritarian is None else self.weights.prioritarian

    @property
    def care(self) -> float:
        """Care weight: as published, else 1 + [vulnerable] + dependants/(1 + dependants) (ours), so 1 to 3."""
        if self.weights.care is not None:
            return self.weights.care
        return 1 + float(self.vulnerable) + self.dependants / (1 + self.dependants)

    def group(self, attribute: str) -> str | None:
        """The patient's group on a protected attribute; None where it is not known (or blinded)."""
        if attribute == "sex":
            return self.sex
        if attribute == "age_group":
            return (
                None
                if self.age is None
                else "child"
                if self.age < 18
                else "adult"
                if self.age < 65
                else "older"
            )
        return self.attributes.get(attribute)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sofa is None and self.news2 is None and self.severity is None:
            raise ValueError("no vitals, organs or severity: give one, so that acuity is known")
        if self.survival_with_care is None and self.organs is None:
            raise ValueError("no survival_with_care and no organs to read it from: give one of them")
        if self.survival_if_treated < self.survival_without_care:
            raise ValueError(
                f"survival_with_care {self.survival_if_treated:g} is below survival_without_care "
                f"{self.survival_without_care:g}: swap or correct them"
            )
        for resource, amount in self.holds.items():
            if amount > self.needs.get(resource, 0) + TOLERANCE:
                raise ValueError(
                    f"holds {amount:g} {resource} but needs {self.needs.get(resource, 0):g}: lower holds"
                )
        return self


class Resource(Written):
    """Something scarce: how much there is, in which unit, and whether it can be shared out in fractions."""

    capacity: float = Field(ge=0, le=1e7)
    divisible: bool
    unit: str = "unit"


class Ward(Written):
    """A triage scenario. `benefit` says what p_i counts: survivors, or survivors weighted by life-years."""

    name: Slug
    title: str
    reason: str = Field(default="", description="why this ward is in the catalogue")
    setting: str = Field(default="", max_length=2000, description="what the seats are told of the place")
    benefit: Literal["survival", "life_years"] = "survival"
    resources: dict[Slug, Resource] = Field(min_length=1)
    patients: list[Patient] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not any(amount > 0 for p in self.patients for amount in p.needs.values()):
            raise ValueError("needs: nobody demands anything; give at least one patient a need above 0")
        seen: set[str] = set()
        for patient in self.patients:
            where = f"patient '{patient.id}'"
            if patient.id in seen:
                raise ValueError(f"{where}: the id stands twice; give each patient an id of their own")
            seen.add(patient.id)
            for resource, amount in patient.needs.items():
                if 0 < amount < LEAST_AMOUNT:
                    raise ValueError(
                        f"{where}, needs.{resource}: {amount:g} is too little to tell; use a smaller unit"
                    )
                if resource not in self.resources:
                    raise ValueError(
                        f"{where}, needs: no resource '{resource}'; there are {', '.join(self.resources)}"
                    )
                if not self.resources[resource].divisible and amount != round(amount):
                    raise ValueError(
                        f"{where}, needs.{resource}: {amount:g} of a whole good; give a whole number"
                    )
            for resource, amount in patient.holds.items():
                if not self.resources[resource].divisible and amount != round(amount):
                    raise ValueError(
                        f"{where}, holds.{resource}: {amount:g} of a whole good; give a whole number"
                    )
            if self.benefit == "life_years" and patient.life_years is None:
                raise ValueError(f"{where}, life_years: missing, but benefit is life_years; give it")
        for name, resource_ in self.resources.items():
            if not resource_.divisible and resource_.capacity != round(resource_.capacity):
                raise ValueError(
                    f"resource '{name}', capacity: {resource_.capacity:g} of a whole good; give a whole number"
                )
            held = sum(p.holds.get(name, 0) for p in self.patients)
            if held > resource_.capacity + TOLERANCE:
                raise ValueError(
                    f"resource '{name}': patients hold {held:g} capacity is {resource_.capacity:g}; lower one of them"
                )
        return self

    @cached_property
    def arrays(self) -> Arrays:
        """The ward as arrays, rows in the order of `patients`, columns in the order of `resources`."""
        return Arrays.of(self)

    @property
    def protected(self) -> tuple[str, ...]:
        """Protected attributes on which at least one patient has a known group."""
        names = ["age_group", "sex", *dict.fromkeys(k for p in self.patients for k in p.attributes)]
        return tuple(
            n for n in names if not n.endswith(STORY) and any(p.group(n) is not None for p in self.patients)
        )

    @property
    def told(self) -> tuple[str, ...]:
        """What a seat can be told of protected attributes beyond age and sex: their values and their stories."""
        return tuple(dict.fromkeys(k for p in self.patients for k in p.attributes))

    def groups(self, attribute: str) -> list[str | None]:
        """Group of each patient on a protected attribute, in the order of `patients`."""
        return [p.group(attribute) for p in self.patients]

    def array(self, allocation: Mapping[str, Mapping[str, float]]) -> Array:
        """An allocation as an array x of shape (patients, resources); cells left out are 0.

        Raises ParleyError for a patient or resource that the ward does not know.
        """
        a = self.arrays
        x = np.zeros_like(a.demand)
        for patient, shares in allocation.items():
            if patient not in a.row:
                raise ParleyError(f"ward '{self.name}': no patient '{patient}'; there are {', '.join(a.row)}")
            for resource, amount in shares.items():
                if resource not in a.column:
                    raise ParleyError(
                        f"ward '{self.name}': no resource '{resource}'; there are {', '.join(a.column)}"
                    )
                x[a.row[patient], a.column[resource]] = amount
        return x

    def allocation(self, x: Array) -> Allocation:
        """An array as an allocation: every demanded cell, rounded to 1e-6, whole goods to whole units."""
        a = self.arrays
        rounded = np.where(a.whole[None, :], np.round(x), np.round(x, 6)) + 0.0
        for k in np.flatnonzero(
            ~a.whole & (rounded.sum(axis=0) > a.capacity)
        ):  # rounding up must not overdraw
            excess = rounded[:, k].sum() - a.capacity[k]
            if excess <= 1e-5 * max(1.0, a.capacity[k]):
                largest = rounded[:, k].argmax()
                rounded[largest, k] = np.floor((rounded[largest, k] - excess) * 1e6) / 1e6
        return {
            p.id: {r: float(rounded[i, k]) for r, k in a.column.items() if a.demand[i, k] > 0}
            for i, p in enumerate(self.patients)
        }

    def violations(self, x: Array) -> list[str]:
        """What is wrong with x, each in a line that names the cell or resource and the bound; [] if feasible."""
        a = self.arrays
        out: list[str] = []
        for i, p in enumerate(self.patients):
            for r, k in a.column.items():
                value, most = float(x[i, k]), float(a.demand[i, k])
                if not np.isfinite(value) or value < -TOLERANCE:
                    out.append(f"{p.id}.{r} is {value:g}; it must be at least 0")
                elif value > most + TOLERANCE * max(1.0, most):
                    out.append(f"{p.id}.{r} is {value:g}, but {p.id} demands {most:g}")
                elif a.whole[k] and abs(value - round(value)) > TOLERANCE:
                    out.append(f"{p.id}.{r} is {value:g}, but {r} comes in whole units")
        for r, k in a.column.items():
            total, capacity = float(x[:, k].sum()), float(a.capacity[k])
            if total > capacity + TOLERANCE * max(1.0, capacity) * 10:
                out.append(
                    f"{r} adds up to {total:g}, but capacity is {capacity:g}: take back {total - capacity:g}"
                )
        return out

    def differs(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Where two arrays differ by more than a thousandth of the cell's demand; shape (patients, resources)."""
        return np.asarray(abs(x - y) > np.maximum(NOTICEABLE * self.arrays.demand, TOLERANCE))

    def feasible(self, x: Array) -> bool:
        """Whether x keeps every demand, capacity and whole unit."""
        return not self.violations(x)

    def blinded(self, attributes: tuple[str, ...]) -> Ward:
        """The ward with protected attributes hidden from every seat (`age_group` hides the age)."""
        for attribute in attributes:
            if attribute not in self.protected:
                raise ParleyError(
                    f"ward '{self.name}': cannot blind '{attribute}'; its protected attributes are "
                    f"{', '.join(self.protected) or 'none'}"
                )
        gone = {*attributes, *(f"{a}{STORY}" for a in attributes)}
        hidden: dict[str, Any] = {"sex": None} if "sex" in gone else {}
        if "age_group" in gone:
            hidden["age"] = None
            if self.benefit != "life_years":
                hidden["life_years"] = None  # it would tell the age
        patients = [
            Patient.model_validate(
                p.model_dump()
                | hidden
                | {"attributes": {k: v for k, v in p.attributes.items() if k not in gone}}
            )
            for p in self.patients
        ]
        return Ward.model_validate(self.model_dump() | {"patients": patients})


@dataclass(frozen=True, eq=False)
class Arrays:
    """A ward as arrays: N patients, K resources. Patients who demand nothing are not `counted` in measures."""

    demand: Array  # (N, K), >= 0
    capacity: Array  # (K,)
    whole: NDArray[np.bool_]  # (K,), True where only whole units can be given
    benefit: Array  # (N,), p_i; with benefit = life_years, p_i times life-years over their maximum
    prioritarian: Array  # (N,), w_i of DW-ESG
    care: Array  # (N,), w_i of VWCI
    acuity: Array  # (N,), in [0, 1]
    holds: Array  # (N, K), in use already
    arrival: Array  # (N,), order of arrival; inf where unknown
    counted: NDArray[np.bool_]  # (N,), demands something
    row: dict[str, int]
    column: dict[str, int]

    @classmethod
    def of(cls, ward: Ward) -> Arrays:
        """Read the arrays off a ward."""
        patients, resources = ward.patients, list(ward.resources)
        demand = np.array([[p.needs.get(r, 0.0) for r in resources] for p in patients], dtype=float)
        gain = np.array([p.survival_gain for p in patients])
        if ward.benefit == "life_years":
            years = np.array([p.life_years or 0.0 for p in patients])
            gain = gain * years / max(years.max(), 1e-12)
        return cls(
            demand=demand,
            capacity=np.array([ward.resources[r].capacity for r in resources], dtype=float),
            whole=np.array([not ward.resources[r].divisible for r in resources]),
            benefit=gain,
            prioritarian=np.array([p.prioritarian for p in patients]),
            care=np.array([p.care for p in patients]),
            acuity=np.array([p.acuity for p in patients]),
            holds=np.array([[p.holds.get(r, 0.0) for r in resources] for p in patients], dtype=float),
            arrival=np.array([np.inf if p.arrival is None else p.arrival for p in patients], dtype=float),
            counted=np.asarray((demand > 0).any(axis=1)),
            row={p.id: i for i, p in enumerate(patients)},
            column={r: k for k, r in enumerate(resources)},
        )
