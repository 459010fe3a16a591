"""A seat decided by a chat model: prompts, one answered call after another, and everything a reply can get wrong."""

from typing import Literal

from negotiators.chat.debate.prompting import PROMPTS as DEBATE_PROMPTS
from negotiators.chat.deliberation.prompting import PROMPTS as DELIBERATION_PROMPTS
from negotiators.chat.dilemma.prompting import PROMPTS as DILEMMA_PROMPTS
from negotiators.chat.seat import Chat

__all__ = ["Chat", "prompt_hashes"]


def prompt_hashes(setting: Literal["debate", "dilemma", "deliberation"] = "debate") -> dict[str, str]:
    """sha256 of each prompt file of a setting, by name: runs with equal hashes were asked in the same words."""
    prompts = {"debate": DEBATE_PROMPTS, "dilemma": DILEMMA_PROMPTS, "deliberation": DELIBERATION_PROMPTS}
    return prompts[setting].hashes()
