"""What does a model read in a deliberation: the messages for a turn, a verdict or the plan? Training asks in the same.

A seat's prompt is a conversation of its own: its turns are the assistant's, verbatim, and what the others said
in between is quoted. With all turns in view it only ever grows at its end,

    speaking(next turn) == speaking(this turn) + [assistant: own words, user: the others' words, quoted]

so that a seat's whole dialogue is one sequence of tokens. No model, and nothing of one, is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from string import Template

from negotiators.chat.quoting import line, quoted, visible
from negotiators.chat.wording import Message, Prompts
from negotiators.deliberation import LONGEST, MEDIATOR, DeliberationView, Dialogue, Utterance
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.dilemmas.plan import in_words, written

PROMPTS = Prompts(Path(__file__).parent / "prompts")


def speaking(view: DeliberationView) -> list[Message]:
    """What a seat reads before its turn: its stance and the rules, then the dilemma and what it has heard in order.

    Pure: the same view gives the same messages. A view without a persona is a mediator's.
    """
    if view.persona is None:
        return mediating(view)
    stance = _plain(view.persona.says)
    return _conversation(view, _rules("speak_system", view, seat=line(view.seat, 60), stance=stance))


def mediating(view: DeliberationView) -> list[Message]:
    """What a mediator reads before its turn, built as a seat's is; it has no stance and knows nobody's."""
    return _conversation(view, _rules("mediate_system", view))


def completing(view: DeliberationView) -> list[Message]:
    """What the first seat reads to write the plan down: the dilemma, every stance, and all that was said, quoted.

    `view.agreed` is None where the seats did not agree, and {} where they did in words without clauses.
    """
    user = PROMPTS.render(
        "complete",
        **_dilemma(view.dilemma),
        seat=line(view.seat, 60),
        stances=_stances(view, seated=True),
        heard=_quotes(view, view.heard) or _phrase("silent"),
        agreed=_agreed(view),
        clauses=_clauses(view, "writing"),
    )
    return _pair(PROMPTS.render("write_system", quoting=PROMPTS.render("quoting")), user)


def alone(view: DeliberationView) -> list[Message]:
    """What one agent reads that writes a plan for everybody without a dialogue: the dilemma and every stance."""
    stances, clauses = _stances(view, seated=False), _clauses(view, "writing")
    user = PROMPTS.render("alone", **_dilemma(view.dilemma), stances=stances, clauses=clauses)
    return _pair(PROMPTS.render("write_system", quoting=""), user)


def writing(view: DeliberationView) -> list[Message]:
    """`completing`, or `alone` where nothing was said."""
    return completing(view) if view.heard else alone(view)


def judging(dialogue: Dialogue) -> list[Message]:
    """What a judge reads after a round: the dilemma and all that was said, never the stances.

    It is told what the clauses say where somebody has named them in a plan line.
    """
    named = any(u.plan for u in dialogue.utterances)
    issues = f"What the clauses in plan lines stand for:\n\n{_issues(dialogue.dilemma)}" if named else ""
    user = PROMPTS.render(
        "judge",
        dilemma=_plain(dialogue.dilemma.prompt),
        issues=issues,
        seats=_names(dialogue.seats),
        round=str(dialogue.round),
        heard="\n\n".join(_quote(u, "") for u in dialogue.utterances),
    )
    return _pair(PROMPTS.render("judge_system", quoting=PROMPTS.render("quoting")), user)


def own_words(said: Utterance) -> str:
    """A seat's own turn as it reads it again: its text, or that it said nothing, as no server takes an empty turn."""
    return said.text or _phrase("silent")


def _conversation(view: DeliberationView, system: str) -> list[Message]:
    """System, then the user's and the seat's own turns by the clock of the seat's own."""
    messages: list[Message] = [{"role": "system", "content": system}]
    since: list[Utterance] = []
    for own, spoken in groupby(view.heard, key=lambda u: u.seat == view.seat):
        if not own:
            since = list(spoken)
            continue
        for said in spoken:
            messages.append(_user(view, since, said.round, opening=len(messages) == 1))
            messages.append({"role": "assistant", "content": own_words(said)})
            since = []
    messages.append(_user(view, since, view.round, opening=len(messages) == 1))
    return messages


def _user(view: DeliberationView, since: Sequence[Utterance], round_: int, *, opening: bool) -> Message:
    """What the others said since the seat's last turn; before its first one, the dilemma and its clauses as well."""
    turn = Template(_phrase("turn")).substitute(round=str(round_), rounds=str(view.rounds))
    if not opening:
        heard = _quotes(view, since) or _phrase("nobody")
        return {"role": "user", "content": PROMPTS.render("heard", heard=heard, turn=turn)}
    cut = bool(view.places) and view.places[0] > 0
    user = PROMPTS.render(
        "speak_dilemma",
        **_dilemma(view.dilemma),
        clauses=_clauses(view, "proposing"),
        before=_phrase("before") if cut else "" if since else _phrase("first"),
        heard=_quotes(view, since),
        turn=turn,
    )
    return {"role": "user", "content": user}


def _rules(name: str, view: DeliberationView, **fields: str) -> str:
    """The system message: the same in every round."""
    counts = {"n": str(len(view.seats)), "seats": _names(view.seats), "rounds": str(view.rounds)}
    return PROMPTS.render(name, **counts, quoting=PROMPTS.render("quoting"), **fields)


def _dilemma(dilemma: Dilemma) -> dict[str, str]:
    principles = "\n".join(f"- {name}: {_plain(says)}" for name, says in dilemma.principles.items())
    return {"dilemma": _plain(dilemma.prompt), "principles": principles}


def _clauses(view: DeliberationView, asked: str) -> str:
    """The issues with their options, and the plan line asked for; '' where the view shows none."""
    if not view.clauses or not view.dilemma.issues:
        return ""
    form = written(dict.fromkeys(view.dilemma.issues, "<option>"))
    return PROMPTS.render("clauses", issues=_issues(view.dilemma), asked=_phrase(asked), line=form)


def _issues(dilemma: Dilemma) -> str:
    return "\n".join(
        f"- `{name}`: {_plain(issue.asks)}\n"
        + "\n".join(f"  - `{option}`: {_plain(o.says)}" for option, o in issue.options.items())
        for name, issue in dilemma.issues.items()
    )


def _stances(view: DeliberationView, *, seated: bool) -> str:
    """Every persona in words, with its seat where seats have talked."""
    if not seated:
        return "\n".join(f"- One side was briefed: {_plain(pole.says)}" for pole in view.personas)
    return "\n".join(
        f"- Seat {line(seat, 60)} was briefed: {_plain(pole.says)}"
        for seat, pole in zip(view.seats, view.personas, strict=True)
    )


def _agreed(view: DeliberationView) -> str:
    if view.agreed is None:
        return _phrase("open")
    if not view.agreed:
        return _phrase("agreed")
    told = _plain(in_words(view.agreed, view.dilemma))
    return f"{_phrase('clauses')} {told}" + (f"\n\n{written(view.agreed)}" if view.clauses else "")


def _quotes(view: DeliberationView, said: Sequence[Utterance]) -> str:
    return "\n\n".join(_quote(u, view.seat) for u in said)


def _quote(said: Utterance, reader: str) -> str:
    who = "the mediator" if said.seat == MEDIATOR else f"seat {said.seat}"
    you = " (you)" if said.seat == reader else ""
    return quoted(f"{who}{you}, round {said.round}", said.text or _phrase("silent"), LONGEST)


def _names(seats: Sequence[str]) -> str:
    return ", ".join(line(seat, 60) for seat in seats)


def _phrase(name: str) -> str:
    return PROMPTS.rows("phrases")[name]


def _plain(text: str) -> str:
    """Words from a file on one line: nothing in them can be taken for a heading or a delimiter."""
    return " ".join(visible(text).split())


def _pair(system: str, user: str) -> list[Message]:
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]
