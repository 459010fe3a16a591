"""Has every published game with hidden effort the exact gaps that theory gives it, scaled as the file scales it?"""

from __future__ import annotations

import pytest

from evals.welfare_gap.tables import Line, lines
from scenarios.games import Game
from scenarios.games.table import games
from scenarios.mechanisms import Problem, nash, smallest
from tests.scenarios.mechanisms_cases import DATA

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no games at {DATA}; set PARLEY_DATA to the folder that has games/"
)
FILE = DATA / "pd30-4x4.csv"


@pytest.fixture(scope="module")
def found() -> list[Line]:
    return lines(FILE)


def test_all_thirty_have_the_exact_gaps(found: list[Line]) -> None:
    assert len(found) == 30
    for each in found:
        assert each.lift is not None, each.id
        T, R, P, S = each.lift
        surplus = 2 * (R - P)
        losses = (each.none, each.contract, each.mixed, each.mediator)
        assert losses == pytest.approx((surplus, surplus / 24, surplus / 6, surplus / 30), rel=1e-6), each.id
        assert each.concern == pytest.approx(max(2.0, (T - R) / (2 * R - T - S)), rel=1e-6)
        assert each.concern_contract == pytest.approx(2.0, rel=1e-6)
        assert each.checks == ()


def test_the_matrices_are_those_of_the_2x2_file_scaled(found: list[Line]) -> None:
    """The loss without contract is 2k(R − P) with R and P of the other file, k one of four."""
    plain: dict[str, Game] = games(DATA / "pd30-2x2-with-targets.csv")
    scales = set()
    for each in found:
        own = plain[each.id].payoffs(0)[..., 0]
        scale = (each.none or 0.0) / (2 * (own[0, 0] - own[1, 1]))
        assert scale == pytest.approx(round(scale), rel=1e-6)
        scales.add(round(scale))
    assert scales == {2, 3, 6, 12}


def test_the_2x2_games_lose_nothing_under_a_contract() -> None:
    for name, game in games(DATA / "pd30-2x2-with-targets.csv").items():
        problem = Problem.of(game)
        assert nash(problem).loss == pytest.approx(0.0, abs=1e-9), name
        R, P = game.payoffs(0)[0, 0, 0], game.payoffs(0)[1, 1, 0]
        assert nash(problem, 0.0).loss == pytest.approx(2 * (R - P), abs=1e-9), name
        T, S = game.payoffs(0)[1, 0, 0], game.payoffs(0)[0, 1, 0]
        assert smallest(problem, 0.0).least == pytest.approx((T - R) / (2 * R - T - S), rel=1e-6), name
