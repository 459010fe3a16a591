"""Which framework does each persona and model act by, before and after the debate: one table of revealed weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.leanings.choices import WHENS, Choice, Choices, read
from evals.leanings.collinear import condition, terms_at
from evals.leanings.logit import LEVEL, Chosen, Point, point
from evals.leanings.menus import Menu, menu
from evals.leanings.revealed import Revealed, Seen, distinct, regret, revealed
from personas.persona import Values
from scenarios.measures import MEASURES
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord

EPSILON = 0.01
"""ε: by how much utility a choice may miss an optimum and still count as one."""

FEWEST_WARDS = 20
"""Under so many wards a percentile interval covers less than it says, and the note says so."""

BY = ("persona", "model")
Row = dict[str, Any]
Progress = Callable[[int, int], None]


def leanings(
    records: Iterable[RunRecord | Choices],
    by: Sequence[str] = BY,
    *,
    rng: np.random.Generator,
    epsilon: float = EPSILON,
    resamples: int = 200,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Revealed weights of whoever `by` tells apart (any text field of `Choice`), one row a term and a time.

    persona, model, seat (those seen, joined by +) and what else `by` names; when (solo | exit_solo); measure (a
    measure, or `attribute=groups`); declared (mean over the choices); low, high (the set, see `revealed`); point,
    point_low, point_high (the logit, 95 % percentile bootstrap over wards); change, change_low, change_high (of the
    point from solo to exit solo, paired by ward; on exit_solo rows); then, the same on each row of one seat and time:

    misfit          least ε at which any weights fit: what no weights express
    epsilon, empty  at which the set is shown, and whether it was empty at the ε asked
    declared_regret what the choices lose by the declared values, the worst of them; inside = whether within ε
    precision       of the logit, per unit of utility; competent = share of wards within ε of an optimum by `point`
    retest          1 − mean |difference| in shares of demand between identical reruns; NaN without any
    condition       condition number of the terms' correlations
    wards, choices, missing (abstained or invalid), repaired; note
    """
    import pandas as pd

    kept = read(records)
    names = terms_at(kept)
    built: dict[str, Menu] = {}
    groups = _grouped(kept, by)
    made: dict[str, list[Array]] = {}
    for c in kept:
        made.setdefault(c.digest, []).extend(one.x for one in c.choices if one.x is not None)
    rows: list[Row] = []
    for done, (key, members) in enumerate(groups.items()):
        for digest, ward in {m.at.digest: m.at.ward for m in members}.items():
            if digest not in built:
                built[digest] = menu(ward, names, digest, made[digest])
        draws = rng.random((resamples, len({m.at.cluster for m in members})))
        rows += _rows(dict(zip(by, key, strict=True)), members, built, names, epsilon, draws)
        if progress is not None:
            progress(done + 1, len(groups))
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class _Member:
    at: Choices
    choice: Choice


def _grouped(kept: Iterable[Choices], by: Sequence[str]) -> dict[tuple[str, ...], list[_Member]]:
    groups: dict[tuple[str, ...], list[_Member]] = {}
    for at in kept:
        for choice in at.choices:
            key = tuple(str(getattr(choice, name)) for name in by)
            groups.setdefault(key, []).append(_Member(at, choice))
    return dict(sorted(groups.items()))


def _rows(
    key: dict[str, str],
    members: Sequence[_Member],
    menus: dict[str, Menu],
    names: tuple[str, ...],
    epsilon: float,
    draws: Array,
) -> list[Row]:
    """The rows of one persona and model, before and after."""
    groups = {term for m in members for term in m.at.groups}
    allowed = np.array([float(n in MEASURES or n in groups) for n in names])
    joined = {
        f: "+".join(sorted({getattr(m.choice, f) for m in members})) for f in ("persona", "model", "seat")
    }
    rows: list[Row] = []
    before: _Fit | None = None
    for when in WHENS:
        mine = [m for m in members if m.choice.when == when]
        made = [m for m in mine if m.choice.x is not None]
        about = joined | key | {"when": when} | _counts(mine, made)
        if not made:
            nothing = {"note": "no valid choice"}
            rows += [about | {"measure": n} | nothing for n, a in zip(names, allowed, strict=True) if a]
            continue
        fit = _Fit.of(made, menus, allowed, epsilon, draws, before)
        rows += fit.rows(about, names, allowed, None if before is None else before.point)
        before = fit
    return rows


@dataclass(frozen=True, eq=False)
class _Fit:
    """Everything fitted to one seat's choices at one time."""

    made: Sequence[_Member]
    seen: Sequence[Seen]
    set: Revealed
    point: Point
    condition: float
    epsilon: float

    @classmethod
    def of(
        cls,
        made: Sequence[_Member],
        menus: dict[str, Menu],
        allowed: Array,
        epsilon: float,
        draws: Array,
        before: _Fit | None,
    ) -> _Fit:
        """The fits; where the same was chosen before, its set is the same and is not worked out again."""
        seen, chosen = [], []
        for m in made:
            at = menus[m.at.digest]
            assert m.choice.x is not None
            seen.append(Seen(at, at.terms.values(m.choice.x[None])[0]))
            chosen.append(Chosen(at, at.place(m.choice.x), m.at.cluster))
        again = before is not None and distinct(seen).keys() == distinct(before.seen).keys()
        used = list({id(s.menu): s.menu for s in seen}.values())
        return cls(
            made=made,
            seen=seen,
            set=before.set if before is not None and again else revealed(seen, allowed, epsilon),
            point=point(chosen, allowed, draws),
            condition=condition(used, allowed),
            epsilon=epsilon,
        )

    def rows(self, about: Row, names: tuple[str, ...], allowed: Array, before: Point | None) -> list[Row]:
        """One row a term."""
        declared = np.mean([s.menu.terms.weights(m.choice.declared) for s, m in self._both()], axis=0)
        lost = max(regret(s, s.menu.terms.weights(m.choice.declared)) for s, m in self._both())
        shared = about | {
            "misfit": self.set.misfit,
            "epsilon": self.set.epsilon,
            "empty": self.set.empty,
            "declared_regret": lost,
            "inside": lost <= self.epsilon,
            "precision": self.point.precision,
            "competent": self._competent(),
            "retest": _retest(self.made),
            "condition": self.condition,
            "note": self._note(int(about["wards"])),
        }
        found = {
            "declared": declared,
            "low": self.set.low,
            "high": self.set.high,
            "point": self.point.weights,
        }
        found |= {"point_low": self.point.low, "point_high": self.point.high} | _change(before, self.point)
        return [
            shared | {"measure": name} | {column: float(values[j]) for column, values in found.items()}
            for j, name in enumerate(names)
            if allowed[j]
        ]

    def _both(self) -> Iterable[tuple[Seen, _Member]]:
        return zip(self.seen, self.made, strict=True)

    def _competent(self) -> float:
        """Mean over wards of the share of choices within ε of an optimum for the fitted weights, in [0, 1]."""
        if not np.isfinite(self.point.weights).all():
            return float("nan")
        near: dict[str, list[bool]] = {}
        for s, m in self._both():
            near.setdefault(m.at.cluster, []).append(regret(s, self.point.weights) <= self.epsilon)
        return float(np.mean([np.mean(each) for each in near.values()]))

    def _note(self, wards: int) -> str:
        notes = []
        if self.set.empty:
            notes.append(f"no weights fit within {self.epsilon:g}: set shown at {self.set.epsilon:.3g}")
        if not self.set.settled:
            notes.append("bounds of the set from outside")
        if 1 < wards < FEWEST_WARDS:
            notes.append(f"under {FEWEST_WARDS} wards: the interval covers less than it says")
        if wards == 1:
            notes.append("one ward: no interval")
        return "; ".join(notes)


def _change(before: Point | None, after: Point) -> dict[str, Array]:
    """How the point moved from solo to exit solo, paired by resample; nan where there is no solo beside it."""
    gone = np.full(len(after.weights), np.nan)
    if before is None:
        return {"change": gone, "change_low": gone, "change_high": gone}
    moved = {"change": after.weights - before.weights, "change_low": gone, "change_high": gone}
    if len(after.resampled) and before.clusters == after.clusters:
        apart = after.resampled - before.resampled
        low, high = np.quantile(apart, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        moved |= {"change_low": low, "change_high": high}
    return moved


def _counts(mine: Sequence[_Member], made: Sequence[_Member]) -> Row:
    return {
        "wards": len({m.at.cluster for m in made}),
        "choices": len(made),
        "missing": len(mine) - len(made),
        "repaired": sum(m.choice.repaired for m in made),
    }


def _retest(made: Sequence[_Member]) -> float:
    """Mean over wards of 1 − mean |difference| in shares of demand over every two identical reruns, in [0, 1]."""
    reruns: dict[str, list[_Member]] = {}
    for m in made:
        reruns.setdefault(m.choice.rerun, []).append(m)
    agreed: dict[str, list[float]] = {}
    for same in reruns.values():
        demand = same[0].at.ward.arrays.demand
        shares = [m.choice.x[demand > 0] / demand[demand > 0] for m in same if m.choice.x is not None]
        pairs = [1 - abs(a - b).mean() for i, a in enumerate(shares) for b in shares[:i]]
        if pairs:
            agreed.setdefault(same[0].at.cluster, []).append(float(np.mean(pairs)))
    return float(np.mean([np.mean(each) for each in agreed.values()])) if agreed else float("nan")


def rationalised(
    records: Iterable[RunRecord | Choices],
    candidates: dict[str, Values] | None = None,
    by: Sequence[str] = BY,
    *,
    epsilon: float = EPSILON,
) -> pd.DataFrame:
    """Whose declared values would explain the choices: one row a seat and time, and a candidate.

    Candidates are named values; None: those of every persona of the shipped catalogue whose terms are at the table.
    Columns: what `by` names, when, candidate, regret_worst and regret_mean (over choices: what they lose against the
    candidate's own optimum, in utility), inside (the candidate lies in the set at ε), wards.
    """
    import pandas as pd

    kept = read(records)
    names = terms_at(kept)
    built = {c.digest: menu(c.ward, names, c.digest) for c in {c.digest: c for c in kept}.values()}
    known = _shipped(names) if candidates is None else candidates
    rows: list[Row] = []
    for key, members in _grouped(kept, by).items():
        for when in WHENS:
            seen = [
                (m.at.cluster, Seen(built[m.at.digest], built[m.at.digest].terms.values(m.choice.x[None])[0]))
                for m in members
                if m.choice.when == when and m.choice.x is not None
            ]
            rows += [
                dict(zip(by, key, strict=True))
                | {"when": when, "candidate": name}
                | _lost(seen, values, epsilon)
                for name, values in known.items()
                if seen
            ]
    return pd.DataFrame(rows)


def _lost(seen: Sequence[tuple[str, Seen]], values: Values, epsilon: float) -> Row:
    lost = [regret(s, s.menu.terms.weights(values)) for _, s in seen]
    return {
        "regret_worst": max(lost),
        "regret_mean": float(np.mean(lost)),
        "inside": max(lost) <= epsilon,
        "wards": len({cluster for cluster, _ in seen}),
    }


def _shipped(names: Sequence[str]) -> dict[str, Values]:
    from personas.load import load, shipped

    declared = {name: load(name).declared() for name in shipped()}
    return {name: values for name, values in declared.items() if set(values) <= set(names)}
