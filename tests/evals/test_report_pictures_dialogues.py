"""Do pictures of deliberations draw what was said, seen and judged, with judges and without?"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from evals.findings.drawing import styled
from evals.findings.section import Section
from evals.report.document.figure import inlined
from evals.report.document.parts import html
from evals.report.pictures.dialogues.bench import NONE, bench
from evals.report.pictures.dialogues.deliberation import beside, of_deliberation, paired
from evals.report.pictures.dialogues.heard import LONGEST, exemplar, heard
from evals.report.pictures.dialogues.talks import (
    BEFORE,
    MISSING,
    OVER,
    moves_by_round,
    rounds,
    states_by_round,
    talk_of,
    worth_by_round,
)
from evals.report.pictures.ground import of_dialogues
from evals.report.source import Source
from nodes.deliberation.record import DeliberationRecord
from tests.evals.deliberations import X, Y, dialogue_of, dilemma, frames, record, said

SEATED = {"A": 1.0, "B": 0.0}
"""What plan X is worth to the seats: all to A, who wants pace, nothing to B."""


def source(*records: DeliberationRecord, folder: Path | None = None, **runs: Any) -> Source:
    """A source of these records, written as a study keeps them where a folder is given; `runs` are columns."""
    made = frames(*records)
    made = type(made)(made.runs.assign(**runs), made.turns, made.verdicts)
    files = []
    for r in records if folder else ():
        assert folder is not None
        path = folder / "records" / f"{r.run_id}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(r.model_dump_json(), encoding="utf-8")
        files.append(path)
    return Source("made", "?", "deliberation", "dilemma", "", [], files, made)


def drawn(sections: list[Section]) -> set[str]:
    with styled():
        for section in sections:
            for draw in section.figures.values():
                draw().savefig(io.StringIO(), format="svg")
    return {name for section in sections for name in section.figures}


def test_worth_by_round_is_of_the_plan_that_stands() -> None:
    """A names X and holds it; B names Y, and X in the second round, which then stands after the dialogue is over."""
    short = record(run_id="short")
    long = dialogue_of(("debating", "debating", "disagreed"), "long", case=dilemma("other"))
    made = source(short, long)
    table = worth_by_round(of_dialogues(made), dict(talk_of(r) for r in (short, long)))
    at = {(r.round, r.by, r.to): (r.mean, r.dialogues) for r in table.itertuples()}
    for round_ in (1, 2, 3):
        for to, worth in SEATED.items():
            assert at[round_, "A", to] == (worth, 2)
            # Of B: Y in both dialogues at first, then X in the short one, for as long as the long one lasts.
            of_short = 1 - worth if round_ == 1 else worth
            assert at[round_, "B", to] == ((of_short + 1 - worth) / 2, 2)


def test_a_seat_that_has_named_no_whole_plan_yet_is_missing_not_zero() -> None:
    late = record(
        [said("A", 1, {"how": "x"}), said("B", 1, Y), said("A", 2, X), said("B", 2, X, consents=True)]
    )
    table = worth_by_round(of_dialogues(source(late)), dict([talk_of(late)]))
    assert set(table.loc[table["round"] == 1, "by"]) == {"B"}
    assert set(table.loc[table["round"] == 2, "by"]) == {"A", "B"}


def test_every_dialogue_stands_somewhere_after_every_round() -> None:
    kinds = {"one": ("agreed",), "three": ("debating", "vague", "agreed"), "no": ("debating", "disagreed"),
             "lost": ("debating", None)}  # fmt: skip
    table = states_by_round(of_dialogues(source(*(dialogue_of(k, n) for n, k in kinds.items()))))  # type: ignore[arg-type]
    told = {(r.round, r.state): r.dialogues for r in table.itertuples()}
    assert told == {
        (1, "agreed"): 1, (1, "debating"): 3,
        (2, BEFORE): 1, (2, "vague"): 1, (2, "disagreed"): 1, (2, MISSING): 1,
        (3, BEFORE): 1, (3, "agreed"): 1, (3, OVER): 2,
    }  # fmt: skip


def test_moves_by_round_are_shares_of_the_turns_of_that_round() -> None:
    table = moves_by_round(of_dialogues(source(record(run_id="a"), record(run_id="b"))))
    assert table.groupby("round")["share"].sum().to_dict() == {1: 1.0, 2: 1.0}
    at = {(r.round, r.strategy): r.turns for r in table.itertuples()}
    assert at[1, "open"] == 4
    assert at[2, "hold"] == at[2, "consent"] == 2


def test_what_each_seat_saw_is_what_its_prompt_showed(tmp_path: Path) -> None:
    long = "word " * 200
    turns = [said("A", 1, X, seen=[]), said("B", 1, Y, seen=[0]), said("A", 2, X, seen=[1], text=long),
             said("B", 2, X, seen=[1, 2], consents=True)]  # fmt: skip
    made = source(record(turns, run_id="b-second"), record(turns, run_id="a-first"), folder=tmp_path)
    g = of_dialogues(made)
    assert exemplar(g) == "a-first"
    (section,) = heard(g, {p.stem: p for p in made.files})
    assert "(#run=a-first)" in section.says[0]
    assert [row[1] for row in section.shown[0].rows] == ["nothing yet", "1", "2", "2, 3"]
    assert [row[3] for row in section.shown[0].rows] == ["", "debating", "", "agreed"]
    assert len(section.shown[0].rows[2][2]) == LONGEST
    assert drawn([section]) == {"seen"}


def test_what_is_hatched_is_seen_in_the_page_and_a_run_can_be_followed() -> None:
    """A reference that goes nowhere leaves a bar without any fill; a link that is not one stands there as brackets."""
    made = of_dialogues(source(record(run_id="a"), dialogue_of(("debating", "disagreed"), "b")))
    svg = inlined("own", rounds(made, {}).figures["verdicts_by_round"]).svg
    wanted, given = set(re.findall(r"url\(#([^)]+)\)", svg)), set(re.findall(r'id="([^"]+)"', svg))
    assert "<pattern" in svg and wanted <= given
    assert html("[a](#run=a)") == '<a href="#run=a">a</a>'
    assert "<a" not in html("[a](#help) [b](javascript:alert(1)) [c](https://example.org/#run=a)")


def judged(folder: Path, **lines: list[dict[str, Any]]) -> None:
    (folder / "judged").mkdir()
    for name, rows in lines.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "judged" / f"{name}.jsonl").write_text(text, encoding="utf-8")


def score(run_id: str, judge: str, value: int | None, reading: int = 1) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "key": "conflict_resolution",
        "judge": judge,
        "reading": reading,
        "score": value,
    }


def test_judges_are_held_beside_each_other_and_beside_themselves(tmp_path: Path) -> None:
    runs = {"a": (5, 5, 5), "b": (1, 2, 1), "c": (0, 0, None), "d": (4, 4, 4)}
    lines = [
        line
        for run_id, (one, other, again) in runs.items()
        for line in (score(run_id, "J", one), score(run_id, "K", other), score(run_id, "J", again, 2))
    ]
    pair: dict[str, Any] = {"trained": "a", "base": "b", "key": "conflict_resolution", "judge": "J"}
    both = [
        pair | {"winner": "tie", "trained_first": "trained", "base_first": "base"},
        pair | {"trained": "c", "winner": "trained", "trained_first": "trained", "base_first": "trained"},
        pair | {"base": "d", "winner": "base", "trained_first": "base", "base_first": "base"},
        pair | {"trained": "d", "winner": None, "trained_first": None, "base_first": "base"},
    ]
    judged(tmp_path, verdicts=lines, comparisons=both)
    made = source(*(record(run_id=r) for r in runs), folder=tmp_path)
    section = bench(of_dialogues(made), tmp_path)
    beside_, again = section.tables["judges_agree"].to_dict("records")
    assert (beside_["one"], beside_["other"], beside_["exact"], beside_["n"]) == ("J", "K", 0.75, 4)
    # 1 − mean (a − b)² / (var a + var b + (mean a − mean b)²), by hand: Σ (a − b)² is 1.
    assert beside_["kappa"] == pytest.approx(1 - 0.25 / (4.25 + 3.6875 + 0.0625))
    assert (again["other"], again["exact"], again["n"], again["missing"]) == ("J, asked again (2)", 1.0, 3, 1)
    (orders,) = section.tables["judges_orders"].to_dict("records")
    assert (orders["pairs"], orders["same"], orders["missing"]) == (4, 2, 1)
    assert drawn([section]) == {"judges_crossed"}


def test_without_judges_the_page_says_so(tmp_path: Path) -> None:
    sections = of_deliberation(source(record(run_id="a"), folder=tmp_path), lambda _: None)
    assert sections[-1].says == [NONE]
    assert {"worth_by_round", "moves_by_round", "verdicts_by_round", "seen"} == drawn(sections)


def test_one_agent_alone_has_no_dialogue_to_draw(tmp_path: Path) -> None:
    alone = record([], [], {}, X, run_id="alone", alone=True)
    (section,) = of_deliberation(source(alone, folder=tmp_path), lambda _: None)
    assert section.says == [NONE]


def test_a_model_stands_beside_another_on_the_same_dilemma_alone() -> None:
    """b is trained on the dilemma of a; c is trained on another one, and beside nobody."""
    a, b = record(run_id="a"), dialogue_of(("debating", "disagreed"), "b")
    c = record(run_id="c", case=dilemma("other"))
    made = source(a, b, c, model=["openai:base", "openai:trained", "openai:trained"], opponent_model=None)
    g = of_dialogues(made)
    (row,) = paired(g).to_dict("records")
    assert (row["run_id"], row["run_id_other"], row["agreed"], row["agreed_other"]) == ("a", "b", 1.0, 0.0)
    (section,) = beside(g)
    assert "[made, openai:base and openai:trained](#pair=a,b)" in section.says[1]
    assert beside(of_dialogues(source(a, b))) == []
