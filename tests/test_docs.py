"""Do the documents hold: every link, every option, every table that the code could contradict? See also test_pages."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.documents import PAGES, Reader, blocks, with_tables
from tests.loopback import Loopback
from tests.play import ROOT
from tests.seasons import match, season
from tests.sections import assert_documented, columns, first_column, options_of, section

REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
STUDIES = (ROOT / "docs" / "reference-studies.md").read_text(encoding="utf-8")
DILEMMAS = (ROOT / "docs" / "reference-dilemmas.md").read_text(encoding="utf-8")
DELIBERATION = (ROOT / "docs" / "reference-deliberation.md").read_text(encoding="utf-8")
REPORT = (ROOT / "docs" / "reference-report.md").read_text(encoding="utf-8")
HOUSE = ("scenarios", "personas", "retrieval", "negotiators", "nodes", "graphs", "evals", "training")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)")
VARIABLE = re.compile(r"""env(?:iron)?(?:\.get\(|\[)\s*["']([A-Z][A-Z0-9_]+)|envvar=["']([A-Z0-9_]+)""")


def test_a_reader_notices_what_is_not_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.documents.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("```text out\nsaid\n```\n\n```sh\ncurl example.org\n```\n", encoding="utf-8")
    quoted, typed = blocks(page)
    with Loopback() as server:
        reader = Reader(tmp_path, server, said="something said\n")
        with pytest.raises(AssertionError, match=r"page.md:1: not printed: 'said'"):
            reader._compare(quoted, mend=False)
        with pytest.raises(AssertionError, match=r"page.md:5: `curl example.org` is neither run nor listed"):
            reader.type(typed.text.strip(), typed)


def test_links_lead_somewhere() -> None:
    broken = []
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for found in LINK.finditer(_prose(page)):
            path, _, anchor = found["to"].partition("#")
            if path.startswith(("http:", "https:", "mailto:")):
                continue
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in _anchors(target)):
                broken.append(f"{page.name}: {found['to']}")
    assert not broken


def _prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """Anchors as GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tables_taken_from_the_code_are_as_the_code_has_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == with_tables(text), (
        f"{page.name} is behind the code: `python -m tests.documents {page.name}`"
    )


def test_the_reference_has_the_derived_tables() -> None:
    from tests.tables import TABLES

    pages = (REFERENCE, STUDIES, DILEMMAS, DELIBERATION)
    derived = [re.findall(r"<!-- derived: ([a-z-]+) -->", page) for page in pages]
    assert all(derived)
    assert {name for names in derived for name in names} == set(TABLES)


def _section(title: str, page: str = REFERENCE) -> str:
    return section(title, page)


def test_every_field_of_the_records_and_files_is_in_the_reference_and_no_other() -> None:
    from negotiators.protocol import Incident, Move, Passage, Usage
    from nodes import record, records
    from nodes.findings.emergence import Balanced, Emergence
    from personas.persona import Persona
    from scenarios import ward

    models: list[Any] = [Incident, Move, Usage, Balanced, Emergence, Persona]
    models += [record.RunRecord, record.Seat, record.Solo, record.Round, record.Outcome, record.Influence]
    models += [record.EdgeEvent, ward.Ward, ward.Resource, ward.Patient, ward.Vitals, ward.Organs]
    models += [ward.PatientWeights, Passage]
    assert_documented(models, REFERENCE)
    dilemmas = _models_of_dilemmas()
    assert_documented(dilemmas, DILEMMAS)
    talks = _models_of_deliberation()
    assert_documented(talks, DELIBERATION)
    described = {m.__name__ for m in (*models, *dilemmas, *talks)}
    described |= {"Table", "CommonsTable", "GamesTable", "DeliberationTable"}
    assert set(records.schema()["$defs"]) <= described, "a part of the record has no section"


def _models_of_dilemmas() -> list[Any]:
    from negotiators.dilemma import Proposal
    from nodes.commons.record import CommonsRecord, Meeting, Month
    from nodes.dilemma.record import Bite, DilemmaSeat, LawInForce, Ledger, Payoffs
    from nodes.games.record import GameRecord, Play
    from personas.concern import Concern
    from scenarios.commons.commons import Commons, Contingencies, Need, Regrowth
    from scenarios.contracts.contract import Clause, Contract
    from scenarios.games.game import Game, State

    records = [CommonsRecord, Meeting, Month, GameRecord, Play, DilemmaSeat]
    parts = [Proposal, LawInForce, Bite, Ledger, Payoffs]
    return [*records, *parts, Concern, Commons, Regrowth, Contingencies, Need, Game, State, Contract, Clause]


def _models_of_deliberation() -> list[Any]:
    from negotiators.deliberation import Completion, Utterance, Verdict
    from nodes.deliberation.record import DeliberationRecord, DeliberationSeat
    from personas.opposing import Pair, Pole
    from scenarios.dilemmas.dilemma import Dilemma, Issue, Option, Theme

    records = [DeliberationRecord, DeliberationSeat, Utterance, Verdict, Completion]
    return [*records, Dilemma, Issue, Option, Theme, Pair, Pole]


def test_every_field_of_a_corpus_file_is_in_the_reference() -> None:
    from retrieval.passages import Passage

    assert first_column(_section("The corpus file")) == set(Passage.model_fields)


def test_every_name_that_a_page_or_a_record_shows_is_explained() -> None:
    from negotiators.protocol import Incident
    from negotiators.reference.debate.concession import EXPONENTS, Kind
    from nodes.findings import strategy
    from nodes.merging.rules import MERGE_RULES
    from scenarios.measures import MEASURES

    assert first_column(_section("Merge rules").partition("<!-- end -->")[2]) == set(MERGE_RULES)
    rows = _section("Measures")
    assert all(f"| `{m.name}` | {m.symbol} |" in rows for m in MEASURES.values())
    assert first_column(_section("Incidents")) == set(get_args(Incident.model_fields["kind"].annotation))
    assert first_column(_section("Concession policies")) == set(get_args(Kind))
    assert all(f"| `{kind}` | {e:g}" in _section("Concession policies") for kind, e in EXPONENTS.items())
    told = first_column(_section("Strategies"))
    assert told == {*get_args(strategy.Step), *get_args(strategy.Tag)}
    assert all(f"`{label}`" in _section("Strategies") for label in get_args(strategy.Label))


def test_every_measure_benchmark_kind_of_clause_and_table_of_dilemmas_is_in_the_reference(
    tmp_path: Path,
) -> None:
    from evals.prosociality.recovery import Verdict
    from scenarios.commons.load import _SETTINGS
    from scenarios.contracts import KINDS

    of = {
        "season": season("fishery,months=2,agents=2", tmp_path, regime="none"),
        "game": match("prisoners-dilemma", tmp_path, regime="none"),
    }
    for name, record in of.items():
        assert first_column(_section(f"Measures of a {name}", DILEMMAS)) == set(record.measures), name
    told = {name for record in of.values() for name in record.benchmarks}
    assert first_column(_section("Benchmarks", DILEMMAS)) == told
    assert first_column(_section("Kinds of clause", DILEMMAS)) == set(KINDS)
    assert first_column(_section("Concern measured", DILEMMAS)) >= set(get_args(Verdict))
    assert first_column(_section("What `--scenario` takes", DILEMMAS)) >= set(_SETTINGS)


def test_every_table_of_findings_of_dilemmas_is_in_the_reference_with_its_columns() -> None:
    from evals.dilemmas import floor, gathered
    from evals.dilemmas import laws as of_laws
    from evals.prosociality.drift import POINTS

    section = _section("Tables of findings of dilemmas", DILEMMAS)
    assert columns(section, "measures") == set(gathered.COLUMNS)
    assert columns(section, "shortfall_by_concern") == set(floor.CURVE)
    assert columns(section, "laws") == set(of_laws.COLUMNS)
    assert columns(section, "drift") == {"dynamics", "regime", "portrait", *POINTS}


def test_every_option_of_every_command_is_in_the_reference() -> None:
    import retrieval.__main__
    import retrieval.benchmark
    import scenarios.__main__
    import scenarios.dilemmas.__main__
    from graphs.command import command_line

    others = (retrieval.__main__.app, retrieval.benchmark.app, scenarios.__main__.app)
    apps = dict.fromkeys((command_line("triage"), *others), REFERENCE)
    apps |= {command_line(name): DILEMMAS for name in ("commons", "games")}
    apps |= {command_line("deliberation"): DELIBERATION, scenarios.dilemmas.__main__.app: DELIBERATION}
    rooms = sorted(path.parent.name for path in (ROOT / "evals").glob("*/__main__.py"))
    assert "experiment" in rooms and "findings" in rooms
    for room in rooms:
        pages = {"welfare_gap": DILEMMAS, "prosociality": DILEMMAS, "judges": DELIBERATION}
        pages |= dict.fromkeys(("report", "export", "measures"), REPORT)
        page = pages.get(room, STUDIES)
        assert f"### `python -m evals.{room}" in page, room
        apps[import_module(f"evals.{room}.__main__").app] = page
    for app, page in apps.items():
        for command, option in options_of(app):
            assert f"`{option}" in page or f" {option} " in page, f"{command}: {option}"


def test_every_field_of_a_study_is_in_the_reference_and_no_other() -> None:
    from evals.experiment import study

    models: list[Any] = [study.Study, study.Condition, study.Hypothesis, study.Nulls, study.Grid]
    models += [study.Twins, study.Planted, study.Caps]
    for each in models:
        assert first_column(_section(f"`{each.__name__}`", STUDIES)) == set(each.model_fields), each.__name__


def test_every_stage_role_score_label_and_table_column_has_its_name_in_the_reference() -> None:
    from evals import edges
    from evals.experiment.plan import ROLES
    from evals.findings.contrasts import FOLDED
    from evals.langsmith.evaluators import KEYS
    from evals.rhetoric import LABELS

    assert first_column(_section("Stages", STUDIES)) >= {"joint", "no_debate", "oracle", *FOLDED}
    assert first_column(_section("The folder of a study", STUDIES)) >= set(ROLES)
    told = {"criterion:NAME" if key.startswith("criterion:") else key for key in KEYS}
    assert first_column(_section("Scores", STUDIES)) == {*told, "gap:ATTRIBUTE"}
    assert first_column(_section("Rhetoric", STUDIES)) == set(LABELS)
    of_edges = {"events": edges.EVENT_COLUMNS, "cells": edges.CELL_COLUMNS, "changes": edges.CHANGE_COLUMNS}
    section = _section("Edge tables", STUDIES)
    assert {name: columns(section, name) for name in of_edges} == {n: set(c) for n, c in of_edges.items()}


@pytest.mark.slow
@pytest.mark.postgres
def test_every_table_of_findings_is_in_the_reference_with_every_column(
    parley_home: Path, tmp_path: Path
) -> None:
    """A study that has a bit of everything: nulls, twins, a planted bias, and pairs of patients for the pull."""
    made: dict[str, Any] = {}
    for name, study in STUDIES_OF_EVERYTHING.items():
        made = _tables_of_findings({"name": name} | study, tmp_path / name) | made
    runs = set(made.pop("runs").columns)
    text = STUDIES[STUDIES.index("## Tables of findings") : STUDIES.index("## Frames")]
    rows = [row for row in text.splitlines() if row.startswith("| `")]
    documented = {row.split("`")[1] for row in rows} - {"runs"}
    words = first_column(text[: text.index("### What ran")])
    assert documented - words == set(made) - words
    for name, frame in made.items():
        assert columns(text, name) == set(frame.columns), name
    told = first_column(_section("`runs`", STUDIES))
    patterns = [re.compile(re.sub("[A-Z]+", "[A-Za-z_]+", name)) for name in told]
    patterns += [re.compile(re.escape(name)) for name in _settings()]
    assert [c for c in sorted(runs) if not any(p.fullmatch(c) for p in patterns)] == []


BIASED = {"framework": "plain", "opponent": "biased-sex", "retrieval": "off", "rounds": 1}
STUDIES_OF_EVERYTHING: dict[str, dict[str, Any]] = {
    "wards": {
        "wards": ["generated:{1..2},n=4,divisible=1"],
        "settings": BIASED,
        "hypotheses": [
            {"id": "H1", "claim": "c", "outcome": "favoured_gap", "of": {}, "against": {"stage": "no_debate"}}
        ],
        "nulls": {"bargaining": {}},
        "twins": {"attributes": ["sex"], "permutations": 1},
        "planted": {"opponent": "biased-sex", "strengths": [0, 1]},
    },
    "pairs": {
        "wards": ["generated:{3..4},n=2,divisible=0"],
        "settings": BIASED,
        "factors": {"strength": [0.2, 0.9]},
    },
}


def _tables_of_findings(study: dict[str, Any], folder: Path) -> dict[str, Any]:
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import planned
    from evals.experiment.reading import parse_study
    from evals.experiment.running import Ways, run_study
    from evals.findings.report import gathered, sections
    from nodes.table.equipment import Equipment

    plan, at = planned(parse_study({"question": "q"} | study, "test")), Folder(folder)
    session = run_study(plan, at, Ways(processes=1), Equipment(), lambda _: None)
    assert not session.failed and not session.stopped
    found = sections(gathered(at, plan, lambda _: None), at, plan, lambda _: None)
    tables = {name: table for section in found for name, table in section.tables.items()}
    return {re.sub("^planted-.+", "planted-OPPONENT", name): table for name, table in tables.items()}


def _settings() -> set[str]:
    from nodes.settings import Table

    return set(Table.model_fields)


def test_every_environment_variable_that_the_code_reads_is_in_the_reference() -> None:
    code = "\n".join(p.read_text(encoding="utf-8") for room in HOUSE for p in (ROOT / room).rglob("*.py"))
    read = {name for pair in VARIABLE.findall(code) for name in pair if name} - {"PATH", "HOME"}
    read |= set(re.findall(r'"((?:LANGSMITH|LANGCHAIN)_[A-Z0-9_]+)"', code))
    read -= {"LANGSMITH_TEST_CACHE"}  # never read: put aside while an experiment runs
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    read |= set(re.findall(r"^# ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    assert {"PARLEY_HOME", "OPENAI_API_KEY", "LANGSMITH_TRACING"} <= read
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", _section("Environment variables")))
    assert read <= documented


@pytest.mark.parametrize("name", ["ward", "record"])
def test_the_schemas_are_those_of_the_code(name: str) -> None:
    from nodes import records
    from scenarios import load

    made = load.schema() if name == "ward" else records.schema()
    written = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert written == made, "docs are behind the code: `make docs`"
