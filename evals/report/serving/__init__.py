"""A report served on this machine alone while runs come in: one looks, one works findings out, one answers."""

from __future__ import annotations

from evals.report.serving.answering import serve

__all__ = ["serve"]
