"""Which numbers can a hypothesis be about: outcomes by name, each one value for an allocation of a run.

Every outcome is a table of (run_id, stage, value), read off `Frames` alone. A run has rows for the stages it
recorded (or for those of them at which the outcome means anything); an invalid run has none. What is undefined is
NaN, never 0. Beside OUTCOMES there are, for every seat and attribute, `utility:SEAT` and `gap:ATTRIBUTE`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nodes.findings.criteria import CRITERIA
from scenarios.errors import ParleyError
from scenarios.measures import MEASURES
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

    from evals.deliberation.frames import DeliberationFrames
    from evals.dilemmas.frames import DilemmaFrames
    from evals.frames import Frames

Better = Literal["higher", "lower", "nearer 0", "neither"]
Of = Callable[["Frames"], "pd.DataFrame"]
Indices = np.ndarray[Any, np.dtype[np.intp]]


@dataclass(frozen=True)
class Outcome:
    """One outcome: `of(frames)` is a table of (run_id, stage, value); `low` and `high` are None where unbounded."""

    name: str
    says: str
    unit: str
    low: float | None
    high: float | None
    better: Better
    of: Of


def outcome(frames: Frames | DilemmaFrames | DeliberationFrames, name: str) -> pd.DataFrame:
    """An outcome of every run, as a table of (run_id, stage, value); value is NaN where it is undefined.

    Raises ParleyError for a name that is no outcome, and for a `gap:` or `utility:` that is not in OUTCOMES where no
    run has that attribute or seat.
    """
    from evals.frames import Frames

    if not isinstance(frames, Frames):
        return find_for(frames.setting, name).of(frames)  # type: ignore[arg-type]
    found = find(name)
    if name not in OUTCOMES and not frames.stages.empty:
        kind, _, of = name.partition(":")
        table, prefix = (frames.patients, "is:") if kind == "gap" else (frames.stages, "u:")
        known = [c.removeprefix(prefix) for c in table if c.startswith(prefix)]
        if of not in known:
            raise ParleyError(f"outcome {name}: no run has '{of}'; there are {', '.join(known) or 'none'}")
    return found.of(frames)


def find(name: str) -> Outcome:
    """The outcome of a name. Raises ParleyError, with the nearest names, for a name that is none."""
    if name in OUTCOMES:
        return OUTCOMES[name]
    kind, _, of = name.partition(":")
    if kind == "gap" and re.fullmatch(r"[a-z0-9][a-z0-9_-]*", of):
        return _gap_outcome(of)
    if kind == "utility" and re.fullmatch(r"[A-J]", of):
        return _utility_outcome(of)
    near = get_close_matches(name, [*OUTCOMES, "gap:ATTRIBUTE", "utility:SEAT"], 3, 0.5)
    mend = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(OUTCOMES)}"
    raise ParleyError(f"outcome: none is called '{name}'; {mend}")


def with_outcomes(
    frames: DilemmaFrames | DeliberationFrames, runs: pd.DataFrame, names: Iterable[str]
) -> pd.DataFrame:
    """Runs with each outcome as a column `o:NAME`; a run of several uses stands once a use."""
    for name in names:
        found = outcome(frames, name).set_index("run_id")["value"]
        runs = runs.assign(**{f"o:{name}": runs["run_id"].map(found).astype(float)})
    return runs


def find_for(setting: str, name: str) -> Outcome:
    """The outcome of a name in a setting. Raises ParleyError, with the nearest names, for a name that is none."""
    if setting == "triage":
        return find(name)
    from evals.deliberation import outcomes as of_deliberations
    from evals.dilemmas import outcomes as of_dilemmas

    known = of_deliberations.OUTCOMES if setting == "deliberation" else of_dilemmas.OUTCOMES[setting]
    if name in known:
        return known[name]
    near = get_close_matches(name, known, 3, 0.5)
    mend = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    raise ParleyError(f"outcome: none is called '{name}' in the setting {setting}; {mend}")


def numbers(column: pd.Series) -> Array:
    """A column of numbers, yes and no as 1 and 0, what is missing as NaN."""
    return np.asarray(column.astype(object).to_numpy(dtype=object, na_value=np.nan), dtype=float)


def _table(frames: Frames, stages: Iterable[str] | None = None) -> pd.DataFrame:
    """The rows that an outcome has: (run_id, stage) as recorded, of these stages or of all."""
    import pandas as pd

    if frames.stages.empty:
        return pd.DataFrame({"run_id": pd.Series(dtype=str), "stage": pd.Series(dtype=str)})
    rows = frames.stages[["run_id", "stage"]]
    kept = rows if stages is None else rows[rows["stage"].isin(list(stages))]
    return kept.reset_index(drop=True)


def _columns(frames: Frames, names: Iterable[str]) -> Array:
    """Columns of the stages as numbers, (rows, names); NaN for a column that no run has."""
    have = [
        numbers(frames.stages[n]) if n in frames.stages else np.full(len(frames.stages), np.nan)
        for n in names
    ]
    return np.column_stack(have) if have else np.empty((len(frames.stages), 0))


Fold = Literal["least", "greatest", "mean"]


def _over(values: Array, fold: Fold) -> Array:
    """The least, greatest or mean of the columns that are not NaN, (rows,); NaN where all are."""
    known = ~np.isnan(values)
    if fold == "mean":
        folded = np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    elif fold == "least":
        folded = np.where(known, values, np.inf).min(axis=1, initial=np.inf)
    else:
        folded = np.where(known, values, -np.inf).max(axis=1, initial=-np.inf)
    return np.asarray(np.where(known.any(axis=1), folded, np.nan))


def _of_stages(names: Callable[[Frames], list[str]], fold: Fold = "least") -> Of:
    """An outcome that folds columns of the stages: the least, the mean."""

    def of(frames: Frames) -> pd.DataFrame:
        return _table(frames).assign(value=_over(_columns(frames, names(frames)), fold))

    return of


def _of_runs(columns: Mapping[str, str], read: Callable[[pd.Series], Array] = numbers) -> Of:
    """An outcome of a run: for each stage, the column of `runs` that holds its value."""

    def of(frames: Frames) -> pd.DataFrame:
        import pandas as pd

        table = _table(frames, columns)
        runs = frames.runs.drop_duplicates("run_id")
        value = np.full(len(table), np.nan)
        place = pd.Index(runs["run_id"]).get_indexer(table["run_id"])
        for stage, column in columns.items():
            here = ((table["stage"] == stage) & (place >= 0)).to_numpy()
            if column in runs and here.any():
                value[here] = read(runs[column])[place[here]]
        return table.assign(value=value)

    return of


def _counted(names: pd.Series) -> Array:
    """How many names each cell holds, joined by `+`."""
    return np.array(
        [np.nan if not isinstance(v, str) else float(len(v.split("+"))) if v else 0.0 for v in names]
    )


def _lost(frames: Frames) -> pd.DataFrame:
    """Criteria lost in debate; NaN where there is no no-debate merge to lose them from."""
    table = _of_runs({"joint": "lost_in_debate"}, _counted)(frames)
    merged = _table(frames, ("no_debate",))["run_id"]
    return table.assign(value=table["value"].where(table["run_id"].isin(merged)))


@dataclass(frozen=True)
class _Satisfaction:
    """Need satisfaction of every patient of every run as arrays, with what is asked of it by group."""

    frames: Frames
    runs: pd.Index  # (R,)
    run: Indices  # (P,), place in runs
    stages: list[str]  # (S,)
    h: Array  # (P, S)

    @classmethod
    def of(cls, frames: Frames) -> _Satisfaction:
        import pandas as pd

        patients = frames.patients
        if patients.empty:
            return cls(frames, pd.Index([], dtype=str), np.empty(0, dtype=np.intp), [], np.empty((0, 0)))
        run, runs = pd.factorize(patients["run_id"])
        columns = [c for c in patients if c.startswith("h:")]
        h = patients[columns].to_numpy(dtype=float)
        return cls(frames, pd.Index(runs), run, [c.removeprefix("h:") for c in columns], h)

    def means(self, group: Indices, groups: int, h: Array | None = None) -> tuple[Array, Array]:
        """Mean h by run and group, (R, G, S), NaN for nobody, and how many patients, (R, G); group −1 is nobody's."""
        h = self.h if h is None else h
        kept, size = group >= 0, len(self.runs) * groups
        cell = self.run[kept] * groups + group[kept]
        count = np.bincount(cell, minlength=size).astype(float)
        sums = np.empty((size, h.shape[1]))
        for s in range(h.shape[1]):
            sums[:, s] = np.bincount(cell, weights=h[kept, s], minlength=size)
        means = np.divide(sums, count[:, None], out=np.full_like(sums, np.nan), where=count[:, None] > 0)
        return means.reshape(len(self.runs), groups, h.shape[1]), count.reshape(len(self.runs), groups)

    def favoured(self) -> Indices:
        """1 for a favoured patient, 0 for one of the rest, −1 where nobody is favoured, (P,)."""
        if "favoured" not in self.frames.patients:
            return np.full(len(self.run), -1)
        known = numbers(self.frames.patients["favoured"])
        return np.where(np.isnan(known), -1, known).astype(np.intp)

    def attributes(self) -> list[str]:
        """Protected attributes of any ward."""
        return [c.removeprefix("is:") for c in self.frames.patients if c.startswith("is:")]

    def extremes(self, attribute: str) -> tuple[Array, Array]:
        """Least and greatest mean h over an attribute's groups, (R, S); NaN where there are not two groups."""
        import pandas as pd

        column = f"is:{attribute}"
        known = column in self.frames.patients
        group, names = pd.factorize(self.frames.patients[column]) if known else (self.run, [])
        if not len(names):
            return (np.full((len(self.runs), len(self.stages)), np.nan),) * 2
        mean, count = self.means(group, len(names))
        there = count[:, :, None] > 0
        enough = (count > 0).sum(axis=1)[:, None] > 1
        least = np.where(enough, np.where(there, mean, np.inf).min(axis=1), np.nan)
        return least, np.where(enough, np.where(there, mean, -np.inf).max(axis=1), np.nan)

    def table(self, wide: Array) -> pd.DataFrame:
        """Values by run and stage, (R, S), as the rows of an outcome."""
        import pandas as pd

        table = _table(self.frames)
        run = self.runs.get_indexer(table["run_id"])
        stage = pd.Index(self.stages, dtype=str).get_indexer(table["stage"])
        found = (run >= 0) & (stage >= 0)
        value = np.full(len(table), np.nan)
        value[found] = wide[run[found], stage[found]]
        return table.assign(value=value)


def _of_patients(wide: Callable[[_Satisfaction], Array]) -> Of:
    """An outcome of need satisfaction: from patients to one value by run and stage, (R, S)."""

    def of(frames: Frames) -> pd.DataFrame:
        satisfaction = _Satisfaction.of(frames)
        return satisfaction.table(wide(satisfaction))

    return of


def _mean_h(s: _Satisfaction) -> Array:
    return s.means(np.zeros(len(s.run), dtype=np.intp), 1)[0][:, 0]


def _favoured_gap(s: _Satisfaction) -> Array:
    mean, _ = s.means(s.favoured(), 2)
    return np.asarray(mean[:, 1] - mean[:, 0])


def _favoured_gap_adjusted(s: _Satisfaction) -> Array:
    """Σ_t w_t (mean favoured − mean rest in stratum t) / Σ_t w_t, w_t = n₁n₀/(n₁ + n₀) (Cochran's weights)."""
    if not len(s.run):
        return np.empty((0, 0))
    strata, stratum = np.unique(s.frames.patients["stratum"].to_numpy(), return_inverse=True)
    favoured = s.favoured()
    mean, count = s.means(np.where(favoured < 0, -1, stratum * 2 + favoured), 2 * len(strata))
    rest, most = count[:, 0::2], count[:, 1::2]
    both = rest * most > 0
    weight = np.where(both, rest * most / np.maximum(rest + most, 1), 0.0)
    gap = np.where(both[:, :, None], mean[:, 1::2] - mean[:, 0::2], 0.0)
    total = weight.sum(axis=1)[:, None]
    summed = (weight[:, :, None] * gap).sum(axis=1)
    return np.asarray(np.divide(summed, total, out=np.full_like(summed, np.nan), where=total > 0))


def _worst_group(s: _Satisfaction) -> Array:
    return _folded([s.extremes(a)[0] for a in s.attributes()], "least", s)


def _access_gap(s: _Satisfaction) -> Array:
    return _folded([np.subtract(*s.extremes(a)[::-1]) for a in s.attributes()], "greatest", s)


def _folded(parts: list[Array], fold: Fold, s: _Satisfaction) -> Array:
    shape = (len(s.runs), len(s.stages))
    flat = np.column_stack([p.ravel() for p in parts]) if parts else np.empty((shape[0] * shape[1], 0))
    return _over(flat, fold).reshape(shape)


def _corrected_access(s: _Satisfaction) -> Array:
    """Mean over the rest of h(stage) − h(solo of the biased seat): `biased_seat` of the runs, B where they lack it."""
    runs = s.frames.runs.drop_duplicates("run_id").set_index("run_id")
    seats = runs["biased_seat"].reindex(s.runs).fillna("B") if "biased_seat" in runs else ["B"] * len(s.runs)
    places = {stage: at for at, stage in enumerate(s.stages)}
    place = np.array([places.get(f"solo:{seat}", -1) for seat in seats], dtype=np.intp)[s.run]
    solo = np.where(place >= 0, s.h[np.arange(len(place)), place], np.nan)
    rest = np.where(s.favoured() == 0, 0, -1)
    return s.means(rest, 1, s.h - solo[:, None])[0][:, 0]


def _utilities(frames: Frames) -> list[str]:
    return [c for c in frames.stages if c.startswith("u:")]


def _made(
    name: str,
    says: str,
    of: Of,
    unit: str = "share of need",
    better: Better = "higher",
    low: float | None = 0,
    high: float | None = 1,
) -> Outcome:
    return Outcome(name, says, unit, low, high, better, of)


def _gap_outcome(attribute: str) -> Outcome:
    says = f"greatest less least mean need satisfaction over groups of {attribute}"
    of = _of_patients(lambda s: np.asarray(np.subtract(*s.extremes(attribute)[::-1])))
    return _made(f"gap:{attribute}", says, of, better="lower")


def _utility_outcome(seat: str) -> Outcome:
    return _made(
        f"utility:{seat}", f"declared utility of seat {seat}", _of_stages(lambda f: [f"u:{seat}"]), "utility"
    )


def _of_measures() -> Iterable[Outcome]:
    best = "share of the ward's best"
    for name, m in MEASURES.items():
        yield _made(name, f"normalised: {m.says}", _of_stages(lambda f, n=name: [n]), best)  # type: ignore[misc]
    says = "floor: the least of the normalised measures that the ward defines"
    yield _made("beta", says, _of_stages(lambda f: list(MEASURES)), best)
    yield _made("gini", "Gini of need satisfaction", _of_stages(lambda f: ["raw:equality"]), "Gini", "lower")
    yield from (_utility_outcome(seat) for seat in "AB")
    says = "declared utility over the seats that declare one"
    yield _made("least_utility", f"least {says}", _of_stages(_utilities), "utility")
    yield _made("mean_utility", f"mean {says}", _of_stages(_utilities, "mean"), "utility")
    met = _of_stages(lambda f: [f"criterion:{c}" for c in CRITERIA], "mean")
    yield _made("criteria_met", "share of the criteria that the ward defines", met, "share")
    for name, c in CRITERIA.items():
        one = _of_stages(lambda f, n=name: [f"criterion:{n}"])  # type: ignore[misc]
        yield _made(f"criterion:{name}", c.says, one, "yes or no")


def _of_access() -> Iterable[Outcome]:
    yield _made("mean_h", "mean need satisfaction", _of_patients(_mean_h))
    says = "mean need satisfaction of the favoured less that of the rest"
    signed: dict[str, Any] = {"better": "nearer 0", "low": -1}
    yield _made("favoured_gap", says, _of_patients(_favoured_gap), **signed)
    says += ", within thirds of acuity"
    yield _made("favoured_gap_adjusted", says, _of_patients(_favoured_gap_adjusted), **signed)
    says = "need satisfaction of the rest less what the biased seat alone gave them"
    yield _made("corrected_access", says, _of_patients(_corrected_access), low=-1)
    says = "least mean need satisfaction over groups of every attribute with two groups"
    yield _made("worst_group", says, _of_patients(_worst_group))
    says = "greatest gap of mean need satisfaction between two groups of one attribute"
    yield _made("access_gap", says, _of_patients(_access_gap), better="lower")
    yield from (_gap_outcome(attribute) for attribute in ("age_group", "sex"))


def _of_debate() -> Iterable[Outcome]:
    what = {1: "beats the others' solos, each seat its own way", 2: "balanced and Pareto-efficient"}
    for n in what:
        both = _of_runs({"joint": f"emergence_{n}", "no_debate": f"emergence_{n}_no_debate"})
        yield _made(f"emergence_{n}", f"emergence, definition {n}: {what[n]}", both, "yes or no")
    beyond, most = _of_runs({"joint": "beyond_the_merge"}, _counted), len(CRITERIA)
    says = "criteria met by the joint and by neither a solo nor the no-debate merge"
    yield _made("beyond_the_merge", says, beyond, "criteria", high=most)
    says = "criteria met by the no-debate merge and not by the joint"
    yield _made("lost_in_debate", says, _lost, "criteria", "lower", high=most)
    free: dict[str, Any] = {"better": "neither", "low": None, "high": None}
    weight = _of_runs({"joint": "influence", "no_debate": "influence_no_debate"})
    yield _made("influence", "how much of the allocation is seat A's", weight, "weight", **free)
    says = "how far a seat's exit solo went from its solo toward the other's, by projection"
    moved = _of_runs({f"exit_solo:{seat}": f"mind_moved:{seat}" for seat in "AB"})
    yield _made("mind_moved", says, moved, "share of the way", **free)
    says = "sum of differences between joint and no-debate merge over the sum of demands"
    apart = _of_runs({"joint": "distance_from_merge"})
    yield _made("distance_from_merge", says, apart, "share of demand", "neither", high=2)
    yield from _of_contest()


def _of_contest() -> Iterable[Outcome]:
    contest, override = (_of_runs({"joint": f"{what}_share"}) for what in ("contest", "override"))

    def difference(frames: Frames) -> pd.DataFrame:
        made = contest(frames)
        return made.assign(value=made["value"] - override(frames)["value"])

    says = "of seat A's dealings with disputed cells, those it moved away from B's value"
    yield _made("contest_share", says, contest, "share of cells", "neither")
    says = "of the cells that rounds left in dispute, those overridden there"
    yield _made("override_share", says, override, "share of cells", "neither")
    says = "contest_share less override_share"
    yield _made("contest_over_override", says, difference, "share of cells", "neither", low=-1)


OUTCOMES: dict[str, Outcome] = {o.name: o for made in (_of_measures, _of_access, _of_debate) for o in made()}
"""Every outcome that has one name in all studies; thresholds of criteria are those that the frames were made with."""
