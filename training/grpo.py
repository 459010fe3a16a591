"""How is a policy trained from a terminal: self-play by a file's settings, kept as it goes, resumed exactly?"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from training import terminal

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


class BackendName(StrEnum):
    """Who turns rollouts into gradients."""

    reference = "reference"
    trl = "trl"


Config = Annotated[Path, typer.Option("--config", help="Settings of the run; see training/configs/.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder of the run (default runs/training/NAME of the file).")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="A setting that wins over the file's, NAME=VALUE; repeat.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint, exactly.")]
Backend = Annotated[BackendName, typer.Option(help="Our own loop, or TRL's GRPOTrainer.")]
BaseUrl = Annotated[str | None, typer.Option(help="The judges' server, OpenAI-compatible.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout, all else on stderr.")]


@app.command(
    epilog="Examples: --config training/configs/tiny.yaml --set steps=20 · --config training/configs/small-gpu.yaml "
    "--base-url http://127.0.0.1:8000/v1 · accelerate launch -m training.grpo --config FILE"
)
def grpo(
    config: Config,
    out: Out = None,
    set_: Settings = None,
    resume: Resume = False,
    backend: Backend = BackendName.reference,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Train by self-play: dialogues, a judge, group-relative advantages on the dialogue's tokens.

    Exit codes: 0 done or stopped by Ctrl-C and kept, 2 wrong input, 3 a judge out of reach at the start,
    4 stopped since no group carried signal.
    """
    from training.config import read_config

    told = read_config(config, set_ or [])
    from training.run import SUMMARY, Run

    terminal.quiet()
    folder = out or Path("runs") / "training" / config.stem
    run = Run(told, folder, backend=backend.value, base_url=base_url)
    newest = run.go(resume=resume)
    if as_json:
        print(json.dumps(json.loads((folder / SUMMARY).read_text()) | {"checkpoint": str(newest)}, indent=1))
    else:
        print(f"{folder}: {run.ended}; checkpoint {newest}; serve it: python -m training.serve NAME={newest}")
    if run.ended == "no signal":
        terminal.stop(run.why, terminal.NO_SIGNAL)
    if run.why:
        run.tell(run.why)


if __name__ == "__main__":
    terminal.run(app)
