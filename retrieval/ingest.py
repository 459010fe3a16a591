"""How does a user's document become passages? Load it, cut it into chunks, keep where each came from."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retrieval.passages import Passage, check_slug
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from retrieval.store import Store

Outcome = Literal["added", "replaced", "unchanged", "failed"]

CHUNK_WORDS = 180
OVERLAP_WORDS = 30
CHUNK_PIECES = 225  # with a title of up to 80 characters within the 256 tokens that MiniLM reads
LARGEST_FILE_BYTES = 50_000_000
MOST_FILES = 10_000
_TITLE_CHARACTERS = 80
_CHUNKER = b"parley chunks 1\0"  # hashed with the content: a new way of cutting makes a file new

_SENTENCE_END = re.compile(r"(?<=[.!?;:])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9])")
_PIECE = re.compile(r"[A-Za-z]{1,6}|[0-9]{1,2}|[^\sA-Za-z0-9]")
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")


@dataclass(frozen=True)
class Section:
    """A stretch of a document under one heading, or one page of it."""

    text: str
    heading: str | None = None
    page: int | None = None


@dataclass(frozen=True)
class Ingested:
    """What became of one file: how many passages it has now, or why it has none."""

    path: Path
    outcome: Outcome
    passages: int = 0
    reason: str | None = None


def ingest(
    store: Store,
    paths: Iterable[Path],
    framework: str,
    progress: Callable[[Ingested], None] | None = None,
    embedding: Callable[[int, int], None] | None = None,
) -> list[Ingested]:
    """Add the documents at these paths to what a framework may cite, and say what became of each.

    Folders are searched through; links to folders and hidden entries in them are passed over, and so are files
    of other kinds. A file whose content is known adds nothing; a changed one replaces its old passages. One
    bad file in a folder is reported as failed and the others go on; a path named by itself that cannot be
    ingested raises ParleyError, as does a folder without any document. `progress` is told of every document,
    `embedding` how many of a document's passages are embedded, of how many.
    """
    check_slug("framework", framework)
    outcomes: list[Ingested] = []
    for path in paths:
        for file in _documents(path):
            try:
                outcome = _ingest_file(store, file, framework, embedding)
            except ParleyError as error:
                if file == path:
                    raise
                outcome = Ingested(file, "failed", reason=str(error))
            outcomes.append(outcome)
            if progress:
                progress(outcome)
    return outcomes


def _documents(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found: list[Path] = []
    for folder, folders, files in os.walk(path, onerror=_refuse):  # follows no links, so no loop of them
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in LOADERS:
                found.append(Path(folder) / name)
        if len(found) > MOST_FILES:
            raise ParleyError(
                f"{path}: holds more than {MOST_FILES:,} documents; ingest its folders one by one"
            )
    if not found:
        raise ParleyError(f"{path}: holds no document; put files ending in {', '.join(LOADERS)} there")
    yield from found


def _refuse(error: OSError) -> None:
    raise ParleyError(
        f"{error.filename}: cannot be searched ({error.strerror}); check your rights"
    ) from error


def _ingest_file(
    store: Store, path: Path, framework: str, embedding: Callable[[int, int], None] | None
) -> Ingested:
    loader = LOADERS.get(path.suffix.lower())
    if loader is None:
        raise ParleyError(
            f"{path}: is of no kind that can be read; give a file ending in {', '.join(LOADERS)}"
        )
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise ParleyError(f"{path}: is no regular file; give a document or a folder of documents")
        if facts.st_size > LARGEST_FILE_BYTES:
            limit, size = LARGEST_FILE_BYTES // 1_000_000, facts.st_size // 1_000_000
            raise ParleyError(f"{path}: has {size} MB and {limit} is the limit; split it")
        sha256 = hashlib.sha256(_CHUNKER + path.read_bytes()).hexdigest()
    except OSError as error:
        raise ParleyError(
            f"{path}: cannot be read ({error.strerror}); check the path and your rights"
        ) from error
    if store.holds(framework, sha256) is not None:
        return Ingested(path, "unchanged")
    passages = list(cut(loader(path), path.name, framework, sha256))
    if not passages:
        raise ParleyError(f"{path}: holds no text; if it is a scan, run text recognition (OCR) on it first")
    outcome = store.add(passages, origin=origin_of(path), sha256=sha256, progress=embedding)
    return Ingested(path, outcome, len(passages))


def origin_of(path: Path) -> str:
    """By what the store knows a file: its absolute path, with bytes that are no UTF-8 written as escapes."""
    return os.fsencode(path.resolve()).decode(errors="backslashreplace")


# -- cutting -------------------------------------------------------------------------------------------------


def cut(sections: Iterable[Section], name: str, framework: str, sha256: str) -> Iterator[Passage]:
    """A document's passages: chunks of its sections, each with file, page and heading as its source."""
    stem = re.sub(r"[^a-z0-9]+", "-", Path(name).stem.lower()).strip("-")[:40].strip("-") or "document"
    number = 0
    for section in sections:
        heading = _storable(section.heading or "").strip()
        page = None if section.page is None else f"p. {section.page}"
        source = ", ".join(part for part in (_storable(name), page, heading) if part)
        title = (heading or _storable(Path(name).stem))[:_TITLE_CHARACTERS].strip() or "untitled"
        for text in chunks(section.text):
            number += 1
            yield Passage(
                id=f"{framework}-{stem}-{sha256[:8]}-{number:03d}",
                framework=framework,
                kind="user",
                title=title,
                text=text,
                source=source,
            )


def chunks(text: str) -> list[str]:
    """Cut a text at ends of paragraphs and sentences into chunks of at most 180 words that MiniLM reads whole.

    A chunk begins with the sentences that ended the one before, up to 30 words of them, so that what straddles
    a cut is found from either side. Words are kept in order and none is lost.
    """
    sentences = [sentence for part in _paragraphs(text) for sentence in _sentences(part)]
    made: list[list[str]] = []
    current: list[str] = []
    new = 0  # how many sentences of `current` are not the overlap
    for sentence in sentences:
        if new and not _fits([*current, sentence]):
            made.append(current)
            current = _overlap(current)
            if not _fits([*current, sentence]):
                current = []
            new = 0
        current.append(sentence)
        new += 1
    if new:
        made.append(current)
    return [" ".join(chunk) for chunk in made]


def _fits(sentences: Sequence[str]) -> bool:
    words = sum(len(sentence.split()) for sentence in sentences)
    return words <= CHUNK_WORDS and sum(_pieces(sentence) for sentence in sentences) <= CHUNK_PIECES


def _pieces(text: str) -> int:
    """About how many tokens a text has, rather too many: a word-piece model splits few words more finely."""
    return len(_PIECE.findall(text))


def _overlap(sentences: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for sentence in reversed(sentences):
        if sum(len(other.split()) for other in [*kept, sentence]) > OVERLAP_WORDS:
            break
        kept.insert(0, sentence)
    return kept


def _storable(text: str) -> str:
    """Without what PostgreSQL's UTF-8 cannot hold: NUL, and the lone surrogates that some PDFs yield."""
    return text.replace("\x00", " ").encode(errors="replace").decode()


def _paragraphs(text: str) -> Iterator[str]:
    joined = re.sub(r"(\w)[-\u00ad]\n[ \t]*([a-z])", r"\1\2", _storable(text))
    for paragraph in re.split(r"\n\s*\n", joined):
        plain = " ".join(paragraph.split())
        if plain:
            yield plain


def _sentences(paragraph: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(paragraph):
        words: list[str] = []
        for word in _short_words(sentence):  # what is no sentence at all, a table perhaps, is cut anywhere
            if words and not _fits([*words, word]):
                yield " ".join(words)
                words = []
            words.append(word)
        if words:
            yield " ".join(words)


def _short_words(sentence: str) -> Iterator[str]:
    for word in sentence.split():
        for start in range(0, len(word), CHUNK_PIECES):
            yield word[start : start + CHUNK_PIECES]


# -- loading -------------------------------------------------------------------------------------------------


def _load(path: Path, name: str, **options: Any) -> list[Any]:
    """The documents that a langchain-community loader makes of a file, its failures as one line."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".langchain-community. is being sunset")
        from langchain_community import document_loaders

        loader = getattr(document_loaders, name)
        try:
            return list(loader(str(path), **options).load())
        except Exception as error:  # parsers of foreign files raise what they please
            cause = error.__cause__ or error
            reason = " ".join(str(cause).split())[:200] or type(cause).__name__
            raise ParleyError(f"{path}: cannot be read ({reason}); mend or convert the file") from error


def _load_text(path: Path) -> Iterator[Section]:
    for document in _load(path, "TextLoader", encoding="utf-8-sig"):
        yield Section(document.page_content)


def _load_markdown(path: Path) -> Iterator[Section]:
    for document in _load(path, "TextLoader", encoding="utf-8-sig"):
        heading: str | None = None
        lines: list[str] = []
        fenced = False
        for line in document.page_content.splitlines():
            fenced ^= _FENCE.match(line) is not None
            found = None if fenced else _HEADING.match(line)
            if found:
                yield Section("\n".join(lines), heading)
                heading, lines = found.group(2), []
            else:
                lines.append(line)
        yield Section("\n".join(lines), heading)


def _load_html(path: Path) -> Iterator[Section]:
    from bs4 import BeautifulSoup
    from bs4.dammit import EncodingDetector

    content = path.read_bytes()
    encoding = EncodingDetector.find_declared_encoding(content, is_html=True) or "utf-8"
    documents = _load(
        path,
        "BSHTMLLoader",
        open_encoding=encoding,
        bs_kwargs={"features": "html.parser"},
        get_text_separator="\n",
    )
    soup = BeautifulSoup(content.decode(encoding, errors="replace").replace("\r\n", "\n"), "html.parser")
    headings = [tag.get_text("\n") for tag in soup.find_all(re.compile("^h[1-6]$"))]
    for document in documents:
        yield from _sections(document.page_content, headings, document.metadata.get("title") or None)


def _sections(text: str, headings: Sequence[str], title: str | None) -> Iterator[Section]:
    """Cut a page's text where its headings stand in it, each found after the one before."""
    heading, start = title, 0
    for found in headings:
        if not found.strip():
            continue
        at = f"\n{text}\n".find(f"\n{found}\n", start)
        if at >= 0:
            yield Section(text[start:at], heading)
            heading, start = " ".join(found.split()), at + len(found)
    yield Section(text[start:], heading)


def _load_pdf(path: Path) -> Iterator[Section]:
    for number, document in enumerate(_load(path, "PyPDFLoader", mode="page"), start=1):
        yield Section(document.page_content, page=int(document.metadata.get("page", number - 1)) + 1)


LOADERS: dict[str, Callable[[Path], Iterator[Section]]] = {
    ".pdf": _load_pdf,
    ".html": _load_html,
    ".htm": _load_html,
    ".md": _load_markdown,
    ".markdown": _load_markdown,
    ".txt": _load_text,
}
"""The loader of each kind of file, by its ending in lower case."""
