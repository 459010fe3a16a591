"""Is a text too like one that was seen before: by the angle between their vectors?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""embed(texts) gives unit vectors, shape (len(texts), dimensions)."""

THRESHOLD = 0.85
"""Cosine from which two dilemmas are one. Ours, and high: with MiniLM a retelling of a dilemma came to 0.70, as
do the nearest two of the catalogue. It stops near-copies; the history is for the rest."""


@dataclass(frozen=True)
class Near:
    """The text seen before that is most like another; `cosine` from −1 to 1, which is the same."""

    name: str
    cosine: float


class Seen:
    """Texts by name with their vectors, in the order they came; the first of several equally near ones counts."""

    def __init__(self, embed: Embed, texts: Mapping[str, str]) -> None:
        self._embed = embed
        self._names = list(texts)
        self._vectors = list(embed(list(texts.values()))) if texts else []

    def admit(self, name: str, text: str, threshold: float = THRESHOLD) -> Near | None:
        """None for a text that is new, which is then seen; else the one that it repeats: cosine >= threshold."""
        vector = self._embed([text])[0]
        if self._vectors:
            cosines = np.stack(self._vectors) @ vector
            nearest = int(np.argmax(cosines))
            if cosines[nearest] >= threshold:
                return Near(self._names[nearest], float(cosines[nearest]))
        self._names.append(name)
        self._vectors.append(vector)
        return None
