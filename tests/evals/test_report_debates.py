"""Is a debate told to a reader as the record has it: every turn in order, every table, citation, contested cell?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from evals.report.transcripts import transcript
from evals.report.transcripts.alike import LONGEST
from evals.report.transcripts.model import Transcript, Turn, plain
from negotiators.protocol import Incident, Move, move_hash
from nodes.record import RunRecord
from retrieval.passages import Passage, corpus
from scenarios.ward import Allocation
from tests.play import play

HOSTILE = "</script><script>alert(1)</script> \u202eevil\u2066 \ud800 " + "x" * 1_000_000


class Book:
    """All passages of the corpus, whole: what `retrieval="prompt"` asks of a retriever."""

    def whole(self, frameworks: list[str]) -> list[Passage]:
        """The passages of frameworks."""
        return [p for p in corpus() if p.framework in frameworks]


@pytest.fixture(scope="module")
def debate(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """A panel of three that cites, over two rounds, a passage book in the place of the database."""
    with pytest.MonkeyPatch.context() as patch:
        for room in ("brief", "retriever"):
            patch.setattr(f"nodes.{room}.retriever", Book)
        runs = tmp_path_factory.mktemp("debate")
        return play("generated:1,n=4", runs, panel=["plain"], rounds=2, retrieval="prompt", strength=1)


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """Two seats that speak at once and are merged by lot."""
    runs = tmp_path_factory.mktemp("at-once")
    return play(
        "bus-crash", runs, rounds=2, simultaneous=True, merge_rule="weighted-lottery", order="reversed"
    )


def kinds(told: Transcript) -> list[tuple[str, int, str]]:
    """The turns as minutes: (kind, round, seat)."""
    return [(t.kind, t.round, t.seat) for t in told.turns]


def moves_of(record: RunRecord) -> list[Move]:
    """All moves in the order they were made."""
    alone = [record.solo[s.seat].move for s in record.seats]
    again = [record.exit_solo[s.seat].move for s in record.seats if s.seat in record.exit_solo]
    return [*alone, *(m for r in record.rounds for m in r.moves), *again]


def spoken_turns(told: Transcript) -> list[tuple[int, Turn]]:
    return [(n, t) for n, t in enumerate(told.turns, 1) if t.seat]


def as_table(record: RunRecord, x: Allocation | None) -> tuple[tuple[float | None, ...], ...] | None:
    """An allocation read cell by cell, with nothing of the code under test."""
    if x is None:
        return None
    return tuple(tuple(x[p.id].get(r) for r in record.scenario.resources) for p in record.scenario.patients)


class TestTriage:
    def test_turns_stand_in_the_order_they_happened(self, debate: RunRecord) -> None:
        assert kinds(transcript(debate)) == [
            *[("solo", 0, s) for s in "ABC"],
            ("no_debate", 0, ""),
            *[("propose", 1, "A"), ("critique", 1, "B"), ("critique", 1, "C"), ("merge", 1, "")],
            *[("propose", 2, "A"), ("critique", 2, "B"), ("critique", 2, "C"), ("merge", 2, "")],
            *[("exit_solo", 3, s) for s in "ABC"],
        ]

    def test_seats_that_speak_at_once_are_no_critics_of_one_another(self, at_once: RunRecord) -> None:
        told = transcript(at_once)
        first = [(t.kind, t.seat, t.title) for t in told.turns if t.round == 1 and t.seat]
        assert first == [("propose", "B", "Round 1 · all at once"), ("propose", "A", "Round 1 · all at once")]
        assert all(t.saw == () for t in told.turns if t.round == 1 and t.seat)

    @pytest.mark.parametrize("which", ["debate", "at_once"])
    def test_every_table_is_the_allocation_of_the_record(
        self, which: str, request: pytest.FixtureRequest
    ) -> None:
        record: RunRecord = request.getfixturevalue(which)
        told = transcript(record)
        expected = [m.allocation for m in moves_of(record)]
        assert [t.values for _, t in spoken_turns(told)] == [as_table(record, x) for x in expected]
        merges = [record.no_debate, *(r.joint for r in record.rounds)]
        assert [t.values for t in told.turns if not t.seat] == [as_table(record, x) for x in merges]

    def test_cells_in_dispute_are_those_of_the_record(self, debate: RunRecord) -> None:
        told = transcript(debate)
        for turn, round_ in zip([t for t in told.turns if t.kind == "merge"], debate.rounds, strict=True):
            named = [f"{told.case.rows[i].id}.{told.case.columns[k].id}" for i, k in turn.contested]
            assert named == round_.contested

    def test_cells_on_which_solos_differ_are_in_dispute_without_debate(self, debate: RunRecord) -> None:
        told = transcript(debate)
        solos = [t.values for t in told.turns if t.kind == "solo"]
        merged = next(t for t in told.turns if t.kind == "no_debate")
        assert solos[0] is not None
        differ = {
            (i, k)
            for i, row in enumerate(solos[0])
            for k in range(len(row))
            if len({x[i][k] for x in solos if x is not None}) > 1
        }
        assert set(merged.contested) == differ != set()

    @pytest.mark.parametrize("which", ["debate", "at_once"])
    def test_what_a_prompt_showed_is_found_by_hash(self, which: str, request: pytest.FixtureRequest) -> None:
        """By brute force: of every hash the turns whose move has it."""
        record: RunRecord = request.getfixturevalue(which)
        turns, moves = spoken_turns(transcript(record)), moves_of(record)
        for (_, turn), move in zip(turns, moves, strict=True):
            expected = [
                n for h in move.seen for (n, _), m in zip(turns, moves, strict=True) if move_hash(m) == h
            ]
            assert turn.saw == tuple(expected) and len(expected) == len(move.seen)
        assert any(t.saw for _, t in turns)

    def test_a_prompt_that_the_record_does_not_hold_is_none_and_not_nothing(self, debate: RunRecord) -> None:
        solo = debate.solo["A"]
        blank = solo.model_copy(update={"move": solo.move.model_copy(update={"prompt_hash": "", "seen": []})})
        told = transcript(debate.model_copy(update={"solo": debate.solo | {"A": blank}}))
        assert told.turns[0].saw is None and "saw" not in plain(told)["turns"][0]
        assert told.turns[1].saw == () and plain(told)["turns"][1]["saw"] == []

    def test_every_citation_opens_a_passage_with_its_source(self, debate: RunRecord) -> None:
        told = transcript(debate)
        passages = {p.id: p for p in told.passages}
        cited = {c for t in told.turns for c in t.cites}
        assert cited and cited <= {p for t in told.turns for p in t.shown} <= set(passages)
        assert all(passages[c].text and passages[c].source and passages[c].title for c in cited)
        assert all(set(t.cites) <= set(t.shown) for t in told.turns)

    def test_patients_are_shown_with_needs_and_groups(self, debate: RunRecord) -> None:
        told = transcript(debate)
        for row, p in zip(told.case.rows, debate.scenario.patients, strict=True):
            assert row.id == p.id
            assert row.needs == tuple(p.needs.get(r) for r in debate.scenario.resources)
            assert ("age", f"{p.age:g}") in row.facts
        biased = next(s for s in told.seats if s.favours)
        assert {g for row in told.case.rows for g in row.groups} & set(biased.favours)

    def test_the_share_met_is_of_what_is_needed(self, debate: RunRecord) -> None:
        told = transcript(debate)
        joint = [t for t in told.turns if t.kind == "merge"][-1]
        assert joint.met is not None and joint.values is not None
        for row, met, values in zip(told.case.rows, joint.met, joint.values, strict=True):
            shares = [
                float(v) / n for v, n in zip(values, row.needs, strict=True) if n and isinstance(v, float)
            ]
            assert met == pytest.approx(sum(shares) / len(shares), abs=5e-4)

    def test_a_lottery_tells_its_chances(self, at_once: RunRecord) -> None:
        drawn = [r for r in at_once.rounds if r.marginals is not None]
        told = [t for t in transcript(at_once).turns if t.kind == "merge"]
        assert drawn and all("before the draw" in " ".join(t.did) for t in told)

    def test_a_persons_word_and_an_overridden_cell_are_told(self, debate: RunRecord) -> None:
        patient, resource = debate.scenario.patients[0].id, next(iter(debate.scenario.resources))
        changed = debate.rounds[0].model_copy(
            update={"amended": True, "notes": ["a note"], "overridden": {f"{patient}.{resource}": "B"}}
        )
        told = transcript(debate.model_copy(update={"rounds": [changed]}))
        did = next(t for t in told.turns if t.kind == "merge").did
        assert "Amended by a person." in did and "a note" in did
        assert any("solo of B" in d and f"{patient}.{resource}" in d for d in did)

    def test_moves_of_a_round_that_was_never_merged_are_told_as_that(self, debate: RunRecord) -> None:
        broken = debate.model_copy(
            update={"status": "invalid", "rounds": debate.rounds[:1], "exit_solo": {}, "measures": {}}
        )
        told = transcript(broken)
        lost = [t for t in told.turns if "never merged" in t.title]
        assert [(t.kind, t.round, t.seat) for t in lost] == [
            ("propose", 2, "A"),
            ("critique", 2, "B"),
            ("critique", 2, "C"),
        ]
        assert all(t.values is None and not t.said and "journal" in t.did[-1] for t in lost)
        assert any("invalid" in note for note in told.notes)

    def test_an_abstention_leaves_no_table(self, debate: RunRecord) -> None:
        silent = Move(seat="B", round=1, allocation=None, status="abstained")
        first = debate.rounds[0]
        moves = [silent if m.seat == "B" else m for m in first.moves]
        record = debate.model_copy(update={"rounds": [first.model_copy(update={"moves": moves})]})
        turn = next(t for t in transcript(record).turns if t.seat == "B" and t.round == 1)
        assert (turn.status, turn.values, turn.met) == ("abstained", None, None)

    def test_incidents_stand_with_their_turn_and_every_one_once(self, debate: RunRecord) -> None:
        incidents = [
            Incident(kind="retry", seat="A", node="solo", round=0, detail="one"),
            Incident(kind="repaired", seat="B", node="critique", round=2, detail="two"),
            Incident(kind="notice", seat="mediator", node="mediate", round=1, detail="three"),
            Incident(kind="notice", seat="", node="brief", round=0, detail="four"),
            Incident(kind="retry", seat="C", node="exit_solo", round=3, detail="five"),
        ]
        told = transcript(debate.model_copy(update={"incidents": incidents}))
        where = {i: (t.kind, t.round, t.seat) for t in told.turns for i in t.incidents}
        assert where == {
            "retry: one": ("solo", 0, "A"),
            "repaired: two": ("critique", 2, "B"),
            "notice: three": ("merge", 1, ""),
            "retry: five": ("exit_solo", 3, "C"),
        }
        assert told.notes == ("brief · notice: four",)

    def test_what_came_of_it_and_its_measures_are_those_of_the_record(self, debate: RunRecord) -> None:
        told = transcript(debate)
        assert debate.influence is not None
        assert any(f"{debate.influence.joint:.2f} of the way" in line for line in told.outcome)
        assert any(line.startswith("Emergence 1") for line in told.outcome)
        by_name = {name: dict(stages) for name, stages in told.measures}
        for name, outcome in debate.measures.items():
            stage = {"joint": "joint", "no_debate": "no debate", "solo:A": "A solo"}.get(name)
            if stage is not None:
                assert by_name["survival"][stage] == round(outcome.normalised["survival"] or 0, 4)
                assert by_name["criteria met"][stage] == sum(c is True for c in outcome.criteria.values())

    def test_a_text_is_as_it_was_said_however_hostile(self, debate: RunRecord) -> None:
        first = debate.rounds[0]
        move = first.moves[0].model_copy(update={"argument": HOSTILE})
        moves = [move, *first.moves[1:]]
        record = debate.model_copy(update={"rounds": [first.model_copy(update={"moves": moves})]})
        turn = next(t for t in transcript(record).turns if t.kind == "propose")
        assert turn.said.startswith(HOSTILE[:LONGEST])
        assert f"{len(HOSTILE) - LONGEST:,} more characters" in turn.said

    def test_the_model_says_what_it_holds_to_json_and_leaves_out_what_is_empty(
        self, debate: RunRecord
    ) -> None:
        told = transcript(debate)
        data = plain(replace(told, usage="", series={"a": (1.0, float("nan"), 0.1234567)}))
        assert "usage" not in data and data["series"] == {"a": [1, None, 0.123457]}
        assert json.loads(json.dumps(data)) == data
