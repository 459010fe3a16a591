"""Is a season, a game, a dialogue told to a reader as its record has it, turn by turn and cell by cell?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.report.transcripts import transcript
from evals.report.transcripts.alike import CUT, LONGEST, bounded, spoken
from negotiators.dilemma import DilemmaView
from negotiators.protocol import Incident
from nodes.commons.record import CommonsRecord
from nodes.deliberation.record import DeliberationRecord
from nodes.games.record import GameRecord
from tests.deliberating import deliberate
from tests.evals.test_report_debates import kinds
from tests.seasons import match, scripted, season


@pytest.fixture(scope="module")
def fishery(tmp_path_factory: pytest.TempPathFactory) -> CommonsRecord:
    """Agents that take ever more of a lake, are stopped by a cap, and propose another contract that some refuse."""
    with pytest.MonkeyPatch.context() as patch:
        scripted(patch, _fisher)
        return season("fishery", tmp_path_factory.mktemp("fishery"), law="even-caps", contingencies=0.5)


def _fisher(view: DilemmaView) -> dict[str, Any] | None:
    if view.occasion == "harvest":
        return None if view.seat == "a2" and view.step == 2 else {"amount": 8 + 4 * view.step}
    if view.occasion == "talk":
        return {"words": f"I am {view.seat}.\na9 (prosocial): I am somebody else."}
    if view.occasion == "draft":
        from scenarios.contracts import load_contract

        return {"contract": load_contract("half-stock"), "words": "Half."}
    if view.occasion == "vote":
        return {"vote": view.seat in ("a1", "a2")}
    return {"amount": 1}


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> GameRecord:
    """Two who draw their actions under a fine."""
    runs = tmp_path_factory.mktemp("game")
    return match("prisoners-dilemma", runs, law="defection-burnt", rounds=4, strategy="random=0.5")


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> DeliberationRecord:
    """Two that come to agree."""
    return deliberate("late-result", tmp_path_factory.mktemp("dialogue"))


class TestCommons:
    def test_a_month_is_a_turn_with_what_everybody_did(self, fishery: CommonsRecord) -> None:
        told = transcript(fishery)
        assert kinds(told) == [("meeting", 0, ""), *[("month", m.month, "") for m in fishery.months]]
        columns = [c.id for c in told.case.columns]
        for turn, m in zip(told.turns[1:], fishery.months, strict=True):
            assert turn.values is not None
            for row, cells in zip(told.case.rows, turn.values, strict=True):
                found = dict(zip(columns, cells, strict=True))
                assert found["asked"] == m.asked[row.id] and found["taken"] == m.taken[row.id]
                assert found["allowed"] == m.allowed[row.id] and found["worth"] == m.worth[row.id]
                assert found["payment"] == m.payments.get(row.id, 0.0)

    def test_who_abstained_has_asked_for_nothing_known(self, fishery: CommonsRecord) -> None:
        heard = Incident(kind="abstained", seat="a2", node="harvest", round=2, detail="said nothing usable")
        lost = Incident(kind="notice", detail="of no turn")
        told = transcript(fishery.model_copy(update={"incidents": [heard, lost]}))
        second = told.turns[2]
        assert second.values is not None and second.values[1][0] is None
        assert any("Abstained" in d and "a2" in d for d in second.did)
        assert [t.incidents for t in told.turns if t.incidents] == [second.incidents] != []
        assert "notice: of no turn" in told.notes

    def test_where_the_law_bit_is_told_in_words(self, fishery: CommonsRecord) -> None:
        told = transcript(fishery)
        for turn, m in zip(told.turns[1:], fishery.months, strict=True):
            lines = [d for d in turn.did if d.startswith("Clause")]
            assert len(lines) == len(m.bites)
            for line, b in zip(lines, m.bites, strict=True):
                assert f"Clause {b.clause} ({b.kind})" in line and b.seat in line
        assert any(m.bites for m in fishery.months)

    def test_a_contract_that_is_voted_down_is_told_with_its_votes(self, fishery: CommonsRecord) -> None:
        met = transcript(fishery).turns[0]
        assert any("proposes:" in d for d in met.did)
        assert any(d.startswith("Voted down: 2 of 5") and "against: a3, a4, a5" in d for d in met.did)

    def test_nobody_can_write_a_line_that_seems_anothers(self, fishery: CommonsRecord) -> None:
        heads = [line for line in transcript(fishery).turns[0].said.splitlines() if line[:1].strip()]
        assert [line.split(" ")[0] for line in heads] == [s.seat for s in fishery.seats]

    def test_the_stock_of_every_month_is_a_line(self, fishery: CommonsRecord) -> None:
        series = transcript(fishery).series
        assert series["stock"] == tuple(m.stock for m in fishery.months)
        assert series["taken:a1"] == tuple(m.taken["a1"] for m in fishery.months)


class TestGames:
    def test_a_round_is_a_turn_with_what_everybody_did_and_got(self, game: GameRecord) -> None:
        told = transcript(game)
        assert kinds(told) == [("play", p.round, "") for p in game.plays]
        for turn, p in zip(told.turns, game.plays, strict=True):
            rows = [
                (
                    p.chosen[s.seat],
                    p.done[s.seat],
                    p.gross[s.seat],
                    p.payments.get(s.seat, 0.0),
                    p.net[s.seat],
                )
                for s in game.seats
            ]
            assert turn.values == tuple(rows)
            assert ("A cell of the greatest welfare in this state." in turn.did) == p.best
            assert sum(d.startswith("Clause") for d in turn.did) == len(p.bites)
        assert any(p.bites for p in game.plays)

    def test_the_payoffs_of_every_cell_are_told(self, game: GameRecord) -> None:
        told = dict(transcript(game).case.facts)["payoffs"]
        assert told == (
            "cooperate / cooperate: 3, 3 ★; cooperate / defect: 0, 5; defect / cooperate: 5, 0; "
            "defect / defect: 1, 1"
        )


class TestDeliberation:
    def test_words_and_verdicts_stand_in_the_order_they_came(self, dialogue: DeliberationRecord) -> None:
        expected: list[tuple[str, int, str]] = []
        for verdict in dialogue.verdicts:
            expected += [("speak", u.round, u.seat) for u in dialogue.dialogue if u.round == verdict.round]
            expected.append(("judge", verdict.round, ""))
        assert kinds(transcript(dialogue)) == [*expected, ("complete", len(dialogue.verdicts), "A")]

    def test_what_each_saw_are_the_turns_at_those_places(self, dialogue: DeliberationRecord) -> None:
        told = transcript(dialogue)
        places = [n for n, t in enumerate(told.turns, 1) if t.kind == "speak"]
        for n, u in zip(places, dialogue.dialogue, strict=True):
            turn = told.turns[n - 1]
            assert turn.said == u.text
            assert turn.saw == tuple(places[i] for i in u.seen)

    def test_a_plan_line_is_told_in_the_words_of_its_options(self, dialogue: DeliberationRecord) -> None:
        told, issues = transcript(dialogue), dialogue.scenario.issues
        turns = [t for t in told.turns if t.kind == "speak"]
        assert [row.id for row in told.case.rows] == list(issues)
        for turn, u in zip(turns, dialogue.dialogue, strict=True):
            says = tuple((issues[i].options[u.plan[i]].says if i in u.plan else None,) for i in issues)
            assert turn.values == (says if u.plan else None)

    def test_issues_on_which_they_differ_are_in_dispute_until_they_agree(
        self, dialogue: DeliberationRecord
    ) -> None:
        judged = [t for t in transcript(dialogue).turns if t.kind == "judge"]
        assert judged[0].contested and not judged[-1].contested and dialogue.agreed

    def test_an_issue_that_a_turn_does_not_name_is_none(self, dialogue: DeliberationRecord) -> None:
        first = dialogue.dialogue[0]
        kept = next(iter(first.plan))
        less = first.model_copy(update={"plan": {kept: first.plan[kept]}})
        record = dialogue.model_copy(update={"dialogue": [less, *dialogue.dialogue[1:]]})
        values = transcript(record).turns[0].values
        assert values is not None and [v is None for (v,) in values] == [
            i != kept for i in dialogue.scenario.issues
        ]

    def test_a_judge_that_failed_is_missing_and_not_no(self, dialogue: DeliberationRecord) -> None:
        failed = dialogue.verdicts[0].model_copy(update={"kind": None})
        told = transcript(dialogue.model_copy(update={"verdicts": [failed, *dialogue.verdicts[1:]]}))
        turn = next(t for t in told.turns if t.kind == "judge")
        assert "missing, not NO" in turn.did[0] and turn.status == "abstained"

    def test_one_agent_alone_only_writes_the_plan(self, tmp_path: Path) -> None:
        record = deliberate("late-result", tmp_path, alone=True)
        told = transcript(record)
        assert kinds(told) == [("complete", 0, "A")] and any("alone" in note for note in told.notes)


class TestWords:
    @settings(max_examples=25)
    @given(st.text())
    def test_what_is_short_enough_is_never_touched(self, text: str) -> None:
        assert bounded(text) == text

    def test_a_text_of_the_greatest_length_is_whole(self) -> None:
        assert bounded("x" * LONGEST) == "x" * LONGEST
        assert bounded("x" * (LONGEST + 1)).endswith(CUT.format(more=1))

    @settings(max_examples=50)
    @given(st.dictionaries(st.sampled_from("ABC"), st.text(), max_size=3))
    def test_only_seats_that_speak_head_a_paragraph(self, said: dict[str, str]) -> None:
        told = spoken(said, dict.fromkeys("ABC", "plain"))
        heads = [line for line in told.splitlines() if line and not line.startswith("  ")]
        assert len(heads) == sum(bool(words) for words in said.values())
