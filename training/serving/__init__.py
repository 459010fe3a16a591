"""A trained policy behind OpenAI's protocol: what a request asks for, who answers it, over which wire."""

from training.serving.answering import Answer, Served
from training.serving.requests import Asked, Refused, parse
from training.serving.server import Server

__all__ = ["Answer", "Asked", "Refused", "Served", "Server", "parse"]
