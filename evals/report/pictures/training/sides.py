"""What came of training: the model before and after on the same cases, and their dialogues side by side?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.findings.section import Section, Shown, estimated, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.report.trained import Training
    from nodes.deliberation.record import DeliberationRecord

Json = dict[str, Any]

DIALOGUES = ("graph", "records")
"""Folders of a training run in which records of dialogues may lie."""

MEASURES = {
    "reward": "reward, 0 to 5",
    "agreed": "share that agreed",
    "rounds": "rounds",
    "well_formed": "share of whole plan lines",
}
LONGEST, MOST_PAIRS = 240, 3
"""Characters of a turn, and pairs of dialogues, in the text."""

TITLE = "Before and after, side by side"


def sides(run: Training) -> Section:
    """The section: means of the same cases before and after, then pairs of dialogues, or that none lie there.

    Raises ParleyError for a record that is damaged, and for a report that has other fields than it should.
    """
    means, said = run.report.get("means"), []
    shown: list[Shown] = []
    figures: dict[str, Any] = {}
    if isinstance(means, dict) and means:
        rows = compared(run)
        said.append(
            "The model as it was made, after its warm-up and after training played the same cases, both seats by "
            "itself; reference seats beside it show what the clauses allow."
        )
        shown += [_means(rows), *_differences(run)]
        figures["before_and_after"] = lambda: _drawn(rows)
    else:
        said.append("The folder has no evaluation of the model before and after on the same cases.")
    records = dialogues(run.folder)
    pairs = alike(records)
    if pairs:
        said.append("Dialogues of two models on the same dilemma, with the same personas:")
        shown += [_beside(*pair) for pair in pairs[:MOST_PAIRS]]
    else:
        said.append(_none(run.folder, records))
        shown += _example(run)
    return Section(TITLE, said, shown=shown, figures=figures)


def compared(run: Training) -> list[tuple[str, str, dict[str, float | None]]]:
    """(dilemmas, who, means by measure) of the evaluation, in its order. Raises ParleyError for another shape."""
    from scenarios.errors import ParleyError

    out = []
    for part, by in run.report["means"].items():
        for who, of in by.items() if isinstance(by, dict) else ():
            if not isinstance(of, dict):
                raise ParleyError(
                    f"{run.folder}: report.json: means of {part}, {who} are no numbers by name; move it away"
                )
            out.append((str(part), str(who), {m: _number(of.get(m)) for m in MEASURES}))
    return out


def dialogues(folder: Path) -> list[DeliberationRecord]:
    """Every record of a deliberation in the folder. Raises ParleyError for one that is damaged."""
    from evals.records import read

    files = [path for name in DIALOGUES for path in sorted((folder / name).glob("*.json")) if path.is_file()]
    return [read(path, "deliberation") for path in files]  # type: ignore[misc]


def alike(records: Sequence[DeliberationRecord]) -> list[tuple[DeliberationRecord, DeliberationRecord]]:
    """Pairs of records of the same dilemma, personas, seed and replicate that other models speak in."""

    def case(r: DeliberationRecord) -> tuple[Any, ...]:
        return r.scenario.name, tuple(s.persona.name for s in r.seats), r.seed, r.replicate

    return [(a, b) for a, b in combinations(records, 2) if case(a) == case(b) and _who(a) != _who(b)]


def _who(record: DeliberationRecord) -> str:
    return " and ".join(dict.fromkeys(s.model or s.negotiator for s in record.seats))


def _none(folder: Path, records: Sequence[DeliberationRecord]) -> str:
    """What of dialogues is there, in a sentence."""
    if not records:
        return "No record of a dialogue lies in the folder, of the model before training or after."
    told = ", ".join(dict.fromkeys(f"{_who(r)} on {r.scenario.name}" for r in records))
    return (
        f"No two models talked about the same dilemma in the folder: there is {told} alone. "
        f"`python -m evals.report {folder.name}/graph` opens it."
    )


def _means(rows: Sequence[tuple[str, str, dict[str, float | None]]]) -> Shown:
    told = [[part, who, *(number(of[m]) for m in MEASURES)] for part, who, of in rows]
    return Shown("The same cases", ["dilemmas", "who speaks", *MEASURES.values()], told)


def _differences(run: Training) -> list[Shown]:
    """What training added to the warm-up, as the evaluation kept it."""
    found = run.report.get("differences")
    rows = []
    for part, by in found.items() if isinstance(found, dict) else ():
        for measure, d in by.items() if isinstance(by, dict) else ():
            mean, low, high = (_number(d.get(k)) for k in ("mean", "low", "high"))
            rows.append(
                [
                    str(part),
                    MEASURES.get(measure, str(measure)),
                    estimated(mean, low, high, signed=True),
                    str(d.get("dilemmas", "–")),
                ]
            )
    headings = ["dilemmas", "", "after less before", "how many"]
    note = (
        "Paired by case; in brackets 95 % by a bootstrap over dilemmas, none under 20 or where all are alike."
    )
    return [Shown("What training added to the warm-up", headings, rows, note)] if rows else []


def _example(run: Training) -> list[Shown]:
    """The one dialogue of the trained model that an evaluation keeps."""
    example = run.report.get("example")
    if not isinstance(example, dict) or not isinstance(example.get("said"), list):
        return []
    rows = [[str(i), _short(str(said))] for i, said in enumerate(example["said"], 1)]
    rows.append(["plan", _short(str(example["plan"])) if example.get("plan") else "none: they did not agree"])
    personas = " and ".join(map(str, example.get("personas") or []))
    title = f"One dialogue of the trained model, on {example.get('dilemma', 'a dilemma')} ({personas})"
    return [Shown(title, ["turn", "said"], rows, "The first that ended in agreement, or the first of all.")]


def _beside(one: DeliberationRecord, other: DeliberationRecord) -> Shown:
    """Two dialogues turn by turn."""
    rows = []
    for i in range(max(len(one.dialogue), len(other.dialogue))):
        at = [r.dialogue[i] if i < len(r.dialogue) else None for r in (one, other)]
        seat = next(u.seat for u in at if u is not None)
        rows.append(
            [f"{i + 1}: {seat}", *("–" if u is None else _short(u.text) or "(abstained)" for u in at)]
        )
    rows.append(
        ["ended", *(r.verdicts[-1].kind or "no verdict" if r.verdicts else "alone" for r in (one, other))]
    )
    rows.append(["plan", *(_short(r.completion.text) if r.completion else "none" for r in (one, other))])
    title = f"{one.scenario.name}: {_who(one)} beside {_who(other)}"
    return Shown(title, ["turn", _who(one), _who(other)], rows)


def _drawn(rows: Sequence[tuple[str, str, dict[str, float | None]]]) -> Figure:
    """A panel a measure, a row a speaker, a mark a set of dilemmas."""
    from evals.findings.drawing import figure, look, titled
    from evals.report.pictures.ground import key_at_right

    parts, people = list(dict.fromkeys(r[0] for r in rows)), list(dict.fromkeys(r[1] for r in rows))
    at = {(part, who): of for part, who, of in rows}
    fig, axes = figure(
        1, len(MEASURES), width=2.3 * len(MEASURES) + 2.6, height=1.5 + 0.34 * len(people), sharey=True
    )
    for ax, (name, label) in zip(axes[0], MEASURES.items(), strict=True):
        for i, part in enumerate(parts):
            values = [at.get((part, who), {}).get(name) for who in people]
            places = np.arange(len(people)) + (i - (len(parts) - 1) / 2) * 0.22
            known = [np.nan if v is None else v for v in values]
            ax.plot(known, places, linestyle="none", markersize=6, label=part, **look(i))
        ax.set_title(label, fontsize=9)
        if name in ("agreed", "well_formed"):
            ax.set_xlim(-0.05, 1.05)
        elif name == "reward":
            ax.set_xlim(-0.2, 5.2)
        ax.set_yticks(range(len(people)), people)
    axes[0, 0].set_ylim(len(people) - 0.5, -0.5)
    key_at_right(fig, axes[0, 0])
    return titled(
        fig, "Before and after training, on the same cases", "Means over cases. Key: which dilemmas."
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
