"""How is the supervised baseline made: a policy that only imitates dialogues of reference seats?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from training import terminal
from training.grpo import AsJson, Config, Out, Settings

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)

Steps = Annotated[
    int | None, typer.Option(help="Supervised steps (default: warm_up.steps of the file).", min=1)
]


@app.command(epilog="Example: --config training/configs/tiny.yaml --steps 50 --out runs/training/imitates")
def sft(
    config: Config,
    out: Out = None,
    set_: Settings = None,
    steps: Steps = None,
    as_json: AsJson = False,
) -> None:
    """Train a policy on what reference seats say, and on nothing else: a warm-up, or a baseline of its own."""
    from training.config import read_config

    settings = [*(set_ or []), "steps=0", *([f"warm_up.steps={steps}"] if steps else [])]
    told = read_config(config, settings)
    if told.warm_up is None:
        told = read_config(config, [*settings, "warm_up={}"])
    from training.run import SUMMARY, Run

    terminal.quiet()
    folder = out or Path("runs") / "training" / f"{config.stem}-sft"
    newest = Run(told, folder).go()
    if as_json:
        print(json.dumps(json.loads((folder / SUMMARY).read_text()) | {"checkpoint": str(newest)}, indent=1))
    else:
        print(f"{folder}: done; checkpoint {newest}; serve it: python -m training.serve NAME={newest}")


if __name__ == "__main__":
    terminal.run(app)
