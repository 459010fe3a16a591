"""How is a seat told what happened so far: deeds in tables, words quoted, its own books beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from negotiators.chat.quoting import clean, line, quoted
from negotiators.chat.wording import number, table
from negotiators.dilemma import DilemmaView, Proposal, Told
from scenarios.commons import Commons
from scenarios.games import Game

MOST_STEPS = 24
"""Steps in the tables, the latest; what came before is told as a sum."""
MOST_TALKS = 3
"""Steps whose words are quoted, the one under way included."""
LONGEST_STATEMENT = 1_500
LONGEST_CONTRACT = 6_000

NOW = {
    "stock": "stock",
    "open": "of it open to the seats",
    "event": "what happens",
    "price": "what a unit's worth is multiplied by",
    "pool": "state of the pool",
    "left": "left after the harvest",
    "taken": "what you took, after the law and rationing",
    "signal": "what you see of the state of the world",
}
"""What of a step a seat is shown, and how it is called; anything else in `now` is not for reading."""


def period(view: DilemmaView) -> str:
    """What a step is called."""
    return "month" if isinstance(view.scenario, Commons) else "round"


def when(view: DilemmaView) -> str:
    """The step under way, as the first words of a question."""
    if view.step == 0:
        return f"Before the first of {view.steps} {period(view)}s."
    return f"{period(view).capitalize()} {view.step} of {view.steps}."


def _step(view: DilemmaView, step: int) -> str:
    return str(step) if step else f"before {period(view)} 1"


def _talked(view: DilemmaView, step: int) -> str:
    return f"{period(view)} {step}" if step else _step(view, step)


def now(view: DilemmaView) -> str:
    """The step under way as this seat sees it, without what cannot vary here."""
    scenario, idle = view.scenario, set[str]()
    if isinstance(scenario, Game):
        idle = {"signal"} if len(scenario.states) == 1 else set()
    else:
        idle |= {"event", "price", "open"} if scenario.contingencies.chance == 0 else set()
        idle |= {"pool"} if len(scenario.regimes) == 1 else set()
    return "\n".join(
        f"- {called}: {_value(view.now[name])}"
        for name, called in NOW.items()
        if name in view.now and name not in idle
    )


def history(view: DilemmaView) -> str:
    """Steps that are over and the one under way, as far as it is known: deeds, payments, votes, words."""
    steps = [*view.told, *([view.so_far] if view.so_far is not None and _something(view.so_far) else [])]
    kept = steps[-MOST_STEPS:]
    parts = [
        _deeds(view, kept),
        _payments(view, kept),
        _own(view),
        *_negotiated(view, kept),
        *_said(view, steps[-MOST_TALKS:]),
    ]
    if not any(parts):
        return ""
    left_out = len(steps) - len(kept)
    note = f"The first {left_out} {period(view)}s are left out of these tables." if left_out else ""
    return "\n\n".join(["", "# What happened so far", *(p for p in [note, *parts] if p), ""])


def law(view: DilemmaView) -> str:
    """The contract that stands, quoted; that there is none; nothing where there can be none."""
    if view.regime == "none":
        return ""
    head = {
        "spoken": "# The contract in words",
        "enforced": "# The contract in force",
        "best": "# The law in force",
    }
    if view.law is None:
        told = (
            "It is worked out from the rules and is not told in words."
            if view.regime == "best"
            else "None yet."
        )
    else:
        told = read_back(view.law, "contract")
    return f"\n{head[view.regime]}\n\n{told}\n"


def read_back(proposal: Proposal, label: str) -> str:
    """A contract as everybody is read it, and its clauses as they were written, quoted as data."""
    by = f"{label}, proposed by seat {proposal.by}"
    blocks = [quoted(by, "\n".join(proposal.words) or "(no words)", LONGEST_CONTRACT)]
    if proposal.contract is not None and proposal.contract.clauses:
        rows = [c.model_dump(exclude_defaults=True, exclude_none=True) for c in proposal.contract.clauses]
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        blocks.append(quoted(f"its clauses as written by {proposal.by}", text, LONGEST_CONTRACT))
    return "\n\n".join(blocks)


def _something(told: Told) -> bool:
    return bool(told.facts or told.done or told.said or told.proposal)


def _value(value: float | str | bool | None) -> str:
    if value is None:
        return "nothing usable"
    return line(value, 120) if isinstance(value, str) else number(float(value))


def _who(view: DilemmaView, seat: str) -> str:
    return f"{line(seat, 60)} (you)" if seat == view.seat else line(seat, 60)


def _deeds(view: DilemmaView, steps: Sequence[Told]) -> str:
    """What everybody knows was done, a row a step."""
    facts = list(dict.fromkeys(name for told in steps for name in told.facts))
    if not any(told.done or told.facts for told in steps):
        return ""
    doers = [seat for seat in view.seats if any(seat in told.done for told in steps)]
    said = isinstance(view.scenario, Commons) and view.reports == "own-word"
    heads = [
        f"{_who(view, s)} {'says' if said else 'took' if isinstance(view.scenario, Commons) else ''}"
        for s in doers
    ]
    rows = [
        [_step(view, told.step), *(_value(told.facts[f]) if f in told.facts else "" for f in facts)]
        + [_value(told.done[s]) if s in told.done else "" for s in doers]
        for told in steps
        if told.done or told.facts
    ]
    return table([period(view), *map(line, facts), *(h.strip() for h in heads)], rows)


def _payments(view: DilemmaView, steps: Sequence[Told]) -> str:
    """What the law in force had everybody pay (−) or be paid (+), where it did."""
    paid = [told for told in steps if any(told.payments.values())]
    if not paid:
        return ""
    rows = [[_step(view, t.step), *(number(t.payments.get(s, 0.0)) for s in view.seats)] for t in paid]
    head = [period(view), *(_who(view, s) for s in view.seats)]
    return "Payments under the contract, below 0 where a seat paid:\n\n" + table(head, rows)


def _own(view: DilemmaView) -> str:
    """What this seat alone knows: what it asked for, what came of it, what that was worth to it."""
    if not view.own:
        return ""
    did = "asked for" if isinstance(view.scenario, Commons) else "chose"
    became = "took" if isinstance(view.scenario, Commons) else "played"
    rows = [
        [str(o.step), _value(o.asked), _value(o.took), number(o.payoff), number(o.payment)]
        for o in view.own[-MOST_STEPS:]
    ]
    head = [period(view), f"you {did}", f"you {became}", "your payoff", "your payments"]
    return "\n\n".join(["For you alone to know:", table(head, rows), *_summed(view)])


def _summed(view: DilemmaView) -> list[str]:
    """Its payoff over all steps, where each is known."""
    payoffs = [o.payoff for o in view.own if o.payoff is not None]
    if len(payoffs) < len(view.own):
        return []
    total, paid = sum(payoffs), sum(o.payment for o in view.own)
    return [f"Your payoff so far is {number(total)}, and {number(total + paid)} after payments."]


def _negotiated(view: DilemmaView, steps: Sequence[Told]) -> list[str]:
    """Who proposed when, and how the vote went."""
    rows = []
    for told in steps:
        if told.proposal is not None and told.votes:
            yes = sum(v is True for v in told.votes.values())
            no = sum(v is False for v in told.votes.values())
            votes = ", ".join(f"{line(s, 60)} {_voted(v)}" for s, v in told.votes.items())
            outcome = "adopted" if told.adopted else "not adopted"
            rows.append(
                [_step(view, told.step), line(told.proposal.by, 60), f"{outcome}, {yes} : {no}", votes]
            )
    return [table([period(view), "contract proposed by", "outcome", "votes"], rows)] if rows else []


def _voted(vote: bool | None) -> str:
    return "abstained" if vote is None else "yes" if vote else "no"


def _said(view: DilemmaView, steps: Sequence[Told]) -> list[str]:
    """What was said in the latest steps, each statement in a block of its own."""
    return [
        quoted(
            f"{'you' if seat == view.seat else f'seat {seat}'}, {_talked(view, told.step)}",
            _cut(words),
            2_000,
        )
        for told in steps
        for seat, words in told.said.items()
        if words.strip()
    ]


def _cut(words: str) -> str:
    return clean(words, LONGEST_STATEMENT)
