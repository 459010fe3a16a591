"""What does a reference mediator suggest: what is agreed stays, the seats take turns over what is not?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from negotiators.deliberation import MEDIATOR, DeliberationView
from negotiators.reference.deliberation.reading import Read, last_plans, read
from negotiators.reference.deliberation.words import plain, quoted
from scenarios.dilemmas.dilemma import Dilemma, Plan
from scenarios.dilemmas.plan import written


@dataclass(frozen=True)
class Suggestion:
    """What a mediator suggests, and why: issue -> the seat whose clause it takes; '' where nobody differs."""

    plan: Plan
    whose: dict[str, str]


def suggest(view: DeliberationView) -> Suggestion:
    """A plan within the span of the seats' last plans, from their words alone: it knows nobody's values.

    On an issue on which all who name it name the same option, that option; on the others seats take turns to have
    their clause (Brams & Taylor 1999): each, of the issues left, the one on which it has held its present option
    through most of its latest turns that are in view, ties in the dilemma's order. Who begins is drawn by the
    seed, and the next one begins a round later. An issue that nobody names is left open: {} where no plan is heard.
    """
    dialogue = [r for r in read(view.heard) if r.seat != MEDIATOR]
    plans = last_plans(dialogue)
    named = {i: {s: p[i] for s, p in plans.items() if i in p} for i in view.dilemma.issues}
    whose = {i: "" for i, by in named.items() if by and len(set(by.values())) == 1}
    left = [i for i, by in named.items() if len(set(by.values())) > 1]
    start = (view.seed + view.round - 1) % len(view.seats)
    order = view.seats[start:] + view.seats[:start]
    while left:
        for seat in order:
            mine = [i for i in left if seat in named[i]]
            if mine:
                chosen = max(mine, key=lambda i: held(dialogue, seat, i))
                whose[chosen] = seat
                left.remove(chosen)
    plan = {
        i: by[whose[i]] if whose.get(i) else next(iter(by.values())) for i, by in named.items() if i in whose
    }
    return Suggestion(plan, whose)


def held(dialogue: Sequence[Read], seat: str, issue: str) -> int:
    """How many of a seat's latest turns that name the issue name its present option, without a break."""
    named = [r.plan[issue] for r in dialogue if r.seat == seat and issue in r.plan]
    changes = [k for k, option in enumerate(named) if option != named[-1]]
    return len(named) - (changes[-1] + 1 if changes else 0)


def suggested(dilemma: Dilemma, suggestion: Suggestion) -> str:
    """The mediator's words: what is agreed, whose clause it takes on what is not, the plan line.

    It never says the words of consent.
    """
    plan, whose = suggestion.plan, suggestion.whose
    if not plan:
        asks = " ".join(plain(issue.asks, f"What of {name}?") for name, issue in dilemma.issues.items())
        return f"No plan is on the table yet. Let each of you name one clause for every question. {asks}"
    agreed = [quoted(dilemma, i, plan[i]) for i in plan if not whose[i]]
    taken = [f"{quoted(dilemma, i, plan[i])}, which is {whose[i]}'s" for i in plan if whose[i]]
    open_ = [i for i in dilemma.issues if i not in plan]
    said = []
    if agreed:
        said.append(f"Nobody is against {_listed(agreed)}.")
    if taken:
        turns = ", in turn," if len(taken) > 1 else ""
        said.append(f"{'On the rest' if agreed else 'Where you differ'} I suggest{turns} {_listed(taken)}.")
    elif not open_:
        said.append("Then there is nothing left but to say yes to it.")
    if open_:
        said.append(f"Nobody has said yet what to do about {', '.join(open_)}.")
    return f"{' '.join(said)}\n{written(plan)}"


def _listed(items: Sequence[str]) -> str:
    return " and ".join(items) if len(items) < 3 else f"{'; '.join(items[:-1])}; and {items[-1]}"
