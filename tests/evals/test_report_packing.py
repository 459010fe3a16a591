"""Does every run come out of the page as it went in, whatever words stand in it?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.records import read
from evals.report import packing
from evals.report.packing import RUNS_A_PACK, Packed, Shared, kept, packed, squeezed, unsqueezed
from evals.report.transcripts import transcript
from evals.report.transcripts.model import plain
from tests.deliberating import deliberate
from tests.evals.test_report_debates import Book
from tests.play import play
from tests.seasons import every, match, scripted, season

TEXTS = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=40)
"""Any text, halves of surrogate pairs and control characters among them."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A record of every setting, two of one ward, one of which cites."""
    runs = tmp_path_factory.mktemp("runs")
    play("one-ventilator", runs, rounds=1)
    with pytest.MonkeyPatch.context() as patch:
        for room in ("brief", "retriever"):
            patch.setattr(f"nodes.{room}.retriever", Book)
        play("one-ventilator", runs, rounds=1, retrieval="prompt")
    match("prisoners-dilemma", runs)
    deliberate("late-result", runs)
    with pytest.MonkeyPatch.context() as patch:
        scripted(patch, every(amount=9))
        season("fishery", runs)
    return sorted(runs.glob("*.json"))


def unpacked(packs: Packed, run_id: str) -> dict[str, Any]:
    """A run as the browser puts it together."""
    pack, at = packs.place[run_id]
    run, shared = unsqueezed(packs.packs[pack])[at], unsqueezed(packs.shared)
    return dict(run) | {
        "case": shared["cases"][run["case"]],
        "passages": shared["passages"] | run.get("passages", {}),
    }


def test_every_run_comes_out_as_it_went_in(files: list[Path]) -> None:
    packs = packed(files)
    assert len(packs.place) == len(files) == 5
    for path in files:
        whole = plain(transcript(read(path, None)))
        found = unpacked(packs, whole["run_id"])
        passages = {p["id"]: p for p in whole.pop("passages", [])}
        assert passages.items() <= found.pop("passages").items()
        assert found == whole


def test_runs_of_one_case_share_it(files: list[Path]) -> None:
    shared = unsqueezed(packed(files).shared)
    assert len(shared["cases"]) == 4 and shared["passages"]


def test_the_same_runs_give_the_same_text(files: list[Path]) -> None:
    assert packed(files) == packed(files)


def test_packs_are_full_but_the_last(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "RUNS_A_PACK", 2)
    packs = packed(files)
    assert [len(unsqueezed(p)) for p in packs.packs] == [2, 2, 1]
    assert list(packs.place.values()) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    assert RUNS_A_PACK > 2


def test_a_run_that_is_named_twice_lies_there_once(files: list[Path]) -> None:
    assert packed([*files, files[0]]) == packed(files)


def test_progress_counts_every_record(files: list[Path]) -> None:
    told: list[tuple[int, int]] = []
    packed(files, lambda done, of: told.append((done, of)))
    assert told == [(n, len(files)) for n in range(1, len(files) + 1)]


def test_a_passage_of_another_corpus_is_not_taken_for_its_namesake() -> None:
    """Else a citation would open words that its seat was never shown."""
    shared = Shared()
    runs = [
        shared.taken_out_of({"case": "c", "shared_case": {}, "passages": [{"id": "p", "text": text}]})
        for text in ("old", "old", "new")
    ]
    assert runs == [
        {"case": "c"},
        {"case": "c"},
        {"case": "c", "passages": {"p": {"id": "p", "text": "new"}}},
    ]
    assert unsqueezed(shared.packed())["passages"] == {"p": {"id": "p", "text": "old"}}


@settings(max_examples=50)
@given(st.dictionaries(TEXTS, TEXTS, max_size=5))
def test_any_text_survives(data: dict[str, str]) -> None:
    assert unsqueezed(squeezed(data)) == data


@pytest.mark.parametrize("words", ["</script><!--", "\u202e\u2066\x00", "a \ud800 half", "é" * 1_000_000])
def test_hostile_words_survive_and_nothing_of_them_is_markup(files: list[Path], words: str) -> None:
    record: Any = next(r for r in (read(f, None) for f in files) if r.setting == "triage")
    ward = record.scenario.model_copy(update={"setting": words})
    text, _ = kept(record.model_copy(update={"scenario": ward}))
    shared = Shared()
    shared.taken_out_of(json.loads(text))
    pack = shared.packed()
    assert set(pack) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
    assert [case["says"] for case in unsqueezed(pack)["cases"].values()] == [words]
