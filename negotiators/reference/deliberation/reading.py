"""What does a dialogue say in clauses: the plan that each utterance stands for, and where each seat stands?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from negotiators.deliberation import Utterance
from scenarios.dilemmas.dilemma import Plan


@dataclass(frozen=True)
class Read:
    """An utterance as it is read. One that says both yes and no to agreeing says neither."""

    seat: str
    text: str
    plan: Plan  # {} where it stands for no clause
    consents: bool
    parts: bool


def read(utterances: Sequence[Utterance]) -> list[Read]:
    """Utterances that were made, in order, each with the plan that it stands for.

    That is the clauses it names. One that consents and names none means the last plan that anybody else named
    before it, the mediator too; where nobody did, it consents to nothing and its plan is {}.
    """
    out: list[Read] = []
    for u in utterances:
        if u.status == "abstained":
            continue
        consents, parts = u.consents and not u.parts, u.parts and not u.consents
        plan = u.plan
        if consents and not plan:
            plan = next((r.plan for r in reversed(out) if r.plan and r.seat != u.seat), {})
        out.append(Read(u.seat, u.text, plan, consents, parts))
    return out


def standing(dialogue: Sequence[Read], seat: str) -> int | None:
    """The place of the last utterance of a seat that stands for any clause; words without clauses change nothing."""
    return next((k for k in reversed(range(len(dialogue))) if _stands(dialogue[k], seat)), None)


def last_plans(dialogue: Sequence[Read], but: str = "") -> dict[str, Plan]:
    """seat -> the plan it stands for now, in the order of who said theirs first of late; `but` is left out."""
    out: dict[str, Plan] = {}
    for r in dialogue:
        if r.plan and r.seat != but:
            out.pop(r.seat, None)
            out[r.seat] = r.plan
    return out


def _stands(r: Read, seat: str) -> bool:
    return r.seat == seat and bool(r.plan)
