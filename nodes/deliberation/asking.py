"""How is somebody asked in a deliberation: computed here, or a model's answer, journaled before it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from negotiators.deliberation import Said
from negotiators.protocol import Pay
from nodes.deliberation.sitting import Sitting
from nodes.table.journal import journal
from nodes.table.turns import computed, payer
from scenarios.errors import Unreachable

Json = dict[str, Any]
Ask = Callable[[Pay | None], Coroutine[Any, Any, Said]]


async def asked(sat: Sitting, who: str, node: str, round_: int, model: str | None, ask: Ask) -> Said:
    """What came of asking; incidents and costs say who and where. Raises Unreachable, which the journal keeps too."""
    if model is None:
        return computed(ask(None))
    try:
        said = await ask(payer(sat.run_id, who, node, round_))
    except Unreachable as error:
        where = {"seat": who, "occasion": node, "round": round_}
        await asyncio.to_thread(journal(sat.run_id).append, "unreachable", **where, detail=str(error))
        raise
    where = {"seat": who, "node": node, "round": round_}
    said = Said(
        said.what,
        tuple(i.model_copy(update=where) for i in said.incidents),
        said.usage.model_copy(update={"seat": who, "node": node}),
        said.model,
    )
    kept = {"what": said.what.model_dump(mode="json"), "usage": said.usage.model_dump(mode="json")}
    told = [i.model_dump(mode="json") for i in said.incidents]
    await asyncio.to_thread(journal(sat.run_id).append, "said", occasion=node, **kept, incidents=told)
    return said


def costs(said: Said, who: str) -> Json:
    """What a state keeps of what asking took."""
    return {
        "usage": [said.usage.model_dump(mode="json")] if said.usage.calls else [],
        "incidents": [i.model_dump(mode="json") for i in said.incidents],
        "models": [[who, said.model]] if said.model else [],
    }


def model_of(sat: Sitting, seat: str) -> str | None:
    """The model that speaks for a seat; None for one that is computed here."""
    return sat.seats[seat].model
