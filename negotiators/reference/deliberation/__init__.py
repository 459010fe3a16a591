"""How reference seats talk a dilemma through: offers in clauses, reasons in words, and a judge that is a rule."""

from negotiators.reference.deliberation.rule import judged
from negotiators.reference.deliberation.speaker import ReferenceSpeaker

__all__ = ["ReferenceSpeaker", "judged"]
