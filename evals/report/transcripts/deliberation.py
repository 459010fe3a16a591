"""How does a deliberation read: every word in order, the verdict after each round, the plan that came of it?

The table of a turn has a row an issue of the dilemma and one column, the plan: the options that the turn names, in
words. An issue that a turn does not name is None, for its words leave it as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from evals.report.transcripts.alike import (
    Incidents,
    bounded,
    policy,
    provenance,
    settings,
    signed,
    spaced,
    usage,
    weights,
)
from evals.report.transcripts.model import Case, Column, Row, Seat, Transcript, Turn, Value
from graphs.pages.dialogue import MEASURES, VERDICTS, invalid
from negotiators.deliberation import MEDIATOR
from nodes.deliberation.measures import final_plan, survived

if TYPE_CHECKING:
    from negotiators.deliberation import Completion, Utterance, Verdict
    from nodes.deliberation.record import DeliberationRecord, DeliberationSeat
    from nodes.record import EdgeEvent
    from scenarios.dilemmas.dilemma import Dilemma, Issue

Measured = tuple[tuple[str, float | None], ...]

STRATEGIES: Mapping[str, str] = {
    "abstain": "Says nothing usable.",
    "mediate": "Mediates.",
    "part": "Says that it will not agree.",
    "consent": "Agrees to the plan it names.",
    "talk": "Talks, and names no clause.",
    "open": "Names its first plan.",
    "hold": "Holds to its plan.",
    "concede": "Concedes: it moves its plan toward another’s.",
    "insist": "Insists: it moves its plan away from another’s.",
    "trade": "Trades: it gives way on some issues and claims on others.",
    "explore": "Explores: its change is neither toward nor away from another’s plan.",
}
"""What a turn does to the plan, as `nodes.deliberation.measures.strategy` names it, in words."""


def transcript(record: DeliberationRecord) -> Transcript:
    """A deliberation as turns: utterances and verdicts in the order they came, then the plan as written down."""
    told = Incidents(record.incidents)
    turns = tuple(_turns(record, told))
    alone = ["Written by one agent alone: nobody talked."] if record.protocol.alone else []
    broken = [f"This run is invalid: {invalid(record)}. It is counted apart."]
    return Transcript(
        run_id=record.run_id,
        setting="deliberation",
        case=_case(record.scenario),
        seats=tuple(map(_seat, record.seats)),
        protocol=settings(record.protocol),
        turns=turns,
        status=record.status,
        outcome=tuple(_outcome(record)),
        measures=tuple(_measures(record)),
        notes=(*alone, *(broken if record.status == "invalid" else []), *told.rest()),
        provenance=provenance(record),
        usage=usage(record),
    )


def _case(d: Dilemma) -> Case:
    facts = (
        *((f"principle: {spaced(name)}", says) for name, says in d.principles.items()),
        ("theme", f"{spaced(d.theme)}, {d.stratum}"),
        ("held out of training", "yes" if d.held_out else ""),
        ("source", d.source),
    )
    return Case(
        name=d.name,
        title=d.goal,
        says=d.prompt,
        rows=tuple(Row(name, _issue(issue)) for name, issue in d.issues.items()),
        columns=(Column("plan", "plan"),),
        facts=tuple((label, value) for label, value in facts if value),
    )


def _issue(issue: Issue) -> tuple[tuple[str, str], ...]:
    """What an issue asks, and its options with what each serves."""
    options = (
        (
            f"option {name}",
            option.says + (f" (serves {weights(option.serves)})" if option.serves else ""),
        )
        for name, option in issue.options.items()
    )
    return (("asks", issue.asks), *options)


def _seat(at: DeliberationSeat) -> Seat:
    facts = (
        ("weighs", weights(at.persona.values) if at.persona.values else "nothing: a persona of style alone"),
        ("of the pair", at.pair),
        ("policy", policy(at.policy)),
        ("served by", at.server or ""),
    )
    return Seat(
        seat=at.seat,
        persona=at.persona.name,
        speaks=at.model or at.negotiator,
        says=at.persona.says,
        facts=tuple((label, value) for label, value in facts if value),
    )


def _turns(record: DeliberationRecord, told: Incidents) -> Iterator[Turn]:
    """Every turn; an utterance's place in the dialogue is kept, since later ones name it by that."""
    d = record.scenario
    edges = {(e.round, e.seat): e for e in record.edges if e.source in ("speak", "mediate")}
    verdicts = {v.round: v for v in record.verdicts}
    placed: dict[int, int] = {}
    last: dict[str, dict[str, str]] = {}
    turn = 0
    for place, u in enumerate(record.dialogue):
        turn += 1
        placed[place] = turn
        if u.seat != MEDIATOR:
            last[u.seat] = {**last.get(u.seat, {}), **u.plan}
        saw = tuple(placed[i] for i in u.seen if i in placed)
        yield _utterance(record, u, edges.get((u.round, u.seat)), saw, _apart(d, last), told)
        ends = place + 1 == len(record.dialogue) or record.dialogue[place + 1].round != u.round
        if ends and u.round in verdicts:
            turn += 1
            yield _verdict(d, verdicts[u.round], _apart(d, last), told)
    if record.completion is not None:
        yield _completion(record, record.completion, told)


def _utterance(
    record: DeliberationRecord,
    u: Utterance,
    edge: EdgeEvent | None,
    saw: tuple[int, ...],
    contested: tuple[tuple[int, int], ...],
    told: Incidents,
) -> Turn:
    personas = {s.seat: s.persona.name for s in record.seats}
    return Turn(
        kind="speak",
        round=u.round,
        title=f"Round {u.round} · {u.seat}",
        seat=u.seat,
        who=personas.get(u.seat, u.seat),
        said=bounded(u.text),
        values=_values(record.scenario, u.plan),
        contested=contested,
        saw=saw,
        did=tuple(_did(u, edge)),
        incidents=told.of(u.round, u.seat, ("speak", "mediate")),
        status="" if u.status == "made" else u.status,
        prompt=u.prompt_hash,
    )


def _did(u: Utterance, edge: EdgeEvent | None) -> Iterator[str]:
    strategy = edge.strategy if edge is not None else None
    if strategy is not None:
        yield STRATEGIES.get(strategy, strategy)
    if u.consents and strategy != "consent":
        yield STRATEGIES["consent"]
    if u.parts and strategy != "part":
        yield STRATEGIES["part"]
    if edge is not None and edge.delta_own is not None:
        other = "" if edge.delta_other is None else f", to the others {signed(edge.delta_other)}"
        yield f"Worth of its plan to itself {signed(edge.delta_own)}{other}."


def _verdict(d: Dilemma, v: Verdict, contested: tuple[tuple[int, int], ...], told: Incidents) -> Turn:
    word, _ = VERDICTS[v.kind]
    return Turn(
        kind="judge",
        round=v.round,
        title=f"Round {v.round} · verdict",
        who=v.judge,
        said=bounded(v.why),
        values=_values(d, v.plan),
        contested=contested,
        did=(f"{word[0].upper()}{word[1:]}.",),
        incidents=told.of(v.round, nodes=("judge",)),
        status="abstained" if v.kind is None else "",
        prompt=v.prompt_hash,
    )


def _completion(record: DeliberationRecord, c: Completion, told: Incidents) -> Turn:
    round_ = len(record.verdicts)
    personas = {s.seat: s.persona.name for s in record.seats}
    closing = next((e.round for e in record.edges if e.source == "complete"), round_)
    return Turn(
        kind="complete",
        round=round_,
        title="The plan, as it was written down",
        seat=c.seat,
        who=personas.get(c.seat, c.seat),
        said=bounded(c.text),
        values=_values(record.scenario, c.plan),
        did=tuple(_faithful(record)),
        incidents=told.of(closing, nodes=("complete",)),
        status="" if c.status == "made" else c.status,
        prompt=c.prompt_hash,
    )


def _faithful(record: DeliberationRecord) -> Iterator[str]:
    faithful = record.measures.get("faithful")
    if faithful is not None:
        yield (
            "What was written down is what was agreed."
            if faithful
            else "What was written down is not what was agreed."
        )


def _values(d: Dilemma, plan: Mapping[str, str]) -> tuple[tuple[Value, ...], ...] | None:
    """The options that a plan line names, in words, by issue; None where it names none of this dilemma's issues."""
    if not any(issue in plan for issue in d.issues):
        return None
    return tuple((_option(issue, plan.get(name)),) for name, issue in d.issues.items())


def _option(issue: Issue, name: str | None) -> str | None:
    if name is None:
        return None
    option = issue.options.get(name)
    return name if option is None else option.says


def _apart(d: Dilemma, last: Mapping[str, Mapping[str, str]]) -> tuple[tuple[int, int], ...]:
    """The issues on which the seats' plans differ now, each as far as it has named one."""
    apart = []
    for row, issue in enumerate(d.issues):
        named = {plan[issue] for plan in last.values() if issue in plan}
        if len(named) > 1:
            apart.append((row, 0))
    return tuple(apart)


def _outcome(record: DeliberationRecord) -> Iterator[str]:
    """Whether they agreed and when, whose clauses survived, what the plan is."""
    rounds = len(record.verdicts)
    if record.agreed:
        yield f"They agreed in round {rounds}."
    elif record.verdicts:
        word = VERDICTS[record.verdicts[-1].kind][0]
        yield f"They did not agree in {rounds} round{'' if rounds == 1 else 's'}; the last verdict: {word}."
    final = final_plan(record.scenario, record.verdicts, record.completion)
    if final:
        issues = record.scenario.issues
        yield "The plan: " + " ".join(str(_option(issues[i], o)) for i, o in final.items() if i in issues)
    elif record.completion is None and record.status == "complete":
        yield "No plan was written down."
    talking = [] if record.protocol.alone else [s.seat for s in record.seats]
    kept, contested = survived(talking, record.scenario, record.dialogue, final)
    if contested and all(share is not None for share in kept.values()):
        shares = ", ".join(f"{s} {share:.0%}" for s, share in kept.items())
        yield f"Of {contested:.0f} clauses contested at first survived, of each seat’s own: {shares}."
    yield from _faithful(record)


def _measures(record: DeliberationRecord) -> Iterator[tuple[str, Measured]]:
    """What the final plan is worth and how it came about; beside the joint worths the best that any plan reaches."""
    named = {key: name for key, name, _ in MEASURES}
    for key, value in record.measures.items():
        what, _, of = key.partition(":")
        title = named.get(key) or f"{spaced(what)}{' to' if what == 'worth' else ''} {of}".strip()
        best = record.benchmarks.get(key)
        yield title, (("final", value), *((("attainable", best),) if best is not None else ()))
