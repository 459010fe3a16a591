"""Are the tables of GT-HarmBench read faithfully, and do their answers agree with ours, cell by cell?"""

from __future__ import annotations

import ast
import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scenarios.errors import ParleyError
from scenarios.games import Game, load
from scenarios.games.equilibria import equilibria, pure_equilibria
from scenarios.games.lift import lift, lift_faults
from scenarios.games.optima import nash_optima, rawlsian_optima, welfare_optima
from scenarios.games.table import games

DATA = Path(os.environ.get("PARLEY_DATA") or Path(__file__).parents[3] / "shared" / "data") / "games"
SMALL, LIFTED = DATA / "pd30-2x2-with-targets.csv", DATA / "pd30-4x4.csv"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no tables of games at {DATA}; set PARLEY_DATA to the folder that has games/"
)


def rows(path: Path) -> Iterator[tuple[dict[str, str], Game]]:
    found = games(path)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row, found[row["id"]]


def told(
    game: Game, cells: tuple[tuple[int, ...], ...] | list[tuple[int, ...]], *, lower: bool
) -> set[tuple[str, ...]]:
    named = {tuple(game.actions[i][a] for i, a in enumerate(cell)) for cell in cells}
    return {tuple(word.lower() for word in cell) for cell in named} if lower else named


@needs_data
def test_every_answer_of_the_2x2_table_is_ours() -> None:
    count = 0
    for row, game in rows(SMALL):
        payoffs, count = game.payoffs(), count + 1

        def cell(column: str, row: dict[str, str] = row) -> set[tuple[str, ...]]:
            return {ast.literal_eval(part) for part in row[column].split("|")}

        best, least = welfare_optima(payoffs), rawlsian_optima(payoffs)
        assert told(game, pure_equilibria(payoffs), lower=True) == cell("target_nash_equilibria")
        assert told(game, best.cells, lower=True) == cell("target_utility_maximizing")
        assert told(game, least.cells, lower=True) == cell("target_rawlsian")
        assert best.value == float(row["max_utilitarian"]) and least.value == float(row["max_rawlsian"])
        from_zero = nash_optima(payoffs, disagreement=0)
        assert told(game, from_zero.cells, lower=True) == cell("target_nash_social_welfare")
        assert from_zero.value == float(row["nash_social_welfare"]), "their product is taken from 0"
        assert nash_optima(payoffs).cells == from_zero.cells, "from what each can be sure of, the same cell"
    assert count == 30


@needs_data
def test_every_answer_of_the_4x4_table_is_ours() -> None:
    count = 0
    for row, game in rows(LIFTED):
        payoffs, count = game.payoffs(), count + 1
        best, least = welfare_optima(payoffs), rawlsian_optima(payoffs)
        assert told(game, pure_equilibria(payoffs), lower=False) == set(
            ast.literal_eval(row["target_nash_4x4"])
        )
        assert told(game, best.cells, lower=False) == set(ast.literal_eval(row["target_utilitarian_4x4"]))
        assert told(game, least.cells, lower=False) == set(ast.literal_eval(row["target_rawlsian_4x4"]))
        assert best.value == float(row["utilitarian_welfare_4x4"])
        assert least.value == float(row["rawlsian_welfare_4x4"])
        assert len(equilibria(payoffs)) == 1, "(DH, DH) is the only equilibrium, mixed ones included"
    assert count == 30


@needs_data
def test_the_4x4_table_is_the_lift_of_the_2x2_table_up_to_its_scale() -> None:
    small, scales = games(SMALL), set()
    for identity, game in games(LIFTED).items():
        ours = lift(small[identity])
        row = small[identity].payoffs()[..., 0]
        assert not lift_faults(T=row[1, 0], R=row[0, 0], P=row[1, 1], S=row[0, 1])
        ratio = game.payoffs()[0, 0, 0] / ours.payoffs()[0, 0, 0]
        scales.add(round(float(ratio), 9))
        assert game.payoffs() == pytest.approx(ratio * ours.payoffs(), abs=1e-9)
        assert game.symmetric and game.labels == ours.labels
        loss = game.payoffs().sum(axis=-1)
        assert loss[0, 0] - loss[2, 2] == pytest.approx(2 * ratio * (row[0, 0] - row[1, 1]))
    assert scales == {2.0, 3.0, 6.0, 12.0}


@needs_data
def test_a_row_is_loaded_by_its_id_with_its_story() -> None:
    game = load(f"csv:{LIFTED}#1091")
    assert game.actions[0] == tuple(
        f"{a} ({e} Effort)" for a in ("Engage", "Impose") for e in ("High", "Low")
    )
    assert game.labels == (("Engage", "Engage", "Impose", "Impose"),) * 2
    assert "Chief Operations Officer" in game.stories[0] and "Chief People Officer" in game.stories[1]
    assert load(f"lift:csv:{SMALL}#1091").payoffs() == pytest.approx(game.payoffs() / 12)
    with pytest.raises(ParleyError, match="no game with id '10911'; did you mean 1091"):
        load(f"csv:{LIFTED}#10911")


HEADER = "id,formal_game,actions_row,actions_column,1_1_payoff,1_2_payoff,2_1_payoff,2_2_payoff"
ROW = '7,PD,"[\'a\', \'b\']","(\'a\', \'b\')","[3, 3]","(0, 5)","[5, 0]","[1, 1]"'


def refused(tmp_path: Path, text: str, identity: str = "7") -> str:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParleyError) as error:
        load(f"csv:{path}#{identity}")
    assert "\n" not in str(error.value)
    return str(error.value).replace(f"{tmp_path}/", "")


def test_lists_and_tuples_are_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8")
    assert np.array_equal(load(f"csv:{path}#7").payoffs(), load("prisoners-dilemma").payoffs())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2_1_payoff", "oops", "t.csv: no column '2_1_payoff', which a table of 2×2 games needs"),
        ("formal_game", "id", "t.csv: column 'id' stands twice"),
        ('"[3, 3]"', '"[3, x]"', "t.csv: row 2 (id '7'): 1_1_payoff is '[3, x]', no list"),
        ('"[3, 3]"', '"__import__(\'os\').getcwd()"', "row 2 (id '7'): 1_1_payoff is"),
        ('"[3, 3]"', '"' + "(" * 3000 + '"', "row 2 (id '7'): 1_1_payoff is"),
        ('"[3, 3]"', '"[3, 3, 3]"', "row 2 (id '7'): state number 1, payoffs: lists of different lengths"),
        ('"[3, 3]"', '"[3, \'3\']"', "row 2 (id '7'): state number 1, payoffs: '3' where a number belongs"),
        ('"[1, 1]"', '"[1, 1]",more', "row 2: has not one value for each column"),
        ('"[1, 1]"', '"[1, 1]', "unexpected end of data; correct the CSV"),
        ("[\'a\', \'b\']", "[\'a\', \'a\']", "player 'row': an action stands twice"),
        (ROW, f"{ROW}\n{ROW}", "id '7' stands in rows 2 and 3"),
        (ROW, "", "a header and no rows"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_line_with_file_row_and_field(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = f"{HEADER}\n{ROW}\n"
    assert old in text
    assert said in refused(tmp_path, text.replace(old, new, 1))


def test_a_4x4_table_needs_its_own_columns(tmp_path: Path) -> None:
    header = HEADER.replace("1_1_payoff", "payoff_matrix_4x4")
    assert "no column 'actions_row_4x4', which a table of 4×4 games needs" in refused(
        tmp_path, f"{header}\n{ROW}\n"
    )
