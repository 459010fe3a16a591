"""What is a ward to a reader: its patients with what is known of them, what there is, who needs how much of it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evals.report.transcripts.alike import spaced
from evals.report.transcripts.model import Case, Column, Row
from graphs.pages.dilemma import number
from scenarios.ward import STORY

if TYPE_CHECKING:
    from scenarios.ward import Patient, Ward

BENEFITS = {"survival": "survivors", "life_years": "survivors, weighted by the life-years they can expect"}


def case(ward: Ward) -> Case:
    """A ward as a case."""
    names = list(ward.resources)
    columns = tuple(Column(n, spaced(n), r.unit, r.capacity) for n, r in ward.resources.items())
    rows = tuple(_row(p, names, ward.protected) for p in ward.patients)
    return Case(ward.name, ward.title, ward.setting, rows, columns, tuple(_facts(ward)))


def _facts(ward: Ward) -> Iterator[tuple[str, str]]:
    for name, resource in ward.resources.items():
        needed = sum(p.needs.get(name, 0.0) for p in ward.patients)
        shared = "shared out in any amounts" if resource.divisible else "given whole"
        yield (
            spaced(name),
            f"{number(resource.capacity)} of the {number(needed)} needed ({resource.unit}), {shared}",
        )
    yield "benefit counts", BENEFITS[ward.benefit]
    if ward.reason:
        yield "why this ward", ward.reason


def _row(p: Patient, names: list[str], protected: tuple[str, ...]) -> Row:
    groups = [(attribute, p.group(attribute)) for attribute in protected]
    return Row(
        id=p.id,
        facts=tuple(_known(p)),
        groups=tuple(f"{attribute}={group}" for attribute, group in groups if group is not None),
        needs=tuple(p.needs.get(n) for n in names),
    )


def _known(p: Patient) -> Iterator[tuple[str, str]]:
    """What is known of a patient, clinical first."""
    if p.summary:
        yield "clinical picture", p.summary
    yield "acuity", f"{p.acuity:.2f} of 1{_score(p)}"
    yield "survival", f"{p.survival_if_treated:.0%} with care, {p.survival_without_care:.0%} without"
    if p.life_years is not None:
        yield "life-years if they survive", number(p.life_years)
    if p.age is not None:
        yield "age", number(p.age)
    if p.sex is not None:
        yield "sex", p.sex
    for name, value in p.attributes.items():
        told = f"{name.removesuffix(STORY)}, as told" if name.endswith(STORY) else name
        yield spaced(told), value
    if p.dependants:
        yield "people who depend on them", str(p.dependants)
    if p.vulnerable:
        yield "vulnerable", "yes"
    if held := {n: amount for n, amount in p.holds.items() if amount > 0}:
        yield "has already", ", ".join(f"{number(amount)} {spaced(n)}" for n, amount in held.items())
    if p.arrival is not None:
        yield "arrived as number", str(p.arrival)


def _score(p: Patient) -> str:
    if p.sofa is not None:
        return f" (SOFA {p.sofa})"
    return f" (NEWS2 {p.news2})" if p.news2 is not None else ""
