"""What did a model answer in a dilemma: amounts, votes, actions and contracts, checked strictly and never guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from negotiators.chat.dilemma.prompting import LONGEST_WORDS, Asked, most
from negotiators.chat.dilemma.scene import actions, shown
from negotiators.chat.finding import cut_off, outermost, said
from negotiators.chat.quoting import clean, compared, visible
from scenarios.contracts import Contract, ContractError, Language, adoptable, contract_from

LONGEST_REASONS = 2_000
LONGEST_SAYS = 500
"""Characters of the drafter's words that a contract carries."""
LONGEST_PROBLEM = 400


@dataclass(frozen=True)
class Answer:
    """What a reply says. `problems` is empty if it can stand.

    `given`: whether what was asked for is there, though perhaps out of bounds; an amount is then the nearest whole
    one within them. `words` are a statement, reasons, or a contract in words.
    """

    words: str = ""
    amount: int | None = None
    choice: str | None = None
    vote: bool | None = None
    contract: Contract | None = None
    given: bool = False
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def complete(self) -> bool:
        """Whether what was asked for is there."""
        return self.given


def read(text: str, finish_reason: str | None, asked: Asked) -> Answer:
    """Read a reply to a question; clauses are compiled in the language of its view. Never raises for what it says."""
    if cut_off(finish_reason):
        return Answer(problems=("the answer was cut off before it ended",), truncated=True)
    found, problem = outermost(text, asked.form.key)
    if found is None:
        return Answer(problems=(problem,))
    if asked.form.kind == "amount":
        return _amount(found, most(asked.view))
    if asked.form.kind == "vote":
        return _vote(found)
    if asked.form.kind == "action":
        return _action(found, actions(asked.view))
    if asked.form.kind == "clauses":
        assert asked.view.language is not None
        return _contract(found, asked.view.language)
    return _words(found)


def _amount(found: Mapping[str, Any], most_: int) -> Answer:
    """A whole number in 0..most; a number that is none is bounded to the nearest that lies within, rounded down."""
    value, reasons = found["amount"], _reasons(found)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Answer(reasons, problems=(f"`amount` is {said(value)}; give a plain number",))
    if isinstance(value, float) and not math.isfinite(value):
        return Answer(reasons, problems=("`amount` is not a finite number; give a plain number",))
    wrong = []
    if value < 0 or value > most_:
        wrong.append(f"`amount` is {_short(value)}, but it must lie from 0 to {most_}")
    if isinstance(value, float) and not value.is_integer():
        wrong.append(f"`amount` is {_short(value)}; give a whole number")
    bounded = int(min(max(math.floor(value), 0), most_))
    return Answer(reasons, bounded, given=True, problems=tuple(wrong))


def _vote(found: Mapping[str, Any]) -> Answer:
    value, reasons = found["vote"], _reasons(found)
    if not isinstance(value, bool):
        return Answer(reasons, problems=(f"`vote` is {said(value)}; give true or false, without quotes",))
    return Answer(reasons, vote=value, given=True)


def _action(found: Mapping[str, Any], own: tuple[str, ...]) -> Answer:
    """An action by its name; case and spaces may differ where that leaves one action alone."""
    value, reasons = found["action"], _reasons(found)
    named = [a for a in own if a == value] if isinstance(value, str) else []
    if isinstance(value, str) and not named:
        named = [a for a in own if _plain(a) == _plain(value)]
    if len(named) != 1:
        mend = f"give one of yours, exactly: {'; '.join(map(shown, own))}"
        return Answer(reasons, problems=(f"`action` is {said(value)}; {mend}",))
    return Answer(reasons, choice=named[0], given=True)


def _words(found: Mapping[str, Any]) -> Answer:
    value = found["words"]
    if not isinstance(value, str):
        return Answer(problems=(f"`words` is {said(value)}; give a text",))
    return Answer(clean(value, LONGEST_WORDS), given=True)


def _contract(found: Mapping[str, Any], language: Language) -> Answer:
    """A contract that compiles and has been tried, none where no clause is proposed, or what is wrong line by line."""
    rows, words = found["clauses"], found.get("words")
    words = clean(words, LONGEST_WORDS) if isinstance(words, str) else ""
    if not isinstance(rows, list):
        return Answer(words, problems=(f"`clauses` is {said(rows)}; give a list, [] to propose nothing",))
    if not rows:
        return Answer(words, given=True)
    try:
        contract = contract_from({"says": _one_line(words), "clauses": [_clause(row) for row in rows]})
        adoptable(contract, language)
    except ContractError as error:
        return Answer(words, problems=tuple(map(_problem, error.problems)))
    return Answer(words, contract=contract, given=True)


def _clause(row: Any) -> Any:
    """A clause without the keys it leaves empty; its own words cleaned, since everybody is read them.

    Quotations show < as ‹, so an expression copied from one is read with <.
    """
    if not isinstance(row, Mapping):
        return row
    kept = {key: value for key, value in row.items() if value not in ("", None)}
    for key in ("when", "amount", "payout", "choice"):
        if isinstance(kept.get(key), str):
            kept[key] = compared(kept[key])
    if isinstance(kept.get("says"), str):
        kept["says"] = _one_line(kept["says"], LONGEST_SAYS // 2)
    return kept


def _reasons(found: Mapping[str, Any]) -> str:
    reasons = found.get("reasoning")
    return clean(reasons, LONGEST_REASONS) if isinstance(reasons, str) else ""


def _one_line(text: str, longest: int = LONGEST_SAYS) -> str:
    return " ".join(clean(text, longest).split())


def _problem(text: str) -> str:
    """What is wrong with a clause, for its drafter: with the comparisons that it wrote."""
    return " ".join(visible(text[: 2 * LONGEST_PROBLEM]).split())[:LONGEST_PROBLEM]


def _plain(name: str) -> str:
    return " ".join(clean(name, 200).split()).casefold()


def _short(value: float) -> str:
    return (
        f"{value:.6g}"
        if isinstance(value, float) or abs(value) < 10**15
        else f"{'-' if value < 0 else ''}huge"
    )
