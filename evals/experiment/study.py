"""What does a study ask: its setting, scenarios, factors, conditions, hypotheses, nulls, twins, caps?"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from scenarios.errors import ParleyError
from scenarios.model import Model, Slug

BASE = "base"
"""The condition of runs in the crossed design where no factor varies; their `control` is "" everywhere."""

SELECTORS = ("stage", "control")
"""What selects rows of a hypothesis beside factors: a stage, and a listed condition's name ("" for the cross)."""

NAMED_BY_VALUE = (
    *("framework", "opponent", "panel", "pair"),
    *("model", "opponent_model", "mediator_model", "merge_rule"),
)
"""Factors whose values speak for themselves in a condition's name."""

UNITS = {"triage": "ward", "commons": "world", "games": "game", "deliberation": "dilemma"}
"""What is drawn anew: the cluster that intervals and tests are over, by setting."""

FINAL = {"triage": "joint", "commons": "final", "games": "final", "deliberation": "final"}
"""The stage that a hypothesis is about where it names none, by setting."""

RESERVED = {"seed": "list them under `seeds`", "replicate": "say how many under `replicates`"}

Kind = Literal["linear", "boulware", "conceder", "tit-for-tat"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Permuted = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(\+[a-z0-9_-]+)*$")]
Words = Annotated[str, Field(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Condition(Model):
    """A listed condition: settings laid over the base cells that `only` selects (all, if it selects none)."""

    name: Slug
    set: dict[str, Any] = Field(min_length=1)
    only: dict[str, Any] = Field(default_factory=dict)
    answers: str = ""


class Hypothesis(Model):
    """A claim and the contrast that tests it: rows that `of` selects against others, or against a number."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,31}$")]
    claim: Words
    outcome: Words
    of: dict[str, Any] = Field(default_factory=dict)
    against: dict[str, Any] | Finite = 0.0
    direction: Literal["less", "greater", "two-sided"] = "two-sided"
    family: Words = "primary"
    smallest_effect: Finite = Field(default=0.0, ge=0, description="the least difference that would matter")
    source: str = ""

    @property
    def other_side(self) -> dict[str, Any] | None:
        """What selects the control rows: as `of`, with what differs laid over; None against a number."""
        return self.of | self.against if isinstance(self.against, dict) else None


class Grid(Model):
    """The published policy grid of reference negotiators: every point is one bargaining null.

    A policy concedes as a kind does, or by an exponent (below 1 boulware, 1 linear, above conceder).
    """

    concession: tuple[Kind, ...] = ()
    exponent: tuple[Annotated[float, Field(gt=0, le=100)], ...] = ()
    floor: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(default=(0.5,), min_length=1)
    order: tuple[Literal["as-seated", "reversed", "alternating"], ...] = Field(
        default=("as-seated",), min_length=1
    )

    def points(self) -> dict[str, dict[str, Any]]:
        """Every point of the grid by its label, as settings; linear where no way to concede is named."""
        ways: dict[str, dict[str, Any]] = {
            kind: {"concession": kind, "exponent": None} for kind in self.concession
        }
        for e in self.exponent:
            kind = "boulware" if e < 1 else "linear" if e == 1 else "conceder"
            ways[f"{kind} {e:g}"] = {"concession": kind, "exponent": e}
        ways = ways or {"linear": {"concession": "linear", "exponent": None}}
        return {
            f"{way}, floor {floor:g}, {order}": said | {"floor": floor, "order": order}
            for way, said in ways.items()
            for floor in self.floor
            for order in self.order
        }


class Nulls(Model):
    """Nulls that take runs of their own; the no-debate merge stands in every record already."""

    bargaining: Grid | None = None


class Twins(Model):
    """Counterfactual twins of every selected base cell, and identical reruns to tell their noise by."""

    attributes: tuple[Permuted, ...] = Field(
        min_length=1, description="each entry a set of twins: `sex`, `sex+age_group` together, or `all`"
    )
    permutations: int = Field(default=20, ge=1, le=10_000)
    reruns: int = Field(default=1, ge=0, le=1000)
    only: dict[str, Any] = Field(default_factory=dict)


class Planted(Model):
    """The positive control: reference seats, of which one is biased by a known strength."""

    opponent: Slug
    strengths: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(min_length=1)
    framework: Slug | None = Field(default=None, description="persona of seat A; None: the design's first")


class Caps(Model):
    """What the study may spend, over all its sessions together."""

    usd: float | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)


class Study(Model):
    """One study, as its YAML file says it. Its `wards` may be written `scenarios`, in every setting."""

    name: Slug
    question: Words
    source: str = ""
    setting: Literal["triage", "commons", "games", "deliberation"] = "triage"
    wards: tuple[Words, ...] = Field(min_length=1, validation_alias=AliasChoices("wards", "scenarios"))
    seeds: tuple[Seed, ...] = Field(default=(1,), min_length=1)
    replicates: int = Field(default=1, ge=1, le=10_000)
    settings: dict[str, Any] = Field(default_factory=dict)
    factors: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    nulls: Nulls = Nulls()
    twins: Twins | None = None
    planted: Planted | None = None
    exclusions: tuple[Words, ...] = ()
    caps: Caps = Caps()
    thresholds: dict[str, Finite] = Field(default_factory=dict)

    _text: str = PrivateAttr(default="")

    @property
    def text(self) -> str:
        """The file it was read from, as it stands."""
        return self._text

    @property
    def unit(self) -> str:
        """What one cluster is: a ward, a world, a game, a dilemma."""
        return UNITS[self.setting]

    @property
    def listed_as(self) -> str:
        """The field that lists the scenarios, as errors name it."""
        return "wards" if self.setting == "triage" else "scenarios"

    @property
    def final_stage(self) -> str:
        """The stage that a hypothesis is about where it names none."""
        return FINAL[self.setting]

    @model_validator(mode="before")
    @classmethod
    def _listed_once(cls, data: Any) -> Any:
        if isinstance(data, dict) and "wards" in data and "scenarios" in data:
            raise ValueError("scenarios: another word for wards, which are given too; keep one")
        return data

    @field_validator("wards", "seeds", mode="before")
    @classmethod
    def _expanded(cls, value: object, info: ValidationInfo) -> object:
        entries = [value] if isinstance(value, str | int) else value
        if not isinstance(entries, list | tuple):
            return value
        out = [part for e in entries for part in (expand(e) if isinstance(e, str) else [e])]
        if info.field_name == "wards" and info.data.get("setting") == "deliberation":
            out = [name for e in out for name in _dilemmas(e)]
        twice = next((e for e in out if out.count(e) > 1), None) if len(out) < 2000 else None
        first = [(e, e.partition(",")[0]) for e in out if isinstance(e, str)]
        torn = next((e for e, part in first if "=" in part and ":" not in part and "/" not in part), None)
        if torn is not None:
            what = "ward" if info.data.get("setting") == "triage" else "scenario"
            raise ValueError(f"'{torn}' is no {what}; put the whole spec, commas and all, in quotes")
        if twice is not None or len(set(map(str, out))) < len(out):
            raise ValueError(f"{twice if twice is not None else 'an entry'} stands twice; remove one")
        return out

    @field_validator("nulls", mode="before")
    @classmethod
    def _no_nulls(cls, value: object) -> object:
        return {} if value is None else value

    def cells(self) -> list[dict[str, Any]]:
        """The crossed base cells, factor -> value, the last factor turning fastest; one empty cell without factors."""
        return [
            dict(zip(self.factors, values, strict=True))
            for values in itertools.product(*self.factors.values())
        ]

    def named(self, cell: Mapping[str, Any], control: str = "") -> str:
        """The condition of a cell in words: the factors that vary, after the listed condition's name if any."""
        varied = [f for f, values in self.factors.items() if len(values) > 1]
        said = " × ".join(label(cell[f]) if f in NAMED_BY_VALUE else f"{f}={label(cell[f])}" for f in varied)
        if not control:
            return said or BASE
        return f"{control}: {said}" if said else control

    def selected(self, only: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The base cells that `only` selects: each factor it names has one of the values it gives."""
        return [c for c in self.cells() if all(label(c[f]) in labels(wanted) for f, wanted in only.items())]


def label(value: Any) -> str:
    """A factor's value in words, by which values are compared: lists joined by +, numbers without idle zeros."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return "+".join(label(v) for v in value) or "none"
    return str(value)


def labels(wanted: Any) -> list[str]:
    """The values a selection allows: one, or the entries of a list."""
    return [label(w) for w in wanted] if isinstance(wanted, list | tuple) else [label(wanted)]


def _dilemmas(spec: Any) -> list[Any]:
    """`held-out`, `train` and `all` as the names of those dilemmas of the catalogue; any other spec as it is."""
    if spec not in ("held-out", "train", "all"):
        return [spec]
    from scenarios.dilemmas import catalogue

    return [d.name for d in catalogue().values() if spec == "all" or d.held_out == (spec == "held-out")]


_RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")
MOST_WARDS = 100_000


def expand(text: str) -> list[str]:
    """`generated:{1..3}` as three specs; several ranges are crossed. Raises ValueError for an empty or huge one."""
    parts = _RANGE.split(text)
    ranges = [(int(a), int(b)) for a, b in zip(parts[1::3], parts[2::3], strict=True)]
    count = 1
    for first, last in ranges:
        if last < first:
            raise ValueError(f"{{{first}..{last}}} is empty; write {{{last}..{first}}}")
        count *= last - first + 1
    if count > MOST_WARDS:
        raise ValueError(f"'{text}' expands to {count} entries; {MOST_WARDS} are the most")
    between = parts[0::3]
    return [
        between[0] + "".join(f"{n}{after}" for n, after in zip(numbers, between[1:], strict=True))
        for numbers in itertools.product(*(range(first, last + 1) for first, last in ranges))
    ]


def near(word: str, known: Iterable[str]) -> str:
    """The mend of a name that nobody knows: the nearest one, else all there are."""
    names = list(known)
    found = get_close_matches(word, names, 1, 0.5)
    return f"did you mean '{found[0]}'?" if found else f"there are {', '.join(names) or 'none'}"


def table(study: Study, changes: Sequence[Mapping[str, Any]], seed: int = 1, replicate: int = 0) -> Any:
    """The settings of a run: the study's, with changes laid over one after the other. Raises ParleyError."""
    from pydantic import ValidationError

    from graphs.setting import setting

    kind = setting(study.setting).table
    laid: dict[str, Any] = dict(study.settings)
    for change in changes:
        laid |= change
    try:
        return kind.model_validate(laid | {"seed": seed, "replicate": replicate})
    except ValidationError as error:
        from evals.experiment.reading import said

        raise ParleyError(said(error.errors()[0], laid, kind.model_fields)) from None
