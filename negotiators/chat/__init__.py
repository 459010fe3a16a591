"""A seat decided by a chat model: prompts, one answered call after another, and everything a reply can get wrong."""

from negotiators.chat.prompting import prompt_hashes
from negotiators.chat.seat import Chat

__all__ = ["Chat", "prompt_hashes"]
