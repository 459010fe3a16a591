"""Better negotiators: self-play dialogues as rows of token ids, rewards, group-relative advantages, two backends.

torch, transformers and trl are an extra (`train`) and are imported where they are used.
"""
