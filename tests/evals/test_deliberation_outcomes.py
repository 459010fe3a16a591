"""Do frames and outcomes of deliberations say what stands in their records, by hand, missing where it is missing?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evals.deliberation.frames import exported, rows_of
from evals.deliberation.outcomes import OUTCOMES
from evals.outcomes import find_for, outcome
from negotiators.deliberation import MEDIATOR
from negotiators.protocol import Incident
from scenarios.errors import ParleyError
from tests.evals.deliberations import STYLE, XY, X, Y, dialogue_of, frames, gathered, record, said, values

SILENT = [said("A", 1, X), said("B", 1, text="")]


def of(name: str, *records: object) -> list[float | None]:
    return list(values(outcome(frames(*records), name)).values())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agreed", 1.0), ("rounds", 2.0), ("turns", 4.0), ("words", 5.0), ("plans", 2.0),
        # X is all that A could want and nothing of what B does.
        ("worth_mean", 0.5), ("worth_least", 0.0), ("nash", 0.0), ("ahead", 1.0),
        # The best for the worse off is to split the issues: 1/3; every plan has a mean of 1/2.
        ("regret", 1 / 3), ("regret_mean", 0.0), ("efficient", 1.0),
        ("one_sided", 1.0), ("lead", 1.0), ("early", 1.0), ("capitulated", 0.0), ("faithful", 1.0),
        ("collective_agency", None), ("won:collective_agency", None),
    ],
)  # fmt: skip
def test_what_one_side_took_whole(name: str, value: float | None) -> None:
    assert of(name, record()) == [value if value is None else pytest.approx(value)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("worth_mean", 0.5), ("worth_least", 1 / 3), ("nash", 2 / 9), ("regret", 0.0), ("ahead", 1 / 3),
        ("one_sided", 0.0), ("lead", 0.0), ("early", 0.0), ("rounds", 3.0), ("faithful", 0.0),
    ],
)  # fmt: skip
def test_a_plan_that_is_split_agreed_late_and_written_down_otherwise(name: str, value: float) -> None:
    turns = [
        said("A", 1, X),
        said("B", 1, Y),
        said("A", 2, X),
        said("B", 2, Y),
        said("A", 3, XY),
        said("B", 3, XY),
    ]
    split = record(turns, ("debating", "debating", "agreed"), XY, X)
    assert of(name, split) == [pytest.approx(value)]


def test_without_agreement_what_hangs_on_it_is_missing_and_never_nought() -> None:
    apart = dialogue_of(("debating", "capitulated"), "apart")
    for name in ("rounds", "worth_mean", "regret", "one_sided", "lead", "ahead", "faithful", "efficient"):
        assert of(name, apart) == [None], name
    assert (of("agreed", apart), of("early", apart), of("capitulated", apart)) == ([0.0], [0.0], [1.0])


def test_a_judge_that_failed_said_neither_yes_nor_no() -> None:
    unjudged = dialogue_of(("debating", None), "unjudged")
    for name in ("agreed", "rounds", "early", "capitulated", "judge_is_rule"):
        assert of(name, unjudged) == [None], name
    assert of("turns", unjudged) == [4.0]


def test_what_was_capitulated_was_not_agreed_so_its_plan_is_kept_faithfully_by_nobody() -> None:
    gave_in = record(kinds=("debating", "capitulated"), plan=X, written=X, completion="always")
    assert of("faithful", gave_in) == [None]
    assert of("worth_least", gave_in) == [0.0], (
        "the plan that was written down all the same is worth what it is"
    )


def test_one_agent_alone_has_a_plan_and_no_dialogue() -> None:
    alone = record((), (), {}, XY, alone=True)
    for name in (
        "agreed",
        "rounds",
        "one_sided",
        "lead",
        "early",
        "capitulated",
        "faithful",
        "judge_is_rule",
        "words",
    ):
        assert of(name, alone) == [None], name
    assert of("worth_least", alone) == [pytest.approx(1 / 3)]


def test_seats_of_style_alone_have_no_worth_and_yet_agree() -> None:
    style = record(poles=STYLE)
    for name in ("worth_mean", "worth_least", "nash", "regret", "regret_mean", "efficient", "ahead"):
        assert of(name, style) == [None], name
    assert (of("agreed", style), of("lead", style)) == ([1.0], [1.0])


def test_the_rule_beside_a_judge() -> None:
    """With a reason given the rule finds agreement, without one a side that gave in; a judge may see it otherwise."""
    reason = "I take it, as what is done today is done before it is too late."
    turns = [said("A", 1, X), said("B", 1, Y), said("A", 2, X), said("B", 2, X, consents=True, text=reason)]
    assert of("judge_is_rule", record(turns)) == [1.0]
    assert of("judge_is_rule", record(turns, ("debating", "debating"), {}, None)) == [0.0]
    assert of("judge_is_rule", record()) == [0.0]


def test_an_invalid_run_has_a_row_in_runs_alone() -> None:
    mute = Incident(kind="abstained", seat="B", node="speak", round=1, detail="said nothing")
    invalid = record(SILENT, ("debating",), {}, None, run_id="mute", status="invalid", incidents=[mute])
    made = frames(invalid, record())
    assert list(made.runs["run_id"]) == ["mute", "made"]
    assert set(made.turns["run_id"]) == set(made.verdicts["run_id"]) == {"made"}
    for name in OUTCOMES:
        assert list(outcome(made, name)["run_id"]) == ["made"], name
    assert made.runs["incidents:abstained"].tolist() == [1, 0]
    assert list(made.own["run_id"]) == ["made"]


def test_a_judge_that_says_nothing_is_no_seat_that_abstains() -> None:
    lost = Incident(kind="abstained", seat="judge", node="judge", round=2, detail="no verdict")
    run = rows_of(dialogue_of(("debating", None), "made", incidents=[lost])).run
    assert (run["incidents:abstained"], run["incidents:unjudged"]) == (0, 1)


def test_a_run_of_two_uses_is_one_value() -> None:
    made = frames(record(), record())
    assert list(outcome(made, "rounds")["run_id"]) == ["made"]


def test_rows_say_what_stands_in_the_record() -> None:
    turns = [said("A", 1, X), said("B", 1, Y), said(MEDIATOR, 1, XY), said("A", 2, XY), said("B", 2, text="")]
    rows = rows_of(record(turns, ("debating", None), {}, None, window="all", mediator=True, rounds=5))
    run = rows.run
    assert (run["window"], run["rounds"], run["mediator"], run["judge"], run["panel"]) == (
        "all",
        5,
        True,
        "rule",
        "",
    )
    assert (run["m:turns"], run["m:rounds"], run["last_verdict"], run["scenario"]) == (
        5.0,
        None,
        None,
        "made",
    )
    assert [r["strategy"] for r in rows.turns] == ["open", "open", "mediate", "concede", "abstain"]
    assert [r["words"] for r in rows.turns] == [5, 5, 5, 5, None], "who says nothing has no length"
    assert [r["clauses"] for r in rows.turns] == [2, 2, 2, 2, 0]
    assert [r["persona"] for r in rows.turns] == ["speed", "quality", None, "speed", "quality"]
    assert [(r["round"], r["kind"], r["agreed"]) for r in rows.verdicts] == [
        (1, "debating", False),
        (2, None, None),
    ]


def test_a_factor_of_words_and_numbers_is_exported_in_words(tmp_path: Path) -> None:
    made = frames(record(run_id="a"), record(run_id="b"))
    made.runs["cell:window"] = pd.Series([2, "all"], dtype=object)
    made.runs["cell:floor"] = [0.0, 0.5]
    out = exported(made)
    assert set(out) == {"runs", "turns", "verdicts"}
    assert (list(out["runs"]["cell:window"]), list(out["runs"]["cell:floor"])) == (["2", "all"], [0.0, 0.5])
    for name, table in out.items():
        table.to_parquet(tmp_path / f"{name}.parquet")


def test_an_unknown_outcome_is_one_line_with_the_nearest() -> None:
    with pytest.raises(
        ParleyError, match="'regrets' in the setting deliberation; did you mean regret or regret_mean"
    ):
        find_for("deliberation", "regrets")
    with pytest.raises(ParleyError, match="there are agreed, rounds"):
        outcome(frames(record()), "zzz")


def test_every_outcome_stays_within_its_range() -> None:
    records = [record(run_id="a"), dialogue_of(("agreed",), "b"), dialogue_of(("debating", None), "c")]
    records += [record((), (), {}, XY, alone=True, run_id="d"), record(poles=STYLE, run_id="e")]
    for name, o in OUTCOMES.items():
        for value in (v for v in of(name, *records) if v is not None):
            assert (o.low is None or value >= o.low) and (o.high is None or value <= o.high), name


def test_by_pair_tells_rounds_until_agreement_and_not_the_cap() -> None:
    from evals.deliberation.reached import by_pair

    table = by_pair(gathered(record(run_id="a"), dialogue_of(("agreed",), "b", rounds=3)))
    assert table.columns.is_unique
    assert table["rounds"].tolist() == [1.5]
