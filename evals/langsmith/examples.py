"""What is asked in a dataset: wards and their counterfactual twins as examples, complete and without a path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from scenarios.ward import Ward

Json = dict[str, Any]

PARLEY = uuid5(NAMESPACE_URL, "parley:langsmith")
SPLITS = ("base", "twins")
"""Wards as they were named, and their twins: a run may take one of the two alone."""

_TWINNED = re.compile(
    r"(?P<base>.+)~(?P<attributes>[a-z0-9_-]+(?:\+[a-z0-9_-]+)*)(?:@(?P<seed>\d{1,9}))?", re.DOTALL
)


@dataclass(frozen=True)
class Example:
    """One debate to be had: `inputs` is what the triage graph takes, `outputs` what is known of the ward ahead.

    `scenario` is the ward's spec, for a ward of a file its name: paths say nothing to others. `cluster` is the
    scenario of the ward that a twin is a twin of, its own for all others; `twin` is "" or ATTRIBUTES@SEED.
    """

    scenario: str
    cluster: str
    twin: str
    inputs: Json
    outputs: Json

    @property
    def split(self) -> str:
        """The split it belongs to."""
        return SPLITS[1] if self.twin else SPLITS[0]

    @property
    def metadata(self) -> Json:
        """Where it belongs, as the dataset keeps it."""
        return {
            "scenario": self.scenario,
            "cluster": self.cluster,
            "twin": self.twin,
            "split": self.split,
        }

    def id_in(self, dataset: str) -> UUID:
        """Its id in a dataset: the same whenever it is pushed, another in every other dataset."""
        return uuid5(PARLEY, f"{dataset}\n{self.scenario}")


@dataclass(frozen=True)
class Made:
    """The examples of some wards, each ward before its twins; `without_twin`: attribute -> scenarios that have none."""

    examples: list[Example]
    without_twin: dict[str, list[str]] = field(default_factory=dict)

    @property
    def notes(self) -> Iterator[str]:
        """What was asked for and cannot be, a line each."""
        for attribute, of in self.without_twin.items():
            some = ", ".join(of[:3]) + (" …" if len(of) > 3 else "")
            yield f"no twin by {attribute}: {len(of)} wards have no two groups of it, or measure by it ({some})"


def made(
    specs: Sequence[str], attributes: Sequence[str] = (), permutations: int = 5, *, outputs: bool = True
) -> Made:
    """The examples of wards, `{a..b}` expanded, each with `permutations` twins by each of `attributes`.

    An entry of `attributes` is one attribute, several permuted together (`sex+age_group`), or `all`. Without
    `outputs` no ward's optima are worked out, which nobody needs who debates it here and now. Raises
    ParleyError for a spec that is no ward, a ward that stands twice, and twins asked of a twin.
    """
    from evals.experiment.study import expand

    try:
        expanded = [part for spec in specs for part in expand(spec.strip())]
    except ValueError as error:
        raise ParleyError(f"wards: {error}") from None
    if not expanded:
        raise ParleyError("no ward is named; give at least one, as in generated:{1..8},n=8")
    found: dict[str, Example] = {}
    missing: dict[str, list[str]] = {}
    for spec in expanded:
        for example in _of_ward(spec, attributes, permutations, missing, outputs):
            _once(example, found, spec)
    return Made(list(found.values()), missing)


def _once(example: Example, found: dict[str, Example], spec: str) -> None:
    """Enter an example under its scenario, unless one is there already."""
    if example.scenario in found:
        mend = "remove one" if found[example.scenario].inputs == example.inputs else "rename one ward"
        raise ParleyError(f"wards: '{example.scenario}' stands twice (again at {spec}); {mend}")
    found[example.scenario] = example


def _of_ward(
    spec: str, attributes: Sequence[str], permutations: int, missing: dict[str, list[str]], outputs: bool
) -> Iterator[Example]:
    from scenarios.load import load

    ward = load(spec)
    cluster, already = _said(spec)
    if already and attributes:
        raise ParleyError(f"wards: '{spec}' is a twin already; name the ward itself, --twins makes its twins")
    facts = reference(ward) if outputs else {}
    scenario = f"{cluster}~{already}" if already else cluster
    yield Example(scenario, cluster, already, {"ward": ward.model_dump(mode="json")}, facts)
    for attribute in dict.fromkeys(attributes):
        for seed in range(1, permutations + 1):
            twin = _twin(ward, attribute, seed)
            if twin is None:
                missing.setdefault(attribute, []).append(cluster)
                break
            named = f"{attribute}@{seed}"
            # A label that a measure uses has no twins, so what is known of the ward holds for its twin.
            yield Example(f"{cluster}~{named}", cluster, named, {"ward": twin.model_dump(mode="json")}, facts)


def _twin(ward: Ward, attribute: str, seed: int) -> Ward | None:
    """The ward's twin; None where this ward has none by that attribute."""
    from scenarios.twin import twin

    try:
        return twin(ward, None if attribute == "all" else attribute.split("+"), seed=seed)
    except ParleyError:
        if not re.fullmatch(r"[a-z0-9_-]+(\+[a-z0-9_-]+)*", attribute):
            raise ParleyError(f"--twins {attribute}: no attribute; name some, as in sex,age_group") from None
        return None


def _said(spec: str) -> tuple[str, str]:
    """(the base ward in words that hold on every machine, the twin it is of that base, "" if none)."""
    from scenarios.load import load, names

    named = _TWINNED.fullmatch(spec)
    if named and not Path(spec).expanduser().exists():
        base, _ = _said(named["base"])
        return base, f"{named['attributes']}@{int(named['seed'] or 0)}"
    if spec in names() or spec.startswith("generated:"):
        return re.sub(r"\s+", "", spec), ""
    return load(spec).name, ""


def reference(ward: Ward) -> Json:
    """What is known of a ward before any debate, for evaluators that see the dataset alone.

    beta_optimum  β_opt = max over feasible x of the least normalised measure, over `beta_over`: all that it defines
    maxima        f_max over feasible x of the four raw measures that have one, in each one's own unit
    """
    import numpy as np

    from scenarios.measures import MEASURES
    from scenarios.optimum import balanced_optimum, bounds, normalised_measures

    nothing = np.zeros_like(ward.arrays.demand)
    over = [name for name, g in normalised_measures(ward, nothing).items() if g is not None]
    best = round(balanced_optimum(ward, over).value, 9) if over else None
    most = bounds(ward)
    maxima = {name: round(most[name], 9) for name in MEASURES if name in most and name != "equality"}
    return {"beta_optimum": best, "beta_over": over, "maxima": maxima}


def scenario_of(metadata: Mapping[str, Any] | None, inputs: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """(scenario, cluster, twin) of an example of any dataset: as its metadata says, else by its ward's name."""
    told, given = metadata or {}, inputs or {}
    ward = given.get("ward")
    name = str((ward.get("name") if isinstance(ward, Mapping) else None) or given.get("scenario") or "")
    scenario = str(told.get("scenario") or name or "unnamed")
    return scenario, str(told.get("cluster") or scenario), str(told.get("twin") or "")


def names_of(text: str | None) -> list[str]:
    """`sex,age_group` as attributes; empty for nothing."""
    return [part for part in (text or "").replace(" ", "").split(",") if part]


def by_id(examples: Iterable[Example], dataset: str) -> dict[UUID, Example]:
    """Examples by their id in a dataset."""
    return {example.id_in(dataset): example for example in examples}
