"""Do opposing personas oppose: do the shipped pairs make different plans, and is one that does not found out?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from personas import opposing
from personas.opposing import Pair, load_pair, pair_names, pairs
from personas.opposition import apart, correlation, cosine, main, opposition
from scenarios.dilemmas import Dilemma, Values, catalogue
from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.dilemmas.load import parse_dilemma
from scenarios.dilemmas.plan import plans, worth
from scenarios.errors import ParleyError

SUBSTANCE = [name for name, pair in pairs().items() if pair.kind == "substance"]
EVERYDAY = [d for d in catalogue().values() if d.theme == "money"]
SMALL = parse_dilemma(
    {
        "name": "roof",
        "theme": "houses",
        "stratum": "everyday",
        "goal": "Mend a roof",
        "prompt": "Your roof leaks. What do you do?",
        "principles": {"pace": "Rain comes.", "quality": "It comes again."},
        "issues": {
            "roof": {
                "asks": "How?",
                "options": {
                    "patch": {"says": "Patch it today.", "serves": {"pace": 2, "quality": -1}},
                    "slate": {"says": "Slate it anew.", "serves": {"quality": 2, "pace": -1}},
                },
            },
            "who": {
                "asks": "Who?",
                "options": {
                    "you": {"says": "Climb up yourself.", "serves": {"thrift": 1}},
                    "firm": {"says": "Hire a firm for it.", "serves": {"thrift": -1}},
                },
            },
        },
        "source": "a test",
    },
    "roof",
)
VALUES = st.dictionaries(
    st.sampled_from(list(CONSIDERATIONS)), st.integers(-4, 4).map(lambda n: n / 2), max_size=6
)


def pair_of(one: Values, other: Values, **but: Any) -> dict[str, Any]:
    """The data of a pair that is right, and of one that is wrong in what `but` says."""
    poles = [
        {"name": name, "says": f"You are {name}.", "values": values}
        for name, values in (("one", one), ("other", other))
    ]
    return {"kind": "substance", "poles": poles, "source": "a test"} | but


def planted(one: Values, other: Values) -> Pair:
    return Pair.model_validate({"name": "planted"} | pair_of(one, other))


# The pairs that come with Parley


def test_there_are_twenty_five_and_the_graphs_default_is_one_of_them() -> None:
    assert len(pair_names()) == 25 and "evidence-emotion" in SUBSTANCE
    assert 4 <= 25 - len(SUBSTANCE) <= 5, "style alone is the exception"
    assert all(name == pair.name for name, pair in pairs().items())


def test_no_pole_is_told_more_or_better_than_the_other() -> None:
    told: set[str] = set()
    for pair in pairs().values():
        lengths = [len(pole.says) for pole in pair.poles]
        assert max(lengths) < 1.25 * min(lengths), f"{pair.name}: one side has more to say"
        assert pair.name == "-".join(pole.name for pole in pair.poles), "named for its poles, in order"
        for pole in pair.poles:
            assert pole.says.startswith("You ") and "\n" not in pole.says
            assert 2 <= pole.says.count(". ") + 1 <= 3 and pole.says not in told
            told.add(pole.says)


@pytest.mark.parametrize("name", SUBSTANCE)
def test_a_pair_that_claims_substance_wants_different_plans_of_the_whole_catalogue(name: str) -> None:
    found = opposition(load_pair(name), catalogue().values())
    assert found.faults == () and found.in_substance
    assert found.dilemmas == len(catalogue())
    poles = load_pair(name).poles
    assert all(2 <= len(pole.values) <= 6 for pole in poles)


def test_a_pair_in_style_has_no_values_and_no_measures() -> None:
    for name in set(pair_names()) - set(SUBSTANCE):
        assert not any(pole.values for pole in load_pair(name).poles)
        found = opposition(load_pair(name), EVERYDAY)
        assert (found.cosine, found.correlation, found.apart, found.indifferent) == (None,) * 4
        assert not found.in_substance


# The measure


def test_a_pair_whose_poles_want_the_same_is_found_out() -> None:
    found = opposition(planted({"pace": 2, "thrift": 1}, {"pace": 1, "thrift": 0.5}), EVERYDAY)
    assert found.cosine == pytest.approx(1) and found.correlation == pytest.approx(1)
    assert found.apart == 0 and found.indifferent == 0 and len(found.faults) == 3


def test_values_that_point_apart_on_paper_are_no_opposition_where_nothing_depends_on_them() -> None:
    found = opposition(planted({"pace": 2, "evidence": 1}, {"evidence": -2}), [SMALL])
    assert found.cosine is not None and found.cosine < -0.2
    assert found.correlation is None and found.apart == 0 and found.indifferent == 1
    assert len(found.faults) == 3 and "indifferent in 1.00" in found.faults[-1]


def test_all_four_measures_of_a_case_worked_out_by_hand() -> None:
    # roof: 1.5 and −1.5 about the mean to the one, −1.5 and 1.5 to the other; who: ±1 to the other alone.
    one, other = {"pace": 1.0}, {"pace": -1.0, "thrift": 1.0}
    found = opposition(planted(one, other), [SMALL])
    assert found.cosine == pytest.approx(-1 / np.sqrt(2))
    assert found.correlation == pytest.approx(-2.25 / np.sqrt(2.25 * 3.25))
    assert found.apart == 1 and found.indifferent == 0 and found.in_substance


def test_who_has_two_best_plans_is_not_apart_from_one_who_wants_one_of_them() -> None:
    assert not apart(SMALL, {"pace": 1.0}, {"thrift": 1.0}), "each cares for another issue: one plan is best"
    assert not apart(SMALL, {"pace": 1.0}, {}), "to the indifferent every plan is best"
    assert apart(SMALL, {"pace": 1.0, "thrift": 1.0}, {"thrift": -1.0})


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([*EVERYDAY, SMALL]), VALUES, VALUES)
def test_the_measures_are_what_going_through_every_plan_gives(
    dilemma: Dilemma, one: Values, other: Values
) -> None:
    table = [[worth(plan, dilemma, values) for values in (one, other)] for plan in plans(dilemma)]
    r = correlation(dilemma, one, other)
    if None in table[0]:
        assert r is None and not apart(dilemma, one, other)
        return
    worths = np.array(table, dtype=np.float64)
    assert r == pytest.approx(np.asarray(np.corrcoef(worths.T))[0, 1])
    best = worths >= 1 - 1e-9
    assert apart(dilemma, one, other) == (not best.all(axis=1).any())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(EVERYDAY), VALUES, VALUES, st.sampled_from([1e-6, 0.25, 3.0]))
def test_neither_order_nor_strength_of_the_poles_changes_how_they_oppose(
    dilemma: Dilemma, one: Values, other: Values, strength: float
) -> None:
    again = {c: strength * w for c, w in one.items()}
    assert cosine(other, again) == pytest.approx(cosine(one, other))
    if strength > 1e-3 or correlation(dilemma, one, other) is None:
        assert correlation(dilemma, other, again) == pytest.approx(correlation(dilemma, one, other))
        assert apart(dilemma, other, again) == apart(dilemma, one, other)


def test_dilemmas_in_words_alone_do_not_count() -> None:
    words = SMALL.model_copy(update={"issues": {}})
    pair = planted({"pace": 1}, {"pace": -1})
    assert opposition(pair, [words, SMALL]) == opposition(pair, [SMALL])
    with pytest.raises(ParleyError, match="pair 'planted': no dilemma here has clauses; give some"):
        opposition(pair, [words])


# Files


BOTH = ({"pace": 1.0}, {"pace": -1.0})
WRONG = {
    "an unknown consideration": (pair_of({"speed": 1}, BOTH[1]), "no consideration 'speed'; there are care"),
    "a weight that is none": (pair_of({"pace": 3}, BOTH[1]), "pace: 3 is no weight; give a number from -2"),
    "a weight that is nan": (pair_of({"pace": float("nan")}, BOTH[1]), "give a number from -2 to 2"),
    "a weight that is yes": (pair_of({"pace": True}, BOTH[1]), "true or false where a number belongs"),
    "substance without values": (pair_of({"pace": 1}, {}), "has values on both sides; give them"),
    "substance whose values weigh nothing": (pair_of({"pace": 1}, {"care": 0}), "has values on both sides"),
    "a pole of blank words": (
        pair_of(
            *BOTH,
            poles=[{"name": "one", "says": " ", "values": {"pace": 1}}, pair_of(*BOTH)["poles"][1]],
        ),
        "says: blank; write what the persona stands for",
    ),
    "style with values": (pair_of(*BOTH, kind="style"), "style pairs have no values; drop them"),
    "a third kind": (pair_of(*BOTH, kind="mood"), "'mood' is not one of"),
    "two poles of one name": (
        pair_of(*BOTH, poles=[{"name": "one", "says": "You.", "values": {"pace": 1}}] * 2),
        "both have one name; rename one",
    ),
    "one pole": (pair_of(*BOTH, poles=pair_of(*BOTH)["poles"][:1]), "poles"),
    "a pole without words": (
        pair_of(*BOTH, poles=[{"name": "one", "values": {"pace": 1}}, pair_of(*BOTH)["poles"][1]]),
        "says",
    ),
    "no source": ({k: v for k, v in pair_of(*BOTH).items() if k != "source"}, "source"),
    "another name": (pair_of(*BOTH, name="theirs"), "name is 'theirs'; call it as the file, mine"),
    "a field too many": (pair_of(*BOTH, sources="x"), "no such field; did you mean 'source'?"),
    "a control character": (pair_of(*BOTH, source="x\x1b[31m"), "holds a control character; take it out"),
    "a list": ([1, 2], "a pair of personas is a mapping of name, kind, poles, source; write one"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_file_that_is_wrong_is_refused_in_one_line_that_names_it(fault: str, tmp_path: Path) -> None:
    data, said = WRONG[fault]
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ParleyError) as error:
        load_pair("mine", tmp_path)
    line = str(error.value)
    assert line.startswith(str(file)) and said in line and "\n" not in line


def test_a_pair_of_ones_own_is_read_and_goes_before_the_shipped_one(tmp_path: Path) -> None:
    for name in ("mine", "speed-quality"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(pair_of(*BOTH)), encoding="utf-8")
        assert load_pair(name, tmp_path).poles[0].name == "one"
    assert load_pair("speed-quality").poles[0].name == "speed"
    assert load_pair("candour-tact", tmp_path).poles[0].name == "candour", "not there: the shipped one"


def test_a_name_that_nobody_has_is_met_with_the_nearest_one() -> None:
    with pytest.raises(ParleyError, match="no pair of personas 'sped-quality'; did you mean 'speed-quality'"):
        load_pair("sped-quality")
    with pytest.raises(ParleyError, match="no pair of personas '../x'"):
        load_pair("../x")


def test_pairs_of_ones_own_are_named_beside_the_shipped_ones_and_their_folder_has_to_be_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(pair_of(*BOTH)), encoding="utf-8")
    assert set(pairs(tmp_path)) == {*pairs(), "mine"}
    with pytest.raises(ParleyError, match="no pair of personas 'mien'; did you mean 'mine'"):
        load_pair("mien", tmp_path)
    with pytest.raises(ParleyError, match="personas folder .*nowhere: no such folder; make it or name"):
        load_pair("speed-quality", tmp_path / "nowhere")


# The command


def test_the_command_shows_every_pair_and_fails_for_one_that_does_not_oppose(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main() == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown[1:-1]] == pair_names()
    assert shown[-1] == f"over {len(catalogue())} dilemmas"

    monkeypatch.setattr(opposing, "PAIRS", tmp_path)
    file = tmp_path / "same.yaml"
    file.write_text(yaml.safe_dump(pair_of({"pace": 1}, {"pace": 2})), encoding="utf-8")
    assert main() == 1
    assert "cosine 1.00, not below -0.2" in capsys.readouterr().out
    file.write_text("name: same", encoding="utf-8")
    assert main() == 2
    assert capsys.readouterr().err.startswith(str(file))
    assert main(["--style"]) == 2
    assert "'--style': it takes no options" in capsys.readouterr().err
