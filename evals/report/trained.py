"""How is a training run made a source of a report: what was trained and rewarded, how it went, what came of it?"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.findings.section import Section, Shown
from evals.report.source import METRICS, Source
from scenarios.errors import ParleyError

Json = dict[str, Any]

CONFIG, SUMMARY, REPORT = "config.json", "summary.json", "report.json"
"""What `training` keeps beside the metrics: what it was told, how it ended, and of a demonstration what came of it."""

TINY = "tiny:"
"""How a model is named that was made from scratch."""

FEW = 20
"""Under so many steps a curve shows noise."""

QUESTION = "What did training change?"

PIPELINE = (
    "**This is a pipeline check, and no negotiator.** The model was made from scratch and is tiny; it shows that every "
    "part works, and says nothing about what training does to a language model."
)
UNKNOWN = f"`{CONFIG}` is not in the folder, so what was trained, and on what, is not known."


@dataclass(frozen=True)
class Training:
    """What lies in the folder of a training run; {} is missing."""

    folder: Path
    steps: list[Json]
    """A row a step, in order: numbers by name, None where nothing was measured."""
    torn: int
    """Lines that are no row: cut off by a crash, say."""
    config: Json
    summary: Json
    report: Json

    @property
    def model(self) -> str:
        """What was trained; '' where that is not known."""
        return str(self.config.get("model") or self.summary.get("model") or "")

    @property
    def tiny(self) -> bool:
        """Whether it was made from scratch, as a check."""
        return self.model.startswith(TINY)


def of_training(folder: Path) -> Source:
    """The source of a training run: no frames, its sections told from what it kept.

    Raises ParleyError, in one line, where there is no `metrics.jsonl` or a file is damaged.
    """
    from evals.report.pictures.training.learning import learning
    from evals.report.pictures.training.sides import sides

    run = read_training(folder)
    return Source(
        name=f"training {folder.resolve().name}",
        question=QUESTION,
        setting="training",
        unit="dilemma",
        negotiators=_speakers(run),
        sections=[_account(run), learning(run), sides(run), _limits(run)],
    )


def read_training(folder: Path) -> Training:
    """What a training run kept. Raises ParleyError as `of_training` does."""
    steps, torn = _metrics(folder / METRICS)
    config, summary, report = (_document(folder / name) for name in (CONFIG, SUMMARY, REPORT))
    return Training(folder, steps, torn, config, summary, report)


def _metrics(path: Path) -> tuple[list[Json], int]:
    """The rows of the steps, in order, the last of each; and how many lines are none."""
    rows: dict[int, Json] = {}
    torn = 0
    for line in _text(path).splitlines():
        row = _parsed(line)
        step = row.get("step") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(step, int) or isinstance(step, bool):
            torn += bool(line.strip())
            continue
        rows[step] = {"step": step} | {k: _number(v) for k, v in row.items() if k != "step"}
    return [rows[step] for step in sorted(rows)], torn


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise ParleyError(
            f"{path}: cannot be read ({error.strerror}); name the folder of a training run"
        ) from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None


def _document(path: Path) -> Json:
    """A JSON document of the folder; {} where it is not there. Raises ParleyError where it is none."""
    if not path.is_file():
        return {}
    found = _parsed(_text(path))
    if not isinstance(found, dict):
        raise ParleyError(f"{path}: is no JSON document of a training run; mend it, or move it away")
    return found


def _speakers(run: Training) -> str:
    """Who spoke in the dialogues that were trained on, in plain words; Markdown."""
    if not run.model:
        return UNKNOWN
    opponent = str(run.config.get("opponent", "current"))
    beside = {
        "current": "against itself",
        "reference": "against a reference seat, which follows a published policy",
    }.get(opponent, "against an earlier state of itself")
    said = f"**A model in training made these dialogues**: `{run.model}`, {beside}."
    return f"{said} {PIPELINE}" if run.tiny else said


def _account(run: Training) -> Section:
    """What was trained, on what, for what, and how it ended."""
    says = [_speakers(run), *_told(run), *_ended(run), *warnings(run)]
    shown = []
    if run.config:
        rows = [[name, value] for name, value in flattened(run.config)]
        shown.append(Shown("Configuration", ["setting", "value"], rows, f"`{CONFIG}`, as the run began."))
    return Section("What was trained", says, shown=shown)


def _told(run: Training) -> list[str]:
    """What a step is, and what is rewarded, in words."""
    c, out = run.config, list[str]()
    if not c:
        return out
    rules: Json = c["rules"] if isinstance(c.get("rules"), dict) else {}
    dilemmas = run.summary.get("dilemmas")
    out.append(
        f"One step is {c.get('batch', 'an unknown number of')} dialogues in groups of {c.get('group', '–')}: dialogues "
        "of one group have dilemma and personas in common, and what is learned from is how much better one did than "
        "the others of its group (GRPO, Shao et al. 2024)."
        + (f" It trained on {dilemmas} dilemmas." if dilemmas is not None else "")
    )
    whose = {"both": "both seats", "first": "the first seat alone"}.get(str(rules.get("train_roles")))
    if rules.get("alone"):
        whose = "one agent that writes the plan alone"
    judge, reward = str(c.get("judge", "–")), str(c.get("reward", "–"))
    agreed = "a rule that reads the plan lines" if judge == "rule" else f"`{judge}`"
    worth = (
        "by its clauses, from 0 to 5, 5 being the best joint worth that any plan has"
        if reward == "rule"
        else f"by `{reward}`, which scores its collective agency from 0 to 5"
    )
    out.append(
        f"Rewarded: the plan that the dialogue came to, {worth}; a dialogue without agreement gets 0. Whether the "
        f"seats agree is said by {agreed}." + (f" The turns of {whose} are trained." if whose else "")
    )
    return out


def _ended(run: Training) -> list[str]:
    """How far it came, and why it ended."""
    s = run.summary
    if not s:
        return [f"`{SUMMARY}` is not in the folder: the run goes on still, or it was cut off."]
    said = f"{s.get('steps', '–')} steps were done"
    said += f" of {run.config['steps']} planned" if "steps" in run.config else ""
    said += f", {s['dialogues']} dialogues" if "dialogues" in s else ""
    said += f", after {s['warm_up_steps']} supervised steps of warm-up" if s.get("warm_up_steps") else ""
    ended, why = str(s.get("ended", "not known")), str(s.get("why") or "")
    return [f"{said}. It ended: {ended}{f' ({why})' if why else ''}."]


def warnings(run: Training) -> list[str]:
    """What a reader must know before any curve is believed."""
    out, done = [], len(run.steps)
    if run.torn:
        lines = "One line" if run.torn == 1 else f"{run.torn} lines"
        out.append(f"**{lines} of `{METRICS}` cannot be read**, cut off by a crash perhaps, and left out.")
    if done == 0:
        out.append(f"**No step is in `{METRICS}` yet**, so there is nothing to draw.")
    elif done < FEW:
        out.append(
            f"**{done} {'step is' if done == 1 else 'steps are'} too few**: curves this short show noise."
        )
    flat = [row for row in run.steps if row.get("zero_signal") == 1.0]
    if flat:
        out.append(
            f"**In {len(flat)} of {done} steps no group carried signal**: all rewards in a group were equal, and "
            "nothing was learned."
        )
    lost = [row["missing"] for row in run.steps if row.get("missing")]
    if lost:
        out.append(
            f"**In {len(lost)} of {done} steps dialogues have no reward** (up to {max(lost):.0%} of them): a judge "
            "failed. They are missing, and no zeros."
        )
    return out


def flattened(config: Json, above: str = "") -> list[tuple[str, str]]:
    """Settings as (dotted name, value in words), in the order of the file; lists joined, nothing as `none`."""
    out: list[tuple[str, str]] = []
    for name, value in config.items():
        if isinstance(value, dict) and value:
            out += flattened(value, f"{above}{name}.")
        elif isinstance(value, list):
            out.append((f"{above}{name}", ", ".join(map(str, value)) or "none"))
        else:
            out.append((f"{above}{name}", _said(value)))
    return out


def _said(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _limits(run: Training) -> Section:
    """What a training run cannot say."""
    says = [
        "One run with one seed: another seed may go another way, and how far apart two runs lie is not known from one. "
        "Nothing in the curves is tested.",
        "The reward in training is of dialogues that are sampled warm, on the dilemmas trained on. Whether anything "
        "carries over is a question for dilemmas held out, with judges that had no part in the reward: "
        "`learning-to-negotiate-models` asks it.",
        "A reward that rises shows that the reward is learned, not that negotiating is: look at the dialogues.",
    ]
    if run.tiny:
        says.insert(0, PIPELINE)
    return Section("What this cannot say", says)
