"""A seat without a model: declared values or concerns, their exact optimum or equilibrium, and a published policy."""

from negotiators.reference.concession import Policy
from negotiators.reference.dilemma import ReferenceParty
from negotiators.reference.dilemma_games import selfish_welfare
from negotiators.reference.seat import Reference

__all__ = ["Policy", "Reference", "ReferenceParty", "selfish_welfare"]
