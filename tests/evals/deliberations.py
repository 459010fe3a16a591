"""What do tests of studies of deliberations share: records made by hand, with known answers, and frames of them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from evals.deliberation.frames import DeliberationFrames, framed, rows_of
from evals.deliberation.gathered import Gathered
from evals.experiment.reading import parse_study
from negotiators.deliberation import MEDIATOR, Completion, Kind, Utterance, Verdict
from negotiators.protocol import Incident
from nodes.deliberation.measures import measures, strategy
from nodes.deliberation.record import DeliberationRecord, DeliberationSeat
from nodes.deliberation.settings import DeliberationTable
from nodes.deliberation.sitting import Sitting
from nodes.record import EdgeEvent
from personas.opposing import Pole
from scenarios.dilemmas import Dilemma
from scenarios.dilemmas.load import parse_dilemma

STUDY: dict[str, Any] = {
    "name": "made",
    "question": "Does it count right?",
    "setting": "deliberation",
    "scenarios": ["late-result"],
}


def dilemma(name: str = "made") -> Dilemma:
    """Two issues of two options: `x` serves pace alone, `y` quality alone, twice as much in the first issue."""
    issue = {
        "x": {"says": "Do it now", "serves": {"pace": 1}},
        "y": {"says": "Do it well", "serves": {"quality": 1}},
    }
    wide = {k: o | {"serves": {c: 2 * g for c, g in o["serves"].items()}} for k, o in issue.items()}  # type: ignore[attr-defined]
    made = {
        "name": name, "theme": "made", "stratum": "everyday", "goal": "Do it", "source": "this test",
        "prompt": "Something has to be done. How will you do it?",
        "principles": {"pace": "soon", "quality": "well"},
        "issues": {"how": {"asks": "How?", "options": wide}, "when": {"asks": "When?", "options": issue}},
    }  # fmt: skip
    return parse_dilemma(made, "dilemma")


POLES = (
    Pole(name="speed", says="Soon.", values={"pace": 1}),
    Pole(name="quality", says="Well.", values={"quality": 1}),
)
STYLE = (Pole(name="terse", says="Few words."), Pole(name="ample", says="Many words."))

X, Y = {"how": "x", "when": "x"}, {"how": "y", "when": "y"}
XY = {"how": "x", "when": "y"}


def said(seat: str, round_: int, plan: Mapping[str, str] | None = None, **more: Any) -> Utterance:
    """A turn of five words with this plan; `text=""` is an abstention."""
    status = "abstained" if more.get("text") == "" else "made"
    words: dict[str, Any] = {"text": "these are five words here", "status": status} | more
    return Utterance(seat=seat, round=round_, plan=dict(plan or {}), **words)


def record(
    dialogue: Sequence[Utterance] = (
        said("A", 1, X),
        said("B", 1, Y),
        said("A", 2, X),
        said("B", 2, X, consents=True),
    ),
    kinds: Sequence[Kind | None] = ("debating", "agreed"),
    plan: Mapping[str, str] = X,
    written: Mapping[str, str] | None = X,
    *,
    run_id: str = "made",
    case: Dilemma | None = None,
    poles: Sequence[Pole] = POLES,
    status: str = "complete",
    incidents: Sequence[Incident] = (),
    **settings: Any,
) -> DeliberationRecord:
    """A dialogue that ended so: `plan` is what the last verdict says was agreed, `written` what was written down."""
    table = DeliberationTable.model_validate(settings)
    seats = {
        s: DeliberationSeat(seat=s, persona=p, pair="made", negotiator="reference")
        for s, p in zip("ABCDEFGH", poles, strict=False)
    }
    sat = Sitting(table, case or dilemma(), seats, run_id)
    verdicts = [
        Verdict(round=n, kind=kind, judge="rule", plan=dict(plan) if n == len(kinds) else {})
        for n, kind in enumerate(kinds, 1)
    ]
    completion = None if written is None else Completion(seat="A", text="We do it.", plan=dict(written))
    edges = [
        EdgeEvent(
            index=i,
            source="mediate" if u.seat == MEDIATOR else "speak",
            target="speak",
            round=u.round,
            seat=u.seat,
            persona=None if u.seat == MEDIATOR else seats[u.seat].persona.name,
            strategy=strategy(u, dialogue[:i]),
        )
        for i, u in enumerate(dialogue)
    ]
    return DeliberationRecord(
        run_id=run_id, status=status, seed=1, replicate=0, edges=edges, usage=[], incidents=list(incidents),
        provenance={}, scenario=sat.dilemma, seats=list(seats.values()), protocol=table,
        dialogue=list(dialogue), verdicts=verdicts, completion=completion, benchmarks={},
        measures=measures(sat, dialogue, verdicts, completion) if status == "complete" else {},
    )  # fmt: skip


def frames(*records: DeliberationRecord, arms: Mapping[str, str] | None = None) -> DeliberationFrames:
    """Frames of records as a study has them; `arms`: run id -> the listed condition it is of, else the cross."""
    made = framed([rows_of(r) for r in records])
    control = [(arms or {}).get(r.run_id, "") for r in records]
    runs = made.runs.assign(
        role="study", condition=control, control=control, policy="", cluster=made.runs["scenario"]
    )
    return DeliberationFrames(runs, made.turns, made.verdicts)


def gathered(*records: DeliberationRecord, arms: Mapping[str, str] | None = None) -> Gathered:
    """What findings are made of; the arm of the cross is `as it is`."""
    return Gathered(parse_study(STUDY, "made.yaml"), frames(*records, arms=arms), reference_only=True)


def dialogue_of(kinds: Sequence[Kind | None], run_id: str, **more: Any) -> DeliberationRecord:
    """A dialogue with so many rounds, ended by these verdicts; it comes to plan X where the last is YES."""
    turns = [said(s, n, p) for n in range(1, len(kinds) + 1) for s, p in (("A", X), ("B", Y))]
    agreed = kinds[-1] == "agreed"
    return record(turns, kinds, X if agreed else {}, X if agreed else None, run_id=run_id, **more)


def values(table: pd.DataFrame) -> dict[str, float | None]:
    """run_id -> value of an outcome; NaN as None."""
    return {r.run_id: None if r.value != r.value else float(r.value) for r in table.itertuples()}
