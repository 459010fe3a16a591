"""What would have happened had the labels been others: a ward's counterfactual twin."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import ParleyError
from scenarios.ward import STORY, Patient, Ward

Indices = NDArray[np.intp]


def twin(
    ward: Ward, attributes: Sequence[str] | None = None, seed: int = 0, within_acuity: bool = True
) -> Ward:
    """The ward with protected attributes permuted among its patients; all that is clinical stays.

    Each attribute is permuted by itself, by a draw that depends on the seed and its own name alone; for
    `age_group` the ages move. With `within_acuity` labels stay within thirds of acuity
    (`acuity_strata`); where no third has two groups, the whole ward is permuted instead. At least one
    patient's group changes, always. Patients whose group is not known keep that.

    The name ends in `--twin-ATTRIBUTES-SEED`, with `-whole` where a permutation went over the whole ward;
    `reason` says the same in words. Title and setting stay, so that no seat is told it sees a twin.
    `attributes=None` takes every attribute that has two groups and that no measure uses.

    Raises ParleyError for an attribute the ward does not have, one whose patients are all of one group,
    and for age where benefit is life-years, which a measure reads: that would not be counterfactual.
    """
    chosen = _permutable(ward) if attributes is None else list(dict.fromkeys(attributes))
    if not chosen:
        raise ParleyError(f"ward '{ward.name}': no protected attribute has two groups; relabel patients")
    patients, widened = list(ward.patients), []
    for attribute in chosen:
        sources, whole = permutation(ward, attribute, seed, within_acuity)
        patients = [
            _relabelled(p, attribute, ward.patients[s]) for p, s in zip(patients, sources, strict=True)
        ]
        widened += [attribute] if whole else []
    permuted = "all" if attributes is None else "-".join(chosen)
    name = _name(ward.name, f"--twin-{permuted}-{seed}{'-whole' if widened else ''}")
    how = "within thirds of acuity" if within_acuity else "over the whole ward"
    note = f"Twin of {ward.name}: {', '.join(chosen)} permuted {how}, seed {seed}."
    if widened and within_acuity:
        note += f" No third of acuity has two groups of {', '.join(widened)}: permuted over the whole ward."
    fields = {field: getattr(ward, field) for field in Ward.model_fields}  # a copy would keep what is cached
    return Ward(**(fields | {"name": name, "reason": note, "patients": patients}))


def permutation(
    ward: Ward, attribute: str, seed: int = 0, within_acuity: bool = True
) -> tuple[Indices, bool]:
    """Who gets whose label: `sources` (N,), patient i taking the label of patient sources[i].

    The second value says whether the permutation went over the whole ward. Uniform over the permutations,
    within strata or not, that change at least one label. Raises as `twin` does.
    """
    _check(ward, attribute)
    labels = np.array([group or "" for group in ward.groups(attribute)])
    known = np.flatnonzero(labels != "")
    strata = acuity_strata(ward) if within_acuity else np.zeros(len(labels), dtype=np.intp)
    blocks = [known[strata[known] == s] for s in np.unique(strata[known])]
    whole = not within_acuity or not any(len(set(labels[block])) > 1 for block in blocks)
    if whole:
        blocks = [known]
    rng = np.random.default_rng([seed, crc32(attribute.encode())])
    sources = np.arange(len(labels))
    while np.array_equal(labels[sources], labels):  # two groups in a block: at least every other draw differs
        for block in blocks:
            sources[block] = rng.permutation(block)
    return sources, whole


def acuity_strata(ward: Ward) -> Indices:
    """Third of acuity of each patient (N,), 0 the least ill: cut at the 1/3 and 2/3 quantiles, ties kept."""
    acuity = ward.arrays.acuity
    return np.searchsorted(np.quantile(acuity, [1 / 3, 2 / 3]), acuity, side="left")


def _permutable(ward: Ward) -> list[str]:
    def fits(attribute: str) -> bool:
        used = attribute == "age_group" and ward.benefit == "life_years"
        return not used and len(set(ward.groups(attribute)) - {None}) > 1

    return [attribute for attribute in ward.protected if fits(attribute)]


def _check(ward: Ward, attribute: str) -> None:
    where = f"ward '{ward.name}', attribute '{attribute}'"
    if attribute.removesuffix(STORY) in ward.protected and attribute.endswith(STORY):
        raise ParleyError(f"{where}: it moves with '{attribute.removesuffix(STORY)}'; name that")
    if attribute not in ward.protected:
        raise ParleyError(f"{where}: unknown here; the protected ones are {', '.join(ward.protected)}")
    if attribute == "age_group" and ward.benefit == "life_years":
        raise ParleyError(f"{where}: benefit is life_years, so a measure uses age; permute another attribute")
    groups = set(ward.groups(attribute)) - {None}
    if len(groups) < 2:
        raise ParleyError(f"{where}: all are '{groups.pop()}', so no twin can differ; permute another")


def _relabelled(patient: Patient, attribute: str, source: Patient) -> Patient:
    if attribute == "age_group":
        return patient.model_copy(update={"age": source.age})
    if attribute == "sex":
        return patient.model_copy(update={"sex": source.sex})
    moved = (attribute, attribute + STORY)
    kept = {name: patient.attributes[name] for name in patient.attributes if name not in moved}
    taken = {name: source.attributes[name] for name in moved if name in source.attributes}
    order = dict.fromkeys([*patient.attributes, *taken])
    both = kept | taken
    return patient.model_copy(update={"attributes": {name: both[name] for name in order if name in both}})


def _name(base: str, suffix: str) -> str:
    """Base and suffix in the 64 characters of a name; a base cut short keeps a mark of what it was."""
    room = 64 - len(suffix)
    if len(base) <= room:
        return base + suffix
    mark = f"-{crc32((base + suffix).encode()):08x}"
    return base[: max(1, 64 - len(mark) - min(len(suffix), 40))] + mark + suffix[-40:]
