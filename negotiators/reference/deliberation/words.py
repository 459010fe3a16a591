"""What does a reference seat say for what it does: two to four plain sentences, then its plan line?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from negotiators.reference.deliberation.offers import Turn
from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.dilemmas.dilemma import Dilemma, Plan, Values
from scenarios.dilemmas.plan import AGREE, DIFFER, LINE, consents, parts, worths, written

SECOND = 0.5
"""Share of the greatest stake from which a second consideration is named beside the first."""


@dataclass(frozen=True)
class Case:
    """What a seat may speak of: the dilemma, its own values, its turn; `round` 1 is its first time."""

    dilemma: Dilemma
    values: Values
    turn: Turn
    round: int

    @cached_property
    def _table(self) -> dict[str, dict[str, float]] | None:
        return worths(self.dilemma, self.values)

    def worth(self, issue: str, option: str) -> float:
        """The option's part in the worth of a plan; 0 throughout where nothing here matters to the seat."""
        return self._table[issue][option] if self._table is not None else 0.0

    def gains(self, issue: str, option: str) -> dict[str, float]:
        """consideration -> weight · grade, of what the seat weighs."""
        serves = self.dilemma.issues[issue].options[option].serves
        return {c: self.values[c] * grade for c, grade in serves.items() if self.values.get(c)}


def spoken(case: Case) -> str:
    """The words of a turn; the last line is the plan's, but of a seat that parts, which names none."""
    act, plan = case.turn.act, case.turn.plan
    if case.turn.best is None:
        said = _indifferent(case)
    elif act == "consent":
        said = _consenting(case)
    elif act == "part":
        said = _parting(case)
    else:
        said = _offering(case)
    if act == "part":
        return f"{' '.join(said)}\n{DIFFER}"
    lines = [" ".join(said), *([AGREE] if act == "consent" else []), written(plan)]
    return "\n".join(lines)


def quoted(dilemma: Dilemma, issue: str, option: str) -> str:
    """A clause in quotation marks; by its name where its words would be read as a plan, as consent or as parting."""
    return f"“{_clause_of(dilemma, issue, option)}”"


def plain(text: str, instead: str) -> str:
    """A dilemma's words on one line; `instead`, where they would be read as a plan, as consent or as parting."""
    line = " ".join(text.split())
    return instead if consents(line) or parts(line) or LINE.search(line) else line


def _clause_of(dilemma: Dilemma, issue: str, option: str) -> str:
    return plain(dilemma.issues[issue].options[option].says, f"{option} for {issue}").rstrip(".")


def stakes(dilemma: Dilemma, values: Values) -> dict[str, float]:
    """consideration -> |weight| · Σ over issues of (its greatest less its least grade there), greatest first.

    What no option touches, and what has no weight, is left out.
    """
    spans = dict.fromkeys(CONSIDERATIONS, 0)
    for issue in dilemma.issues.values():
        for c in CONSIDERATIONS:
            grades = [option.serves.get(c, 0) for option in issue.options.values()]
            spans[c] += max(grades) - min(grades)
    found = {c: abs(w) * spans[c] for c, w in values.items() if w and spans[c]}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _offering(case: Case) -> list[str]:
    if case.round == 1:
        return [_stance(case), _wanting(case), *_objecting(case)]
    since = case.turn.own or case.turn.best or case.turn.plan
    changes = [i for i, o in case.turn.plan.items() if since.get(i, o) != o]
    if not changes:
        stay = f"I stay with what I put forward, for the sake of {_cause(case)}."
        against, keep = _objecting(case), _keeping(case, but=[])
        return [stay, *(against or keep if case.round % 2 == 0 else keep)]
    given = [i for i in changes if case.worth(i, case.turn.plan[i]) < case.worth(i, since[i])]
    asked = [i for i in changes if i not in given]
    out = []
    if given:
        out.append(f"I give way: I could take {_swaps(case, given, since)}.")
    if asked:
        out.append(f"{'In return' if given else 'Now'} I ask for {_swaps(case, asked, since)}.")
    return [*out, *(_keeping(case, but=changes) or [f"For {_cause(case)} I go no further now."])]


def _stance(case: Case) -> str:
    """What counts most: the consideration of the greatest stake, and the second where it comes near."""
    ranked = stakes(case.dilemma, case.values)
    first, *rest = ranked
    if case.values[first] < 0:
        return f"What is most in the way for me here is {first}, that is, that {CONSIDERATIONS[first]}."
    if rest and case.values[rest[0]] > 0 and ranked[rest[0]] >= SECOND * ranked[first]:
        return f"What counts most for me here is {first}, that {CONSIDERATIONS[first]}; then {rest[0]}."
    return f"What counts most for me here is {first}, that {CONSIDERATIONS[first]}."


def _wanting(case: Case) -> str:
    issue = max(case.turn.plan, key=lambda i: case.worth(i, case.turn.plan[i]))
    return f"So above all I want {quoted(case.dilemma, issue, case.turn.plan[issue])}."


def _objecting(case: Case) -> list[str]:
    """Against the clause of the other's that costs it most beside its own; nothing where none does."""
    other = case.turn.other or {}
    losses = {
        i: case.worth(i, case.turn.plan[i]) - case.worth(i, o)
        for i, o in other.items()
        if o != case.turn.plan[i]
    }
    worst = max(losses, key=lambda i: losses[i], default=None)
    if worst is None or losses[worst] <= 0:
        return []
    ours, theirs = case.gains(worst, case.turn.plan[worst]), case.gains(worst, other[worst])
    less = max([*ours, *theirs], key=lambda c: ours.get(c, 0.0) - theirs.get(c, 0.0))
    why = f"it does too little for {less}" if case.values[less] > 0 else f"it gives too much to {less}"
    return [f"I cannot go along with {quoted(case.dilemma, worst, other[worst])}: {why}."]


def _swaps(case: Case, issues: list[str], since: Mapping[str, str]) -> str:
    """At most two changes, those first that weigh most."""
    ranked = sorted(issues, key=lambda i: -abs(case.worth(i, case.turn.plan[i]) - case.worth(i, since[i])))
    swaps = [
        f"{quoted(case.dilemma, i, case.turn.plan[i])} in place of {quoted(case.dilemma, i, since[i])}"
        for i in ranked[:2]
    ]
    return ", and ".join(swaps)


def _keeping(case: Case, but: list[str]) -> list[str]:
    """The clause that it holds on to: the one worth most of those that the other has not, else of all the rest."""
    plan, other = case.turn.plan, case.turn.other or {}
    rest = [i for i in plan if i not in but]
    contested = [i for i in rest if other.get(i) != plan[i]] or rest
    if not contested:
        return []
    issue = max(contested, key=lambda i: case.worth(i, plan[i]))
    served = _served(case, issue, plan[issue])
    return [f"I keep {quoted(case.dilemma, issue, plan[issue])}{f', for {served}' if served else ''}."]


def _consenting(case: Case) -> list[str]:
    plan, best = case.turn.plan, case.turn.best or {}
    if plan == best:
        return [
            "These are the clauses that I would have chosen myself.",
            f"Nothing does more for {_cause(case)}.",
        ]
    out = ["I can live with what is on the table."]
    if plan == case.turn.own:
        out = ["These are the clauses that I put forward, and I stand by them."]
    lost = max(
        (i for i in plan if plan[i] != best[i]),
        key=lambda i: case.worth(i, best[i]) - case.worth(i, plan[i]),
    )
    up = f"{quoted(case.dilemma, lost, best[lost])} for {quoted(case.dilemma, lost, plan[lost])}"
    return [*out, f"I give up {up}.", *_keeping(case, but=[lost])]


def _parting(case: Case) -> list[str]:
    """It names what it would have to take, beside the plan it would choose."""
    best = case.turn.best or {}
    against = Case(case.dilemma, case.values, Turn("offer", best, None, best, case.turn.plan), case.round)
    return [f"What is on the table is less than I can answer for, for {_cause(case)}.", *_objecting(against)]


def _indifferent(case: Case) -> list[str]:
    """To whom no plan is better than another."""
    if case.turn.act == "consent":
        return ["I weigh none of this one way or the other.", "What was put forward is clear, and I take it."]
    issue = next(iter(case.turn.plan))
    return [
        "I weigh none of this one way or the other.",
        f"To have something to talk about, I start from {quoted(case.dilemma, issue, case.turn.plan[issue])}.",
    ]


def _cause(case: Case) -> str:
    """The consideration that it is about to the seat, the one of the greatest stake."""
    first = next(iter(stakes(case.dilemma, case.values)))
    return first if case.values[first] > 0 else f"less {first}"


def _served(case: Case, issue: str, option: str) -> str:
    """What of the seat's an option serves most; '' where it serves nothing of it."""
    gains = case.gains(issue, option)
    most = max(gains, key=lambda c: gains[c], default=None)
    if most is None or gains[most] <= 0:
        return ""
    return most if case.values[most] > 0 else f"less {most}"


def completed(dilemma: Dilemma, plan: Plan, seats: Mapping[str, Values]) -> str:
    """The plan written out: its clauses as sentences, whose considerations it looks to, the plan line.

    `seats`: seat -> values; those without values are not spoken of.
    """
    clauses = [_clause_of(dilemma, i, o) for i, o in plan.items()]
    sentences = [c if c.endswith(("!", "?")) else f"{c}." for c in clauses]
    kept = []
    for seat, values in seats.items():
        if values:
            served = _most_served(dilemma, plan, values)
            kept.append(f"{served} for {seat}" if served else f"little of what counts for {seat}")
    sentence = f"This looks to {' and '.join(kept)}." if kept else "It takes no side."
    return f"{' '.join(sentences)} {sentence}\n{written(plan)}"


def _most_served(dilemma: Dilemma, plan: Plan, values: Values) -> str:
    sums: dict[str, float] = {}
    for issue, option in plan.items():
        for c, grade in dilemma.issues[issue].options[option].serves.items():
            sums[c] = sums.get(c, 0.0) + values.get(c, 0.0) * grade
    most = max(sums, key=lambda c: sums[c], default=None)
    if most is None or sums[most] <= 0:
        return ""
    return most if values[most] > 0 else f"less {most}"
