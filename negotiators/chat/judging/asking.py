"""What does a judge of plans read: the dilemma and the plans, quoted; never who wrote them, or how they came about?

A plan of one agent alone and one that was talked through are asked about in the same words, so that a judge cannot
tell which is which: the dialogue is not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from negotiators.chat.asking import Question, closed
from negotiators.chat.quoting import quoted, visible
from negotiators.chat.wording import Prompts, conversation
from negotiators.deliberation import LONGEST
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.dilemmas.plan import read_plan

Quality = Literal["collective_agency", "conflict_resolution"]
"""What is judged: the four aspects as one (Anantaprayoon et al. 2026), or how the two principles are reconciled."""

QUALITIES: tuple[Quality, ...] = get_args(Quality)

PROMPTS = Prompts(Path(__file__).parent / "prompts")
TOOL = "submit_judgement"
SCORES = (0, 1, 2, 3, 4, 5)
CHOICES = ("first", "second")

SCORE = closed({"why": {"type": "string"}, "score": {"type": "integer", "enum": list(SCORES)}})
CHOICE = closed({"why": {"type": "string"}, "choice": {"type": "string", "enum": list(CHOICES)}})


def scoring(quality: Quality, dilemma: Dilemma, plan: str) -> Question:
    """The question for a score from 0 to 5. Pure: equal words give equal messages."""
    user = PROMPTS.render(
        "score", **_dilemma(dilemma), plan=quoted("plan", plan, LONGEST), clauses=_clauses(dilemma, [plan])
    )
    return Question(conversation(_system(quality, "answer_score"), user), SCORE, PROMPTS, tool=TOOL)


def comparing(quality: Quality, dilemma: Dilemma, first: str, second: str) -> Question:
    """The question which of two plans is better, in the order shown."""
    user = PROMPTS.render(
        "pair",
        **_dilemma(dilemma),
        first=quoted("first plan", first, LONGEST),
        second=quoted("second plan", second, LONGEST),
        clauses=_clauses(dilemma, [first, second]),
    )
    return Question(conversation(_system(f"{quality}_pair", "answer_pair"), user), CHOICE, PROMPTS, tool=TOOL)


def _system(name: str, answer: str) -> str:
    aspects, quoting, how = (PROMPTS.render(part) for part in ("aspects", "quoting", answer))
    fields = {"quoting": quoting, "answer": how}
    if name.startswith("collective_agency"):
        fields["aspects"] = aspects
    return PROMPTS.render(name, **fields)


def _dilemma(dilemma: Dilemma) -> dict[str, str]:
    principles = "\n".join(f"- {name}: {_plain(says)}" for name, says in dilemma.principles.items())
    return {"dilemma": _plain(dilemma.prompt), "principles": principles}


def _clauses(dilemma: Dilemma, plans: Sequence[str]) -> str:
    """What the clauses of plan lines say, in the dilemma's order whoever names them; '' where no plan names any."""
    named = [read_plan(plan, dilemma) for plan in plans]
    rows = [
        f"- `{issue}={option}`: {_plain(says.says)}"
        for issue, asked in dilemma.issues.items()
        for option, says in asked.options.items()
        if any(plan.get(issue) == option for plan in named)
    ]
    return "\n".join([PROMPTS.rows("phrases")["clauses"], "", *rows]) if rows else ""


def _plain(text: str) -> str:
    """Words from a file on one line: nothing in them can be taken for a heading or a delimiter."""
    return " ".join(visible(text).split())
