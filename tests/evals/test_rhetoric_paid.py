"""Are many arguments judged at once, each with its rows, and is no answer paid twice, not even after a kill?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.rhetoric import LABELS, judge
from evals.rhetoric.judging import Cache
from evals.rhetoric.session import Judged, judged
from negotiators.chat.cost import Price
from scenarios.errors import ParleyError, Unreachable
from tests.evals.rhetoric_judges import (
    QUICK,
    SPEECHES,
    argument,
    argument_of,
    entries,
    erring_judge,
    honest_judge,
    reply,
    saying,
    speeches,
)
from tests.loopback import Answer, Heard, Loopback, Script, completion, failing, in_turn, slow


def judged_by(script: Script, folder: Path, **options: Any) -> Judged:
    """The speeches judged over the wire."""
    with Loopback(script) as server:
        return again(server, folder, **options)


def again(server: Loopback, folder: Path, **options: Any) -> Judged:
    options = {"limits": QUICK, "prices": {}} | options
    arguments = options.pop("arguments", None) or speeches()
    rng = np.random.default_rng(1)
    return asyncio.run(
        judged(arguments, "openai:scripted", folder=folder, rng=rng, base_url=server.base_url, **options)
    )


class TestManyArguments:
    def test_have_one_row_for_every_label(self, tmp_path: Path) -> None:
        found = judged_by(honest_judge, tmp_path).labels
        assert list(found.columns[:4]) == ["run_id", "round", "seat", "persona"]
        assert list(found.columns[4:8]) == ["cluster", "condition", "turn", "label"]
        assert len(found) == len(SPEECHES) * len(LABELS) and set(found.judge) == {"openai:scripted"}
        for text, (_, rows) in zip(SPEECHES, found.groupby("turn"), strict=True):
            expected = {e["label"]: e["span"] for e in entries(text)}
            assert dict(zip(rows.label, rows.span, strict=True)) == {k: expected.get(k, "") for k in LABELS}
            assert (rows.score == (rows.span != "")).all()

    def test_with_the_same_words_are_asked_about_once(self, tmp_path: Path) -> None:
        twins = [argument("I give way on x.", i) for i in range(9)]
        with Loopback(honest_judge) as server:
            found = again(server, tmp_path, arguments=twins, retest=5)
        assert len(server.heard) == 2, "once, and once more for the retest"
        first = found.labels[(found.labels.label == "concession") & (found.labels.reading == "first")]
        assert list(first.score) == [1.0] * 9
        assert (found.labels.reading == "again").sum() == len(LABELS), "copies would flatter agreement"

    def test_are_asked_about_at_once_up_to_a_limit(self, tmp_path: Path) -> None:
        import threading

        under_way, most, lock = [0], [0], threading.Lock()

        def script(heard: Heard) -> Answer:
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            threading.Event().wait(0.1)
            with lock:
                under_way[0] -= 1
            return honest_judge(heard)

        judged_by(script, tmp_path, at_once=3)
        assert most[0] == 3

    def test_are_retested_with_another_seed_and_read_by_a_second_judge(self, tmp_path: Path) -> None:
        with Loopback(erring_judge(seed_matters=True)) as server:
            found = again(server, tmp_path, retest=3, second="openai:other")
        asked = [(h.body["model"], h.body["seed"]) for h in server.heard]
        assert asked.count(("scripted", 1)) == 6 and asked.count(("scripted", 2)) == 3
        assert asked.count(("other", 1)) == 3
        readings = found.labels.groupby("reading").turn.agg(set)
        assert readings["again"] == readings["other"] <= readings["first"]
        assert list(found.spent) == ["first", "again", "other"]

    def test_come_as_a_frame_from_the_plain_function(self, tmp_path: Path) -> None:
        with Loopback(honest_judge) as server:
            frame = judge(
                speeches(),
                "openai:scripted",
                folder=tmp_path,
                rng=np.random.default_rng(1),
                base_url=server.base_url,
            )
        assert frame.score.sum() == sum(len(entries(text)) for text in SPEECHES)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"second": "openai:scripted", "retest": 2}, "the judge itself"),
            ({"second": "openai:other"}, "--retest is 0"),
            ({"retest": -1}, "give 0 or more"),
            ({"at_once": 0}, "give 1 or more"),
        ],
    )
    def test_cannot_be_asked_for_nonsense(self, options: Any, said: str, tmp_path: Path) -> None:
        with pytest.raises(ParleyError, match=said):
            judged_by(honest_judge, tmp_path, **options)


class TestWhatIsPaid:
    def test_is_not_paid_again(self, tmp_path: Path) -> None:
        with Loopback(honest_judge) as server:
            first = again(server, tmp_path, retest=2)
            second = again(server, tmp_path, retest=2)
            assert len(server.heard) == 8
            assert first.labels.equals(second.labels)
            assert (first.spent["first"].paid, second.spent["first"].paid) == (6, 0)
            assert second.spent["first"].answers == 6

    def test_is_kept_when_the_server_gives_up_and_only_the_rest_is_asked(self, tmp_path: Path) -> None:
        def down(heard: Heard) -> Answer:
            return honest_judge(heard) if heard.number < 4 else failing(503)

        with Loopback(down) as server:
            with pytest.raises(Unreachable, match="503"):
                again(server, tmp_path, at_once=1)
            server.script = honest_judge
            asked = len(server.heard)
            found = again(server, tmp_path)
            assert len(server.heard) - asked == 2 and found.spent["first"].paid == 2
        assert not found.labels.score.isna().any()

    def test_is_waited_for_though_another_call_has_failed(self, tmp_path: Path) -> None:
        def mixed(heard: Heard) -> Answer:
            return (
                failing(404) if "block every merge" in argument_of(heard) else slow(honest_judge(heard), 0.3)
            )

        with Loopback(mixed) as server:
            with pytest.raises(Unreachable):
                again(server, tmp_path, at_once=6)
            kept = (tmp_path / "judgements.jsonl").read_text().count('"answered"')
            assert kept == 5

    def test_survives_a_torn_last_line(self, tmp_path: Path) -> None:
        with Loopback(honest_judge) as server:
            again(server, tmp_path)
            cache = tmp_path / "judgements.jsonl"
            cache.write_bytes(cache.read_bytes()[:-30])
            found = again(server, tmp_path)
            assert len(server.heard) == 7 and found.spent["first"].paid == 1
            assert again(server, tmp_path).spent["first"].paid == 0

    def test_is_another_judges_or_temperatures_own(self, tmp_path: Path) -> None:
        with Loopback(honest_judge) as server:
            again(server, tmp_path)
            again(server, tmp_path, temperature=0.0)
            assert len(server.heard) == 12

    def test_is_not_shared_by_two_at_a_time(self, tmp_path: Path) -> None:
        with (
            Cache(tmp_path),
            pytest.raises(ParleyError, match="another judge is writing there"),
            Cache(tmp_path),
        ):
            pass

    def test_is_summed_with_the_retry_that_was_paid(self, tmp_path: Path) -> None:
        found = judged_by(
            in_turn(completion("Hm.", usage=(10, 1)), honest_judge),
            tmp_path,
            at_once=1,
            prices={"scripted": Price(input=1.0, output=10.0)},
        ).spent["first"]
        assert (found.answers, found.input_tokens, found.output_tokens) == (7, 10 + 6 * 200, 1 + 6 * 40)
        assert found.cost_usd == pytest.approx((1210 * 1 + 241 * 10) / 1e6)
        assert found.models == ("scripted-test-partner (fp_loopback)",)

    def test_is_unknown_where_one_answer_has_no_count(self, tmp_path: Path) -> None:
        def silent(heard: Heard) -> Answer:
            said = reply(entries(argument_of(heard)))
            return saying(heard, said, usage=None if heard.number == 3 else (200, 40))

        found = judged_by(silent, tmp_path, prices={"scripted": Price(input=1.0, output=1.0)}).spent["first"]
        assert found.input_tokens is None and found.output_tokens is None and found.cost_usd is None
        assert found.without_usage == 1 and found.answers == 6

    def test_holds_no_key(self, tmp_path: Path) -> None:
        with Loopback(honest_judge) as server:
            again(server, tmp_path, api_key="sk-very-secret-indeed")
            assert server.heard[0].headers["authorization"] == "Bearer sk-very-secret-indeed"
        assert "very-secret" not in (tmp_path / "judgements.jsonl").read_text()
