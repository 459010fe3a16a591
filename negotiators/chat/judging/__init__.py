"""What a chat model is asked about the plans that come of deliberations: a score, or which of two is better."""

from negotiators.chat.judging.asking import PROMPTS, QUALITIES, Quality
from negotiators.chat.judging.judge import Judge, Preferred, Scored

__all__ = ["PROMPTS", "QUALITIES", "Judge", "Preferred", "Quality", "Scored"]
