"""How is a ward shown in words: compact tables of patients, resources, allocations and bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from negotiators.chat.debate.schema import cells
from negotiators.chat.quoting import clean, line
from negotiators.chat.wording import number, table
from scenarios.ward import Allocation, Array, Patient, Ward


def ward_tables(ward: Ward) -> str:
    """What a seat is told of a ward: the place, its resources, its patients. Columns nobody fills are left out."""
    setting = " ".join(clean(f"{ward.title}. {ward.setting}", 2_400).split())
    resources = table(
        ["resource", "capacity", "unit", "given in"],
        [
            [
                line(name),
                number(r.capacity),
                line(r.unit),
                "fractions (divisible)" if r.divisible else "whole units",
            ]
            for name, r in ward.resources.items()
        ],
    )
    columns = _columns(ward)
    filled = {head: show for head, show in columns.items() if any(show(p) for p in ward.patients)}
    patients = table(list(filled), [[show(p) for show in filled.values()] for p in ward.patients])
    return "\n\n".join([setting, resources, patients, _legend(ward, filled)])


def allocations_table(ward: Ward, columns: Mapping[str, Allocation | None], contested: Sequence[str]) -> str:
    """One row a cell, one column an allocation; a cell marked * is contested."""
    shown = {line(head): x for head, x in columns.items() if x is not None}
    marked = set(contested)
    rows = [
        [f"{p}.{r}{' *' if f'{p}.{r}' in marked else ''}", number(need)]
        + [number(x.get(p, {}).get(r, 0.0)) for x in shown.values()]
        for p, r, need in _cells(ward)
    ]
    note = (
        "\n\nCells marked * are contested." if any(f"{p}.{r}" in marked for p, r, _ in _cells(ward)) else ""
    )
    return table(["cell", "need", *shown], rows) + note


def bounds_table(ward: Ward, least: Array, most: Array) -> str:
    """Least and most that a merge may give on each cell; arrays of shape (patients, resources)."""
    a = ward.arrays
    rows = [
        [f"{p}.{r}", number(float(least[a.row[p], a.column[r]])), number(float(most[a.row[p], a.column[r]]))]
        for p, r, _ in _cells(ward)
    ]
    return table(["cell", "least", "most"], rows)


def _cells(ward: Ward) -> list[tuple[str, str, float]]:
    a = ward.arrays
    return [(p, r, float(a.demand[a.row[p], a.column[r]])) for p, rs in cells(ward).items() for r in rs]


def _columns(ward: Ward) -> dict[str, Callable[[Patient], str]]:
    """What is shown of a patient, by heading. What is blinded is absent from the ward, so from here."""
    columns: dict[str, Callable[[Patient], str]] = {
        "id": lambda p: p.id,
        "needs": lambda p: _amounts(p.needs),
        "in use": lambda p: _amounts(p.holds),
        "clinical picture": lambda p: line(p.summary, 600),
        "SOFA": lambda p: number(p.sofa),
        "NEWS2": lambda p: number(p.news2),
        "severity": lambda p: "" if p.sofa is not None or p.news2 is not None else number(p.severity),
        "survival with care": lambda p: number(p.survival_if_treated),
        "without": lambda p: number(p.survival_without_care),
        "life-years": lambda p: number(p.life_years),
        "arrival": lambda p: number(p.arrival),
        "vulnerable": lambda p: "yes" if p.vulnerable else "",
        "dependants": lambda p: number(p.dependants) if p.dependants else "",
        "age (age_group)": lambda p: "" if p.age is None else f"{number(p.age)} ({p.group('age_group')})",
        "sex": lambda p: line(p.sex or ""),
    }
    for name in ward.told:
        columns[name] = lambda p, name=name: line(p.attributes.get(name, ""), 600)  # type: ignore[misc]
    return columns


def _amounts(amounts: Mapping[str, float]) -> str:
    return ", ".join(f"{resource} {number(amount)}" for resource, amount in amounts.items() if amount > 0)


def _legend(ward: Ward, filled: Mapping[str, object]) -> str:
    """What the columns mean, as far as they are there."""
    meanings = {
        "in use": "`in use`: what the patient has already, part of what they need.",
        "SOFA": "SOFA: 0–24, higher is iller.",
        "NEWS2": "NEWS2: 0–20, higher is iller.",
        "severity": "`severity` (0–1): higher is iller.",
        "survival with care": "`survival with care`, `without`: chance to survive with all they need, or nothing.",
        "life-years": "`life-years`: expected, if they survive.",
        "arrival": "`arrival`: 1 came first.",
        "dependants": "`dependants`: people who depend on the patient's care.",
    }
    said = [text for head, text in meanings.items() if head in filled]
    if ward.benefit == "life_years":
        said.append("Benefit counts life-years saved, not lives alone.")
    return " ".join(said)
