"""Are the records that paths name found, read in order, checked, and read alike by one process and by several?"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evals.records import PARALLEL_FROM, each, paths, read
from nodes.record import SCHEMA_VERSION, RunRecord
from scenarios.errors import ParleyError
from tests.play import play

WARD = "generated:1,n=4,divisible=1"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One small record as it is written."""
    runs = tmp_path_factory.mktemp("runs")
    record = play(WARD, runs, framework="plain", opponent="biased-sex", rounds=1)
    return (runs / f"{record.run_id}.json").read_text(encoding="utf-8")


def changed(text: str, **fields: object) -> str:
    return json.dumps(json.loads(text) | fields)


def who(record: RunRecord) -> tuple[str, int]:
    return record.run_id, record.replicate


class TestPaths:
    def test_a_folder_is_its_json_files_sorted_and_no_deeper(self, tmp_path: Path) -> None:
        for name in ("b.json", "a.json", "c.jsonl", "notes.txt"):
            (tmp_path / name).write_text("")
        (tmp_path / "deeper.json").mkdir()
        (tmp_path / "deeper").mkdir()
        (tmp_path / "deeper" / "d.json").write_text("")
        assert paths([tmp_path]) == [tmp_path / "a.json", tmp_path / "b.json"]

    def test_the_order_asked_for_is_kept_and_nothing_stands_twice(self, tmp_path: Path) -> None:
        for name in ("a.json", "b.json", "c.json"):
            (tmp_path / name).write_text("")
        found = paths([tmp_path / "c.json", str(tmp_path), tmp_path / "a.json"])
        assert [p.name for p in found] == ["c.json", "a.json", "b.json"]

    def test_home_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "a.json").write_text("")
        assert paths(["~/a.json"]) == [tmp_path / "a.json"]

    def test_what_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ParleyError, match=r"nowhere\.json: no such record or folder"):
            paths([tmp_path / "nowhere.json"])
        with pytest.raises(ParleyError, match="no record there; run a debate first"):
            paths([tmp_path])
        with pytest.raises(ParleyError, match="no path given: no record there"):
            paths([])

    def test_a_folder_that_may_not_be_entered_is_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(self: Path) -> bool:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "is_dir", refused)
        with pytest.raises(ParleyError, match=r"cannot be read \(Permission denied\)"):
            paths([tmp_path])


class TestRead:
    def test_what_was_written_comes_back_whole(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text(text)
        assert read(tmp_path / "a.json").model_dump(mode="json") == json.loads(text)

    @pytest.mark.parametrize(
        ("made", "said"),
        [
            (lambda text: text[: len(text) // 2], "the file: Invalid JSON"),
            (lambda text: "", "the file: Invalid JSON"),
            (lambda text: "[]", "the file: "),
            (lambda text: changed(text, status="finished"), "status: "),
            (lambda text: changed(text, seats=None), "seats: "),
            (lambda text: changed(text, guessed=1), "guessed: "),
            (lambda text: changed(text, schema_version=1), "schema_version: "),
        ],
    )
    def test_damage_is_one_line_that_names_file_and_field(
        self, made: object, said: str, text: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.json"
        path.write_text(made(text))  # type: ignore[operator]
        with pytest.raises(ParleyError) as caught:
            read(path)
        line = str(caught.value)
        assert line.startswith(f"{path}: {said}") and line.endswith(
            "no run record, or damaged: remove it and run again"
        )
        assert "\n" not in line

    def test_bytes_that_are_no_text_are_one_line_too(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00{")
        with pytest.raises(ParleyError, match="no run record, or damaged: remove it and run again"):
            read(tmp_path / "a.json")

    def test_another_major_schema_is_named_even_where_its_fields_are_others(
        self, text: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.json"
        for fields in ({}, {"new_field": 1}, {"seats": {}}):
            path.write_text(changed(text, schema_version="2.3", **fields))
            with pytest.raises(ParleyError, match=rf"schema_version is 2\.3, this reads {SCHEMA_VERSION}"):
                read(path)

    def test_another_minor_schema_is_read(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text(changed(text, schema_version=f"{SCHEMA_VERSION.split('.')[0]}.99"))
        assert read(tmp_path / "a.json").schema_version.endswith(".99")

    def test_what_cannot_be_opened_is_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(ParleyError, match=r"cannot be read \(No such file"):
            read(tmp_path / "a.json")
        with pytest.raises(ParleyError, match=r"cannot be read \(Is a directory"):
            read(tmp_path)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_without_permission_it_is_one_line(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_text(text)
        (tmp_path / "a.json").chmod(0)
        with pytest.raises(ParleyError, match=r"cannot be read \(Permission denied\)"):
            read(tmp_path / "a.json")


class TestEach:
    def test_few_are_read_in_the_order_given_and_one_at_a_time(self, text: str, tmp_path: Path) -> None:
        files = []
        for number in (3, 1, 2):
            files.append(tmp_path / f"{number}.json")
            files[-1].write_text(changed(text, replicate=number))
        (tmp_path / "2.json").write_text("{")
        reading = each(files, who)
        assert [next(reading)[1], next(reading)[1]] == [3, 1], "nothing is read ahead of being asked for"
        with pytest.raises(ParleyError, match=r"2\.json"):
            next(reading)

    @pytest.mark.slow
    def test_many_are_read_by_several_processes_as_by_one(self, text: str, tmp_path: Path) -> None:
        files = []
        for number in range(PARALLEL_FROM + 9):
            files.append(tmp_path / f"{(number * 37) % 100:03d}.json")
            files[-1].write_text(changed(text, replicate=number))
        parallel = list(each(files, os_pid_and_who, processes=2))
        assert [told for _, told in parallel] == [
            told for _, told in each(files, os_pid_and_who, processes=1)
        ]
        assert [told[1] for _, told in parallel] == list(range(len(files)))
        assert os.getpid() not in {pid for pid, _ in parallel}
        files[40].write_text("{")
        with pytest.raises(ParleyError, match="no run record, or damaged: remove it and run again"):
            list(each(files, os_pid_and_who, processes=2))


def os_pid_and_who(record: RunRecord) -> tuple[int, tuple[str, int]]:
    return os.getpid(), who(record)
