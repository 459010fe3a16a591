"""An embedder and passages small enough to reason about by hand."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.passages import Kind, Passage


class BagOfWords:
    """Texts that share words are close: each word is a fixed random direction, drawn from its hash."""

    def __init__(self, name: str = "bag:1", dimensions: int = 32) -> None:
        self.name = name
        self.dimensions = dimensions
        self.embedded: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded.extend(texts)
        return np.array([self._vector(text) for text in texts], np.float32).reshape(
            len(texts), self.dimensions
        )

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embed_documents([text])[0]
        return vector

    def _vector(self, text: str) -> NDArray[np.float64]:
        total = np.full(self.dimensions, 1e-3)
        for word in re.findall(r"\w+", text.lower()):
            seed = int.from_bytes(hashlib.sha256(f"{self.name} {word}".encode()).digest()[:8], "big")
            total += np.random.default_rng(seed).normal(size=self.dimensions)
        unit: NDArray[np.float64] = total / np.linalg.norm(total)
        return unit


def passage(
    id: str, text: str, *, framework: str = "rawlsian", kind: Kind = "holds", title: str = "Untitled"
) -> Passage:
    return Passage(id=id, framework=framework, kind=kind, title=title, text=text, source="ours, p. 1")
