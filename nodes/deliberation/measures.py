"""What is measured of a dialogue: whether and when they agreed, whose clauses survived, what the plan is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from negotiators.deliberation import MEDIATOR, Completion, Utterance, Verdict
from scenarios.dilemmas.dilemma import Dilemma, Plan
from scenarios.dilemmas.plan import whole, worth

if TYPE_CHECKING:
    from nodes.deliberation.sitting import Sitting

Measured = dict[str, float | None]


def measures(
    sat: Sitting, dialogue: Sequence[Utterance], verdicts: Sequence[Verdict], completion: Completion | None
) -> Measured:
    """Of one deliberation; undefined is None.

    `agreed` 1 or 0; `rounds` until agreement; `turns`, `words` a turn; `plans` different whole plans that were
    named; `kept:SEAT` the share of the seat's contested clauses that are in the final plan (contested: the issues
    on which the seats' first whole plans differ), `contested` how many there are, `one_sided` the greatest share
    less the least (0 even, 1 one side took all); `faithful` 1 where the completion's plan line is the plan that was
    agreed; `rule` 1 where the rule says they agreed, whoever judged; `worth:SEAT` and the joint measures of
    `scenarios.dilemmas.optimum.measures`, of the final plan.
    """
    plan = final_plan(sat.dilemma, verdicts, completion)
    kept, contested = survived(sat.talking, sat.dilemma, dialogue, plan)
    agreed = verdicts[-1].agreed if verdicts else None
    words = [len(u.text.split()) for u in dialogue if u.text]
    shares = [k for k in kept.values() if k is not None]
    named = {tuple(sorted(u.plan.items())) for u in dialogue if whole(u.plan, sat.dilemma)}
    return {
        "agreed": None if agreed is None else float(agreed),
        "rounds": float(len(verdicts)) if agreed else None,
        "turns": float(len(dialogue)),
        "words": sum(words) / len(words) if words else None,
        "plans": float(len(named)) if sat.dilemma.issues else None,
        "contested": contested,
        **{f"kept:{seat}": share for seat, share in kept.items()},
        "one_sided": max(shares) - min(shares) if len(shares) > 1 else None,
        "faithful": _faithful(sat.dilemma, verdicts, completion),
        "rule": _by_rule(sat, dialogue, verdicts),
        **_worths(sat, plan),
    }


def benchmarks(sat: Sitting) -> Measured:
    """The best that any plan reaches, by enumeration: the greatest `mean`, `least` and `nash` of the seats' worth.

    {} where the dilemma has no clauses or a persona no values.
    """
    from scenarios.dilemmas.optimum import attainable

    return attainable(sat.dilemma, _values(sat))


def final_plan(dilemma: Dilemma, verdicts: Sequence[Verdict], completion: Completion | None) -> Plan | None:
    """What came of it in clauses: the plan that was agreed, else the one written down; None where neither is whole."""
    if verdicts and verdicts[-1].agreed and whole(verdicts[-1].plan, dilemma):
        return verdicts[-1].plan
    return completion.plan if completion is not None and whole(completion.plan, dilemma) else None


def survived(
    seats: Sequence[str], dilemma: Dilemma, dialogue: Sequence[Utterance], plan: Plan | None
) -> tuple[Measured, float | None]:
    """(seat -> share of its contested clauses in the plan, how many issues are contested at first).

    The second is None, and so are all shares, where a seat never named a whole plan; shares are None where nothing
    is contested or there is no final plan.
    """
    first = {
        s: next((u.plan for u in dialogue if u.seat == s and whole(u.plan, dilemma)), None) for s in seats
    }
    if len(first) < 2 or any(p is None for p in first.values()):
        return dict.fromkeys(seats), None
    plans: dict[str, Plan] = {s: p for s, p in first.items() if p is not None}
    contested = [i for i in dilemma.issues if len({p[i] for p in plans.values()}) > 1]
    if not contested or plan is None:
        return dict.fromkeys(seats), float(len(contested))
    return {s: sum(plan[i] == p[i] for i in contested) / len(contested) for s, p in plans.items()}, float(
        len(contested)
    )


def worth_to(sat: Sitting, seat: str, plan: Mapping[str, str]) -> float | None:
    """What a whole plan is worth to a seat, from 0 to 1; None for one that is not whole or a persona without values."""
    return worth(plan, sat.dilemma, sat.seats[seat].persona.values)


def strategy(said: Utterance, before: Sequence[Utterance]) -> str:
    """What a turn does to the plan, beside its speaker's last plan and the last ones of the others.

    abstain, mediate, part, consent, talk (no clause named), open (its first plan), hold (the same plan), concede
    (moves only towards another's last plan), insist (moves away from one), trade (both), explore (neither).
    """
    if said.status == "abstained":
        return "abstain"
    if said.seat == MEDIATOR:
        return "mediate"
    if said.parts or said.consents:
        return "part" if said.parts else "consent"
    if not said.plan:
        return "talk"
    mine = [u.plan for u in before if u.seat == said.seat and u.plan]
    if not mine:
        return "open"
    others = {u.seat: u.plan for u in before if u.seat != said.seat and u.plan}
    changed = [i for i, o in said.plan.items() if mine[-1].get(i) != o]
    if not changed:
        return "hold"
    towards = any(said.plan[i] == plan.get(i) for i in changed for plan in others.values())
    away = any(mine[-1].get(i) == plan.get(i, "") for i in changed for plan in others.values())
    if towards and away:
        return "trade"
    return "concede" if towards else "insist" if away else "explore"


def _faithful(dilemma: Dilemma, verdicts: Sequence[Verdict], completion: Completion | None) -> float | None:
    if completion is None or not verdicts or not verdicts[-1].agreed:
        return None
    if not whole(verdicts[-1].plan, dilemma):
        return None
    return float(completion.plan == verdicts[-1].plan) if completion.plan else None


def _by_rule(sat: Sitting, dialogue: Sequence[Utterance], verdicts: Sequence[Verdict]) -> float | None:
    """What the rule says of the last round, where there are clauses to read."""
    from negotiators.reference.deliberation import judged

    if not dialogue or not any(u.plan for u in dialogue):
        return None
    agreed = judged(sat.dilemma, tuple(sat.talking), tuple(dialogue), len(verdicts)).agreed
    return None if agreed is None else float(agreed)


def _values(sat: Sitting) -> dict[str, dict[str, float]]:
    return {s: at.persona.values for s, at in sat.seats.items()}


def _worths(sat: Sitting, plan: Plan | None) -> Measured:
    from scenarios.dilemmas.optimum import measures as of_plan

    return of_plan(plan, sat.dilemma, _values(sat))
