"""What did a model say in a deliberation: words, bounded and clean; or a verdict, one of five and never guessed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from negotiators.chat.asking import closed
from negotiators.chat.finding import cut_off, outermost, said, without_thoughts
from negotiators.chat.quoting import clean
from negotiators.deliberation import LONGEST, Dialogue, Kind
from scenarios.dilemmas.dilemma import Plan

Json = dict[str, Any]

KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST_WHY = 1_000
CUT = " […]"
"""What stands at the end of words that we cut."""

VERDICT: Json = closed({"why": {"type": "string"}, "verdict": {"type": "string", "enum": list(KINDS)}})


@dataclass(frozen=True)
class Words:
    """What a reply says in plain words. Words that were cut off still stand; none at all do not."""

    text: str
    cut: bool = False

    @property
    def problems(self) -> tuple[str, ...]:
        """That nothing was said, if so."""
        return () if self.text else ("there are no words in it",)

    @property
    def truncated(self) -> bool:
        """Whether it was cut off before it said anything, as in the middle of a thought."""
        return self.cut and not self.text

    @property
    def complete(self) -> bool:
        """Whether anything was said."""
        return bool(self.text)


@dataclass(frozen=True)
class Ruling:
    """What a judge's reply says; `kind` None where that cannot be told."""

    kind: Kind | None = None
    why: str = ""
    problems: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def complete(self) -> bool:
        """Whether there is a verdict in it."""
        return self.kind is not None


def read_words(text: str, finish_reason: str | None) -> Words:
    """The words of a reply without thoughts, cleaned, at most LONGEST characters. Never raises for what it says."""
    words = clean(without_thoughts(text), 2 * LONGEST)
    if len(words) <= LONGEST:
        return Words(words, cut_off(finish_reason))
    return Words(words[: LONGEST - len(CUT)].rstrip() + CUT, True)


def read_ruling(text: str, finish_reason: str | None) -> Ruling:
    """A judge's verdict. What is not one of the five, stands twice or was cut off is a problem, never a NO."""
    if cut_off(finish_reason):
        return Ruling(problems=("the answer was cut off before it ended",), truncated=True)
    found, problem = outermost(text, "verdict")
    if found is None:
        return Ruling(problems=(problem,))
    why = found.get("why")
    why = clean(why, LONGEST_WHY) if isinstance(why, str) else ""
    named = found["verdict"]
    kind = next((k for k in KINDS if isinstance(named, str) and named.strip().lower() == k), None)
    if kind is None:
        mend = f"give one of {', '.join(KINDS)}"
        return Ruling(why=why, problems=(f"`verdict` is {said(named)}; {mend}",))
    return Ruling(kind, why)


def shared(dialogue: Dialogue) -> Plan:
    """The clauses that all seats stand for, read as the rule reads them, whoever judges. {} where a seat has none."""
    from negotiators.reference.deliberation.reading import read, standing  # reference seats load for a second

    turns = read(dialogue.utterances)
    places = [standing(turns, seat) for seat in dialogue.seats]
    plans = [{} if k is None else turns[k].plan for k in places]
    known = dialogue.dilemma.issues
    return {i: o for i, o in plans[0].items() if i in known and all(p.get(i) == o for p in plans)}
