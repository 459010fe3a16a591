"""Does a game's name lead to the game, and every wrong one to a line that names the thing, the place, the mend?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scenarios.errors import ParleyError
from scenarios.games import Game, State, catalogue, load
from scenarios.games.lift import lift, lift_faults
from scenarios.games.load import names, parse_game

PD = [[[3, 3], [0, 5]], [[5, 0], [1, 1]]]


def data(**changed: Any) -> dict[str, Any]:
    basis: dict[str, Any] = {
        "name": "g", "title": "G", "source": "test", "actions": [["c", "d"], ["c", "d"]],
        "states": [{"payoffs": PD}],
    }  # fmt: skip
    return basis | changed


def refusal(spec: str, *, files: bool = True) -> str:
    with pytest.raises(ParleyError) as error:
        load(spec, files=files)
    assert "\n" not in str(error.value)
    return str(error.value)


def fault(**changed: Any) -> str:
    with pytest.raises(ParleyError) as error:
        parse_game(data(**changed), "g.yaml")
    assert "\n" not in str(error.value)
    return str(error.value)


# What is loaded


def test_every_name_loads_and_says_why_it_is_there() -> None:
    games = catalogue()
    assert list(games) == names() and len(games) >= 10
    for name, game in games.items():
        assert load(name, files=False) == game
        assert game.says and game.source
        assert game.name == name.replace(":", "-")


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("prisoners-dilemma", "TRPS"), ("stag-hunt", "RTPS"), ("chicken", "TRSP"),
    ],
)  # fmt: skip
def test_classic_payoffs_stand_in_the_order_that_makes_the_game(name: str, order: str) -> None:
    row = load(name).payoffs()[..., 0]
    by_letter = {"R": row[0, 0], "S": row[0, 1], "T": row[1, 0], "P": row[1, 1]}
    assert "".join(sorted(by_letter, key=lambda letter: -by_letter[letter])) == order
    assert load(name).symmetric


def test_parameters_take_the_place_of_published_payoffs() -> None:
    game = load("prisoners-dilemma, T=6 ,s=-1.5")
    assert game.payoffs().tolist() == [[[3, 3], [-1.5, 6]], [[6, -1.5], [1, 1]]]
    assert game.name == "prisoners-dilemma-t6-r3-p1-s-1_5"
    assert load("prisoners-dilemma,T=5") == load("prisoners-dilemma"), "the default said aloud is the default"


@given(st.integers(2, 5), st.floats(0.05, 0.95), st.integers(2, 3))
def test_public_goods_pay_what_the_formula_says(n: int, share: float, levels: int) -> None:
    multiplier = 1 + share * (n - 1)
    game = load(f"public-goods,n={n},multiplier={multiplier!r},levels={levels},endowment=12")
    assert game.symmetric and game.players == (
        ("row", "column") if n == 2 else tuple(f"p{i + 1}" for i in range(n))
    )
    rng = np.random.default_rng(0)
    for _ in range(5):
        cell = tuple(int(a) for a in rng.integers(0, levels, n))
        given_ = [12 * (1 - a / (levels - 1)) for a in cell]
        wanted = [12 - g + multiplier / n * sum(given_) for g in given_]
        assert game.payoffs()[cell] == pytest.approx(wanted)


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    states = f"[{{payoffs: {PD}}}]"
    path.write_text(f"name: mine\ntitle: T\nsource: me\nactions: [[a, b], [a, b]]\nstates: {states}\n")
    assert load(str(path)).payoffs()[1, 0].tolist() == [5, 0]
    assert "files are not read here" in refusal(str(path), files=False)


# What is refused


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("prisoner-dilemma", "no game 'prisoner-dilemma'; did you mean prisoners-dilemma"),
        ("zzzz", "no game 'zzzz'; there are prisoners-dilemma"),
        ("prisoners-dilemma,T=3", "T=3 is not above R=3; this game needs T > R > P > S"),
        ("prisoners-dilemma,X=3", "no parameter 'X=3'; there are T, R, P, S"),
        ("public-goods,multiplicator=3", "did you mean multiplier=…?"),
        ("prisoners-dilemma,T=6,T=7", "T stands twice"),
        ("prisoners-dilemma,T=nan", "T is 'nan'; give a number"),
        ("prisoners-dilemma,T=1e9", "give a number from -1e6 to 1e6"),
        ("public-goods,n=2.5", "n is '2.5'; give a whole number"),
        ("public-goods,n=9", "give 2 to 8 players"),
        ("public-goods,n=3,multiplier=3", "give one between 1 and n = 3"),
        ("public-goods,n=8,levels=9", "give fewer"),
        ("hidden-temptation,T=3", "takes no parameters"),
        ("lift:battle-of-the-sexes", "no symmetric 2×2 game"),
        ("lift:lift:prisoners-dilemma", "no symmetric 2×2 game"),
        ("lift:prisoner", "no game 'prisoner'"),
        ("lift", "write lift:prisoners-dilemma"),
        ("no/such.yaml", "no such file"),
        ("csv:games.csv", "no game named; write csv:PATH#ID"),
    ],
)  # fmt: skip
def test_a_wrong_spec_is_one_line_with_its_mend(spec: str, said: str) -> None:
    assert said in refusal(spec)


@pytest.mark.parametrize(
    "spec", ["csv:games.csv#1", "lift:csv:games.csv#1", "a/b.yaml", "game.json", "lift:./g.yml"]
)
def test_a_request_names_no_files(spec: str) -> None:
    assert "files are not read here" in refusal(spec, files=False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"states": [{"payoffs": [[[3, 3], [0, 5]], [[5, 0]]]}]}, "state number 1, payoffs: lists of different"),
        ({"states": [{"payoffs": [[3, 0], [5, 1]]}]}, "state 'only': payoffs are (2, 2); make them (2, 2, 2)"),
        ({"states": [{"payoffs": [[["x", 3], [0, 5]], [[5, 0], [1, 1]]]}]}, "'x' where a number belongs"),
        ({"states": [{"payoffs": [[[True, 3], [0, 5]], [[5, 0], [1, 1]]]}]}, "a bool where a number belongs"),
        ({"states": [{"payoffs": [[[float("nan"), 3], [0, 5]], [[5, 0], [1, 1]]]}]}, "nan is no payoff"),
        ({"states": [{"payoffs": [[[10**400, 3], [0, 5]], [[5, 0], [1, 1]]]}]}, "is no payoff"),
        ({"states": [{"payoffs": PD, "chance": 0.5}]}, "the chances of the states sum to 0.5"),
        ({"states": [{"name": "a", "payoffs": PD, "chance": 0.5}, {"name": "a", "payoffs": PD, "chance": 0.5}]},
         "a name stands twice"),
        ({"states": [{"name": "a", "payoffs": PD, "sees": ["x"]}]}, "1 of 2 players see something"),
        ({"actions": [["c", "d"], ["c"]]}, "player 'column' has 1 actions"),
        ({"actions": [["c", "c"], ["c", "d"]]}, "player 'row': an action stands twice"),
        ({"verifiable": [["c"], ["c", "d"]]}, "verifiable needs a label for each action"),
        ({"players": ["a", "a"]}, "a name stands twice"),
        ({"stories": ["one"]}, "stories are given for 1 of 2"),
        ({"stories": ["one", "tw\x1bo"]}, "stories: holds a control character"),
        ({"actions": [["c\u202e", "d"], ["c", "d"]]}, "actions: holds a control character"),
        ({"statess": []}, "did you mean 'states'"),
    ],
)  # fmt: skip
def test_a_wrong_game_is_one_line_with_place_and_mend(changed: dict[str, Any], said: str) -> None:
    assert said in fault(**changed)


def test_nesting_without_end_is_refused_and_not_followed() -> None:
    deep: Any = 1.0
    for _ in range(500):
        deep = [deep]
    assert "where a number belongs" in fault(states=[{"payoffs": deep}])


# What a game says of itself


def test_default_names_signals_cells_and_labels() -> None:
    game = parse_game(data(), "g")
    assert game.players == ("row", "column") and game.labels == game.actions
    assert game.cells == ("only",) and game.signal(0, 1) == "only"
    with pytest.raises(ValueError, match="read-only"):
        game.payoffs()[0, 0, 0] = 9


def test_states_are_drawn_by_their_chances_and_expected_payoffs_weigh_them() -> None:
    game = load("hidden-temptation")
    rng = np.random.default_rng(3)
    drawn = [game.drawn(rng) for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(0.3, abs=0.03)
    assert game.expected == pytest.approx(0.7 * game.payoffs(0) + 0.3 * game.payoffs(1))
    assert game.cells == ("market", "market") and game.signal(1, 0) == "boom"


def test_who_sees_more_is_no_longer_exchangeable() -> None:
    assert load("told-by-deeds").symmetric
    assert not load("sick-leave").symmetric
    told = load("hidden-temptation").model_dump()
    told["states"] = tuple(s | {"sees": (s["name"], "nothing")} for s in told["states"])
    assert not Game.model_validate(told).symmetric
    labelled = parse_game(data(verifiable=[["a", "a"], ["c", "d"]]), "g")
    assert not labelled.symmetric
    assert not load("battle-of-the-sexes").symmetric


def test_a_game_survives_json() -> None:
    for game in catalogue().values():
        assert Game.model_validate_json(game.model_dump_json()) == game
    with pytest.raises(ValidationError):
        State.model_validate({"payoffs": PD, "chance": 0})


# The lift


@given(st.integers(-6, 6), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_the_lift_keeps_labels_and_symmetry(S: int, a: int, b: int, c: int) -> None:
    P, R, T = S + a, S + a + b, S + a + b + c
    game = lift(load(f"prisoners-dilemma,T={T},R={R},P={P},S={S}"))
    assert game.symmetric and game.shape == (4, 4)
    assert game.labels == (("cooperate", "cooperate", "defect", "defect"),) * 2
    total = game.payoffs().sum(axis=-1)
    assert total[0, 0] - total[2, 2] == pytest.approx(2 * (R - P)), "the paper's loss without contract"
    assert not lift_faults(9, 5, 0, -5), "a game of the paper's table"
    assert "T > R > P > S" in lift_faults(R, T, P, S)


def test_the_lift_of_several_states_lifts_each_and_keeps_what_is_seen() -> None:
    game = lift(load("hidden-temptation"))
    assert [s.name for s in game.states] == ["quiet", "boom"] and game.cells == ("market", "market")
    assert game.payoffs(1)[2, 0, 0] == pytest.approx(9 - 1 / 3)
    assert "R=0 is not above P=4" in refusal("lift:told-by-deeds")
