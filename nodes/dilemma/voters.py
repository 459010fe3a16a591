"""Is a contract adopted: every seat votes at once, and a quorum of yes puts it in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from negotiators.dilemma import Proposal
from nodes.dilemma.asking import ask, moved
from nodes.dilemma.record import LawInForce
from nodes.dilemma.sittings import sitting
from nodes.table.edges import say


async def vote(state: Mapping[str, Any]) -> dict[str, Any]:
    """Every seat of the group votes on the proposal; a seat that abstains has not said yes."""
    return await ask(sitting(state), state, "vote")


async def enact(state: Mapping[str, Any]) -> dict[str, Any]:
    """Count the votes; what is adopted replaces the law in force. The proposal stands in the books of the step."""
    sat = sitting(state)
    votes = {s: m["vote"] for s, m in moved(state, "vote").items()}
    for_it = sum(bool(v) for v in votes.values())
    adopted = for_it >= sat.quorum
    proposal = Proposal.model_validate(state["proposal"])
    told = {"proposal": state["proposal"], "votes": votes, "adopted": adopted}
    out: dict[str, Any] = {
        "now": {**state["now"], **told},
        "so_far": {**state["so_far"], **told},
        "proposal": None,
    }
    if adopted:
        law = LawInForce(since=state["step"] + sat.delay, proposal=proposal, votes=votes)
        out["laws"] = [*state["laws"], law.model_dump(mode="json")]
        out["now"]["next_law"] = len(state["laws"])
    say(
        f"{for_it} of {len(votes)} vote for it: {'adopted' if adopted else 'not adopted'} (quorum {sat.quorum})",
        kind="vote",
        step=state["step"],
    )
    return out
