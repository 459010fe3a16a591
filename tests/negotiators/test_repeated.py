"""Do the classic strategies play as they are known to, move by move?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiators.reference.games.repeated import (
    STRATEGIES,
    AlwaysCooperate,
    AlwaysDefect,
    GenerousTitForTat,
    Grim,
    History,
    RandomPlay,
    Strategy,
    TitForTat,
    WinStayLoseShift,
    repeated,
    roles,
    strategy,
    versus,
)
from scenarios.errors import ParleyError
from scenarios.games import load

PD = load("prisoners-dilemma")


@dataclass(frozen=True)
class Scripted:
    """Plays these letters, again and again."""

    letters: str
    name: ClassVar[str] = "scripted"
    source: ClassVar[str] = "test"

    def act(self, history: History) -> int:
        return history.action(self.letters[len(history.own) % len(self.letters)] == "C")


def versus_test(player: Strategy, opponent: Strategy, expected: str, *, seed: int = 0) -> None:
    """The minutes of a match, player first: versus_test(TitForTat(), AlwaysDefect(), 'CD DD DD')."""
    rounds = len(expected.split())
    assert versus(player, opponent, PD, rounds=rounds, seed=seed).words() == expected


# Move by move


def test_tit_for_tat_answers_every_move() -> None:
    versus_test(TitForTat(), AlwaysCooperate(), "CC CC CC")
    versus_test(TitForTat(), AlwaysDefect(), "CD DD DD")
    versus_test(TitForTat(), Scripted("CDDC"), "CC CD DD DC CC CD")


def test_grim_never_forgets() -> None:
    versus_test(Grim(), Scripted("CDCC"), "CC CD DC DC DC DD")


def test_win_stay_lose_shift_stays_after_r_and_t_and_shifts_after_p_and_s() -> None:
    versus_test(WinStayLoseShift(), AlwaysDefect(), "CD DD CD DD")
    versus_test(WinStayLoseShift(), Scripted("CDCCDD"), "CC CD DC DC DD CD")


def test_generous_tit_for_tat_forgives_as_often_as_it_says() -> None:
    versus_test(GenerousTitForTat(0.0), Scripted("CDDC"), "CC CD DD DC CC CD")
    versus_test(GenerousTitForTat(1.0), AlwaysDefect(), "CD CD CD")
    match = versus(GenerousTitForTat(), AlwaysDefect(), PD, rounds=3000, seed=2)
    assert np.mean([c for c, _ in match.cooperated]) == pytest.approx(1 / 3, abs=0.03)


def test_always_and_random() -> None:
    versus_test(AlwaysDefect(), AlwaysCooperate(), "DC DC")
    versus_test(RandomPlay(0.0), RandomPlay(1.0), "DC DC DC")
    match = versus(RandomPlay(0.25), AlwaysCooperate(), PD, rounds=3000, seed=1)
    assert np.mean([c for c, _ in match.cooperated]) == pytest.approx(0.25, abs=0.03)


def test_one_mistake_is_mended_by_win_stay_lose_shift_and_echoed_by_tit_for_tat() -> None:
    """Nowak and Sigmund 1993: CD, DD, CC. Axelrod 1984: the echo of one defection goes on and on."""

    @dataclass(frozen=True)
    class Slips:
        inner: Strategy
        name: ClassVar[str] = "slips"
        source: ClassVar[str] = "test"

        def act(self, history: History) -> int:
            return history.action(False) if len(history.own) == 1 else self.inner.act(history)

    versus_test(WinStayLoseShift(), Slips(WinStayLoseShift()), "CC CD DD CC CC")
    versus_test(TitForTat(), Slips(TitForTat()), "CC CD DC CD DC CD")
    versus_test(Grim(), Slips(Grim()), "CC CD DC DD DD")


# What tournaments are known for


@settings(max_examples=50, deadline=None)
@given(st.text("CD", min_size=1, max_size=12), st.integers(1, 60))
def test_tit_for_tat_never_beats_its_opponent_and_loses_by_one_temptation_at_most(
    letters: str, rounds: int
) -> None:
    own, other = versus(TitForTat(), Scripted(letters), PD, rounds=rounds, seed=0).scores
    assert own <= other <= own + 5, "Axelrod 1984: T − S is all it can be behind"


@settings(max_examples=50, deadline=None)
@given(st.text("CD", min_size=1, max_size=12), st.integers(1, 60))
def test_always_defect_never_scores_less_than_its_opponent(letters: str, rounds: int) -> None:
    own, other = versus(AlwaysDefect(), Scripted(letters), PD, rounds=rounds, seed=0).scores
    assert own >= other


def test_long_run_means_of_memory_one_matches() -> None:
    def means(first: Strategy, second: Strategy) -> list[float]:
        return [float(x) for x in versus(first, second, PD, rounds=4000, seed=5).payoffs.mean(axis=0)]

    assert means(WinStayLoseShift(), AlwaysDefect()) == [0.5, 3.0]
    assert means(TitForTat(), RandomPlay()) == pytest.approx([2.25, 2.25], abs=0.1)
    assert means(AlwaysCooperate(), RandomPlay()) == pytest.approx([1.5, 4.0], abs=0.1)
    assert means(AlwaysDefect(), RandomPlay()) == pytest.approx([3.0, 0.5], abs=0.1)


def test_nice_strategies_win_a_tournament_among_themselves_with_one_who_defects() -> None:
    """Axelrod 1980: the top of the table is nice. 200 rounds, everybody with everybody and with itself."""
    field = {name: strategy(name) for name in STRATEGIES}
    scores = dict.fromkeys(field, 0.0)
    for a, b in combinations_with_replacement(field, 2):
        match = versus(field[a], field[b], PD, rounds=200, seed=7)
        scores[a] += match.scores[0]
        scores[b] += match.scores[1] if a != b else 0
    order = sorted(scores, key=lambda name: -scores[name])
    assert set(order[:3]) <= {"tit-for-tat", "grim", "generous-tit-for-tat", "win-stay-lose-shift"}
    assert order.index("random") > 3 and order.index("tit-for-tat") < order.index("always-defect")


def test_noise_hurts_tit_for_tat_more_than_its_generous_and_its_shifting_kin() -> None:
    """Nowak and Sigmund 1992, 1993: under errors pairs of TFT fall to the mean of all four payoffs."""

    def mean(one: Strategy) -> float:
        return float(versus(one, one, PD, rounds=4000, seed=3, noise=0.02).payoffs.mean())

    assert mean(TitForTat()) == pytest.approx(2.25, abs=0.2)
    assert mean(GenerousTitForTat()) > 2.7 and mean(WinStayLoseShift()) > 2.8
    assert mean(Grim()) < 1.2


# More actions, more seats


def test_a_partner_sees_no_effort_so_tit_for_tat_takes_low_effort_for_cooperation() -> None:
    game = load("lift:prisoners-dilemma")
    first, second = roles(game)
    assert (first.cooperate, first.defect, first.seems) == (
        0,
        2,
        (True, True, False, False),
    ) and first == second

    @dataclass(frozen=True)
    class Shirks:
        name: ClassVar[str] = "shirks"
        source: ClassVar[str] = "test"

        def act(self, history: History) -> int:
            return 1

    match = versus(TitForTat(), Shirks(), game, rounds=5, seed=0)
    assert match.words() == "CC CC CC CC CC" and match.actions[-1] == (0, 1)
    assert match.scores[1] - match.scores[0] == pytest.approx(5 * 2.5 / 3), "R − (R − 2.5 ε), unpunished"


@pytest.mark.parametrize(
    ("spec", "cooperate", "defect"),
    [("prisoners-dilemma", 0, 1), ("stag-hunt", 0, 1), ("chicken", 0, 1), ("public-goods", 0, 1),
     ("public-goods,n=3,levels=4", 0, 3), ("lift:stag-hunt", 0, 2)],
)  # fmt: skip
def test_roles_are_the_best_for_all_and_the_minimax_punishment(
    spec: str, cooperate: int, defect: int
) -> None:
    assert all((part.cooperate, part.defect) == (cooperate, defect) for part in roles(load(spec)))


def test_in_a_public_good_one_who_keeps_ends_the_giving_of_all() -> None:
    game = load("public-goods")
    match = repeated([TitForTat(), TitForTat(), Grim(), Scripted("CDCC")], game, rounds=4, seed=0)
    assert match.words() == "CCCC CCCD DDDC DDDC"
    assert match.payoffs[1].tolist() == [24, 24, 24, 44]


def test_the_seed_decides_everything_and_one_seats_draws_move_no_other() -> None:
    first = versus(RandomPlay(), RandomPlay(), PD, rounds=60, seed=4, noise=0.1)
    assert first.actions == versus(RandomPlay(), RandomPlay(), PD, rounds=60, seed=4, noise=0.1).actions
    assert first.actions != versus(RandomPlay(), RandomPlay(), PD, rounds=60, seed=5, noise=0.1).actions
    alone = versus(AlwaysDefect(), RandomPlay(), PD, rounds=60, seed=4)
    beside = versus(RandomPlay(), RandomPlay(), PD, rounds=60, seed=4)
    assert [b for _, b in alone.actions] == [b for _, b in beside.actions]
    boom = versus(AlwaysDefect(), AlwaysDefect(), load("hidden-temptation"), rounds=200, seed=1)
    assert 30 < sum(boom.states) < 90


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("tit-for-tatt", "did you mean 'tit-for-tat'"), ("zzz", "there are always-cooperate"),
        ("grim=0.3", "takes no chance"), ("random=x", "is no chance"), ("random=1.5", "give a chance from 0 to 1"),
        ("random=nan", "give a chance from 0 to 1"),
    ],
)  # fmt: skip
def test_a_wrong_strategy_is_one_line_with_its_mend(spec: str, said: str) -> None:
    with pytest.raises(ParleyError, match=said):
        strategy(spec)


def test_every_strategy_names_its_source_and_loads() -> None:
    for name in STRATEGIES:
        made = strategy(name)
        assert made.name == name and made.source and made.__doc__
    assert strategy("random=0.3") == RandomPlay(0.3)
    with pytest.raises(ParleyError, match="1 strategies for 2 seats"):
        repeated([TitForTat()], PD, rounds=3, seed=0)
    with pytest.raises(ParleyError, match="rounds is 0"):
        versus(TitForTat(), TitForTat(), PD, rounds=0, seed=0)
