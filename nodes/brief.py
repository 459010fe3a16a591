"""How does a debate begin: the ward and the settings are checked and put where every later step reads them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from nodes.record import SCHEMA_VERSION, EdgeEvent, Seat, digest
from nodes.settings import Table
from nodes.state import Debate
from nodes.table.edges import emit, say
from nodes.table.equipment import chat, equipment, retriever
from nodes.table.journal import journal
from nodes.table.seats import seat_everyone, sitting
from retrieval.passages import corpus_hash
from scenarios.errors import ParleyError
from scenarios.load import load
from scenarios.reading import parse_ward
from scenarios.ward import Ward

DEFAULT_SCENARIO = "pandemic-wave"

PROTOCOL = {
    *("rounds", "until_agreement", "merge_rule", "order", "simultaneous", "retrieval", "blind", "review"),
    *("seed", "replicate"),
}
"""Settings that determine a run as they stand; the others do so through the seats, or only with a model."""


def brief(state: Debate, runtime: Runtime[Table]) -> dict[str, Any]:
    """Check what is asked for, seat everyone, name the run, and start its record afresh."""
    settings = runtime.context or Table()
    ward = ward_of(state)
    if settings.blind:
        ward.blinded(settings.blind)
    seats = seat_everyone(settings)
    for model in settings.models:  # one that cannot be built is said before anything is begun
        chat(model, settings.temperature, settings.max_output_tokens)
    previous = state.get("record")
    run_id = name_run(ward, settings, seats)
    while previous is not None and previous["run_id"] == run_id and settings.models:
        # The thread is run again: models answer anew, so this is another replicate.
        settings = settings.model_copy(update={"replicate": settings.replicate + 1})
        run_id = name_run(ward, settings, seats)
    journal(run_id).append(
        "started", run_id=run_id, scenario=ward.name, settings=settings.model_dump(mode="json")
    )
    opened: dict[str, Any] = {
        "scenario": None,
        "ward": None,
        "case": ward.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "seats": [s.model_dump(mode="json") for s in seats],
        "run_id": run_id,
        "solo": {},
        "solo_retrieved": {},
        "retrieved": {},
        "moves": [],
        "contested": [],
        "joint": None,
        "exit_solo": {},
        "models": {},
        "rounds": Overwrite([]),
        "usage": Overwrite([]),
        "incidents": Overwrite([]),
    }
    sat = sitting(opened)
    opened["edges"] = Overwrite(emit(sat, [EdgeEvent(index=0, source="brief", target="solo", round=0)]))
    say(
        f"{ward.title}: {len(ward.patients)} patients, "
        f"{' against '.join(sat.name(s) for s in sat.seats)}, {settings.rounds} rounds",
        kind="brief",
        run_id=run_id,
    )
    return opened


def ward_of(state: Debate) -> Ward:
    """The ward that an input gives or names; the default for an empty input. A request names no files."""
    given, name = state.get("ward"), state.get("scenario") or DEFAULT_SCENARIO
    if given and state.get("scenario"):
        raise ParleyError("both `scenario` and `ward` are given; send one of them")
    return parse_ward(given, "ward") if given else load(name, files=False)


def name_run(ward: Ward, settings: Table, seats: list[Seat], corpus: dict[str, str] | None = None) -> str:
    """The run's id: the ward's name and a hash of all that determines the run, so that equal runs share it.

    `corpus` is what `corpus_of` says of these settings and seats, where that is known already.
    """
    determines: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "ward": ward.model_dump(mode="json"),
        "protocol": settings.model_dump(mode="json", include=PROTOCOL),
        "seats": [s.model_dump(mode="json") for s in seats],
    }
    if settings.retrieval != "off" and any(s.persona.aligned for s in seats):
        determines["corpus"] = corpus or corpus_of(settings, seats)
        determines["passages"] = settings.passages if settings.retrieval == "on" else None
    if settings.models:
        from negotiators.chat import prompt_hashes

        determines["prompts"] = prompt_hashes()
        determines["sampling"] = (settings.mediator_model, settings.temperature, settings.max_output_tokens)
        determines["server"] = digest(equipment().base_url)
    return f"{ward.name[:40]}-{digest(determines)[:12]}"


def corpus_of(settings: Table, seats: Iterable[Seat]) -> dict[str, str]:
    """What can be cited: a hash of the passages of the cited frameworks and, where searched, the embedding model."""
    cited = sorted({framework for at in seats for framework in at.persona.cites})
    hashed = {"passages": corpus_hash(retriever().whole(cited)), "frameworks": ",".join(cited)}
    return hashed | ({"embeddings": equipment().embeddings} if settings.retrieval == "on" else {})
