"""Which options do the commands about a study share, and which plan do they ask for?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan
    from nodes.table.equipment import Equipment

Named = Annotated[
    str, typer.Argument(metavar="STUDY", help="A shipped study's name, or the path of a YAML file.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="The study's folder (default runs/NAME, under PARLEY_RUNS).", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines: JSON alone on stdout.")]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Every seat's model: the study's setting, replaced.", show_default=False),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=VALUE", help="Replace a setting; repeat for more.", show_default=False
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--base-url", help="An OpenAI-compatible server: vLLM, Ollama, llama.cpp.", show_default=False
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", help="Seconds to wait for one reply (default 60).", show_default=False),
]


def planned_by(
    named: str,
    out: Path | None,
    model: str | None,
    settings: list[str] | None,
    base_url: str | None,
    timeout_s: float | None = None,
) -> tuple[Plan, Folder, Equipment]:
    """The plan that the options ask for, its folder, and what this machine lends."""
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import planned
    from evals.experiment.reading import changed, load_study
    from graphs.session import lent

    equipment = lent(base_url=base_url, timeout_s=timeout_s)
    study = load_study(named, changed([*(settings or []), *([f"model={model}"] if model else [])]))
    return planned(study), Folder(out or equipment.runs / study.name), equipment
