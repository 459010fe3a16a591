"""What can be seen at a glance: pictures that a report has beyond the figures of its findings, by setting."""

from __future__ import annotations

from evals.report.source import Source, Tell


def pictures(source: Source, tell: Tell) -> Source:
    """A source with the sections of pictures that its setting has, laid between its findings and its limits."""
    return source
