"""Does a user's document become passages that say where they came from, and a bad one a line that says why?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import ingest as module
from retrieval.ingest import CHUNK_WORDS, Ingested, chunks, ingest
from retrieval.store import Store
from scenarios.errors import ParleyError
from tests.retrieval.retrieval_fakes import BagOfWords

MARKDOWN = """\
Before any heading.

# Triage  #

Those who would die without care and live with it come first.

```
# no heading, a comment
```

## Appeals

Anyone may appeal.
"""

HTML = """<html><head><title>Policy</title><style>p {color: red}</style></head><body>
<h1>Scope</h1><p>This policy covers <b>ventilators</b>.</p><script>alert("no")</script>
<h2>Who <i>decides</i></h2><p>A triage officer decides. Scope
is wide.</p></body></html>"""


def pdf(path: Path, pages: list[str]) -> Path:
    """A minimal PDF with a line of text a page, or with none where it is empty (as a scan has)."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode() if text else b""
        contents = 5 + 2 * number
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {contents} 0 R "
        objects.append((page + "/Resources << /Font << /F1 3 0 R >> >> >>").encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(objects) + 1, len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    body += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    path.write_bytes(body)
    return path


@pytest.fixture(scope="module")
def shelf(new_database: Callable[[], str]) -> Iterator[Store]:
    with Store.connect(new_database(), embeddings=BagOfWords()) as opened:
        yield opened


@pytest.fixture
def store(shelf: Store) -> Iterator[Store]:
    yield shelf
    shelf.delete(framework="mine")
    shelf.delete(framework="theirs")


def sources(store: Store) -> list[tuple[str, str]]:
    return [(entry.passage.source, entry.passage.text) for entry in store.passages(framework="mine")]


# -- each kind of document -----------------------------------------------------------------------------------

pytestmark = pytest.mark.postgres


def test_markdown_keeps_its_headings(store: Store, tmp_path: Path) -> None:
    (tmp_path / "Our Policy.md").write_text(MARKDOWN)
    assert [entry.outcome for entry in ingest(store, [tmp_path / "Our Policy.md"], "mine")] == ["added"]
    assert sources(store) == [
        ("Our Policy.md", "Before any heading."),
        (
            "Our Policy.md, Triage",
            "Those who would die without care and live with it come first. ``` # no heading, a comment ```",
        ),
        ("Our Policy.md, Appeals", "Anyone may appeal."),
    ]
    first = store.passages(framework="mine")[0].passage
    assert (first.kind, first.principles, first.id[:16]) == ("user", {}, "mine-our-policy-")


def test_html_keeps_its_headings_and_drops_its_scripts(store: Store, tmp_path: Path) -> None:
    (tmp_path / "policy.html").write_text(HTML)
    ingest(store, [tmp_path / "policy.html"], "mine")
    found = sources(store)
    assert found[1:] == [
        ("policy.html, Scope", "This policy covers ventilators ."),
        ("policy.html, Who decides", "A triage officer decides. Scope is wide."),
    ]
    assert "alert" not in str(found)
    assert "color" not in str(found)


def test_html_is_read_in_the_encoding_it_declares(store: Store, tmp_path: Path) -> None:
    page = '<html><head><meta charset="iso-8859-1"></head><body><p>Équité d\'abord</p></body></html>'
    (tmp_path / "page.htm").write_bytes(page.encode("latin-1"))
    ingest(store, [tmp_path / "page.htm"], "mine")
    assert "Équité d'abord" in sources(store)[0][1]


def test_a_pdf_keeps_its_pages(store: Store, tmp_path: Path) -> None:
    ingest(store, [pdf(tmp_path / "guide.pdf", ["Page one text.", "", "Page three text."])], "mine")
    assert sources(store) == [("guide.pdf, p. 1", "Page one text."), ("guide.pdf, p. 3", "Page three text.")]


def test_text_loses_its_byte_order_mark_and_what_postgres_cannot_hold(store: Store, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"\xef\xbb\xbfBeds\x00are scarce.")
    ingest(store, [tmp_path / "notes.txt"], "mine")
    assert sources(store) == [("notes.txt", "Beds are scarce.")]


# -- the same again, and changed -----------------------------------------------------------------------------


def test_the_same_content_adds_nothing_and_a_change_replaces(store: Store, tmp_path: Path) -> None:
    file, copy = tmp_path / "a.md", tmp_path / "b.md"
    file.write_text("One rule.")
    shutil.copy(file, copy)
    assert [entry.outcome for entry in ingest(store, [file, file, copy], "mine")] == [
        "added",
        "unchanged",
        "unchanged",
    ]
    assert [entry.outcome for entry in ingest(store, [file], "theirs")] == ["added"], (
        "another may cite it too"
    )
    file.write_text("Another rule.")
    assert ingest(store, [file], "mine") == [Ingested(file, "replaced", 1)]
    assert sources(store) == [("a.md", "Another rule.")]
    assert [entry.passage.text for entry in store.passages(framework="theirs")] == ["One rule."]


# -- folders -------------------------------------------------------------------------------------------------


def test_a_folder_is_searched_without_following_loops_or_hidden_files(store: Store, tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "deep" / "deeper" / "a.md").write_text("Deep down.")
    (tmp_path / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "b.md").write_text("Hidden.")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "bad.pdf").write_bytes(b"no pdf at all")
    outcomes = {entry.path.name: entry for entry in ingest(store, [tmp_path], "mine")}
    assert {name: entry.outcome for name, entry in outcomes.items()} == {"a.md": "added", "bad.pdf": "failed"}
    assert "bad.pdf: cannot be read" in str(outcomes["bad.pdf"].reason)


def test_a_folder_without_documents_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(ParleyError, match=r"holds no document; put files ending in \.pdf"):
        ingest(store, [tmp_path], "mine")


def test_a_huge_folder_is_refused(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}.md").write_text("x")
    with pytest.raises(ParleyError, match="more than 3 documents"):
        ingest(store, [tmp_path], "mine")


# -- what cannot be ingested ---------------------------------------------------------------------------------


def test_each_bad_file_says_what_is_wrong_in_one_line(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_FILE_BYTES", 3_000_000)
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    (tmp_path / "latin.txt").write_bytes("Équité".encode("latin-1"))
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    (tmp_path / "huge.txt").write_bytes(b"x" * 4_000_000)
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    os.mkfifo(tmp_path / "pipe.txt")
    pdf(tmp_path / "scan.pdf", ["", ""])
    expected = {
        "empty.md": "holds no text",
        "scan.pdf": "run text recognition (OCR)",
        "broken.pdf": "cannot be read",
        "latin.txt": "cannot be read ('utf-8",
        "table.xlsx": "give a file ending in .pdf, .html",
        "huge.txt": "has 4 MB and 3 is the limit; split it",
        "loop.md": "cannot be read",
        "pipe.txt": "is no regular file",
        "absent.md": "cannot be read (No such file or directory)",
    }
    for name, says in expected.items():
        with pytest.raises(ParleyError) as refusal:
            ingest(store, [tmp_path / name], "mine")
        message = str(refusal.value)
        assert (says in message, name in message, "\n" in message) == (True, True, False), message
    assert sources(store) == []


def test_a_framework_needs_a_plain_name(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="framework 'My Own' is no slug"):
        ingest(store, [tmp_path], "My Own")


# -- cutting -------------------------------------------------------------------------------------------------

prose = st.lists(
    st.lists(
        st.sampled_from(["a", "of", "b", "c", "beds", "scarce", "ventilators", "12", "x-ray"]),
        min_size=1,
        max_size=60,
    ).map(lambda words: " ".join(words).capitalize() + "."),
    max_size=12,
).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(st.lists(prose, max_size=3).map("\n\n".join))
def test_chunks_hold_every_word_in_order_and_overlap_only_at_their_seams(text: str) -> None:
    made = [chunk.split() for chunk in chunks(text)]
    assert all(0 < len(chunk) <= CHUNK_WORDS for chunk in made)
    rebuilt: list[str] = []
    for chunk in made:
        overlap = next(
            n
            for n in range(min(len(chunk), len(rebuilt)), -1, -1)
            if rebuilt[len(rebuilt) - n :] == chunk[:n]
        )
        rebuilt += chunk[overlap:]
    words = text.split()
    assert len(rebuilt) <= len(words) <= sum(len(chunk) for chunk in made)
    assert set(rebuilt) == set(words)


def test_a_chunk_begins_with_the_end_of_the_one_before() -> None:
    sentences = [f"Sentence number {number} says one more thing about beds." for number in range(60)]
    first, second, *_ = chunks(" ".join(sentences))
    assert first.endswith("beds.")
    repeated = [sentence for sentence in sentences if sentence in first and sentence in second]
    assert 0 < sum(len(sentence.split()) for sentence in repeated) <= 30
    assert second.startswith(repeated[0])


def test_minilm_reads_chunks_whole() -> None:
    from tokenizers import Tokenizer

    from retrieval.minilm import model_folder
    from retrieval.passages import corpus

    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    made = chunks("\n\n".join(entry.text for entry in corpus()))
    lengths = [
        len(
            tokenizer.encode(
                "A title of some eighty characters, which is as long as one may be here. " + text
            ).ids
        )
        for text in made
    ]
    assert max(lengths) <= 256
    assert sum(len(text.split()) for text in made) / len(made) > 110, "and does not cut them needlessly short"


def test_what_has_no_sentences_and_no_spaces_is_cut_all_the_same() -> None:
    made = chunks("x" * 5000 + " " + "word " * 1000)
    assert all(len(chunk.split()) <= CHUNK_WORDS for chunk in made)
    assert sum(chunk.count("x") for chunk in made) >= 5000


def test_words_hyphenated_across_lines_are_joined() -> None:
    assert chunks("venti-\nlators are\nscarce") == ["ventilators are scarce"]
