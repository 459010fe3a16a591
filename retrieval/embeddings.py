"""What makes vectors of texts? One Protocol, the embedded MiniLM, and any OpenAI-compatible server."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT = "minilm"


class Embedder(Protocol):
    """Turns texts into unit vectors. Implementations load themselves on first use and are safe in threads."""

    @property
    def name(self) -> str:
        """The spec that made it, by which a collection remembers it: `minilm`, `openai:MODEL`."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of its vectors."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of Euclidean norm 1, shape (len(texts), dimensions), in the order of the texts."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """One vector of norm 1, shape (dimensions,)."""
        ...


class MiniLMEmbedder:
    """all-MiniLM-L6-v2 by onnxruntime: 384 dimensions, 8 ms a short text, nothing leaves the machine."""

    name = DEFAULT
    dimensions = 384

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: Any = None

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        with self._lock:
            if self._model is None:
                from retrieval.minilm import MiniLM

                self._model = MiniLM()
        vectors: NDArray[np.float32] = self._model.embed(texts)
        return vectors

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embed_documents([text])[0]
        return vector


class OpenAIEmbedder:
    """An OpenAI-compatible `/embeddings` endpoint: OpenAI's, or vLLM's, Ollama's, llama.cpp's by base URL.

    The key is `OPENAI_API_KEY`; the base URL is the argument, or `OPENAI_BASE_URL`, or OpenAI's. Vectors are
    scaled to norm 1, which not every server does. Its dimensions are what the first answer has.
    """

    def __init__(self, model: str, base_url: str | None = None) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._base_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        self._lock = threading.Lock()
        self._client: Any = None
        self._dimensions: int | None = None

    @property
    def dimensions(self) -> int:
        if self._dimensions is None:
            self._dimensions = len(self.embed_query("How long is a vector of this model?"))
        return self._dimensions

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        vectors = np.asarray(self._ask(list(texts)), np.float32)
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True) if vectors.ndim == 2 else np.zeros(1)
        if len(vectors) != len(texts) or not np.isfinite(vectors).all() or not (lengths > 0).all():
            raise ParleyError(
                f"embeddings {self.name}: the server's vectors are unusable (zero, not finite, or too few); "
                "check that the model is an embedding model"
            )
        vectors /= lengths
        return vectors

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embed_documents([text])[0]
        return vector

    def _ask(self, texts: list[str]) -> Any:
        import openai

        client = self._connected()
        try:
            return client.embed_documents(texts)
        except openai.APIStatusError as error:
            raise ParleyError(
                f"embeddings {self.name}: the server answered HTTP {error.status_code}; "
                "check OPENAI_API_KEY, OPENAI_BASE_URL and the model's name"
            ) from error
        except (openai.OpenAIError, ValueError, TypeError) as error:
            raise ParleyError(
                f"embeddings {self.name}: no usable answer ({type(error).__name__}); check OPENAI_BASE_URL"
            ) from error

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                key = os.environ.get("OPENAI_API_KEY")
                if not key and not self._base_url:
                    raise ParleyError(
                        f"embeddings {self.name}: OPENAI_API_KEY is not set; set it, or OPENAI_BASE_URL "
                        "for a server of your own, or use --embeddings minilm"
                    )
                from langchain_openai import OpenAIEmbeddings
                from pydantic import SecretStr

                self._client = OpenAIEmbeddings(
                    model=self._model,
                    openai_api_base=self._base_url,
                    openai_api_key=SecretStr(key or "none"),
                    check_embedding_ctx_length=False,  # else it downloads a token table
                    request_timeout=60,
                    max_retries=3,
                )
            return self._client


def embedder(spec: str | None = None, base_url: str | None = None) -> Embedder:
    """The embedder that a setting names; loads nothing yet.

    `spec` is `minilm` or `openai:MODEL`; None takes `PARLEY_EMBEDDINGS`, else `minilm`. `base_url` is for
    `openai:` alone. Raises ParleyError for any other spec.
    """
    chosen = (spec or os.environ.get("PARLEY_EMBEDDINGS") or DEFAULT).strip()
    if chosen == DEFAULT:
        return MiniLMEmbedder()
    provider, _, model = chosen.partition(":")
    if provider == "openai" and model.strip():
        return OpenAIEmbedder(model.strip(), base_url)
    raise ParleyError(f"embeddings {chosen!r}: is no known embedder; write 'minilm' or 'openai:MODEL'")
