"""Is a deliberation what it says: seats in turn, verdicts, a plan written down, the same run twice the same?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negotiators.deliberation import MEDIATOR
from nodes.deliberation.record import DeliberationRecord
from nodes.records import reader
from scenarios.dilemmas import load
from scenarios.dilemmas.plan import read_plan, whole
from scenarios.errors import ParleyError
from tests.deliberating import deliberate, minutes, talker
from tests.loopback import Heard, Loopback, completion, failing
from tests.play import without_times

DEFAULT = "late-result"


def wired(runs: Path, script: Any, **settings: Any) -> tuple[DeliberationRecord, Loopback]:
    """A deliberation of models that answer as scripted."""
    with Loopback(script) as server:
        record = deliberate(
            DEFAULT, runs, **{"model": "openai:scripted", "base_url": server.base_url} | settings
        )
    return record, server


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key")


def test_a_keyless_run_is_a_negotiation_with_an_outcome_that_can_be_checked(tmp_path: Path) -> None:
    record = deliberate(DEFAULT, tmp_path)
    dilemma = load(DEFAULT)
    assert record.status == "complete"
    assert record.agreed is True
    assert [u.seat for u in record.dialogue] == ["A", "B"] * (len(record.dialogue) // 2)
    assert len(record.verdicts) == record.measures["rounds"] == len(record.dialogue) // 2
    assert all(read_plan(u.text, dilemma) == u.plan for u in record.dialogue), "a plan stands in the words"
    assert record.completion is not None
    assert whole(record.completion.plan, dilemma)
    assert record.completion.plan == record.verdicts[-1].plan
    first_a, first_b = (next(u.plan for u in record.dialogue if u.seat == s) for s in "AB")
    assert first_a != first_b, "opposed personas begin apart"
    assert record.measures["contested"] == sum(first_a[i] != first_b[i] for i in first_a)
    assert record.usage == []


def test_a_record_is_read_again_as_what_it_was(tmp_path: Path) -> None:
    record = deliberate(DEFAULT, tmp_path)
    text = (tmp_path / f"{record.run_id}.json").read_text(encoding="utf-8")
    assert reader().validate_json(text) == record


def test_equal_runs_are_equal_and_another_seed_or_setting_is_another_run(tmp_path: Path) -> None:
    one, two = deliberate(DEFAULT, tmp_path / "one"), deliberate(DEFAULT, tmp_path / "two")
    assert without_times(one) == without_times(two)  # type: ignore[arg-type]
    others = [{"seed": 2}, {"replicate": 1}, {"swap": True}, {"window": "all"}, {"concession": "boulware"}]
    ids = {deliberate(DEFAULT, tmp_path, **o).run_id for o in others}
    assert len(ids | {one.run_id}) == 1 + len(others)
    warm = deliberate(DEFAULT, tmp_path, temperature=0.1)
    assert warm.run_id == one.run_id, "nobody is sampled here"
    assert warm.protocol.temperature == 0.1, "and yet the record says what was set"


def test_who_is_swapped_speaks_first_with_the_other_persona(tmp_path: Path) -> None:
    as_is, swapped = deliberate(DEFAULT, tmp_path), deliberate(DEFAULT, tmp_path, swap=True)
    assert [s.persona.name for s in swapped.seats] == [s.persona.name for s in as_is.seats][::-1]


def test_a_third_seat_and_a_mediator_speak_in_every_round(tmp_path: Path) -> None:
    record = deliberate(
        DEFAULT, tmp_path, panel=("speed-quality:speed",), mediator=True, window="all", rounds=4
    )
    order = [u.seat for u in record.dialogue if u.round == 1]
    assert order == ["A", "B", "C", MEDIATOR]
    assert [who for r, who, _ in minutes(record) if r == 1] == [*order, "judge"]
    assert all(not u.consents for u in record.dialogue if u.seat == MEDIATOR)


def test_a_seat_sees_no_more_than_its_window(tmp_path: Path) -> None:
    for window in (1, 2, "all"):
        record = deliberate(DEFAULT, tmp_path, window=window, concession="boulware")
        for place, said in enumerate(record.dialogue):
            first = 0 if window == "all" else max(0, place - window)
            assert said.seen == list(range(first, place))


def test_one_agent_alone_writes_a_plan_without_a_dialogue(tmp_path: Path) -> None:
    record = deliberate(DEFAULT, tmp_path, alone=True)
    assert record.dialogue == record.verdicts == []
    assert record.agreed is None
    assert record.completion is not None
    assert record.measures["agreed"] is None
    assert record.measures["nash"] == pytest.approx(record.benchmarks["nash"])


def test_models_speak_plain_words_and_every_call_is_accounted_for(tmp_path: Path) -> None:
    record, server = wired(tmp_path, talker(load(DEFAULT)))
    assert record.status == "complete"
    assert record.agreed is True
    assert len(record.verdicts) == 2
    assert len(server.heard) == sum(u.calls for u in record.usage) == 4 + 2 + 1
    spoken = [h for h in server.heard if h.route == "plain"]
    assert len(spoken) == 4 + 1, "words are asked for as words, a verdict as JSON"
    assert {h.body.get("temperature") for h in spoken} == {0.7, 0.1}
    personas = [s.persona.says for s in record.seats]
    for heard in spoken[:4]:
        told = [p in heard.prompt for p in personas]
        assert sum(told) == 1, "a seat is told its own persona alone"
    assert all(p in spoken[-1].prompt for p in personas), "who writes the plan knows both"


def test_without_agreement_nothing_is_written_down_unless_asked_for(tmp_path: Path) -> None:
    script = talker(load(DEFAULT), agrees_after=99)
    record, _ = wired(tmp_path, script, rounds=2)
    assert record.completion is None
    assert record.agreed is False
    assert record.measures["rounds"] is None, "missing, not the cap"
    assert record.measures["mean"] is None
    always, _ = wired(tmp_path, script, rounds=2, completion="always")
    assert always.completion is not None
    assert always.agreed is False


def test_a_judge_that_fails_is_missing_and_the_dialogue_goes_on(tmp_path: Path) -> None:
    honest = talker(load(DEFAULT), agrees_after=1)
    judged = 0

    def script(heard: Heard) -> Any:
        nonlocal judged
        if "verdict" in str(heard.body.get("response_format", "")):
            judged += 1
            if judged <= 2:  # the first question and its correction
                return completion("I would rather not say.")
        return honest(heard)

    record, _ = wired(tmp_path, script, rounds=3)
    assert [v.kind for v in record.verdicts] == [None, "agreed"]
    assert record.measures["agreed"] == 1.0


def test_a_seat_that_never_says_anything_makes_the_run_invalid_and_recorded(tmp_path: Path) -> None:
    record, _ = wired(tmp_path, lambda heard: completion(""), rounds=2, judge="rule")
    assert record.status == "invalid"
    assert record.measures == {}
    assert any("said nothing at all" in i.detail for i in record.incidents)


def test_a_server_that_is_down_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    honest = talker(load(DEFAULT))
    with Loopback(lambda h: failing(500) if h.number >= 3 else honest(h)) as server:
        with pytest.raises(Exception, match="500"):
            deliberate(DEFAULT, tmp_path, model="openai:scripted", base_url=server.base_url)
        address = server.base_url
        server.script = honest  # type: ignore[attr-defined]
        before = len(server.heard)
        record = deliberate(DEFAULT, tmp_path, model="openai:scripted", base_url=address)
        assert record.status == "complete"
        assert len(server.heard) - before == 7 - 3, "the three that were answered are not asked again"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pair": "nobody"}, "no pair of personas 'nobody'"),
        ({"panel": ("speed-quality:nobody",)}, "has no 'nobody'"),
    ],
)
def test_what_nobody_has_is_said_in_a_line(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParleyError, match=message) as error:
        deliberate(DEFAULT, tmp_path, **settings)
    assert "\n" not in str(error.value)


def test_a_dilemma_of_words_alone_needs_models(tmp_path: Path) -> None:
    bare = load(DEFAULT).model_copy(update={"issues": {}})
    with pytest.raises(ParleyError, match="no issues to bargain over"):
        deliberate(bare, tmp_path)
    with Loopback(talker(load(DEFAULT))) as server:
        chosen: dict[str, Any] = {"model": "openai:scripted", "base_url": server.base_url}
        with pytest.raises(ParleyError, match="name a judge"):
            deliberate(bare, tmp_path, judge="rule", **chosen)
        record = deliberate(bare, tmp_path, **chosen)
    assert record.agreed is True
    assert record.measures["mean"] is None
    assert record.measures["contested"] is None
