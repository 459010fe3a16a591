"""Do the documents hold: every command and quoted output, every link, every table that the code could contradict?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.documents import PAGES, Reader, blocks, with_tables
from tests.loopback import Loopback
from tests.play import ROOT

REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
HOUSE = ("scenarios", "personas", "retrieval", "negotiators", "nodes", "graphs")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)")
VARIABLE = re.compile(r"""env(?:iron)?(?:\.get\(|\[)\s*["']([A-Z][A-Z0-9_]+)|envvar=["']([A-Z0-9_]+)""")


@pytest.fixture(scope="module")
def reader(parley_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with Loopback() as server, Reader(tmp_path_factory.mktemp("reader"), server) as reader:
        yield reader


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_who_types_all_that_a_page_says_sees_what_it_says(
    page: Path, reader: Reader, tmp_path: Path
) -> None:
    reader.folder = tmp_path
    reader.read(page)


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

    assert re.findall(r"<!-- derived: ([a-z-]+) -->", REFERENCE) != []
    assert set(re.findall(r"<!-- derived: ([a-z-]+) -->", REFERENCE)) == set(TABLES)


def _section(title: str) -> str:
    """The text under a heading, up to the next of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert found, f"reference.md has no heading '{title}'"
    return found[1]


def _first_column(text: str) -> set[str]:
    """Names in the first column of the tables of a text."""
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_field_of_the_records_and_files_is_in_the_reference_and_no_other() -> None:
    from negotiators.protocol import Incident, Move, Passage, Usage
    from nodes import record
    from nodes.findings.emergence import Balanced, Emergence
    from personas.persona import Persona
    from scenarios import ward

    models: list[Any] = [Incident, Move, Usage, Balanced, Emergence, Persona]
    models += [record.RunRecord, record.Seat, record.Solo, record.Round, record.Outcome, record.Influence]
    models += [record.EdgeEvent, ward.Ward, ward.Resource, ward.Patient, ward.Vitals, ward.Organs]
    models += [ward.PatientWeights, Passage]
    for model in models:
        documented = _first_column(_section(f"`{model.__name__}`").partition("<!--")[0])
        assert documented == set(model.model_fields), model.__name__
    described = {m.__name__ for m in models} | {"Table"}
    assert set(record.schema()["$defs"]) <= described, "a part of the record has no section"


def test_every_field_of_a_corpus_file_is_in_the_reference() -> None:
    from retrieval.passages import Passage

    assert _first_column(_section("The corpus file")) == set(Passage.model_fields)


def test_every_name_that_a_page_or_a_record_shows_is_explained() -> None:
    from typing import get_args

    from negotiators.protocol import Incident
    from negotiators.reference.concession import EXPONENTS, Kind
    from nodes.findings import strategy
    from nodes.merging.rules import MERGE_RULES
    from scenarios.measures import MEASURES

    assert _first_column(_section("Merge rules").partition("<!-- end -->")[2]) == set(MERGE_RULES)
    rows = _section("Measures")
    assert all(f"| `{m.name}` | {m.symbol} |" in rows for m in MEASURES.values())
    assert _first_column(_section("Incidents")) == set(get_args(Incident.model_fields["kind"].annotation))
    assert _first_column(_section("Concession policies")) == set(get_args(Kind))
    assert all(f"| `{kind}` | {e:g}" in _section("Concession policies") for kind, e in EXPONENTS.items())
    told = _first_column(_section("Strategies"))
    assert told == {*get_args(strategy.Step), *get_args(strategy.Tag)}
    assert all(f"`{label}`" in _section("Strategies") for label in get_args(strategy.Label))


def test_every_option_of_every_command_is_in_the_reference() -> None:
    import typer

    import retrieval.__main__
    import retrieval.benchmark
    import scenarios.__main__
    from graphs import command

    for app in (command.app, retrieval.__main__.app, retrieval.benchmark.app, scenarios.__main__.app):
        group: Any = typer.main.get_command(app)
        for each in getattr(group, "commands", {"": group}).values():
            for option in (o for p in each.params for o in [*p.opts, *p.secondary_opts] if o.startswith("-")):
                if option in ("--install-completion", "--show-completion"):
                    continue
                assert f"`{option}" in REFERENCE or f" {option} " in REFERENCE, f"{each.name}: {option}"


def test_every_environment_variable_that_the_code_reads_is_in_the_reference() -> None:
    code = "\n".join(p.read_text(encoding="utf-8") for room in HOUSE for p in (ROOT / room).rglob("*.py"))
    read = {name for pair in VARIABLE.findall(code) for name in pair if name} - {"PATH"}
    read |= set(re.findall(r'"((?:LANGSMITH|LANGCHAIN)_[A-Z0-9_]+)"', code))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    read |= set(re.findall(r"^# ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    assert {"PARLEY_HOME", "OPENAI_API_KEY", "LANGSMITH_TRACING"} <= read
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", _section("Environment variables")))
    assert read <= documented


@pytest.mark.parametrize("name", ["ward", "record"])
def test_the_schemas_are_those_of_the_code(name: str) -> None:
    from nodes import record
    from scenarios import load

    made = load.schema() if name == "ward" else record.schema()
    written = json.loads((ROOT / "docs" / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert written == made, "docs are behind the code: `make docs`"
