"""How does a debate read: solos, the merge of them, each round's moves and merge, exit solos?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evals.report.transcripts.alike import (
    Incidents,
    bounded,
    listed,
    policy,
    provenance,
    settings,
    signed,
    spaced,
    usage,
    weights,
)
from evals.report.transcripts.model import Kind, Passage, Seat, Transcript, Turn, Value
from evals.report.transcripts.ward import case
from graphs.pages.debate import changed_mind, emerged, favoured, influence, minds, stage
from negotiators.protocol import move_hash
from nodes.findings.strategy import contested as disputed
from scenarios.measures import MEASURES, need_satisfaction

if TYPE_CHECKING:
    from negotiators.protocol import Move
    from nodes.record import EdgeEvent, Round, RunRecord, Solo
    from nodes.record import Seat as At
    from scenarios.ward import Allocation

STRATEGIES: Mapping[str | None, str] = {
    "hold": "Holds: it moves nothing in dispute.",
    "contest": "Contests: it moves away from the others.",
    "concede": "Concedes: it moves toward the others.",
    "trade": "Trades: it gives way on some cells and claims on others.",
    "silent": "Stands by its allocation: nothing is in dispute.",
    "abstain": "Abstains: its last valid move stands.",
    None: "Speaks, with nothing to compare its move with.",
}
"""The headline of a move, as `nodes.findings.strategy.headline` gives it, in words."""

TAGS = {"hold": "held", "contest": "contested", "concede": "conceded", "trade": "traded"}

UNMERGED = (
    "No merge followed: the words and the allocation of this move stand in the journal of the run alone."
)

INVALID = "This run is invalid: a seat made no valid move at all. It is counted apart."


def transcript(record: RunRecord) -> Transcript:
    """A debate as turns, in the order they happened."""
    telling = _Telling(record)
    turns = tuple(telling.turns())
    return Transcript(
        run_id=record.run_id,
        setting="triage",
        case=case(record.scenario),
        seats=tuple(map(_seat, record.seats)),
        protocol=settings(record.protocol),
        turns=turns,
        status=record.status,
        outcome=tuple(_outcome(record)),
        measures=tuple(_measures(record)),
        passages=tuple(_passages(record)),
        notes=(*([INVALID] if record.status == "invalid" else []), *telling.incidents.rest()),
        provenance=provenance(record),
        usage=usage(record),
    )


@dataclass
class _Telling:
    """A debate as it is told turn by turn: which move is which turn, and which incidents nobody has told yet."""

    record: RunRecord
    placed: dict[str, int] = field(default_factory=dict)
    """Hash of a move -> its turn, of all moves told so far."""

    def __post_init__(self) -> None:
        self.incidents = Incidents(self.record.incidents)
        self.rows = self.record.scenario.arrays.row
        self.columns = self.record.scenario.arrays.column
        self.personas = {s.seat: s.persona.name for s in self.record.seats}
        self.edges = {
            (e.round, e.seat): e
            for e in self.record.edges
            if e.seat is not None and e.source in ("propose", "critique")
        }

    def turns(self) -> Iterator[Turn]:
        """Every turn; a move's place is kept before it is handed out, since later turns may have seen it."""
        for place, (turn, move) in enumerate(self._turns(), 1):
            if move is not None:
                self.placed[_name(move)] = place
            yield turn

    def _turns(self) -> Iterator[tuple[Turn, Move | None]]:
        record = self.record
        for seat, solo in _seated(record, record.solo):
            yield self._alone("solo", f"{seat} alone", solo, _served(record, solo.move)), solo.move
        if record.no_debate is not None:
            yield self._merge_of_solos(record.no_debate), None
        for round_ in record.rounds:
            for i, move in enumerate(round_.moves):
                yield self._moved(round_, i, move), move
            yield self._merged(round_), None
        yield from ((turn, None) for turn in self._unmerged())
        for seat, solo in _seated(record, record.exit_solo):
            yield self._alone("exit_solo", f"{seat} asked again alone", solo, _again(record, seat)), solo.move

    def _alone(self, kind: Kind, title: str, solo: Solo, did: str) -> Turn:
        told = self.incidents.of(solo.move.round, solo.move.seat, (kind,))
        shown = [p.id for p in solo.retrieved]
        return self._move(kind, title, solo.move, shown, [did] if did else [], told)

    def _moved(self, round_: Round, i: int, move: Move) -> Turn:
        """A move of a round that was merged."""
        record, edge = self.record, self.edges.get((round_.round, move.seat))
        at_once = record.protocol.simultaneous
        kind: Kind = "propose" if i == 0 or at_once else "critique"
        role = "all at once" if at_once else "proposer" if i == 0 else "critic"
        told = self.incidents.of(round_.round, move.seat, ("propose", "critique", "retrieve"))
        shown = [p.id for p in round_.retrieved.get(move.seat, [])]
        did = [*_did(edge), *_says(move)] if edge is not None else _says(move)
        return self._move(kind, f"Round {round_.round} · {role}", move, shown, did, told)

    def _move(
        self,
        kind: Kind,
        title: str,
        move: Move,
        shown: Iterable[str],
        did: Sequence[str],
        told: tuple[str, ...],
    ) -> Turn:
        x = move.allocation
        return Turn(
            kind=kind,
            round=move.round,
            title=title,
            seat=move.seat,
            who=self.personas[move.seat],
            said=bounded(move.argument),
            values=None if x is None else self._values(x),
            met=None if x is None else self._met(x),
            cites=tuple(move.citations),
            shown=tuple(shown),
            saw=self._saw(move),
            did=tuple(did),
            incidents=told,
            status="" if move.status == "made" else move.status,
            prompt=move.prompt_hash,
        )

    def _saw(self, move: Move) -> tuple[int, ...] | None:
        """The turns whose moves its prompt showed; None where the record says nothing of its prompt."""
        if not move.seen and not move.prompt_hash:
            return None
        return tuple(self.placed[h] for h in move.seen if h in self.placed)

    def _merge_of_solos(self, x: Allocation) -> Turn:
        ward = self.record.scenario
        solos = [s.move.allocation for _, s in _seated(self.record, self.record.solo)]
        cells = disputed(ward, [ward.array(solo) for solo in solos if solo is not None])
        did = [f"The same rule, {self.record.protocol.merge_rule}, on the solos: what comes of no debate."]
        told = self.incidents.of(0, nodes=("mediate",))
        return self._merge("no_debate", 0, "Merge without debate", x, cells, did, told)

    def _merged(self, round_: Round) -> Turn:
        told = self.incidents.of(round_.round, nodes=("mediate",))
        did = list(_mediated(round_, self.record))
        return self._merge(
            "merge", round_.round, f"Round {round_.round} · merge", round_.joint, round_.contested, did, told
        )

    def _merge(
        self,
        kind: Kind,
        round_: int,
        title: str,
        x: Allocation,
        cells: Iterable[str],
        did: Sequence[str],
        told: tuple[str, ...],
    ) -> Turn:
        places = [cell.partition(".") for cell in cells]
        return Turn(
            kind=kind,
            round=round_,
            title=title,
            who="mediator",
            values=self._values(x),
            met=self._met(x),
            contested=tuple((self.rows[patient], self.columns[resource]) for patient, _, resource in places),
            did=tuple(did),
            incidents=told,
        )

    def _unmerged(self) -> Iterator[Turn]:
        """Moves of a round that was broken off: the record keeps what each did, not what it said."""
        for (round_, seat), edge in self.edges.items():
            if round_ <= len(self.record.rounds) or seat is None:
                continue
            kind: Kind = "propose" if edge.source == "propose" else "critique"
            role = "proposer" if kind == "propose" else "critic"
            yield Turn(
                kind=kind,
                round=round_,
                title=f"Round {round_} · {role}, never merged",
                seat=seat,
                who=self.personas.get(seat, ""),
                did=(*_did(edge), UNMERGED),
                incidents=self.incidents.of(round_, seat, ("propose", "critique", "retrieve")),
                status="abstained" if edge.strategy == "abstain" else "",
            )

    def _values(self, x: Allocation) -> tuple[tuple[Value, ...], ...]:
        """Amounts by patient and resource; None where a patient needs nothing of it."""
        return tuple(tuple(x.get(p, {}).get(r) for r in self.columns) for p in self.rows)

    def _met(self, x: Allocation) -> tuple[float | None, ...]:
        ward = self.record.scenario
        h = need_satisfaction(ward.array(x), ward.arrays.demand)
        return tuple(None if share != share else round(float(share), 3) for share in h)


def _name(move: Move) -> str:
    """What a later prompt that showed a move names it by; '' for words that no hash can be taken of, nor any JSON."""
    try:
        return move_hash(move)
    except UnicodeEncodeError:
        return ""


def _seated(record: RunRecord, solos: Mapping[str, Solo]) -> list[tuple[str, Solo]]:
    """Solos in the order seated."""
    return [(s.seat, solos[s.seat]) for s in record.seats if s.seat in solos]


def _served(record: RunRecord, move: Move) -> str:
    if move.allocation is None:
        return "Abstains: it made no valid allocation."
    served = sum(any(amount > 0 for amount in shares.values()) for shares in move.allocation.values())
    return f"Serves {served} of {len(record.scenario.patients)} patients."


def _again(record: RunRecord, seat: str) -> str:
    changed = changed_mind(record, seat)
    if changed is None:
        return ""
    return f"Differs from its solo on {changed} cells." if changed else "As its solo: no change of mind."


def _did(edge: EdgeEvent) -> Iterator[str]:
    """What a move did, a sentence each."""
    yield STRATEGIES.get(edge.strategy, str(edge.strategy))
    if edge.cells:
        counts = ", ".join(f"{n} {TAGS[tag]}" for tag, n in Counter(edge.cells.values()).items())
        yield f"Of {len(edge.cells)} cells in dispute: {counts}."
    if edge.delta_own is not None or edge.delta_other is not None:
        own, other = ("unknown" if d is None else signed(d) for d in (edge.delta_own, edge.delta_other))
        step = f": {_step(edge.step)}" if edge.step else ""
        yield f"Own utility {own}, the others’ {other}{step}."


def _step(name: str) -> str:
    """A step class (Hindriks, Jonker & Tykhonov 2007) in words."""
    return "a concession" if name == "concession" else f"a{'n' if name == 'unfortunate' else ''} {name} step"


def _says(move: Move) -> list[str]:
    """What the seat itself says that it gives up and contests."""
    parts = [
        f"{verb} {listed(cells)}"
        for verb, cells in (("gives up", move.concedes), ("contests", move.contests))
        if cells
    ]
    return [f"It says that it {' and '.join(parts)}."] if parts else []


def _mediated(round_: Round, record: RunRecord) -> Iterator[str]:
    """What a merge did: the rule, its notes, a lottery's chances, a person's word, whose solo prevailed."""
    left = len(round_.contested)
    still = f"the moves differ on {left} cells" if left else "the moves agree on every cell"
    yield f"Merged by {record.protocol.merge_rule}; {still}."
    if round_.amended:
        yield "Amended by a person."
    if round_.gap > 1e-6:
        yield f"At most {round_.gap:.2g} from the optimum of its rule."
    yield from (bounded(note) for note in round_.notes)
    if round_.marginals is not None:
        chances = [
            f"{p} {spaced(r)} {amount:.2f}"
            for p, shares in round_.marginals.items()
            for r, amount in shares.items()
            if abs(amount - round(amount)) > 1e-6
        ]
        yield f"Drawn by lottery; expected before the draw: {listed(chances, 24) or 'nothing was left to chance'}."
    by_seat: dict[str, list[str]] = {}
    for cell, seat in round_.overridden.items():
        by_seat.setdefault(seat, []).append(cell)
    for seat, cells in by_seat.items():
        yield f"The solo of {seat} prevails though another seat still contests it: {listed(cells)}."


def _seat(at: At) -> Seat:
    p = at.persona
    binds = {
        "never takes away what a patient already has": p.keeps_holdings,
        "serves no later arrival more fully than an earlier one": p.first_come,
        "leaves nothing idle that someone still needs": p.wastes_nothing,
        "judges whole goods as chances": p.ex_ante,
    }
    facts = (
        ("cites", ", ".join(p.cites)),
        ("favours", f"{favoured(p.favours)} at strength {p.strength:g}" if p.favours else ""),
        ("declares", weights(at.declared)),
        ("binds itself", "; ".join(words for words, bound in binds.items() if bound)),
        ("policy", policy(at.policy)),
        ("served by", at.server or ""),
        ("source", p.source),
    )
    return Seat(
        seat=at.seat,
        persona=p.name,
        speaks=at.model or at.negotiator,
        says=p.says,
        facts=tuple((label, value) for label, value in facts if value),
        favours=tuple(f"{attribute}={g}" for attribute, groups in p.favours.items() for g in groups),
    )


def _outcome(record: RunRecord) -> Iterator[str]:
    """What came of it, a sentence each, as the page of a terminal tells it."""
    told = emerged(record)
    yield from (line.plain for line in getattr(told, "renderables", [told]))
    yield from (line.plain for line in influence(record))
    yield from (line.plain for line in minds(record))


def _measures(record: RunRecord) -> Iterator[tuple[str, tuple[tuple[str, float | None], ...]]]:
    """Normalised measures, declared utilities and how many criteria hold, by stage."""
    if not record.measures:
        return
    stages = {stage(name): outcome for name, outcome in record.measures.items()}
    for name in MEASURES:
        yield spaced(name), tuple((s, _rounded(o.normalised[name])) for s, o in stages.items())
    for at in record.seats:
        if at.declared:
            values = tuple((s, _rounded(o.utilities.get(at.seat))) for s, o in stages.items())
            yield f"utility of {at.seat} {at.persona.name}", values
    yield (
        "criteria met",
        tuple((s, float(sum(met is True for met in o.criteria.values()))) for s, o in stages.items()),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _passages(record: RunRecord) -> Iterator[Passage]:
    """Every passage that any seat was shown, once."""
    shown = [p for solo in (*record.solo.values(), *record.exit_solo.values()) for p in solo.retrieved]
    shown += [p for round_ in record.rounds for passages in round_.retrieved.values() for p in passages]
    for p in {p.id: p for p in shown}.values():
        yield Passage(p.id, p.title, bounded(p.text), p.source, p.framework)
