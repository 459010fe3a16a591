"""A tiny study from its file to its findings: every file is there, parses, says the same, and says it again."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml

from evals import terminal
from evals.experiment.ledger import Folder
from evals.experiment.plan import Plan
from evals.findings import report
from evals.findings.__main__ import app
from evals.findings.section import Section, interval, number, p_value
from tests.evals.experiments import data, plan, run
from tests.play import environment

pytestmark = pytest.mark.slow

TINY: dict[str, Any] = data(
    question="Does a tiny study say | what it found?",
    wards=["generated:{1..4},n=5,divisible=1"],
    factors={"opponent": ["biased-age", "plain"]},
    settings={"retrieval": "off", "rounds": 2, "framework": "plain"},
    conditions=[{"name": "first-word", "set": {"merge_rule": "last-word-first"}, "only": {"opponent": "biased-age"}}],
    nulls={"bargaining": {"exponent": [0.5, 2], "floor": [0.5]}},
    twins={"attributes": ["sex"], "permutations": 2, "only": {"opponent": "biased-age"}},
    planted={"opponent": "biased-sex", "strengths": [0, 1]},
    hypotheses=[
        {
            "id": name,
            "claim": f"Claim of {name}.",
            "outcome": outcome,
            "of": {"opponent": "biased-age"} | of,
            "against": against,
            "direction": direction,
        }
        for name, outcome, of, against, direction in (
            ("H1", "worst_off", {"stage": "joint"}, {"stage": "no_debate"}, "greater"),
            ("H2", "criteria_met", {"stage": "joint"}, {"stage": "best_solo"}, "greater"),
            ("H3", "favoured_gap", {"stage": "joint"}, {"opponent": "plain"}, "less"),
            ("C6", "criteria_met", {"stage": "joint"}, {"stage": "best_mixture"}, "greater"),
            ("C9-oracle", "beta", {"stage": "joint"}, {"stage": "oracle"}, "less"),
            ("C9-lottery", "beta", {"stage": "joint"}, {"stage": "lottery"}, "two-sided"),
            ("C10", "gini", {"control": "first-word"}, {"control": ""}, "greater"),
            ("H9", "mind_moved", {"stage": "exit_solo:A"}, 0.5, "less"),
        )
    ],
)  # fmt: skip
CHANGES = {k: v for k, v in TINY.items() if k not in ("name",)}


def typed(*words: str) -> int:
    """Type `python -m evals.findings …` in this process, and return its exit code."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["findings", *words])
        terminal.run(app)
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny.yaml, and every run of it under out/."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY, sort_keys=False))
    session = run(plan(**CHANGES), folder / "out", processes=1)
    assert session.complete == len(plan(**CHANGES).runs)
    return folder


@pytest.fixture(scope="module")
def shown(ran: Path) -> dict[str, str]:
    """What a terminal of 80 columns shows: `whole`, `brief` and as `json`, of findings that are worked out once."""
    made: list[tuple[str, list[Section], Path]] = []
    work_out, said = report.findings, {}

    def once(folder: Folder, plan: Plan, tell: report.Tell) -> tuple[str, list[Section], Path]:
        made.extend([] if made else [work_out(folder, plan, tell)])
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ran)
        patch.setenv("COLUMNS", "80")
        patch.setattr(report, "findings", once)
        for name, words in {"whole": (), "brief": ("--brief",), "json": ("--json",)}.items():
            heard = io.StringIO()
            with redirect_stdout(heard):
                assert typed("tiny.yaml", "--out", "out", *words) == 0
            said[name] = heard.getvalue()
    return said


@pytest.fixture(scope="module")
def out(ran: Path, shown: dict[str, str]) -> Path:
    return ran / "out"


@pytest.fixture(scope="module")
def again(ran: Path, out: Path) -> Path:
    """The same records once more, in another folder and by a process of its own."""
    shutil.copytree(out, ran / "again", ignore=shutil.ignore_patterns("tables", "figures", "findings.md"))
    done = subprocess.run(
        [sys.executable, "-m", "evals.findings", "tiny.yaml", "--out", "again"],
        cwd=ran,
        env=environment({"COLUMNS": "80"}),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return ran / "again"


def text(out: Path) -> str:
    return (out / "findings.md").read_text(encoding="utf-8")


def markdown_table(text: str, title: str) -> list[dict[str, str]]:
    """The rows of a table of findings.md, by heading."""
    lines = text[text.index(f"**{title}**") :].splitlines()[2:]
    rows = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[: lines.index("")]]
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


class TestFiles:
    def test_every_file_linked_is_there_and_every_file_is_linked(self, out: Path) -> None:
        linked = set(re.findall(r"\]\(([^)]+)\)", text(out)))
        assert linked and all((out / name).is_file() for name in linked)
        tables = {f"tables/{p.name}" for p in (out / "tables").iterdir()}
        pictures = {f"figures/{p.stem}.svg" for p in (out / "figures").iterdir()}
        assert linked == tables | pictures and len(pictures) >= 9

    def test_every_table_parses_and_has_rows(self, out: Path) -> None:
        empty = set()
        for path in sorted((out / "tables").glob("*.csv")):
            table = pd.read_csv(path)
            assert len(table.columns) > 1, path.name
            assert not any(str(c).startswith("Unnamed") for c in table.columns), path.name
            empty |= {path.stem} if table.empty else set()
        assert not empty

    def test_every_figure_is_svg_and_png_with_words_and_without_traces(self, ran: Path, out: Path) -> None:
        names = {p.stem for p in (out / "figures").iterdir()}
        for name in sorted(names):
            svg = (out / "figures" / f"{name}.svg").read_text(encoding="utf-8")
            words = "".join(ElementTree.fromstring(svg).itertext())
            assert svg.count("<text") > 4 and len(words) > 20, name
            for trace in (str(ran), str(Path.home()), sys.prefix, "dc:date"):
                assert trace not in svg, (name, trace)
            assert not re.search(r"20\d\d-\d\d-\d\d", svg), name
            assert (out / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")

    def test_the_text_holds_no_path_of_this_machine(self, ran: Path, out: Path) -> None:
        assert str(ran) not in text(out) and "\\|" in text(out).splitlines()[0].replace("|", "\\|")

    def test_again_is_the_same_to_the_byte(self, out: Path, again: Path) -> None:
        made = sorted(p.relative_to(out) for p in out.rglob("*") if p.suffix in (".md", ".csv", ".svg"))
        assert len(made) > 40
        assert [p for p in made if (again / p).read_bytes() != (out / p).read_bytes()] == []


class TestWords:
    def test_who_made_the_runs_and_how_many(self, out: Path) -> None:
        said, runs = text(out), len(plan(**CHANGES).runs)
        assert "**Reference negotiators alone made these runs.**" in said
        assert "no evidence about any language model" in said
        assert f"{runs} runs complete, 0 invalid, 0 failed, 0 not run yet, of {runs} planned" in said
        assert "No model was called, nothing was paid." in said
        assert "The plan was not frozen before the runs, so every number is exploratory." in said

    def test_numbers_of_the_text_are_those_of_the_table(self, out: Path) -> None:
        table = pd.read_csv(out / "tables" / "hypotheses.csv").set_index("hypothesis")
        shown = {row[""]: row for row in markdown_table(text(out), "Hypotheses")}
        assert list(shown) == list(table.index) == [h["id"] for h in TINY["hypotheses"]]
        for name, r in table.iterrows():
            row = shown[str(name)]
            missing = int(r["missing"] + r["unmatched"])
            assert row["effect"] == number(r["difference"], signed=True)
            assert row["95 %"] == interval(r["low"], r["high"]) == "–", "under 20 wards there is no interval"
            assert row["p (Holm)"] == p_value(r["p_holm"])
            assert row["d_z"] == number(r["effect_dz"])
            assert row["pairs / wards"] == f"{r['pairs']} / {r['wards']}" + (
                f" ({missing} missing)" if missing else ""
            )
            assert row["bargaining null"] == interval(r["bargaining_low"], r["bargaining_high"])
            assert row["standing"] == r["standing"] == "exploratory"
            assert row["verdict"].split(";")[0] == r["verdict"]
            sentence = next(line for line in text(out).splitlines() if line.startswith(f"**{name}: "))
            assert sentence.startswith(f"**{name}: {r['verdict']}")
            assert f".** {r['claim']} `{r['outcome']}`" in sentence
            if name == "H3":  # with a plain opponent nobody is favoured: missing, never 0
                assert r["verdict"] == "not tested" and "(4 pairs are without one, 0 runs" in sentence
                continue
            assert f"{number(r['treatment'])} against {number(r['control'])}" in sentence
            assert (
                f"a difference of {number(r['difference'], signed=True)} (p {p_value(r['p_holm'])}"
                in sentence
            )

    def test_every_hypothesis_has_its_pairs_and_its_null(self, out: Path) -> None:
        table = pd.read_csv(out / "tables" / "hypotheses.csv").set_index("hypothesis")
        pairs = pd.read_csv(out / "tables" / "pairs.csv")
        for name, r in table.iterrows():
            mine = pairs[pairs["hypothesis"] == name]
            if name == "H3":
                assert len(mine) == r["missing"] == 4 and r["pairs"] == 0
                continue
            assert len(mine) == r["pairs"] + r["missing"] and r["wards"] <= 4
            assert (mine["treatment"] - mine["control"]).mean() == pytest.approx(r["difference"], abs=1e-4)
        assert table.drop("H3")["bargaining_low"].notna().all(), (
            "ceilings and floors have the bargaining null too"
        )

    def test_what_is_linked_to_a_number_is_a_record(self, out: Path) -> None:
        pairs = pd.read_csv(out / "tables" / "pairs.csv")
        ids = set(pairs["run_treatment"]) | set(pairs["run_control"].dropna())
        assert ids and all((out / "records" / f"{i}.json").is_file() for i in ids)

    def test_both_nulls_stand_in_the_tables_of_stages(self, out: Path) -> None:
        for name in ("fairness_by_stage", "system_by_stage"):
            table = pd.read_csv(out / "tables" / f"{name}.csv")
            known = table[(table["stage"] == "joint") & table["mean"].notna()]
            assert len(known) > 5
            assert known[["over_no_debate", "bargaining_low", "bargaining_high"]].notna().all().all()

    def test_the_planted_bias_and_the_twins_are_told(self, out: Path) -> None:
        assert re.search(r"\*\*Positive control: (detected|not detected|undecidable)\.\*\*", text(out))
        assert markdown_table(text(out), "Mean movement of need met (flip rate where goods are whole)")


class TestTerminal:
    def test_80_columns_are_kept(self, shown: dict[str, str]) -> None:
        assert max(len(line.rstrip()) for line in shown["whole"].splitlines()) <= 80
        for row in ("H1", "C9-oracle", "What a sceptic asks", "What this cannot say"):
            assert row in shown["whole"]

    def test_the_words_of_headings_are_not_broken(self, shown: dict[str, str]) -> None:
        lines = [line.split() for line in shown["whole"].splitlines()]
        words = {w for line in lines for w in line}
        assert {"standing", "verdict", "effect", "wards"} <= words

    def test_brief_is_shorter(self, shown: dict[str, str]) -> None:
        assert "Hypotheses" in shown["brief"] and "Concession" not in shown["brief"]

    def test_json_is_the_hypotheses(self, shown: dict[str, str], out: Path) -> None:
        rows = json.loads(shown["json"])
        assert [r["hypothesis"] for r in rows] == [h["id"] for h in TINY["hypotheses"]]
        table = pd.read_csv(out / "tables" / "hypotheses.csv")
        told_by_json = [float("nan") if r["difference"] is None else r["difference"] for r in rows]
        assert told_by_json == pytest.approx(list(table["difference"]), nan_ok=True)
        assert rows[0]["low"] is None and rows[0]["standing"] == "exploratory"

    def test_mistakes_are_one_line_and_exit_2(
        self, ran: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(ran)
        (ran / "bad.yaml").write_text("name: bad\nwards: [generated:1]\n")
        (ran / "file").write_text("")
        for words, said in (
            (("nowhere",), "no study 'nowhere'"),
            (("bad.yaml",), "bad.yaml: question: missing"),
            (
                ("tiny.yaml", "--out", "empty"),
                "no run of study tiny is recorded there; run it, or name its --out",
            ),
        ):
            code, heard = typed(*words), capsys.readouterr()
            assert code == 2 and said in heard.err, heard.err
            assert heard.out == "" and "Traceback" not in heard.err
            told = [line for line in heard.err.splitlines() if not line.endswith("…")]
            assert len(told) == 1
