"""What the machine lends a debate: folders, addresses and the things built once — never part of a request."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from negotiators.protocol import Negotiator
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from negotiators.chat import Chat
    from retrieval.retriever import FrameworkRetriever


@dataclass(frozen=True)
class Equipment:
    """Paths, addresses and limits: from the command line or the environment alone."""

    runs: Path = Path("runs")
    base_url: str | None = None
    personas: Path | None = None
    embeddings: str = "minilm"
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s < 1e6:
            raise ParleyError(f"--timeout: {self.timeout_s:g} seconds; give a number above 0")

    @classmethod
    def from_environment(cls) -> Equipment:
        """PARLEY_RUNS, PARLEY_EMBEDDINGS, PARLEY_TIMEOUT_S and OPENAI_BASE_URL."""
        env = os.environ
        return cls(
            runs=Path(env.get("PARLEY_RUNS", "runs")),
            base_url=env.get("OPENAI_BASE_URL") or None,
            embeddings=env.get("PARLEY_EMBEDDINGS", "minilm"),
            timeout_s=_seconds(env.get("PARLEY_TIMEOUT_S", "60")),
        )

    @property
    def server(self) -> str | None:
        """Scheme and host of `base_url`, fit for a record: no user, no path, no query.

        Raises ParleyError where it is no address.
        """
        if self.base_url is None:
            return None
        try:
            parts = urlsplit(self.base_url)
            port = parts.port
        except ValueError:
            raise ParleyError("base_url: no http address; write it as http://HOST:PORT/v1") from None
        return f"{parts.scheme}://{parts.hostname}{f':{port}' if port else ''}"


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ParleyError(
            f"PARLEY_TIMEOUT_S: '{text}' is no number of seconds; correct or unset it"
        ) from None


_lent: list[Equipment] = []
_built: list[Chat] = []


def lend(equipment: Equipment) -> None:
    """Use this equipment from now on, in this process (a command line calls it once)."""
    _lent[:] = [equipment]


def equipment() -> Equipment:
    """What was lent, else what the environment says."""
    return _lent[0] if _lent else Equipment.from_environment()


def policy(kind: str, exponent: float | None, floor: float | None, persuasion: float) -> dict[str, Any]:
    """A reference seat's policy with its defaults filled in; raises ParleyError for one that cannot be."""
    from pydantic import ValidationError

    from negotiators.reference import Policy
    from negotiators.reference.debate.concession import EXPONENTS

    given = {"kind": kind, "exponent": exponent, "floor": floor, "persuasion": persuasion}
    try:
        filled = Policy.model_validate({k: v for k, v in given.items() if v is not None})
        return filled.model_dump() | {"exponent": filled.exponent or EXPONENTS.get(filled.kind)}
    except ValidationError as error:
        raise ParleyError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def reference(policy: dict[str, Any]) -> Negotiator:
    """The reference negotiator of a policy, built once and reused."""
    return _reference(tuple(sorted(policy.items())))


def chat(model: str, temperature: float | None = None, max_output_tokens: int | None = None) -> Chat:
    """The chat negotiator of a model, built once for each model, server, time limit and manner of sampling."""
    lent = equipment()
    return _chat(model, lent.base_url, lent.timeout_s, temperature, max_output_tokens)


def retriever() -> FrameworkRetriever:
    """The retriever over the corpus; the first call starts or attaches the database."""
    from retrieval.retriever import retriever as build

    return build(equipment().embeddings)


@lru_cache(maxsize=64)
def _reference(policy: tuple[tuple[str, object], ...]) -> Negotiator:
    from negotiators.reference import Policy, Reference

    return Reference(Policy.model_validate(dict(policy)))


@cache
def _chat(
    model: str,
    base_url: str | None,
    timeout_s: float,
    temperature: float | None,
    max_output_tokens: int | None,
) -> Chat:
    from negotiators.chat import Chat

    limits = {"timeout_s": timeout_s, "temperature": temperature, "max_output_tokens": max_output_tokens}
    _built.append(Chat(model, base_url=base_url, **limits))  # type: ignore[arg-type]
    return _built[-1]


async def hang_up() -> None:
    """Close what chat negotiators hold open in this event loop; whoever ends a loop calls it first."""
    for negotiator_ in _built:
        await negotiator_.aclose()
