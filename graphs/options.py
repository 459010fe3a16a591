"""Which options does a graph take on the command line: one table a setting, shared by `invoke` and `stream`."""

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


Regime = StrEnum("Regime", ["none", "spoken", "enforced", "best"])
Declared = StrEnum("Declared", ["private", "declared", "false"])
Equilibrium = StrEnum("Equilibrium", ["best", "worst"])
Regrowth = StrEnum("Regrowth", ["deterministic", "stochastic", "hysteresis"])


class Reports(StrEnum):
    """How it becomes known what everybody took."""

    public = "public"
    own_word = "own-word"


Opened = Annotated[
    bool,
    typer.Option("--open", help="Open the run in the browser at the end, as `python -m evals.view` does."),
]


def _under(heading: str, **options: tuple[Any, str]) -> dict[str, Any]:
    """Options of one heading: name -> Annotated type; every default is None, so that settings keep theirs."""
    return {
        name: Annotated[
            kind | None,
            typer.Option(_flag(name), help=text, rich_help_panel=heading, show_default=False),
        ]
        for name, (kind, text) in options.items()
    }


UNLESS_SAID = {"negotiate", "talk", "opening", "clauses"}
"""What is done unless it is said not to be, or may be settled either way: the command line needs a word for no."""


def _flag(name: str) -> str:
    dashed = {"timeout_s": "timeout"}.get(name, name.replace("_", "-"))
    return f"--{dashed}/--no-{dashed}" if name in UNLESS_SAID else f"--{dashed}"


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


_CONCERNS = _under(
    "Seats",
    prosocial=(int, "How many seats are prosocial (default 0); which ones, the seed draws."),
    concern=(str, "λ of the prosocial seats, from -0.5 to infinite (default: their persona's)."),
    concerns=(list[str], "λ of every seat, dealt out by the seed; repeat, once a seat."),
    selfish_as=(str, "Persona of the other seats (default selfish); see `list personas`."),
    prosocial_as=(str, "Persona of the prosocial seats (default prosocial)."),
    declared=(Declared, "Who is prosocial: private (default), declared, or false: the selfish claim to be."),
    personas=(Path, "A folder with personas of your own."),
)
_AGREEING: dict[str, tuple[Any, str]] = {
    "regime": (Regime, "none (talk alone), spoken, enforced (default), or the best law there is."),
    "law": (
        str,
        "A contract that is in force from the start: a shipped one (see `list laws`), or a YAML/JSON path.",
    ),
    "quorum": (int, "Votes that adopt a contract (default: four of five, rounded up)."),
    "negotiate": (bool, "Whether contracts may be proposed (default yes)."),
    "talk": (bool, "Whether seats speak first (default yes)."),
    "equilibrium": (Equilibrium, "Which one reference seats play, where there are several (default best)."),
}
_CHAT = _under(
    "Models",
    model=(str, "reference (default), or a chat model such as openai:NAME, for every seat."),
    prosocial_model=(str, "Another model for the prosocial seats."),
    coder_model=(str, "A model that writes as clauses what a seat proposes in words."),
    base_url=(str, "An OpenAI-compatible server: vLLM, Ollama, llama.cpp."),
    timeout_s=(float, "Seconds to wait for one reply (default 60)."),
    temperature=(float, "Sampling temperature; sent only if given."),
    max_output_tokens=(int, "Cap on one reply; sent only if given."),
)


def _run_of(scenario: str) -> dict[str, Any]:
    return _under(
        "Run",
        scenario=(str, scenario),
        seed=(int, "Seed of every draw but the scenario's own (default 1)."),
        replicate=(int, "Tells identical reruns apart (default 0)."),
        out=(Path, "Folder for records (default runs/)."),
        thread=(str, "A name to `resume` by; checkpoints go to PostgreSQL."),
    )


COMMONS_OPTIONS: dict[str, Any] = {
    **_CONCERNS,
    **_under(
        "Season",
        regrowth=(Regrowth, "How the stock grows back (default: as in the scenario)."),
        contingencies=(float, "Chance of an unforeseen event a month (default: as in the scenario)."),
        hidden=(float, "Share of events that contracts cannot tell apart (default: as in the scenario)."),
        opening=(bool, "Whether seats meet before the first month (default yes)."),
        reports=(Reports, "Catches are public (default), or each seat says what it took."),
        **_AGREEING,
    ),
    **_CHAT,
    **_run_of("A catalogue commons (default fishery), NAME,agents=6,world=7,…, or a YAML/JSON path."),
}

GAMES_OPTIONS: dict[str, Any] = {
    **_CONCERNS,
    **_under(
        "Game",
        rounds=(int, "Plays, one after the other (default 1)."),
        strategy=(str, "How reference seats play (default equilibrium): tit-for-tat, grim, random=0.3, …"),
        opponent_strategy=(str, "How every reference seat but the first plays (default: the same)."),
        precision=(float, "Noise of reference seats: logit response of this precision (default: exact)."),
        **_AGREEING,
    ),
    **_CHAT,
    **_run_of("A catalogue game (default prisoners-dilemma), NAME,T=5,…, lift:NAME, csv:PATH#ID, or a path."),
}

DELIBERATION_OPTIONS: dict[str, Any] = {
    **_under(
        "Seats",
        pair=(str, "Opposing personas of seats A and B (default evidence-emotion); see `list personas`."),
        swap=(bool, "The pair's second persona takes seat A, who speaks first."),
        panel=(list[str], "Persona of a further seat, PAIR:POLE; repeat for more."),
        mediator=(bool, "A mediator speaks at the end of every round."),
        personas=(Path, "A folder with pairs of your own."),
    ),
    **_under(
        "Protocol",
        rounds=(int, "The cap on rounds (default 7); a dialogue ends once its judge says YES."),
        window=(str, "How many of the last turns a seat sees (default 2), or all."),
        judge=(
            str,
            "Who says whether they agree: rule, or a model (default: the rule, or the seats' model).",
        ),
        clauses=(bool, "Whether models are shown the clauses a plan is made of (default: where need be)."),
        completion=(
            StrEnum("Completion", ["agreed", "always"]),
            "When a plan is written down (default agreed).",
        ),
        alone=(bool, "No dialogue: seat A writes the plan by itself, knowing both personas."),
        concession=(
            StrEnum("Giving", ["linear", "boulware", "conceder"]),
            "How reference seats give way (default linear).",
        ),
        floor=(float, "Worth below which a reference seat agrees to nothing, 0 to 1 (default 0)."),
    ),
    **_under(
        "Models",
        model=(str, "reference (default), or a chat model such as openai:NAME, for every seat."),
        opponent_model=(str, "Another model for every seat but A."),
        mediator_model=(str, "Another model for the mediator."),
        base_url=(str, "An OpenAI-compatible server: vLLM, Ollama, llama.cpp, `python -m training.serve`."),
        timeout_s=(float, "Seconds to wait for one reply (default 60)."),
        temperature=(float, "Of what models say (default 0.7)."),
        completion_temperature=(float, "Of the plan that is written down (default 0.1)."),
        judge_temperature=(float, "Of a model that judges (default 0)."),
        top_p=(float, "Nucleus of sampling (default 0.95)."),
        max_output_tokens=(int, "Cap on one turn; sent only if given."),
    ),
    **_run_of("A dilemma (default late-result), any:SEED, moralchoice:PATH#ID, or PATH#NAME of a file."),
}

OPTIONS = {
    "triage": DEBATE_OPTIONS,
    "commons": COMMONS_OPTIONS,
    "games": GAMES_OPTIONS,
    "deliberation": DELIBERATION_OPTIONS,
}


def options_of(setting: str) -> Callable[[Command], Command]:
    """Give a command that takes **chosen every option of a setting; what is not given arrives as None."""

    def given(command: Command) -> Command:
        own = [
            p
            for p in inspect.signature(command, eval_str=True).parameters.values()
            if p.kind is not p.VAR_KEYWORD
        ]
        shared = [
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=a)
            for n, a in OPTIONS[setting].items()
        ]
        parameters = sorted([*shared, *own], key=lambda p: p.kind)  # those by position come first
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return given
