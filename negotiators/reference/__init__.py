"""A seat without a model: declared values or concerns, their exact optimum or equilibrium, and a published policy."""

from negotiators.reference.debate.concession import Policy
from negotiators.reference.debate.seat import Reference
from negotiators.reference.games.player import selfish_welfare
from negotiators.reference.party import ReferenceParty

__all__ = ["Policy", "Reference", "ReferenceParty", "selfish_welfare"]
