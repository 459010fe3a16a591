"""What can be seen at a glance: pictures that a report has beyond the figures of its findings, by setting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evals.report.source import Source, Tell

if TYPE_CHECKING:
    from evals.findings.section import Section

FIRST = 2
"""Sections that stand before any picture: what ran, and what was asked."""


def pictures(source: Source, tell: Tell) -> Source:
    """A source with its setting's pictures, laid between what was asked and the rest of the findings."""
    drawn = _drawn(source, tell)
    first = FIRST if source.hypotheses is not None else 1
    return replace(source, sections=[*source.sections[:first], *drawn, *source.sections[first:]])


def instruments(made: list[Source]) -> list[Source]:
    """The sources, the first that has runs with what is known of the statistics themselves, before its limits."""
    from evals.report.pictures.calibration import of_calibration

    place = next((i for i, source in enumerate(made) if source.frames is not None), None)
    if place is None:
        return made
    sections = made[place].sections
    told = replace(made[place], sections=[*sections[:-1], *of_calibration(), *sections[-1:]])
    return [*made[:place], told, *made[place + 1 :]]


def _drawn(source: Source, tell: Tell) -> list[Section]:
    if source.setting == "triage":
        from evals.report.pictures.debates import triage

        return triage.of_triage(source, tell)
    if source.setting == "commons":
        from evals.report.pictures.dilemmas import commons

        return commons.of_commons(source, tell)
    if source.setting == "games":
        from evals.report.pictures.dilemmas import games

        return games.of_games(source, tell)
    from evals.report.pictures.dialogues import deliberation

    return deliberation.of_deliberation(source, tell)
