"""What did each seat see when it spoke: one dialogue that stands for the others, turn by turn?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evals.findings.section import Section, Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.deliberation.gathered import Gathered
    from nodes.deliberation.record import DeliberationRecord

LONGEST, MOST_TURNS = 160, 24
"""Characters of a turn and turns of a dialogue in the text; the reader has them whole."""


def exemplar(g: Gathered) -> str:
    """The run that is shown: of the dialogues of the cross that agreed, one of median length, the first by id.

    Where none agreed, of all dialogues; where the cross has none, of every condition.
    """
    pool = g.talked[g.talked["control"] == ""]
    pool = g.talked if pool.empty else pool
    agreed = pool[pool["m:agreed"] == 1] if "m:agreed" in pool else pool.iloc[:0]
    pool = (pool if agreed.empty else agreed).drop_duplicates("run_id")
    turns = g.frames.turns.groupby("run_id").size().reindex(pool["run_id"], fill_value=0).sort_values()
    middle = int(turns.iloc[(len(turns) - 1) // 2])
    return str(min(run_id for run_id, n in turns.items() if n == middle))


def heard(g: Gathered, paths: dict[str, Path]) -> list[Section]:
    """The section; none where the record of no dialogue lies there."""
    from evals.records import read

    run_id = exemplar(g)
    if run_id not in paths:
        return []
    record: DeliberationRecord = read(paths[run_id], "deliberation")  # type: ignore[assignment]
    personas = "; ".join(f"{s.seat} is *{s.persona.name}*" for s in record.seats)
    window = record.protocol.window
    sees = (
        "all that was said"
        if window == "all"
        else f"the last {window} turns"
        if window != 1
        else "the last turn"
    )
    says = [
        f"One dialogue, of median length among those that agreed: [{record.scenario.name}](#run={record.run_id}). "
        f"{personas}. Whoever speaks sees its own persona and {sees}, never the other's persona.",
    ]
    return [
        Section(
            title="What each seat saw",
            says=says,
            shown=[_turns(record)],
            figures={"seen": lambda: _seen(record)} if record.dialogue else {},
        )
    ]


def _turns(record: DeliberationRecord) -> Shown:
    verdicts = {v.round: v.kind or "missing" for v in record.verdicts}
    last = {u.round: i for i, u in enumerate(record.dialogue)}
    rows = [
        [
            f"{i + 1}: {u.seat}",
            ", ".join(str(place + 1) for place in u.seen) or "nothing yet",
            _short(u.text) or "(abstained)",
            verdicts.get(u.round, "") if last[u.round] == i else "",
        ]
        for i, u in enumerate(record.dialogue[:MOST_TURNS])
    ]
    more = len(record.dialogue) - MOST_TURNS
    return Shown(
        "Turn by turn", ["turn", "saw turns", "said", "verdict"], rows,
        f"{more} more turns in the reader." if more > 0 else "",
    )  # fmt: skip


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _seen(record: DeliberationRecord) -> Figure:
    from evals.findings.drawing import BAND, QUIET, figure, look, titled

    said = record.dialogue[:MOST_TURNS]
    seats = list(dict.fromkeys(u.seat for u in said))
    fig, axes = figure(width=2.6 + 0.34 * len(said), height=1.6 + 0.27 * len(said))
    ax = axes[0, 0]
    for i, u in enumerate(said):
        hidden = [place for place in range(i) if place not in u.seen]
        ax.plot(hidden, [i] * len(hidden), ".", color=BAND, markersize=4)
        ax.plot([i], [i], "_", color=QUIET, markersize=9)
    for n, seat in enumerate(seats):
        at = [
            (place, i)
            for i, u in enumerate(said)
            for place in u.seen
            if place < len(said) and said[place].seat == seat
        ]
        style = look(n)
        ax.plot(
            [x for x, _ in at],
            [y for _, y in at],
            linestyle="none",
            markersize=7,
            label=f"said by {seat}",
            **style,
        )
    names = [f"{i + 1}: {u.seat}" for i, u in enumerate(said)]
    ax.set_yticks(range(len(said)), names)
    ax.set_xticks(range(len(said)), [str(i + 1) for i in range(len(said))])
    ax.set_xlim(-0.6, len(said) - 0.4)
    ax.set_ylim(len(said) - 0.4, -0.6)
    ax.set_ylabel("turn: who speaks")
    ax.set_xlabel("turn that its prompt showed")
    ax.legend(loc="upper right")
    note = "Mark: shown. Dot: said before, and not shown. Dash: the turn itself."
    return titled(fig, "What each seat saw when it spoke", note)
