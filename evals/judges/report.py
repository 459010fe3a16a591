"""What is kept of a judging, beside the answers: verdicts and comparisons as JSONL, and a report of what was found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.rhetoric.report import write
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from evals.judges.comparing import Matched, Tally
    from evals.judges.judging import Comparison, Mark, Spent
    from evals.judges.measuring import Asked, Row
    from evals.judges.outcome import Gathered, Outcome
    from evals.statistics import Estimate

Json = dict[str, Any]

VERDICTS, COMPARISONS = "verdicts.jsonl", "comparisons.jsonl"
VERDICT = ("run_id", "key", "judge", "reading")
COMPARISON = ("trained", "base", "key", "judge")
"""What tells one line of a file from another: judged again, a line is replaced, and all others stay."""


def verdicts(
    outcomes: Sequence[Outcome], marks: Sequence[Mark], *, key: str, judge: str, reading: int = 1
) -> list[Json]:
    """One line a run; `score` null is missing, and the comment says why."""
    return [
        {
            "run_id": o.run_id,
            "key": key,
            "score": None if mark.score is None else round(mark.score, 9),
            "comment": mark.comment,
            "judge": judge,
            "reading": reading,
            "dilemma": o.cluster,
            "pair": o.pair,
            "swap": o.swap,
            "seed": o.seed,
            "replicate": o.replicate,
            "condition": o.condition,
            "words": o.words,
        }
        for o, mark in zip(outcomes, marks, strict=True)
    ]


def keep_readings(folder: Path, outcomes: Sequence[Outcome], said: Sequence[Asked]) -> None:
    """Keep every reading of every judge as verdicts; what scores a plan is reading 1."""
    for one in said:
        for reading, marks in enumerate(one.readings, 1):
            lines = verdicts(outcomes, marks, key=one.key, judge=one.judge, reading=reading)
            keep_lines(folder / VERDICTS, lines, VERDICT)


def comparisons(judged: Iterable[Comparison], *, key: str, judge: str) -> list[Json]:
    """One line a pair, `one` being the trained side."""
    named = {"one": "trained", "other": "base", "tie": "tie", None: None}
    return [
        {
            "trained": c.one.run_id,
            "base": c.other.run_id,
            "key": key,
            "judge": judge,
            "winner": named[c.winner],
            "trained_first": named[c.forward],
            "base_first": named[c.backward],
            "asked": c.asked,
            "comment": c.comment,
            "dilemma": c.one.cluster,
            "pair": c.one.pair,
            "seed": c.one.seed,
        }
        for c in judged
    ]


def keep_lines(path: Path, rows: Sequence[Json], identity: Sequence[str]) -> None:
    """Put lines into a file of them, in place of those with the same identity, whole or not at all.

    Raises ParleyError for a file that holds anything else, or cannot be read or written.
    """
    lines = {tuple(row[name] for name in identity): row for row in (*_lines(path, identity), *rows)}
    write(
        path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in lines.values())
    )


def _lines(path: Path, identity: Sequence[str]) -> list[Json]:
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ParleyError(f"{path}: cannot be read ({type(error).__name__}); name another --out") from None
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or not all(isinstance(row.get(n), str | int) for n in identity):
            raise ParleyError(
                f"{path}, line {number}: is no line of ours; move the file, or name another --out"
            )
        found.append(row)
    return found


def summary(
    gathered: Mapping[str, Gathered], spent: Sequence[Spent], asked: Mapping[str, Any], **found: Any
) -> Json:
    """One JSON document: what was asked of whom in which words, what it took, and what was found."""
    from negotiators.chat.judging import PROMPTS

    return {
        "asked": dict(asked),
        "prompts": PROMPTS.hashes() if any(s.judge != "rule" for s in spent) else {},
        "at": datetime.now(UTC).isoformat(),
        "runs": {
            name: {
                "valid": len(g.outcomes),
                "invalid": g.invalid,
                "without_a_plan": len(g.outcomes) - len(g.written),
            }
            for name, g in gathered.items()
        },
        "spent": [asdict(s) for s in spent],
        **found,
    }


def of_tallies(tallies: Mapping[str, Mapping[str, Tally]], pairs: Matched) -> Json:
    """What a comparison came to, by key and by which pairs count."""
    return {
        "pairs": {
            "both": len(pairs.both),
            "one_sided": len(pairs.one_sided),
            "neither": pairs.neither,
            "unmatched": pairs.unmatched,
        },
        "tallies": {key: {name: asdict(t) for name, t in of.items()} for key, of in tallies.items()},
    }


def of_means(found: Sequence[tuple[str, str, Estimate, Sequence[int]]]) -> list[Json]:
    """Mean scores by key and condition."""
    return [
        {"key": key, "condition": condition, **asdict(e), "counts": list(counts)}
        for key, condition, e, counts in found
    ]


def of_rows(rows: Sequence[Row]) -> list[Json]:
    """What was measured, row by row."""
    return [asdict(row) for row in rows]


def keep(path: Path, document: Json) -> None:
    """Write a report. Raises ParleyError where it cannot be written."""
    write(path, json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
