"""What did a judge of plans answer: a whole number, or one of two; never guessed from what cannot be read?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from negotiators.chat.asking import Json
from negotiators.chat.finding import cut_off, outermost, said
from negotiators.chat.judging.asking import CHOICES, SCORES
from negotiators.chat.quoting import clean

LONGEST_WHY = 1_000

Value = TypeVar("Value")


@dataclass(frozen=True)
class Judgement(Generic[Value]):
    """A reply read; `value` None where it holds no answer that can be used, and `problems` say why."""

    value: Value | None = None
    why: str = ""
    problems: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def complete(self) -> bool:
        """Whether there is an answer in it."""
        return self.value is not None


def read_score(text: str, finish_reason: str | None) -> Judgement[int]:
    """A score: a whole number from 0 to 5, also in words of JSON such as "4" or 4.0; all else is a problem."""
    return _read(text, finish_reason, "score", _score, "give a whole number from 0 to 5")


def read_choice(text: str, finish_reason: str | None) -> Judgement[str]:
    """A choice: `first` or `second`; all else is a problem."""
    return _read(text, finish_reason, "choice", _choice, "give first or second")


def _read(
    text: str, finish_reason: str | None, key: str, value_of: Callable[[Any], Value | None], mend: str
) -> Judgement[Value]:
    if cut_off(finish_reason):
        return Judgement(problems=("the answer was cut off before it ended",), truncated=True)
    found, problem = outermost(text, key)
    if found is None:
        return Judgement(problems=(problem,))
    value, why = value_of(found[key]), _why(found)
    if value is None:
        return Judgement(why=why, problems=(f"`{key}` is {said(found[key])}; {mend}",))
    return Judgement(value, why)


def _score(given: Any) -> int | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, str):
        return next((s for s in SCORES if given.strip() == str(s)), None)
    return next((s for s in SCORES if isinstance(given, int | float) and given == s), None)


def _choice(given: Any) -> str | None:
    return next((c for c in CHOICES if isinstance(given, str) and given.strip().lower() == c), None)


def _why(found: Json) -> str:
    why = found.get("why")
    return clean(why, LONGEST_WHY) if isinstance(why, str) else ""
