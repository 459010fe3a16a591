"""Does the reference party do what every party to a dilemma must?"""

from __future__ import annotations

import pytest

from negotiators.dilemma import DilemmaView
from negotiators.reference.party import ReferenceParty
from tests.negotiators.dilemma_conformance import DilemmaConformance, Table
from tests.negotiators.dilemmas import commons_view


class TestConformance(DilemmaConformance):
    """The suite that every party passes: exact play, each seat believing the others to be as it is."""

    @pytest.fixture
    def table(self) -> Table:
        return _seated


def _seated(view: DilemmaView) -> ReferenceParty:
    """A party for the run of a view: it serves one scenario."""
    return ReferenceParty("best", {seat: (view.persona.degree,) * len(view.seats) for seat in view.seats})


def test_it_never_abstains_and_calls_nobody() -> None:
    for seen in (commons_view(), commons_view("draft", regime="enforced")):
        assert _seated(seen).move(seen).status == "made"
