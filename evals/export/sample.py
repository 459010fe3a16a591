"""How is a run a sample of inspect_ai: its case the input, its turns messages, its outcomes scores?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.export.words import case_in_words, turn_in_words
from evals.report.transcripts import Transcript, transcript
from evals.report.transcripts.model import Turn, plain

if TYPE_CHECKING:
    from inspect_ai.event import ModelEvent
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessage, ModelUsage
    from inspect_ai.scorer import Score

Json = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What of a run its log is told."""

    models: dict[str, str]
    """Seat -> model, as inspect_ai names them."""
    recorded_at: str
    versions: dict[str, str]


NEVER = "1970-01-01T00:00:00+00:00"
"""A time where none is recorded, and a format asks for one."""


def model_name(model: str, setting: str) -> str:
    """A model as inspect_ai names it, `provider/name`; a reference negotiator, which is none, `reference/SETTING`."""
    return f"reference/{setting}" if model == "reference" else model.replace(":", "/", 1)


def sample(row: Json, path: Path, setting: str) -> tuple[EvalSample, Told]:
    """The sample of a run, and what its log is told. `row` is of the index, with outcomes as `o:NAME`.

    Raises ParleyError as `evals.records.read` does.
    """
    from inspect_ai._util.error import EvalError
    from inspect_ai.log import EvalSample

    from evals.records import read
    from nodes.record import digest

    record = read(path, None)
    data = record.model_dump(mode="json")
    made = transcript(record)
    models = _models(data, setting)
    told = list(pieces(record, made))
    said = messages(told, made, models)
    at = str(data["provenance"].get("recorded_at") or "")
    invalid = EvalError(
        message="; ".join(made.outcome) or "invalid: a seat made no valid move at all",
        traceback="",
        traceback_ansi="",
    )
    one = EvalSample(
        id=record.run_id,
        epoch=1,
        uuid=digest([record.run_id, row["condition"], row["role"]])[:22],
        input=case_in_words(made.case),
        target="",
        messages=said,
        events=events(told, said, at or NEVER),
        scores=None if record.status == "invalid" else scores(row),
        metadata=_metadata(row, made, data),
        model_usage=usage(data, setting),
        completed_at=at or None,
        working_time=sum(u["seconds"] for u in data["usage"]),
        error=invalid if record.status == "invalid" else None,
    )
    versions = data["provenance"].get("versions", {})
    return one, Told(models, at, {str(k): str(v) for k, v in versions.items()})


def _models(data: Json, setting: str) -> dict[str, str]:
    """Every seat's model, and that of a mediator, judge or coder that was called."""
    from evals.experiment.ledger import models_of

    there = {seat["seat"] for seat in data["seats"]}
    there |= {u["seat"] for u in data["usage"] if u["calls"]}
    there |= {"coder" for u in data["usage"] if u["calls"] and u["node"] == "code"}
    spoken = {seat: model for seat, model in models_of(data).items() if seat in there}
    return {seat: model_name(model, setting) for seat, model in spoken.items() if model != "rule"}


@dataclass(frozen=True)
class Piece:
    """What becomes one message: a turn, or what one seat said in a turn in which several did."""

    place: int
    """Of the turn, from 1: its address in the report."""
    turn: Turn
    seat: str
    words: str

    @property
    def key(self) -> str:
        """Tells it apart within its run."""
        return f"{self.place}" if self.seat == self.turn.seat else f"{self.place}-{self.seat}"


def pieces(record: Any, made: Transcript) -> Iterator[Piece]:
    """Every turn in order; where several seats spoke in one (a month, a play), first what each of them said."""
    steps = {("meeting", 0): getattr(record, "opening", None)}
    steps |= {("month", month.month): month for month in getattr(record, "months", ())}
    steps |= {("play", play.round): play for play in getattr(record, "plays", ())}
    for place, turn in enumerate(made.turns, 1):
        step = steps.get((turn.kind, turn.round))
        if step is not None:
            for seat, words in step.said.items():
                if words.strip():
                    yield Piece(place, turn, seat, f"{seat} — {turn.title}\n\n{words}")
            turn = replace(turn, said="")
        yield Piece(place, turn, turn.seat, turn_in_words(turn, made.case))


def messages(told: Sequence[Piece], made: Transcript, models: Mapping[str, str]) -> list[ChatMessage]:
    """The case, then every piece in order; each says who speaks and names its turn, as the report's address does.

    `model` says whose words they are: the seat's model, or `table/KIND` where no seat speaks (a merge, a month).
    """
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser

    out: list[ChatMessage] = [
        ChatMessageUser(id=f"{made.run_id}-0", content=case_in_words(made.case), source="input")
    ]
    personas = {s.seat: s.persona for s in made.seats}
    for piece in told:
        turn = piece.turn
        about = {
            "turn": piece.place,
            "kind": turn.kind,
            "round": turn.round,
            "seat": piece.seat,
            "persona": turn.who or personas.get(piece.seat, ""),
            "status": turn.status,
            "cites": list(turn.cites),
            "prompt_sha256": turn.prompt,
            "values": plain(turn.values) if piece.seat == turn.seat else None,
        }
        out.append(
            ChatMessageAssistant(
                id=f"{made.run_id}-{piece.key}",
                content=piece.words,
                model=models.get(piece.seat, f"table/{turn.kind}"),
                source="generate",
                metadata={k: v for k, v in about.items() if v not in ("", [], None)},
            )
        )
    return out


def events(told: Sequence[Piece], said: Sequence[ChatMessage], at: str) -> list[ModelEvent]:
    """An event a message, which is what inspect_ai's table of messages is read off.

    What stands as its input is the case and the turns that the record says it was shown; the exact prompt is known by
    its hash. Times of turns are not recorded: all have the run's.
    """
    from datetime import datetime

    from inspect_ai.event import ModelEvent
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, GenerateConfig, ModelOutput

    of_turn = {piece.place: message for piece, message in zip(told, said[1:], strict=True)}
    out = []
    for piece, message in zip(told, said[1:], strict=True):
        assert isinstance(message, ChatMessageAssistant)
        model = str(message.model)
        out.append(
            ModelEvent(
                uuid=message.id,
                timestamp=datetime.fromisoformat(at),
                working_start=0.0,
                model=model,
                role=piece.seat or None,
                input=[said[0], *(of_turn[place] for place in piece.turn.saw or ())],
                tools=[],
                tool_choice="none",
                config=GenerateConfig(),
                output=ModelOutput(model=model, choices=[ChatCompletionChoice(message=message)]),
                metadata={"prompt_sha256": piece.turn.prompt} if piece.turn.prompt else None,
            )
        )
    return out


def scores(row: Json) -> dict[str, Score]:
    """A score an outcome that the run has; one that is undefined is not there."""
    from inspect_ai.scorer import Score

    return {
        name.removeprefix("o:"): Score(value=float(value))
        for name, value in row.items()
        if name.startswith("o:") and value is not None and value == value
    }


def usage(data: Json, setting: str) -> dict[str, ModelUsage]:
    """Tokens by model, where its server counted them all; a model whose server did not has no entry."""
    from inspect_ai.model import ModelUsage

    from evals.experiment.ledger import spent

    out = {}
    for model, (_, asked, answered) in spent(data).items():
        if asked is not None and answered is not None:
            out[model_name(model, setting)] = ModelUsage(
                input_tokens=asked, output_tokens=answered, total_tokens=asked + answered
            )
    return out


def sum_of(parts: Iterable[Mapping[str, ModelUsage]]) -> dict[str, ModelUsage]:
    """Usage of many samples, by model."""
    out: dict[str, ModelUsage] = {}
    for part in parts:
        for model, one in part.items():
            out[model] = out[model] + one if model in out else one
    return out


def _metadata(row: Json, made: Transcript, data: Json) -> Json:
    """What tells the run apart: its use, its seed, its settings; what came of it in words."""
    named = (
        "source",
        "setting",
        "case",
        "cluster",
        "condition",
        "role",
        "policy",
        "seed",
        "replicate",
        "status",
    )
    told = {name: row[name].item() if hasattr(row[name], "item") else row[name] for name in named}
    return {
        **told,
        "run_id": made.run_id,
        "settings": data["protocol"],
        "outcome": list(made.outcome),
        "notes": list(made.notes),
        "incidents": data["incidents"],
    }
