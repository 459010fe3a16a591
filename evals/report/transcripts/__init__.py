"""A run as a reader wants it: its case, who sat there, and its turns in order. One file a setting, one model of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.report.transcripts.model import Case, Transcript

if TYPE_CHECKING:
    from evals.records import AnyRecord

__all__ = ["Case", "Transcript", "transcript"]


def transcript(record: AnyRecord) -> Transcript:
    """A record of any setting as turns."""
    if record.setting == "triage":
        from evals.report.transcripts import triage

        return triage.transcript(record)
    if record.setting == "commons":
        from evals.report.transcripts import commons

        return commons.transcript(record)
    if record.setting == "games":
        from evals.report.transcripts import games

        return games.transcript(record)
    from evals.report.transcripts import deliberation

    return deliberation.transcript(record)
