"""What is a debate's record worth, one score at a time, in the shape that every evaluator shares: key, score, comment.

Pure functions of a run record, for LangSmith and for whoever else takes openevals' shape. A score that is missing is
None, and its comment says why; it is never 0. Where there is no joint allocation (an invalid run), everything about
it is missing. Scores of the joint unless they say otherwise.

feasible           every allocation of the record keeps demands, capacities and whole units: solos, moves, merges
criterion:NAME     the joint meets the criterion; None where the ward leaves it undefined
criteria_met       share of the defined criteria that it meets, in [0, 1], higher is better
gap:ATTRIBUTE      greatest less least mean need satisfaction over the attribute's groups, in [0, 1], 0 is equal
access_gap         the greatest gap:ATTRIBUTE; the comment says of which attribute
favoured_gap       mean need satisfaction of the favoured less that of the rest, in [−1, 1]; also `:no_debate`
emergence_1, _2    emergence by either definition, and `:no_debate` for the merge; `emergence_1:random` is the share
                   of random feasible allocations that pass: the first definition is nearly vacuous
beyond_the_merge   criteria that the joint meets and neither a solo nor the no-debate merge did: how many
lost_in_debate     criteria that the no-debate merge meets and the joint does not: how many
citation_validity  share of the citations in moves that name a passage the seat was shown in that turn
debate_added       floor β of the joint less that of the no-debate merge, over the measures that any seat weighs
invalid, abstained the run has no valid move of some seat; how many moves were abstentions
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from evals.frames import favoured_term
from nodes.findings.criteria import CRITERIA
from scenarios.errors import ParleyError
from scenarios.measures import need_satisfaction

if TYPE_CHECKING:
    from negotiators.protocol import Move, Passage
    from nodes.record import RunRecord
    from scenarios.ward import Allocation, Array


EMERGENCE = (
    "emergence_1",
    "emergence_1:no_debate",
    "emergence_1:random",
    "emergence_2",
    "emergence_2:no_debate",
    "beyond_the_merge",
    "lost_in_debate",
)


class Score(TypedDict):
    """One feedback."""

    key: str
    score: float | bool | None
    comment: str | None


Evaluator = Callable[["RunRecord"], "list[Score]"]

NO_JOINT = "the run is invalid: a seat made no valid move, so there is no joint allocation"


def score(key: str, value: float | bool | None, comment: str | None = None) -> Score:
    """One feedback; a number is rounded to 1e-9, as records keep them."""
    kept = value if value is None or isinstance(value, bool) else round(float(value), 9)
    return {"key": key, "score": kept, "comment": comment}


def evaluate(record: RunRecord) -> list[Score]:
    """Every score of a record, in the order of EVALUATORS."""
    return [one for evaluator in EVALUATORS.values() for one in evaluator(record)]


def unrecorded(why: str) -> list[Score]:
    """Every score that all records have, missing: for a run that came to no record."""
    return [score(key, None, why) for key in KEYS]


def feasible(record: RunRecord) -> list[Score]:
    """Whether every allocation of the record is feasible in its ward."""
    ward, checked, wrong = record.scenario, 0, []
    for where, allocation in _allocations(record):
        checked += 1
        try:
            broken = ward.violations(ward.array(allocation))
        except ParleyError as error:
            broken = [str(error)]
        wrong += [f"{where}: {broken[0]}"] if broken else []
    if not checked:
        return [score("feasible", None, "the record holds no allocation")]
    said = f"{len(wrong)} of {checked} are not; {wrong[0]}" if wrong else f"all {checked} allocations"
    return [score("feasible", not wrong, said)]


def _allocations(record: RunRecord) -> Iterator[tuple[str, Allocation]]:
    """Every allocation of a record and where it stands."""
    yield from ((stage, outcome.allocation) for stage, outcome in record.measures.items())
    for where, move, _ in _turns(record):
        if move.allocation is not None:
            yield f"{where}, seat {move.seat}'s move", move.allocation


def _turns(record: RunRecord) -> Iterator[tuple[str, Move, Sequence[Passage]]]:
    """Every move of a record: where, the move, and the passages that its seat was shown in that turn."""
    yield from (("solo", solo.move, solo.retrieved) for solo in record.solo.values())
    for round_ in record.rounds:
        for move in round_.moves:
            yield f"round {round_.round}", move, round_.retrieved.get(move.seat, [])
    yield from (("exit solo", solo.move, solo.retrieved) for solo in record.exit_solo.values())


def criteria(record: RunRecord) -> list[Score]:
    """Which criteria the joint meets, and what share of those that the ward defines."""
    keys = [f"criterion:{name}" for name in CRITERIA]
    joint = record.measures.get("joint")
    if joint is None:
        return [score(key, None, NO_JOINT) for key in (*keys, "criteria_met")]
    undefined = "undefined in this ward"
    found = [
        score(f"criterion:{name}", met, CRITERIA[name].says if met is not None else undefined)
        for name, met in joint.criteria.items()
    ]
    defined = [met for met in joint.criteria.values() if met is not None]
    if not defined:
        return [*found, score("criteria_met", None, "the ward defines none")]
    said = f"{sum(defined)} of {len(defined)} that the ward defines"
    return [*found, score("criteria_met", sum(defined) / len(defined), said)]


def gaps(record: RunRecord) -> list[Score]:
    """Access gaps by protected attribute at the joint; the favoured less the rest there and in the no-debate merge."""
    joint = _satisfaction(record, "joint")
    by_attribute = [_gap(record, attribute, joint) for attribute in record.scenario.protected]
    return [
        *by_attribute,
        _widest(by_attribute, joint),
        _favoured_gap(record, "favoured_gap", joint),
        _favoured_gap(record, "favoured_gap:no_debate", _satisfaction(record, "no_debate")),
    ]


def _satisfaction(record: RunRecord, stage: str) -> Array | None:
    """h of every patient at a stage, (N,), NaN for who demands nothing; None where there is no such stage."""
    if stage not in record.measures:
        return None
    ward = record.scenario
    return need_satisfaction(ward.array(record.measures[stage].allocation), ward.arrays.demand)


def _gap(record: RunRecord, attribute: str, h: Array | None) -> Score:
    key = f"gap:{attribute}"
    if h is None:
        return score(key, None, NO_JOINT)
    labels = record.scenario.groups(attribute)
    known = sorted({g for g, v in zip(labels, h, strict=True) if g is not None and not np.isnan(v)})
    means = {g: float(np.nanmean(h[[label == g for label in labels]])) for g in known}
    if len(means) < 2:
        return score(key, None, f"fewer than two groups of {attribute} demand anything")
    return score(key, max(means.values()) - min(means.values()), _listed(means))


def _widest(gaps_found: Sequence[Score], h: Array | None) -> Score:
    known = [(one["score"], one["key"]) for one in gaps_found if one["score"] is not None]
    if not known:
        return score("access_gap", None, NO_JOINT if h is None else "no attribute has two groups")
    widest, key = max(known)
    return score("access_gap", widest, key.removeprefix("gap:"))


def _favoured_gap(record: RunRecord, key: str, h: Array | None) -> Score:
    from personas.utility import in_group

    term = favoured_term(record)
    if term is None:
        return score(key, None, "no seat favours a group")
    if h is None:
        return score(key, None, NO_JOINT if record.joint is None else "a solo is missing, so is this merge")
    member = np.asarray(in_group(record.scenario, term), dtype=bool)
    counted = ~np.isnan(h)
    if not (member & counted).any() or not (~member & counted).any():
        return score(key, None, f"nobody to compare: all or none are {term}")
    means = {"favoured": float(h[member & counted].mean()), "rest": float(h[~member & counted].mean())}
    return score(key, means["favoured"] - means["rest"], f"{term}: {_listed(means)}")


def _listed(means: Mapping[str, float]) -> str:
    return "mean need satisfaction: " + ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())


def emergence(record: RunRecord) -> list[Score]:
    """Emergence by both definitions with its base rates, beyond the merge, and what debate lost."""
    found = record.emergence
    keys = EMERGENCE
    if found is None:
        why = NO_JOINT if record.joint is None else "a solo is missing, so there is no merge to go beyond"
        return [score(key, None, why) for key in keys]
    rate = found.first_base_rate_random
    random = "unknown" if rate is None else f"{rate:.0%}"
    merge = f"the no-debate merge: {_said(found.first_no_debate)}"
    reasons = {n: "; ".join(r for r in found.reasons if r.startswith(n)) for n in ("first", "second")}
    both = {
        "emergence_1": (
            found.first,
            f"{merge}; random feasible allocations: {random}" + _tail(reasons["first"]),
        ),
        "emergence_1:no_debate": (found.first_no_debate, None),
        "emergence_1:random": (rate, "share of 200 random feasible allocations"),
        "emergence_2": (
            found.second,
            f"the no-debate merge: {_said(found.second_no_debate)}" + _tail(reasons["second"]),
        ),
        "emergence_2:no_debate": (found.second_no_debate, None),
    }
    told = [
        score(key, value, said if value is not None else said or "undefined: see emergence_1 or _2")
        for key, (value, said) in both.items()
    ]
    counted = {"beyond_the_merge": found.beyond_the_merge, "lost_in_debate": record.lost_in_debate}
    return told + [score(key, len(names), ", ".join(names) or "none") for key, names in counted.items()]


def _said(met: bool | None) -> str:
    return "undefined" if met is None else "yes" if met else "no"


def _tail(reasons: str) -> str:
    return f". {reasons}" if reasons else ""


def citation_validity(record: RunRecord) -> list[Score]:
    """Share of citations that name a passage the seat was shown in that turn; missing where nothing is cited."""
    cited, wrong = 0, []
    for where, move, shown in _turns(record):
        known = {passage.id for passage in shown}
        cited += len(move.citations)
        wrong += [f"{where}, seat {move.seat}: {c}" for c in move.citations if c not in known]
    if not cited:
        return [score("citation_validity", None, "nothing is cited")]
    said = f"{cited - len(wrong)} of {cited}" + (f"; not shown: {wrong[0]}" if wrong else "")
    return [score("citation_validity", (cited - len(wrong)) / cited, said)]


def debate_added(record: RunRecord) -> list[Score]:
    """β(joint) − β(no-debate merge), in [−1, 1], above 0 where debate helped; β the least measure any seat weighs."""
    found = record.emergence
    if found is None or found.beta_joint is None or found.beta_no_debate is None:
        why = NO_JOINT if record.joint is None else "no seat gives weight to a measure that this ward defines"
        return [score("debate_added", None, why)]
    said = (
        f"floor over {', '.join(found.measures)}: {found.beta_joint:.3f}, without debate "
        f"{found.beta_no_debate:.3f}, at best {found.beta_optimum:.3f}"
    )
    return [score("debate_added", found.beta_joint - found.beta_no_debate, said)]


def standing(record: RunRecord) -> list[Score]:
    """Whether the run is invalid, and how many of its moves were abstentions."""
    moves = [move for _, move, _ in _turns(record)]
    silent = [f"{where}, seat {m.seat}" for where, m, _ in _turns(record) if m.status == "abstained"]
    said = f"of {len(moves)} moves" + (f": {'; '.join(silent)}" if silent else "")
    return [
        score("invalid", record.status == "invalid", record.status),
        score("abstained", len(silent), said),
    ]


EVALUATORS: dict[str, Evaluator] = {
    "feasible": feasible,
    "criteria": criteria,
    "gaps": gaps,
    "emergence": emergence,
    "citation_validity": citation_validity,
    "debate_added": debate_added,
    "standing": standing,
}
"""Every evaluator by name, in the order that tables show."""

KEYS = (
    "feasible",
    *(f"criterion:{name}" for name in CRITERIA),
    "criteria_met",
    "access_gap",
    "favoured_gap",
    "favoured_gap:no_debate",
    *EMERGENCE,
    "citation_validity",
    "debate_added",
    "invalid",
    "abstained",
)
"""The keys that every record has; `gap:ATTRIBUTE` depends on its ward."""


def keys_in_order(keys: Iterable[str]) -> list[str]:
    """Keys as EVALUATORS gives them: the gaps by attribute before the widest, what is unknown last."""
    at = {key: i for i, key in enumerate(KEYS)}
    known = {
        key: (at["access_gap"] - 0.5 if key.startswith("gap:") else at.get(key, len(at))) for key in keys
    }
    return sorted(known, key=lambda key: (known[key], key))
