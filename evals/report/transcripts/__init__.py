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
        from evals.report.transcripts.triage import transcript as of_debate

        return of_debate(record)
    if record.setting == "commons":
        from evals.report.transcripts.commons import transcript as of_season

        return of_season(record)
    if record.setting == "games":
        from evals.report.transcripts.games import transcript as of_game

        return of_game(record)
    from evals.report.transcripts.deliberation import transcript as of_dialogue

    return of_dialogue(record)
