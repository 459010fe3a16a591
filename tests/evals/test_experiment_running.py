"""Running a study: what is missing and no more, whatever failed, was killed, or is run by others at the same time."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evals.experiment.ledger import Claims, Folder
from evals.experiment.plan import Plan
from evals.experiment.tables import export, status, study_frames
from scenarios.errors import ParleyError
from tests.evals.experiments import chatting, ledger, plan, run
from tests.loopback import Answer, Heard, Loopback, completion, failing, honest_seat, slow
from tests.negotiators.small import clear_environment
from tests.play import environment

CALLS = 3 * 6
"""Three debates of one round: two solos, two moves, two exit solos."""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    monkeypatch.delenv("PARLEY_PRICES", raising=False)


def chat_plan(server: Loopback, **changes: Any) -> Plan:
    return plan(base_url=server.base_url, **chatting(**changes))


def answered(folder: Path) -> Counter[str]:
    """How often each request was answered, by the journals."""
    events = [json.loads(t) for f in (folder / "records").glob("*.jsonl") for t in f.read_text().splitlines()]
    return Counter(f"{e['request']}" for e in events if e["event"] == "answered")


class TestReference:
    def test_what_is_recorded_is_not_run_again_and_what_is_gone_is(self, tmp_path: Path) -> None:
        made = plan(runs=tmp_path)
        assert run(made, tmp_path).complete == 3
        assert run(made, tmp_path).missing == 0
        gone = next(iter(made.runs))
        (tmp_path / "records" / f"{gone}.json").unlink()
        again = run(made, tmp_path)
        assert (again.missing, again.complete) == (1, 1)
        assert Counter(e["run_id"] for e in ledger(tmp_path, "complete")) == dict.fromkeys(made.runs, 1) | {
            gone: 2
        }

    def test_a_record_that_a_kill_kept_from_the_ledger_is_entered_and_torn_lines_are_passed_over(
        self, tmp_path: Path
    ) -> None:
        made = plan(runs=tmp_path)
        run(made, tmp_path)
        book = tmp_path / "ledger.jsonl"
        lines = [
            line for line in book.read_text().splitlines() if '"complete"' not in line or "ended" in line
        ]
        book.write_text("\n".join(lines) + '\n{"at": "2026-01-01T00:00:00+00:00", "event": "comple')
        assert run(made, tmp_path).missing == 0
        found = ledger(tmp_path, "complete")
        assert [e["run_id"] for e in found] == list(made.runs) and all(e["found"] for e in found)
        assert status(Folder(tmp_path), made).runs == {"complete": 3, "invalid": 0, "failed": 0, "missing": 0}

    def test_a_run_that_breaks_takes_no_other_with_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import nodes.recorder

        whole = nodes.recorder.recorded

        def broken(state: Any, sat: Any, no_debate: Any) -> Any:
            if sat.ward.name.startswith("generated-2"):
                raise ZeroDivisionError("a bug")
            return whole(state, sat, no_debate)

        monkeypatch.setattr(nodes.recorder, "recorded", broken)
        made = plan(runs=tmp_path)
        session = run(made, tmp_path, retries=1)
        assert (session.complete, list(session.failed.values())) == (2, ["ZeroDivisionError: a bug"])
        assert len(ledger(tmp_path, "failed")) == 2, "begun again once, and told from results"
        assert status(Folder(tmp_path), made).failures == {"ZeroDivisionError: a bug": 1}
        monkeypatch.undo()
        assert run(made, tmp_path).complete == 1

    def test_a_damaged_record_is_said(self, tmp_path: Path) -> None:
        made = plan(runs=tmp_path)
        path = tmp_path / "records" / f"{next(iter(made.runs))}.json"
        path.parent.mkdir()
        path.write_text("{}")
        with pytest.raises(ParleyError, match="is damaged or no run record; remove it"):
            run(made, tmp_path)

    @pytest.mark.slow
    def test_many_are_played_by_a_pool_as_one_would(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from evals.experiment import running
        from evals.records import read
        from tests.play import without_times

        pools, begin = [], running._pool
        monkeypatch.setattr(running, "FEW", 2)
        monkeypatch.setattr(running, "_pool", lambda *way: pools.append(way[0]) or begin(*way))
        made = plan(wards=["generated:{1..8},n=4,divisible=1"], runs=tmp_path)
        assert run(made, tmp_path / "pool", processes=2).complete == 8 and pools == [2]
        few = plan(wards=["generated:{1..2},n=4,divisible=1"], runs=tmp_path)
        run(few, tmp_path / "one")
        assert run(made, tmp_path / "alone", processes=1).complete == 8
        assert pools == [2], "neither a few runs nor one process need a pool"
        for run_id in few.runs:
            one, pooled = (read(Folder(tmp_path / f).record(run_id)) for f in ("one", "pool"))
            assert without_times(one) == without_times(pooled)


class TestTables:
    def test_a_run_stands_once_for_each_use_and_measures_once(self, tmp_path: Path) -> None:
        changes: dict[str, Any] = {
            "factors": {"opponent": ["plain", "biased-age"]},
            "conditions": [{"name": "same", "set": {"rounds": 1}, "only": {"opponent": "plain"}}],
            "wards": ["generated:1,n=6,divisible=1"],
            "twins": {"attributes": ["sex"], "permutations": 1, "reruns": 0, "only": {"opponent": "plain"}},
        }
        made = plan(runs=tmp_path, **changes)
        run(made, tmp_path)
        found = study_frames(tmp_path, made)
        assert len(found.runs) == 4 and found.runs["run_id"].nunique() == 3
        told = found.runs[["role", "control", "condition", "twin", "cell:opponent"]].to_numpy().tolist()
        assert sorted(told) == [
            ["study", "", "biased-age", "", "biased-age"],
            ["study", "", "plain", "", "plain"],
            ["study", "same", "same: plain", "", "plain"],
            ["twin", "", "plain", "sex@1", "plain"],
        ]
        assert set(found.runs["cluster"]) == {"generated:1,n=6,divisible=1"}
        assert not found.stages.duplicated(["run_id", "stage"]).any()

    def test_export_writes_what_can_be_read_back(self, tmp_path: Path) -> None:
        import pandas as pd

        made = plan(runs=tmp_path, wards=["generated:1,n=4,divisible=1"])
        with pytest.raises(ParleyError, match="no run of study tiny is recorded there; run it"):
            export(tmp_path, made)
        run(made, tmp_path)
        files = export(tmp_path, made)
        assert sorted(f.name for f in files) == sorted(
            f"{name}.{kind}"
            for name in ("runs", "stages", "patients", "edges")
            for kind in ("csv", "parquet")
        )
        runs = pd.read_parquet(tmp_path / "tables" / "runs.parquet")
        assert runs[["role", "condition"]].to_numpy().tolist() == [["study", "base"]]
        assert len(pd.read_csv(tmp_path / "tables" / "edges.csv")) > 5


class TestModels:
    def test_failed_runs_are_told_from_results_and_begun_again_without_paying_twice(
        self, tmp_path: Path
    ) -> None:
        def script(heard: Heard) -> Answer:
            return failing(403) if heard.number in (3, 7) else honest_seat(heard)

        with Loopback(script) as server:
            made = chat_plan(server)
            session = run(made, tmp_path, base_url=server.base_url)
        assert (session.complete, session.failed, session.stopped) == (3, {}, None)
        assert len(server.heard) == CALLS + 2
        assert set(answered(tmp_path).values()) == {1}
        assert len(ledger(tmp_path, "failed")) in (1, 2)
        assert Counter(e["run_id"] for e in ledger(tmp_path, "complete")) == dict.fromkeys(made.runs, 1)

    def test_a_call_under_way_when_its_debate_failed_is_not_paid_again(self, tmp_path: Path) -> None:
        """One seat's call fails while the other's is on its way: the debate waits for that answer and keeps it."""

        def script(heard: Heard) -> Answer:
            return failing(403) if heard.number == 0 else slow(honest_seat(heard), 0.4)

        with Loopback(script) as server:
            made = chat_plan(server, wards=["generated:1,n=4,divisible=1"])
            assert run(made, tmp_path, base_url=server.base_url).complete == 1
        assert len(server.heard) == 6 + 1
        assert set(answered(tmp_path).values()) == {1}

    def test_a_wrong_key_ends_the_session_soon_with_its_reason(self, tmp_path: Path) -> None:
        with Loopback(lambda heard: failing(401)) as server:
            made = chat_plan(server, wards=["generated:{1..30},n=4,divisible=1"])
            session = run(made, tmp_path, base_url=server.base_url, debates=4)
        assert session.stopped is not None and "refuses the key (401)" in session.stopped
        assert len(ledger(tmp_path, "started")) < 20
        assert status(Folder(tmp_path), made).runs["complete"] == 0

    def test_a_run_without_any_valid_move_is_a_result_counted_apart(self, tmp_path: Path) -> None:
        with Loopback(lambda heard: completion("I would rather not.")) as server:
            made = chat_plan(server, wards=["generated:1,n=4,divisible=1"])
            session = run(made, tmp_path, base_url=server.base_url)
            assert (session.complete, session.invalid) == (0, 1)
            assert run(made, tmp_path, base_url=server.base_url).missing == 0
        assert status(Folder(tmp_path), made).runs["invalid"] == 1

    def test_a_cap_on_tokens_stops_cleanly_and_a_higher_one_goes_on(self, tmp_path: Path) -> None:
        with Loopback(honest_seat) as server:
            made = chat_plan(server, caps={"tokens": 1000})
            session = run(made, tmp_path, base_url=server.base_url, calls=2)
            assert session.stopped == "cap of 1,000 tokens reached; raise caps.tokens and run again"
            paid = len(server.heard)
            assert 1000 <= 150 * paid <= 1000 + 150, "passed by one call at most"
            assert sum(answered(tmp_path).values()) == paid, "and every answer is kept"
            again = run(made, tmp_path, base_url=server.base_url, calls=2)
            assert again.stopped and len(server.heard) == paid, "earlier sessions count"
            more = chat_plan(server, caps={"tokens": 100_000})
            assert run(more, tmp_path, base_url=server.base_url).done + session.done == 3
        assert len(server.heard) == CALLS and set(answered(tmp_path).values()) == {1}
        seen = status(Folder(tmp_path), more)
        assert (seen.calls, seen.tokens, seen.cost_usd) == (CALLS, 150 * CALLS, None)

    def test_a_cap_in_dollars_counts_by_the_table_of_prices(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prices = tmp_path / "prices.yaml"
        prices.write_text("scripted: {input: 1000, output: 18000}\n")  # a dollar a call
        monkeypatch.setenv("PARLEY_PRICES", str(prices))
        with Loopback(honest_seat) as server:
            made = chat_plan(server, caps={"usd": 5})
            session = run(made, tmp_path, base_url=server.base_url, calls=1)
        assert session.stopped == "cap of $5 reached; raise caps.usd and run again"
        assert len(server.heard) == 5
        assert status(Folder(tmp_path), made).cost_usd == pytest.approx(5.0)

    def test_a_storm_of_429_costs_no_run(self, tmp_path: Path) -> None:
        busy, lock = [0], threading.Lock()

        def script(heard: Heard) -> Answer:
            with lock:
                busy[0] += 1
                crowded = busy[0] > 2
            answer = failing(429, retry_after="0.1") if crowded else slow(honest_seat(heard), 0.03)
            threading.Timer(0.03, leave).start()
            return answer

        def leave() -> None:
            with lock:
                busy[0] -= 1

        with Loopback(script) as server:
            made = chat_plan(server, wards=["generated:{1..6},n=4,divisible=1"])
            session = run(made, tmp_path, base_url=server.base_url)
        assert (session.complete, session.failed) == (6, {})
        refused = len(server.heard) - 36
        assert refused > 0 and set(answered(tmp_path).values()) == {1}

    def test_model_and_reference_seats_are_run_side_by_side(self, tmp_path: Path) -> None:
        with Loopback(honest_seat) as server:
            made = chat_plan(server, nulls={"bargaining": {}})
            session = run(made, tmp_path, base_url=server.base_url)
        assert session.complete == 6 and len(server.heard) == CALLS
        assert Counter(study_frames(tmp_path, made).runs["role"]) == {"study": 3, "bargaining": 3}


class TestClaims:
    def test_a_run_claimed_elsewhere_is_waited_for(self, tmp_path: Path) -> None:
        import subprocess
        import sys

        made = plan(runs=tmp_path)
        folder = Folder(tmp_path)
        folder.make()
        held = next(iter(made.runs))
        holder = (
            "import sys, time\nfrom pathlib import Path\nfrom evals.experiment.ledger import Claims, Folder\n"
            f"with Claims(Folder(Path({str(tmp_path)!r}))) as c:\n"
            f"    print(c.take({held!r}), flush=True); sys.stdin.read()"
        )
        other = subprocess.Popen(
            [sys.executable, "-c", holder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert other.stdout is not None and other.stdout.readline().strip() == "True"
        with Claims(folder) as mine:
            assert not mine.take(held)
            assert mine.take(list(made.runs)[1])
        threading.Timer(1.5, other.kill).start()
        session = run(made, tmp_path)
        other.communicate()
        assert session.complete == 3, "a claim ends with the process that made it"
        assert [e["run_id"] for e in ledger(tmp_path, "complete")][-1] == held


def test_a_record_under_another_runs_name_is_refused(tmp_path: Path) -> None:
    made, folder = plan(), Folder(tmp_path)
    run(made, tmp_path)
    one, other = (folder.record(run_id) for run_id in list(made.runs)[:2])
    one.write_text(other.read_text())
    with pytest.raises(ParleyError, match=f"holds run {other.stem}; remove it, and run the study again"):
        study_frames(folder, made)
