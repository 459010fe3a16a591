"""Which options does a debate take on the command line: one table, shared by `invoke` and `stream`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., None])


class Order(StrEnum):
    """Who proposes."""

    as_seated = "as-seated"
    reversed = "reversed"
    alternating = "alternating"


class Retrieval(StrEnum):
    """How an aligned seat comes by its framework's text."""

    on = "on"
    off = "off"
    prompt = "prompt"


class Concession(StrEnum):
    """Concession policies of reference seats."""

    linear = "linear"
    boulware = "boulware"
    conceder = "conceder"
    tit_for_tat = "tit-for-tat"


def _under(heading: str, **options: tuple[Any, str]) -> dict[str, Any]:
    """Options of one heading: name -> Annotated type; every default is None, so that settings keep theirs."""
    return {
        name: Annotated[
            kind | None,
            typer.Option(_flag(name, kind), help=text, rich_help_panel=heading, show_default=False),
        ]
        for name, (kind, text) in options.items()
    }


def _flag(name: str, kind: Any) -> str:
    dashed = {"timeout_s": "timeout"}.get(name, name.replace("_", "-"))
    return f"--{dashed}"


DEBATE_OPTIONS: dict[str, Any] = {
    **_under(
        "Seats",
        framework=(str, "Persona of seat A (default rawlsian)."),
        opponent=(str, "Persona of seat B (default biased-age)."),
        panel=(list[str], "Persona of a further seat; repeat for more."),
        strength=(float, "Bias strength of biased seats, 0 to 1 (default: the persona's own)."),
        personas=(Path, "A folder with personas of your own."),
        blind=(list[str], "Hide a protected attribute from every seat; repeat for more."),
    ),
    **_under(
        "Protocol",
        rounds=(int, "Rounds of debate (default 3)."),
        until_agreement=(bool, "End early once nothing is contested."),
        merge_rule=(str, "How the mediator merges (default mean-and-repair); see `list merge-rules`."),
        order=(Order, "Who proposes (default as-seated)."),
        simultaneous=(bool, "All speak at once."),
        retrieval=(
            Retrieval,
            "Passages by retrieval, none, or the framework's text in the prompt (default on).",
        ),
        passages=(int, "Passages retrieved a turn (default 6)."),
        embeddings=(str, "minilm (default), or openai:NAME."),
        review=(bool, "Pause at the mediator and take your amended allocation."),
    ),
    **_under(
        "Models",
        model=(str, "reference (default), or a chat model such as openai:NAME, for every seat."),
        opponent_model=(str, "Another model for every seat but A."),
        mediator_model=(str, "The model of the llm merge rule."),
        base_url=(str, "An OpenAI-compatible server: vLLM, Ollama, llama.cpp."),
        timeout_s=(float, "Seconds to wait for one reply (default 60)."),
        temperature=(float, "Sampling temperature; sent only if given."),
        max_output_tokens=(int, "Cap on one reply; sent only if given."),
        concession=(Concession, "How reference seats give way (default linear)."),
        exponent=(float, "Concession exponent of reference seats."),
        floor=(float, "How far up it holds out: from the worst it was offered (0) to its own best (1)."),
        persuasion=(float, "ρ of reference seat A: 0 only bargains (default), 1 adopts what it hears."),
        opponent_persuasion=(float, "ρ of the other reference seats."),
    ),
    **_under(
        "Run",
        scenario=(
            str,
            "A catalogue ward (default pandemic-wave), a YAML/JSON path, generated:SEED[,n=12,…], itm:PATH#INDEX.",
        ),
        seed=(int, "Seed of every random draw (default 1)."),
        replicate=(int, "Tells identical reruns apart (default 0)."),
        out=(Path, "Folder for records (default runs/)."),
        thread=(str, "A name to `resume` by; checkpoints go to PostgreSQL."),
    ),
}


def debate_options(command: Command) -> Command:
    """Give a command that takes **chosen every option of a debate; what is not given arrives as None."""
    own = [
        p
        for p in inspect.signature(command, eval_str=True).parameters.values()
        if p.kind is not p.VAR_KEYWORD
    ]
    shared = [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=a)
        for n, a in DEBATE_OPTIONS.items()
    ]
    parameters = sorted([*shared, *own], key=lambda p: p.kind)  # those by position come first
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command
