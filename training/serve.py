"""How is a trained policy put into the graphs: served over OpenAI's protocol, by a small server or by vLLM?"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scenarios.errors import ParleyError
from training import terminal

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


class Engine(StrEnum):
    """What answers: our own small server, one request a model at a time, or vLLM."""

    transformers = "transformers"
    vllm = "vllm"


Models = Annotated[
    list[str],
    typer.Argument(
        metavar="[NAME=]CHECKPOINT…",
        help="A checkpoint or a run's folder, and the name it is served by (default trained).",
        show_default=False,
    ),
]
Host = Annotated[str, typer.Option(help="Where it listens; anything but loopback is open to the network.")]
Port = Annotated[int, typer.Option(min=0, max=65535)]
Threads = Annotated[int | None, typer.Option(help="Of the CPU.", min=1)]


@app.command(
    epilog="Example: runs/training/tiny --port 8009, then: python -m graphs.deliberation invoke "
    "--model openai:trained --base-url http://127.0.0.1:8009/v1"
)
def serve(
    models: Models,
    host: Host = "127.0.0.1",
    port: Port = 8009,
    threads: Threads = None,
    engine: Annotated[
        Engine, typer.Option(help="vllm needs a GPU and `pip install vllm`.")
    ] = Engine.transformers,
) -> None:
    """Serve trained models, each under its name, until Ctrl-C."""
    named = [_named(model) for model in models]
    if len(dict(named)) < len(named):
        raise ParleyError("two checkpoints have one name; give each its own, NAME=CHECKPOINT")
    if engine is Engine.vllm:
        _vllm(named, host, port)
    import torch

    from training.serving import Served, Server

    terminal.quiet()
    if threads:
        torch.set_num_threads(threads)
    device = "cuda:0" if torch.cuda.is_available() else None
    server = Server([Served.read(n, f, device=device) for n, f in named], host=host, port=port)
    names = " ".join(f"--model openai:{name}" for name, _ in named)
    print(f"serving at {server.url}; in a graph: {names} --base-url {server.url}", flush=True)
    try:
        server.forever()
    finally:
        server.close()


def _named(model: str) -> tuple[str, Path]:
    name, equals, folder = model.partition("=")
    if not equals:
        name, folder = "trained", model
    if not name or not folder:
        raise ParleyError(f"'{model}': write NAME=CHECKPOINT, such as trained=runs/training/tiny")
    if not Path(folder).is_dir():
        raise ParleyError(f"{folder}: no such folder; name a checkpoint or the folder of a run")
    return name, Path(folder)


def _vllm(named: list[tuple[str, Path]], host: str, port: int) -> None:
    """Become `vllm serve`, which serves one model and any adapters of it. No GPU was at hand to try it on."""
    import shutil

    from training.backends.checkpoint import latest
    from training.run import CHECKPOINTS

    program = shutil.which("vllm")
    if program is None:
        raise ParleyError("engine vllm: vllm is not installed; pip install vllm, on a GPU machine")
    if len(named) != 1:
        raise ParleyError("engine vllm: serves one model; start it once for each, on ports of their own")
    name, folder = named[0]
    at = latest(folder / CHECKPOINTS) or folder
    words = [program, "serve", str(at), "--served-model-name", name, "--host", host, "--port", str(port)]
    if (at / "adapter_config.json").is_file():
        import json

        base = json.loads((at / "adapter_config.json").read_text())["base_model_name_or_path"]
        words[2] = base
        words[4] = f"{name}-base"
        words += ["--enable-lora", "--lora-modules", f"{name}={at}"]
    os.execv(program, words)


if __name__ == "__main__":
    terminal.run(app)
