"""How does a dilemma begin: its input checked, its seats dealt, its run named, its record begun afresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.types import Overwrite

from negotiators.dilemma import Proposal
from nodes.dilemma.record import DilemmaSeat, LawInForce
from nodes.record import SCHEMA_VERSION, digest
from nodes.table.equipment import chat, equipment
from nodes.table.journal import journal
from scenarios.contracts import Books, Language, adoptable, in_words, load_contract
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from nodes.dilemma.settings import DilemmaTable
    from scenarios.model import Model

Json = dict[str, Any]

PAID = {"temperature", "max_output_tokens", "coder_model", "model", "prosocial_model"}
"""Settings that determine a run through its seats, or only where a model is called."""


def name_run(name: str, scenario: Model, settings: DilemmaTable, seats: Sequence[DilemmaSeat]) -> str:
    """The run's id: the scenario's name and a hash of all that determines the run, so that equal runs share it."""
    determines: Json = {
        "schema": SCHEMA_VERSION,
        "scenario": scenario.model_dump(mode="json"),
        "protocol": settings.model_dump(mode="json", exclude=PAID),
        "seats": [s.model_dump(mode="json") for s in seats],
    }
    if settings.law is not None:
        determines["law"] = load_contract(settings.law).model_dump(mode="json")
    if settings.models:
        from negotiators.chat import prompt_hashes

        determines["prompts"] = prompt_hashes("dilemma")
        determines["sampling"] = settings.model_dump(
            mode="json", include={"temperature", "max_output_tokens"}
        )
        determines["coder"] = settings.coder_model
        determines["server"] = digest(equipment().base_url)
    return f"{name[:40]}-{digest(determines)[:12]}"


def opened(
    state: Mapping[str, Any],
    scenario: Any,
    settings: DilemmaTable,
    seats: Sequence[DilemmaSeat],
    language: Language,
    run_id: str,
) -> Json:
    """The part of a first state that every dilemma has; what is journaled is that the run has started."""
    journal(run_id).append(
        "started", run_id=run_id, scenario=scenario.name, settings=settings.model_dump(mode="json")
    )
    laws = [given_law(settings, language)] if settings.given else []
    return {
        "scenario": None,
        "case": scenario.model_dump(mode="json"),
        "settings": settings.model_dump(mode="json"),
        "seats": [s.model_dump(mode="json") for s in seats],
        "run_id": run_id,
        "step": 1,
        "so_far": {"step": 1},
        "own": {s.seat: [] for s in seats},
        "law": 0 if laws else None,
        "laws": laws,
        "proposal": None,
        "books": Books.of(tuple(s.seat for s in seats)).as_json(),
        "violations": {},
        "lasts": {},
        **{
            name: Overwrite([])
            for name in ("told", "moves", "edges", "usage", "incidents", "notes", "models")
        },
    }


def given_law(settings: DilemmaTable, language: Language) -> Json:
    """The contract that settings put in force from the start. Raises ParleyError where it does not fit."""
    contract = settings.contract or load_contract(settings.law or "")
    try:
        adoptable(contract, language)
    except ParleyError as error:
        named = f"'{settings.law}'" if settings.law else "the contract"
        raise ParleyError(f"law: {named} does not fit this scenario ({error}); name another") from None
    proposal = Proposal(by="given", contract=contract, words=tuple(in_words(contract, language)))
    return LawInForce(since=1, proposal=proposal).model_dump(mode="json")


def models_answer(settings: DilemmaTable) -> None:
    """Build every model once: one that cannot be built is said before anything is begun."""
    for model in settings.models:
        chat(model, settings.temperature, settings.max_output_tokens)


def another_replicate(settings: Any, previous: Json | None, name: Any) -> tuple[Any, str]:
    """(settings, run id): where a thread is run again with models, they answer anew, so it is another replicate."""
    run_id = name(settings)
    while previous is not None and previous["run_id"] == run_id and settings.models:
        settings = settings.model_copy(update={"replicate": settings.replicate + 1})
        run_id = name(settings)
    return settings, run_id
