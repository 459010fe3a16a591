"""Are tables of findings right: who agreed when, what verdicts were, what turns do and what answers them?"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.deliberation.moves import answers, gained, moves, strategies, told_turns
from evals.deliberation.premature import by_agreement, open_by_round, premature, verdict_counts
from evals.deliberation.reached import reached
from negotiators.deliberation import MEDIATOR, Kind
from tests.evals.deliberations import STYLE, XY, X, Y, dialogue_of, gathered, record, said

Kinds = Sequence[Kind | None]


def rows(table: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(table.itertuples(index=False, name=None))


def test_agreement_by_round_of_four_dialogues() -> None:
    """One agrees at once, one in the third round, one is capped after two, one's judge fails in the second."""
    kinds: list[Kinds] = [
        ("agreed",),
        ("debating", "vague", "agreed"),
        ("debating", "disagreed"),
        ("debating", None),
    ]
    table = open_by_round(gathered(*(dialogue_of(k, str(n)) for n, k in enumerate(kinds))))
    # At risk in round 2 are two alone: of the one whose judge failed nobody knows whether it agreed there.
    assert rows(table) == [
        ("as it is", 1, 4, 1, 0.75),
        ("as it is", 2, 2, 0, 0.75),
        ("as it is", 3, 1, 1, 0.0),
    ]


def by_redistribution(histories: Sequence[tuple[int, bool]]) -> list[Fraction]:
    """The share left after each round, where whoever is censored hands its weight on to all who are followed further.

    Efron 1967: redistribution to the right, which is the Kaplan–Meier estimate by another way.
    """
    weight = [Fraction(1, len(histories))] * len(histories)
    left, out = Fraction(1), []
    for round_ in range(1, max(last for last, _ in histories) + 1):
        left -= sum(
            (w for w, (last, yes) in zip(weight, histories, strict=True) if yes and last == round_),
            Fraction(0),
        )
        out.append(left)
        gone = [i for i, (last, yes) in enumerate(histories) if last == round_ and not yes]
        after = [i for i, (last, _) in enumerate(histories) if last > round_]
        for i in gone if after else ():
            for j in after:
                weight[j] += weight[i] / len(after)
            weight[i] = Fraction(0)
    return out


HISTORY = st.tuples(st.integers(1, 4), st.booleans())


@given(st.lists(HISTORY, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_agreement_by_round_is_redistribution_to_the_right(histories: list[tuple[int, bool]]) -> None:
    records = []
    for n, (last, yes) in enumerate(histories):
        still: list[Kind | None] = ["debating"] * (last - 1)
        kinds = [*still, "agreed" if yes else "debating"]
        records.append(dialogue_of(kinds, str(n)))
    table = open_by_round(gathered(*records))
    assert table["open"].tolist() == pytest.approx([float(f) for f in by_redistribution(histories)])
    assert table["at_risk"].tolist() == [
        sum(last >= r for last, _ in histories) for r in range(1, 1 + max(last for last, _ in histories))
    ]


def test_arms_are_told_apart_and_stand_in_the_order_planned() -> None:
    runs = [
        dialogue_of(("agreed",), "b"),
        dialogue_of(("debating", None, "agreed"), "z"),
        dialogue_of((None,), "n"),
    ]
    g = gathered(*runs, arms={"b": "zeal", "z": "awe", "n": "awe"})
    assert g.arms == ["zeal", "awe"]
    assert rows(open_by_round(g)) == [
        ("zeal", 1, 1, 1, 0.0),
        ("awe", 1, 1, 0, 1.0),
        ("awe", 2, 1, 0, 1.0),
        ("awe", 3, 1, 1, 0.0),
    ]
    counts = verdict_counts(g)
    assert list(counts.columns) == [
        "arm",
        "round",
        "agreed",
        "debating",
        "disagreed",
        "capitulated",
        "vague",
        "missing",
    ]
    assert rows(counts) == [
        ("zeal", 1, 1, 0, 0, 0, 0, 0),
        ("awe", 1, 0, 1, 0, 0, 0, 1),
        ("awe", 2, 0, 0, 0, 0, 0, 1),
        ("awe", 3, 1, 0, 0, 0, 0, 0),
    ]


def test_by_the_round_of_agreement() -> None:
    g = gathered(
        record(run_id="whole"),
        record(plan=XY, written=XY, run_id="split"),
        dialogue_of(("agreed",), "at-once"),
        dialogue_of(("debating", "debating"), "never"),
        record((), (), {}, XY, alone=True, run_id="alone"),
    )
    table = by_agreement(g).set_index(["round", "outcome"])
    assert table.loc[(1, "regret"), ["mean", "runs"]].tolist() == [pytest.approx(1 / 3), 1]
    assert table.loc[(2, "regret"), ["mean", "runs"]].tolist() == [pytest.approx(1 / 6), 2]
    assert table.loc[(2, "one_sided"), "mean"] == pytest.approx(0.5)
    assert set(table.index.get_level_values(0)) == {1, 2}, (
        "who never agreed, or had nobody to agree with, is in none"
    )


def test_shares_of_what_turns_do_and_what_answers_them() -> None:
    turns = [
        said("A", 1, X), said("B", 1, Y), said(MEDIATOR, 1, XY),
        said("A", 2, XY), said("B", 2, Y), said(MEDIATOR, 2, XY),
        said("A", 3, XY), said("B", 3, XY, consents=True),
    ]  # fmt: skip
    first = record(turns, ("debating", "debating", "agreed"), XY, XY, run_id="first", mediator=True)
    told = told_turns(gathered(first, record(run_id="second"), arms={"second": "else"}))
    shares = strategies(told).set_index(["arm", "strategy"])
    assert shares.loc["as it is", "turns"].to_dict() == {
        "open": 2,
        "mediate": 2,
        "concede": 1,
        "hold": 2,
        "consent": 1,
    }
    assert shares.groupby("arm")["share"].sum().tolist() == pytest.approx([1, 1])
    assert shares.loc[("else", "open"), "share"] == 0.5
    follows = answers(told).set_index(["before", "after"])
    assert follows["turns"].to_dict() == {
        ("open", "open"): 2, ("open", "mediate"): 1, ("open", "hold"): 1, ("mediate", "concede"): 1,
        ("concede", "hold"): 1, ("hold", "mediate"): 1, ("mediate", "hold"): 1, ("hold", "consent"): 2,
    }  # fmt: skip
    assert follows["share"].groupby("before").sum().tolist() == pytest.approx([1] * 4)
    assert follows.loc[("hold", "consent"), "share"] == pytest.approx(2 / 3)


def test_no_turn_answers_one_of_another_dialogue_or_of_its_own_seat() -> None:
    turns = [said("A", 1, X), said("B", 1, X), said("B", 2, X), said("A", 2, X)]
    follows = answers(told_turns(gathered(record(turns, run_id="a"), record(turns, run_id="b"))))
    assert follows["turns"].sum() == 2 * 2


def test_what_a_turn_gains_is_known_of_seats_with_values_alone() -> None:
    known = told_turns(gathered(record())).assign(
        delta_own=[None, None, 0.0, -1.0], delta_other=[None, None, 0.0, 0.5]
    )
    table = gained(known.astype({"delta_own": float, "delta_other": float}))
    assert rows(table) == [("consent", 1, -1.0, 0.5), ("hold", 1, 0.0, 0.0)]
    assert gained(told_turns(gathered(record(poles=STYLE)))).empty


ODD = {
    "three seats": record(
        [said("A", 1, X), said("B", 1, Y), said("C", 1, XY)], ("agreed",), XY, XY,
        poles=(*STYLE, STYLE[0]), panel=("speed-quality:speed",),
    ),
    "alone": record((), (), {}, XY, alone=True),
    "style": record(poles=STYLE),
    "never": dialogue_of(("debating", "disagreed"), "made"),
    "no verdict": dialogue_of((None, None), "made"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_sections_are_made_of_whatever_there_is(name: str) -> None:
    """Every sort of dialogue by itself: nothing breaks, and no figure is without words."""
    from evals.findings.drawing import styled

    g = gathered(ODD[name])
    for section in (reached(g), premature(g), moves(g)):
        for shown in section.shown:
            assert all(len(row) == len(shown.headings) for row in shown.rows)
        for draw in section.figures.values():
            with styled():
                assert draw().get_suptitle()


def test_three_seats_survive_by_shares_of_their_own() -> None:
    turns = [said("A", 1, X), said("B", 1, Y), said("C", 1, XY)]
    run = record(turns, ("agreed",), XY, XY, poles=(*STYLE, STYLE[0]), panel=("speed-quality:speed",))
    kept = [run.measures[f"kept:{s}"] for s in "ABC"]
    assert kept == [0.5, 0.5, 1.0]
    assert run.measures["one_sided"] == 0.5


def test_every_arm_has_a_place_in_the_figure_of_agreement() -> None:
    names = [f"arm-{n}" for n in range(9)]
    g = gathered(*(dialogue_of(("agreed",), n) for n in names), arms=dict(zip(names, names, strict=True)))
    labels = [t.get_text() for t in premature(g).figures["agreement"]().legends[0].get_texts()]
    assert labels == names
