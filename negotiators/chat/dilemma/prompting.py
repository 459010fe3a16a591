"""What does a model read in a dilemma: the messages of one occasion, made from prompt files, tables and quotations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from negotiators.chat.asking import Question
from negotiators.chat.dilemma import history, scene
from negotiators.chat.dilemma.forms import Form, clauses, form, worked
from negotiators.chat.quoting import line, quoted, visible
from negotiators.chat.wording import Prompts, conversation, table
from negotiators.dilemma import DilemmaView
from personas.concern import worded
from scenarios.commons import Commons
from scenarios.contracts import Language
from scenarios.contracts.contract import MOST_CLAUSES

PROMPTS = Prompts(Path(__file__).parent / "prompts")
LONGEST_WORDS = 2_000
"""Characters of what a seat says, or proposes in words."""


@dataclass(frozen=True)
class Asked(Question):
    """A question of a dilemma: beside its messages, the form of its answer and the view it is about."""

    form: Form
    view: DilemmaView


def question(view: DilemmaView) -> Asked:
    """What a seat is asked on an occasion. Pure: the same view gives the same messages.

    Raises ParleyError where a game is too large to be told in words.
    """
    asked_for = form(view, scene.actions(view))
    user = PROMPTS.render(
        _occasion(view),
        when=history.when(view),
        now=history.now(view),
        history=history.history(view),
        law=history.law(view),
        form=asked_for.example,
        most=str(most(view)),
        unit=line(view.scenario.unit) if isinstance(view.scenario, Commons) else "",
        actions="; ".join(map(scene.shown, scene.actions(view))),
        proposal=_proposal(view),
        **_drafting(view.language if view.occasion == "draft" else None),
    )
    return _asked(_system(view), user, asked_for, view, f"submit_{view.occasion}")


def code_question(view: DilemmaView, words: str, language: Language) -> Asked:
    """What a coder is asked: to write a seat's words down as clauses. It sees no stance and nothing of the play."""
    told, rules = _drafting(language), scene.outline(view)
    system = PROMPTS.render("coder", n=str(len(view.seats)), seats=_seats(view), rules=rules, **told)
    block = quoted(f"contract in words, by seat {view.seat}", words, LONGEST_WORDS)
    asked_for = clauses(language)
    user = PROMPTS.render("code", words=block, form=asked_for.example, **told)
    return _asked(system, user, asked_for, view, "submit_contract")


def most(view: DilemmaView) -> int:
    """The greatest amount that can be asked for, or said: the capacity of a commons."""
    return view.scenario.capacity if isinstance(view.scenario, Commons) else 0


def _asked(system: str, user: str, asked_for: Form, view: DilemmaView, tool: str) -> Asked:
    return Asked(conversation(system, user), asked_for.schema, PROMPTS, asked_for, view, tool=tool)


def _occasion(view: DilemmaView) -> str:
    if view.occasion != "draft":
        return view.occasion
    return "draft_spoken" if view.language is None else "draft_coded" if view.coded else "draft_enforced"


def _system(view: DilemmaView) -> str:
    setting = "commons" if isinstance(view.scenario, Commons) else "game"
    quorum = f" It is adopted if {view.quorum} of {len(view.seats)} vote for it." if view.quorum else ""
    agreeing = PROMPTS.rows("agreeing")[view.regime].replace("$quorum", quorum)
    return PROMPTS.render(
        setting,
        seat=line(view.seat, 60),
        n=str(len(view.seats)),
        seats=_seats(view),
        stance=worded(view.persona).strip(),
        story=scene.story(view),
        rules=scene.rules(view),
        reports=PROMPTS.rows("reports")[view.reports],
        agreeing=agreeing,
        contracts=PROMPTS.rows(f"contracts_{setting}")[view.regime],
        known=_known(view),
    )


def _seats(view: DilemmaView) -> str:
    return ", ".join(line(seat, 60) for seat in view.seats)


def _known(view: DilemmaView) -> str:
    """What is announced of the seats' stances, and how many are prosocial, as far as that is told."""
    rows, parts = PROMPTS.rows("known"), list[str]()
    if view.claims:
        announced = [
            [line(s, 60) + (" (you)" if s == view.seat else ""), line(c, 60)] for s, c in view.claims.items()
        ]
        parts += [rows["declared"], table(["seat", "announced as"], announced)]
    if view.prosocial_known is not None:
        told = rows["count"].replace("$n", str(len(view.seats)))
        parts.append(told.replace("$count", str(view.prosocial_known)))
    return "\n\n".join(parts or [rows["private"]])


def _proposal(view: DilemmaView) -> str:
    return "" if view.proposal is None else history.read_back(view.proposal, "proposal")


def _drafting(language: Language | None) -> dict[str, str]:
    """What whoever drafts clauses is told of the language, with two worked examples that compile in it."""
    if language is None:
        return {"language": "", "examples": "", "clauses": ""}
    first, second = (visible(json.dumps(answer, ensure_ascii=False)) for answer in worked(language))
    examples = PROMPTS.render("examples", first=first, second=second)
    return {
        "language": visible(language.describe()),
        "examples": examples,
        "clauses": str(MOST_CLAUSES),
    }
