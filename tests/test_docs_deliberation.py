"""Do the documents on deliberation and training hold: every name, table and option that the code could contradict?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.deliberating import deliberate
from tests.documents import NOT_RUN_HERE, PAGES, blocks
from tests.play import ROOT
from tests.sections import columns, first_column, options_of, section

PAGE = (ROOT / "docs" / "reference-deliberation.md").read_text(encoding="utf-8")
TRAINING = ("grpo", "sft", "serve", "demo")


def test_every_measure_verdict_and_strategy_is_in_the_reference_and_no_other(tmp_path: Path) -> None:
    from evals.deliberation.moves import ORDER
    from negotiators.deliberation import Kind

    record = deliberate("late-result", tmp_path)
    told = {re.sub(":[A-Z]$", ":SEAT", name) for name in record.measures}
    assert first_column(section("Measures of a deliberation", PAGE)) == told
    assert set(record.benchmarks) == {"mean", "least", "nash"}
    assert first_column(section("Verdicts", PAGE)) == set(get_args(Kind))
    assert first_column(section("What a turn does", PAGE)) == set(ORDER)


def test_every_measure_of_judges_and_every_key_is_in_the_reference() -> None:
    from evals.judges.__main__ import SHORT
    from evals.judges.judging import KEYS
    from evals.judges.page import WORDS

    names = first_column(section("Judges of plans", PAGE))
    assert names == {*KEYS, *WORDS, *(set(SHORT) - {"worth"})}


def test_every_table_of_findings_of_deliberations_is_in_the_reference_with_its_columns() -> None:
    from evals.deliberation import frames, gathered, judged, premature

    text = section("Tables of findings of deliberations", PAGE)
    findings, exported = text.split("`experiment export`")
    assert columns(findings, "measures") == columns(findings, "judged") == set(gathered.COLUMNS)
    assert columns(findings, "compared") == set(judged.COMPARED)
    assert columns(findings, "verdicts") == {"arm", "round", *premature.KINDS, "missing"}
    assert columns(exported, "turns") == set(frames.TURNS)
    assert columns(exported, "verdicts") == set(frames.VERDICTS)


def test_what_a_broken_rule_of_moralchoice_costs_is_in_the_reference() -> None:
    from scenarios.dilemmas.moralchoice import COSTS

    text = section("MoralChoice", PAGE)
    for rule, costs in COSTS.items():
        said = ", ".join(f"{name} {grade}".replace("-", "−") for name, grade in costs.items())
        assert f"| `{rule}` | {said} |" in text, rule


def test_every_file_of_a_prompt_is_named_in_the_reference() -> None:
    text = section("Prompts", PAGE)
    for room in ("deliberation", "judging"):
        for path in (ROOT / "negotiators" / "chat" / room / "prompts").glob("*.md"):
            plain = path.stem.removesuffix("_pair")
            assert f"`{path.stem}`" in text or f"`{plain}`" in text, path.name


def test_every_shipped_study_and_configuration_is_named() -> None:
    for path in (ROOT / "evals" / "studies").glob("learning-to-negotiate*.yaml"):
        assert f"`{path.stem}`" in section("Studies", PAGE), path.stem
    for path in (ROOT / "training" / "configs").glob("*.yaml"):
        assert path.name in PAGE, path.name


def test_every_metric_of_training_and_every_size_is_in_the_reference() -> None:
    from training.advantages import signal
    from training.figure import CURVES
    from training.models.tiny import SIZES

    named = first_column(section("Metrics of a step", PAGE))
    assert {name for name, _ in CURVES} <= named
    assert set(signal([]).metrics()) - {"tokens"} <= named
    assert all(f"`{size}`" in section("Models from scratch", PAGE) for size in SIZES)


def test_every_option_of_training_is_in_the_reference() -> None:
    for name in TRAINING:
        part = section(f"`python -m training.{name}`", PAGE)
        for _, option in options_of(import_module(f"training.{name}").app):
            assert f"`{option}" in part or option == "--help", f"{name}: {option}"


def test_what_is_typed_in_pages_and_not_run_has_options_that_there_are() -> None:
    """A command that trains is not run by the test that reads a page: a mistyped option would stand there for ever."""
    checked = 0
    for page in PAGES:
        for line in _unrun(page):
            words = shlex.split(line)
            module = words[words.index("-m") + 1]
            known = {option for _, option in options_of(_app(module))}
            given = {w.partition("=")[0] for w in words[words.index("-m") + 2 :] if w.startswith("--")}
            assert given <= known, f"{page.name}: {line}: {sorted(given - known)}"
            checked += 1
    assert checked > 10


def _unrun(page: Path) -> Iterator[str]:
    for block in blocks(page):
        lines = block.text.replace("\\\n", " ").splitlines() if block.language == "sh" else []
        for line in lines:
            left_out = any(part in line for part in NOT_RUN_HERE if part != "--engine ray")
            if left_out or line.startswith("accelerate"):
                yield line


def _app(module: str) -> Any:
    if module.startswith("graphs."):
        from graphs.command import command_line

        return command_line(module.removeprefix("graphs."))  # type: ignore[arg-type]
    return import_module(module if module.startswith("training.") else f"{module}.__main__").app


@pytest.mark.parametrize("name", ["tiny", "small-gpu", "qwen3-14b"])
def test_settings_that_the_page_on_training_names_are_taken(name: str) -> None:
    """`--set` in the page, and fields that it names in words, against the fields that there are."""
    from training.backends import Tuning
    from training.config import WarmUp, read_config
    from training.rules import Rules

    text = (ROOT / "docs" / "how-to-train.md").read_text(encoding="utf-8")
    given = [pair for pair in re.findall(r"--set ([a-z_.]+=[^\s`]+)", text) if "ORG/" not in pair]
    assert "rules.alone=true" in given
    parts: dict[str, Any] = {"rules": Rules, "tuning": Tuning, "warm_up": WarmUp}
    for part, field in re.findall(r"\b(rules|tuning|warm_up)\.([a-z_]+)", text):
        assert field in parts[part].model_fields, f"{part}.{field}"
    for pair in given:
        read_config(ROOT / "training" / "configs" / f"{name}.yaml", [pair])
