"""What does training do, shown on a CPU in under ten minutes: a tiny model made, taught, trained, served?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from training import terminal
from training.grpo import AsJson, Settings

CONFIG = Path(__file__).parent / "configs" / "tiny.yaml"

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

Out = Annotated[Path | None, typer.Option("--out", help="Folder (default runs/training/demo-TIME).")]
Minutes = Annotated[
    float, typer.Option(help="Most minutes it may take; slower machines train less.", min=0.2)
]

WARMED, TRAINED = 0.62, 0.82
"""Shares of the time after which the warm-up, and training, end at the latest; the rest is for evaluation."""


@dataclass(frozen=True)
class Deadline:
    """How much time there is."""

    begun: float
    seconds: float

    def at(self, share: float) -> float:
        """The moment at which a share of it is spent."""
        return self.begun + share * self.seconds

    def say(self, line: str) -> None:
        """Progress with the time left at most."""
        left = max(0, round(self.at(1) - time.monotonic()))
        print(f"[at most {left // 60}:{left % 60:02d} left] {line}", file=sys.stderr, flush=True)


@app.command(epilog="Example: --minutes 4 --set warm_up.steps=100 --set steps=10")
def demo(out: Out = None, minutes: Minutes = 9.0, set_: Settings = None, as_json: AsJson = False) -> None:
    """Train a tiny model from scratch and let it negotiate: a check of the whole pipeline, no negotiator."""
    clock = Deadline(time.monotonic(), 60 * minutes)
    from training.config import read_config

    config = read_config(CONFIG, set_ or [])
    folder = out or Path("runs") / "training" / time.strftime("demo-%Y%m%d-%H%M%S")
    from training.run import Run

    clock.say(f"making {config.model} from scratch; all of it goes to {folder}")
    terminal.quiet()
    run = Run(
        config,
        folder,
        tell=clock.say,
        tensorboard=False,
        until=clock.at(TRAINED),
        warm_until=clock.at(WARMED),
    )
    newest = run.go()
    found = _evaluated(run, newest, clock)
    clock.say("serving it before GRPO and after, one deliberation of each in the graph over HTTP")
    found["graph"] = _in_the_graph(run, newest)
    found["seconds"] = round(time.monotonic() - clock.begun, 1)
    text = report(found)
    (folder / "report.json").write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    (folder / "report.md").write_text(text, encoding="utf-8")
    print(json.dumps(found, indent=1, allow_nan=False) if as_json else text)


def _evaluated(run: Any, newest: Path, clock: Deadline) -> dict[str, Any]:
    """Untrained, warmed up and trained, on the same cases; reference seats beside them."""
    from training.curriculum import dilemmas_of, fixed_cases, pairs_of
    from training.evaluate import compared, deliberate, reference
    from training.models import load
    from training.policy import TransformersPolicy
    from training.run import BEGUN, SUMMARY, from_scratch

    config = run.config
    makers: dict[str, Callable[[], tuple[Any, Any]]] = {
        "untrained": lambda: from_scratch(config),
        "warmed up": lambda: load(run.folder / BEGUN, dtype="float32"),
        "trained": lambda: load(newest, dtype="float32"),
    }
    among, seed = pairs_of("substance"), config.seed + 1_000
    parts = {
        "trained on": fixed_cases(dilemmas_of("train", config.dilemmas), among, seed, 4),
        "held out": fixed_cases(dilemmas_of("held_out"), among, seed, 1),
    }
    out: dict[str, Any] = {"config": config.model_dump(), "run": _read(run.folder / SUMMARY)}
    outcomes: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for name, make in makers.items():
        model, tokenizer = make()
        out["parameters"] = sum(p.numel() for p in model.parameters())
        for part, cases in parts.items():
            clock.say(f"evaluating: {name}, {len(cases)} dialogues on dilemmas {part}")
            policy = TransformersPolicy(model, tokenizer)
            outcomes[part][name] = deliberate(policy, tokenizer, config.rules, cases, seed)
    for part, cases in parts.items():
        outcomes[part]["reference"] = reference(tokenizer, config.rules, cases, seed)
    out["means"] = {p: {n: _finite(o.means()) for n, o in by.items()} for p, by in outcomes.items()}
    out["differences"] = {
        part: {
            m: asdict(compared(by["trained"], by["warmed up"], m, seed))
            for m in ("reward", "agreed", "rounds")
        }
        for part, by in outcomes.items()
    }
    example = outcomes["trained on"]["trained"].example
    out["example"] = {
        "dilemma": example.dilemma.name,
        "personas": [p.name for p in example.poles],
        "said": [f"{u.seat}: {u.text}" for u in example.utterances],
        "plan": example.completion,
        "reward": example.reward,
    }
    return out


def _in_the_graph(run: Any, newest: Path) -> dict[str, dict[str, Any]]:
    """One deliberation of the model before GRPO and one after, by the command that anybody would type."""
    from training.run import BEGUN
    from training.serving import Served, Server

    served = [Served.read("warmed-up", run.folder / BEGUN), Served.read("trained", newest)]
    with Server(served) as server:
        return {model.name: _played(run, model.name, server.url) for model in served}


def _played(run: Any, model: str, url: str) -> dict[str, Any]:
    """One deliberation of a served model, recorded in the run's folder."""
    rules = run.config.rules
    window = "all" if rules.window == "full" else str(rules.window)
    dilemma = (run.config.dilemmas or ["late-result"])[0]
    words = [sys.executable, "-m", "graphs.deliberation", "invoke", "--scenario", dilemma, "--json"]
    words += ["--model", f"openai:{model}", "--base-url", url, "--judge", "rule", "--clauses"]
    words += ["--rounds", str(rules.rounds), "--window", window, "--out", str(run.folder / "graph")]
    quiet = {k: v for k, v in os.environ.items() if k != "OPENAI_API_KEY"}
    done = subprocess.run(words, capture_output=True, text=True, env=quiet, check=False)
    if done.returncode:
        return {"ended": f"exit {done.returncode}: {done.stderr.strip()[-300:]}"}
    record = json.loads(done.stdout)
    return {"command": " ".join(words[1:]), "ended": _ended(record), "run_id": record.get("run_id")}


def _ended(record: dict[str, Any]) -> str:
    """How a record says that it ended: recorded as what, after which verdict of the rule."""
    last = record["verdicts"][-1] if record["verdicts"] else {"kind": None, "round": 0}
    return f"recorded as {record['status']}, the rule said {last['kind']} after round {last['round']}"


def report(found: dict[str, Any]) -> str:
    """The report in words: what was trained, on what, for how long, and what did not improve."""
    config, run = found["config"], found["run"]
    lines = [
        "# A pipeline check",
        "",
        f"A model of {found['parameters'] / 1e6:.1f} M weights was made from scratch, taught by "
        f"{run['warm_up_steps']} supervised steps on dialogues of reference seats (their plan lines alone), and then "
        f"trained by {run['steps']} steps of GRPO in self-play, {run['dialogues']} dialogues on "
        f"{run['dilemmas']} dilemmas. It took {found['seconds'] / 60:.1f} minutes on this CPU "
        f"({config['threads'] or 'all'} thread(s) of torch). It is no negotiator: each sentence of the catalogue "
        "is one token to it, and it reads no English beyond.",
        f"How training ended: {run['ended']}{', ' + run['why'] if run['why'] else ''}. A rule judged, by "
        "clauses; no language model was asked.",
        "",
        "| dilemmas | who speaks in both seats | reward, 0-5 | agreed | rounds | whole plan lines |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for part, by in found["means"].items():
        for who, m in by.items():
            lines.append(
                f"| {part} | {who} | {_cell(m['reward'])} | {_cell(m['agreed'])} | {_cell(m['rounds'])} | "
                f"{_cell(m['well_formed'])} |"
            )
    lines += [
        "",
        "What GRPO added to the warm-up, paired by case, 95 % interval by a bootstrap over dilemmas:",
        "",
    ]
    for part, by in found["differences"].items():
        lines += [f"- {part}, {name}: {_difference(d)}" for name, d in by.items()]
    example = found["example"]
    lines += ["", f"One of its dialogues, on {example['dilemma']} ({' / '.join(example['personas'])}):", ""]
    lines += [f"> {row}" for said in example["said"] for row in str(said).splitlines()]
    lines += [f"> plan: {row}" for row in (example["plan"] or "none: they did not agree").splitlines()]
    ended = "; ".join(f"{name}: {of['ended']}" for name, of in found["graph"].items())
    lines += ["", f"In the graph, served over HTTP: {ended}.", ""]
    return "\n".join(lines)


def _difference(d: dict[str, Any]) -> str:
    mean = "missing" if d["mean"] is None or d["mean"] != d["mean"] else f"{d['mean']:+.2f}"
    if d["low"] is None:
        few = "under 20 dilemmas" if d["dilemmas"] < 20 else "all the same"
        return f"{mean}, no interval ({few}: {d['dilemmas']}); not shown to have changed"
    inside = d["low"] <= 0 <= d["high"]
    return f"{mean} [{d['low']:+.2f}, {d['high']:+.2f}]{'; not shown to have changed' if inside else ''}"


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _finite(means: dict[str, float]) -> dict[str, float | None]:
    return {k: v if v == v else None for k, v in means.items()}


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


if __name__ == "__main__":
    terminal.run(app)
