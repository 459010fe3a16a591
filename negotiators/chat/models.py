"""Which model answers: a chat model built from `PROVIDER:NAME`, its server and its key, or one clear error.

Keys and addresses come from the command line or the environment alone. The key is held as a secret, given to
the client, and scrubbed from whatever a server sends back, so that no reply, error or trace can carry it.
"""

from __future__ import annotations

import logging
import os
import ssl
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import httpx2
    from langchain_core.language_models import BaseChatModel

NO_KEY = "no-key-needed"
"""What is sent to a server of one's own that asks for none; the client insists on something."""


@dataclass(frozen=True)
class Server:
    """A model, where it runs and the key to it. Its repr shows no key."""

    spec: str
    base_url: str | None
    key: SecretStr | None

    @property
    def provider(self) -> str:
        """The part of the spec before the colon."""
        return self.spec.partition(":")[0]

    @property
    def openai(self) -> bool:
        """Whether it is spoken to by OpenAI's protocol, through our own client."""
        return self.provider == "openai"

    @property
    def where(self) -> str:
        """The model and the host it is asked at, fit for a message: no user, no path, no query."""
        if self.base_url is None:
            return self.spec
        parts = urlsplit(self.base_url)
        return f"{self.spec} at {parts.hostname}{f':{parts.port}' if parts.port else ''}"

    def scrubbed(self, text: str) -> str:
        """Text without the key, should a server have echoed it."""
        secret = self.key.get_secret_value() if self.key else ""
        return text.replace(secret, "***") if secret and secret != NO_KEY else text


def server(spec: str, base_url: str | None = None, api_key: str | None = None) -> Server:
    """Check a spec, an address and a key; what is not given is looked up in the environment (OPENAI_*).

    Raises ParleyError for a spec without a provider, an address that is none or carries a secret, or where
    `openai:` has neither key nor address.
    """
    provider, _, name = spec.partition(":")
    if not provider or not name:
        raise ParleyError(f"model '{spec}': write PROVIDER:NAME, such as openai:gpt-4o-mini")
    if provider != "openai":
        return Server(spec, _address(base_url), SecretStr(api_key) if api_key else None)
    address = _address(base_url or os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE"))
    key = api_key or os.environ.get("OPENAI_API_KEY") or (NO_KEY if address else None)
    if key is None:
        raise ParleyError(
            f"model '{spec}': no key; set OPENAI_API_KEY, or name a server of your own with --base-url"
        )
    return Server(spec, address, SecretStr(key))


def _address(base_url: str | None) -> str | None:
    """The address as given, checked. A user name or a query in it would be a secret in a place that is shown."""
    if not base_url:
        return None
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host:
        raise ParleyError("base_url: no http address; write it as http://HOST:PORT/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        shown = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"
        raise ParleyError(
            f"base_url {shown}: leave user, password and query out; a key belongs in OPENAI_API_KEY"
        )
    return base_url


def build(
    server: Server, *, timeout_s: float, temperature: float | None = None, client: Any = None
) -> BaseChatModel:
    """The chat model of a server. `client` is the HTTP client of the running event loop, for `openai:`.

    The model retries nothing itself and does not stream: retries are ours, to be recorded, and a streamed
    reply has no token count on many servers. Raises ParleyError where the provider is unknown or its package
    is missing, naming it.
    """
    from langchain.chat_models import init_chat_model

    quiet()
    settings: dict[str, Any] = {"disable_streaming": True}
    if (
        temperature is not None and not server.openai
    ):  # there it goes with each request, so that it can be left out
        settings["temperature"] = temperature
    if server.base_url is not None:
        settings["base_url"] = server.base_url
    if server.key is not None:
        settings["api_key"] = server.key
    if server.openai:
        settings |= {
            "timeout": timeout_s,
            "max_retries": 0,
            "http_async_client": client,
            "use_responses_api": False,
        }
    try:
        model: BaseChatModel = init_chat_model(server.spec, **settings)
        if not server.openai and "max_retries" in type(model).model_fields:
            model = init_chat_model(server.spec, **settings, max_retries=0)
    except ImportError as error:
        package = getattr(error.__cause__, "name", None) or f"langchain-{server.provider}"
        package = package.partition(".")[0].replace("_", "-")
        raise ParleyError(
            f"model '{server.spec}': its package is missing; run `pip install {package}`"
        ) from None
    except Exception as error:  # noqa: BLE001 — each provider's package refuses settings in its own way
        said = server.scrubbed(" ".join(str(error).split()))[:200]
        if said.startswith(("Unable to infer model provider", "Unsupported provider")):
            raise ParleyError(
                f"model '{server.spec}': no provider '{server.provider}'; write openai:NAME, anthropic:NAME, …"
            ) from None
        raise ParleyError(
            f"model '{server.spec}': cannot be set up ({type(error).__name__}: {said})"
        ) from None
    return model


def http_client(server: Server, timeout_s: float) -> httpx2.AsyncClient:
    """An HTTP client for one event loop, to be closed by whoever opened it; it takes the key out of what it gets."""
    import httpx2

    class Scrubbing(httpx2.AsyncClient):
        async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
            response = await super().send(request, **options)
            await response.aread()
            body = response.content.decode("utf-8", "replace")
            clean = server.scrubbed(body)
            if clean == body:
                return response
            return httpx2.Response(
                response.status_code,
                headers={"content-type": response.headers.get("content-type", "application/json")},
                content=clean.encode(),
                request=request,
            )

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
    return Scrubbing(timeout=timeout_s, follow_redirects=True, limits=limits, verify=_certificates())


@cache
def _certificates() -> ssl.SSLContext:
    """One context for the process: each takes 45 ms to make."""
    import httpx2

    return httpx2.create_ssl_context()


def quiet() -> None:
    """Keep request logs, which hold addresses and at DEBUG headers, and two warnings about routes, to ourselves."""
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "openai"):
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
    for message in (
        "This model does not support OpenAI's structured output",
        "Invalid schema for OpenAI's structured",
    ):
        warnings.filterwarnings("ignore", message=message)
