"""Do the seats agree, by a rule: what their words name as clauses, and who says yes to what?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from negotiators.deliberation import Kind, Utterance, Verdict
from negotiators.reference.deliberation.reading import Read, read, standing
from scenarios.dilemmas.dilemma import Dilemma, Plan
from scenarios.dilemmas.plan import CONSENTS, LINE, whole

REASON = 8
"""Words beside the plan line and the words of consent from which a turn counts as giving a reason (ours)."""

ALL_CONTESTED = 2
"""Contested issues from which it can be told that one side took all: with one, somebody always does."""

Found = tuple[Kind, str]


def judged(dilemma: Dilemma, seats: Sequence[str], utterances: Sequence[Utterance], round_: int) -> Verdict:
    """The verdict after a round, from words alone: the rule is ours, its kinds those of Anantaprayoon et al. 2026.

    A seat stands for the clauses of its last utterance that names any, or consents to some (see `reading.read`);
    words without clauses change nothing. The first of these that holds:

    - disagreed: the last utterance of a seat says that it parts.
    - vague: nobody has named a clause; the last utterance of a seat consents and there is no plan to consent to; or
      all stand for the same clauses and these settle not every issue.
    - debating: a seat stands for nothing yet, they stand for different clauses, or all name one plan and nobody
      says yes to it: no seat's standing utterance consents to it after somebody else (a mediator too) named it.
    - capitulated: they would be agreed, but see `capitulated`.
    - agreed.

    `plan` holds the clauses that all stand for. `kind` is None where the dilemma has no clauses to read.
    """
    if not dilemma.issues:
        return Verdict(
            round=round_, kind=None, judge="rule", why="the dilemma has no clauses that a rule could read"
        )
    dialogue = read(utterances)
    places = {seat: standing(dialogue, seat) for seat in seats}
    stands = {seat: dialogue[k].plan for seat, k in places.items() if k is not None}
    shared = _shared(dilemma, list(stands.values())) if len(stands) == len(seats) else {}
    kind, why = _unsettled(dilemma, seats, dialogue, stands) or _settled(
        dilemma, dialogue, {seat: k for seat, k in places.items() if k is not None}, shared
    )
    return Verdict(round=round_, kind=kind, why=why, plan=shared, judge="rule")


def _unsettled(
    dilemma: Dilemma, seats: Sequence[str], dialogue: Sequence[Read], stands: Mapping[str, Plan]
) -> Found | None:
    """Why there is no whole plan that all stand for; None where there is one."""
    last = {r.seat: r for r in dialogue}
    for seat in seats:
        if seat in last and last[seat].parts:
            return "disagreed", f"{seat} says that it will not agree"
    if not any(r.plan for r in dialogue):
        return "vague", "nobody has named a clause"
    for seat in seats:
        if seat in last and last[seat].consents and not last[seat].plan:
            return "vague", f"{seat} consents, but there is no plan to consent to"
    missing = [seat for seat in seats if seat not in stands]
    if missing:
        return "debating", f"{', '.join(missing)} has named no clause yet"
    plans = list(stands.values())
    if any(plan != plans[0] for plan in plans):
        apart = [i for i in dilemma.issues if len({p.get(i) for p in plans}) > 1]
        return "debating", f"they stand apart on {', '.join(apart)}"
    if not whole(plans[0], dilemma):
        open_ = [i for i in dilemma.issues if i not in plans[0]]
        return "vague", f"they name the same clauses, but none on {', '.join(open_)}"
    return None


def _settled(
    dilemma: Dilemma, dialogue: Sequence[Read], places: Mapping[str, int], plan: Mapping[str, str]
) -> Found:
    """The verdict where all stand for one whole plan."""
    saying_yes = [
        seat
        for seat, k in places.items()
        if dialogue[k].consents and any(r.seat != seat and r.plan == plan for r in dialogue[:k])
    ]
    if not saying_yes:
        return "debating", "all name one plan, but nobody says yes to it"
    winner = capitulated(dilemma, list(places), dialogue, plan)
    if winner is not None:
        return (
            "capitulated",
            f"all that was contested went to {winner} in one turn, and no reason was given for it",
        )
    return "agreed", f"all stand for one whole plan; yes to it: {', '.join(saying_yes)}"


def capitulated(
    dilemma: Dilemma, seats: Sequence[str], dialogue: Sequence[Read], plan: Mapping[str, str]
) -> str | None:
    """To whom all the others gave in, if they did; ours, and narrow, so that no fair trade is called that.

    Contested are the issues on which the seats' first whole plans differ. The others gave in to one seat if at
    least two issues are contested, the plan has that seat's first option on all of them, no other seat's first plan
    has, and every other seat (1) held its own first options on all the issues it lost until one single turn, in
    which it gave them all up, and (2) gave no reason then or later: each of its turns from that one on has fewer
    than `REASON` words beside the plan line and the words of consent. Whoever yields step by step, gets one
    contested clause, or says why, has not given in.
    """
    first = {
        s: next((r.plan for r in dialogue if r.seat == s and whole(r.plan, dilemma)), None) for s in seats
    }
    firsts: dict[str, Plan] = {s: p for s, p in first.items() if p is not None}
    contested = [i for i in dilemma.issues if len({p[i] for p in firsts.values()}) > 1]
    winners = [s for s, p in firsts.items() if all(p[i] == plan[i] for i in contested)]
    if len(contested) < ALL_CONTESTED or len(winners) != 1:
        return None
    losers = [s for s in firsts if s != winners[0]]
    return winners[0] if all(_gave_in(dialogue, s, firsts[s], plan) for s in losers) else None


def _gave_in(dialogue: Sequence[Read], seat: str, first: Plan, plan: Mapping[str, str]) -> bool:
    lost = [i for i in first if first[i] != plan[i]]
    turns = [r for r in dialogue if r.seat == seat]
    started = next(k for k, r in enumerate(turns) if r.plan == first)
    gave_up = False
    for turn in turns[started:]:
        at = [turn.plan.get(i) for i in lost] if turn.plan else None
        if at == [plan[i] for i in lost]:
            gave_up = True
        elif at is not None and (gave_up or at != [first[i] for i in lost]):
            return False
        if gave_up and reasoned(turn.text):
            return False
    return gave_up


def reasoned(text: str) -> bool:
    """Whether a turn says at least `REASON` words beside its plan line and the words of consent."""
    return len(re.findall(r"\w+", CONSENTS.sub(" ", LINE.sub(" ", text)))) >= REASON


def _shared(dilemma: Dilemma, plans: Sequence[Plan]) -> Plan:
    """The clauses that all the plans hold."""
    if not plans:
        return {}
    return {i: o for i, o in plans[0].items() if i in dilemma.issues and all(p.get(i) == o for p in plans)}
