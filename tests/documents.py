"""What do the documents say, and does it hold: fenced blocks, the commands in them, and tables taken from the code.

    python -m tests.documents [tutorial.md …]     writes tables and quoted output of the documents anew

Conventions of a fenced block, all in its info string, which a reader never sees:

    sh             every line beginning with `python -m` is run, in order; `exit=2` says how it must end
    sh as=PAGE     takes long: it is run where PAGE has it, which must have every line of it
    python         is run in the same folder as the commands
    text out       what the last command printed; a line `…` stands for any number of lines
    yaml file=X    (any language) is written to X before what follows
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from tests.evals.langsmith_server import KEY, LangSmith
from tests.forking import forker
from tests.loopback import Answer, Heard, Loopback, honest_seat
from tests.play import ROOT, environment

Edits = list[tuple[int, str, str]]

MADE = ("benchmarks.md", "calibration.md", "reference-measures.md")
"""Pages that a command writes whole."""

PAGES = [p for p in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if p.name not in MADE]

DILEMMAS = [p for p in PAGES if "dilemmas" in p.stem]
DELIBERATION = [p for p in PAGES if "deliberation" in p.stem or "train" in p.stem]
REPORT = sorted((p for p in PAGES if "report" in p.stem), key=lambda p: p.stem.split("-")[0] != "tutorial")
STUDYING = [p for p in PAGES if "stud" in p.stem]
DEBATES = [p for p in PAGES if p not in (*DILEMMAS, *DELIBERATION, *REPORT, *STUDYING)]
"""Pages by the test file that reads them, so that several processes share the work."""

NOT_RUN = {
    ".": "changes the reader's own shell",
    "export": "changes the reader's own shell",
    "source": "changes the reader's own shell",
    "git": "needs a network",
    "pip": "needs a network",
    "ollama": "a server of somebody else's",
    "vllm": "a server of somebody else's",
    "llama-server": "a server of somebody else's",
    "langgraph": "a server that goes on until it is stopped",
    "accelerate": "needs several GPUs",
    "lm_eval": "a harness of somebody else's",
    "tensorboard": "a server that goes on until it is stopped",
    "rm": "removes what the reader has",
    "python": "only `python -m` is typed here",
}
"""First words of lines that are documented and not run, each with the reason."""

NOT_RUN_HERE = {
    "--engine ray": "starts a cluster, which a test of its own does",
    "dilemmas generate": "embeds the whole catalogue: tests of its own do",
    "openai:trained": "needs a server of the reader's own",
    "learning-to-negotiate-models --base-url": "needs a server of the reader's own",
    ".yaml --serve": "a server that goes on until it is stopped: tests of its own do",
    "python -m training.": "trains, or serves until it is stopped: tests of its own do, and its options are held",
}
"""What a command has in it that is documented and not run, each with the reason."""

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, its flags, its text."""

    page: Path
    line: int
    start: int
    language: str
    flags: dict[str, str]
    text: str

    @property
    def where(self) -> str:
        """`docs/tutorial.md:12`, for a message."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    whole = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(whole):
        language, *words = found["info"].split() or [""]
        flags = {k: v for k, _, v in (word.partition("=") for word in words)}
        line = whole.count("\n", 0, found.start()) + 1
        yield Block(page, line, found.start("text"), language, flags, found["text"])


def partner(heard: Heard) -> Answer:
    """The scripted partner behind every model that a page names: a seat of any setting, or a judge."""
    from tests.deliberation_partner import asked_for, honest_deliberator
    from tests.dilemma_partner import honest_party
    from tests.evals.rhetoric_judges import honest_judge

    if "decides who gets care" in heard.system:
        return honest_seat(heard)
    if (
        asked_for(heard) and " at a table of " not in heard.system.split("\n", 1)[0]
    ):  # of the commons and games
        return honest_deliberator(heard)
    if heard.system.startswith("You label the rhetoric"):
        return honest_judge(heard)
    return honest_party(heard)


@dataclass
class Reader:
    """Somebody who works through a page from top to bottom, in a folder of their own."""

    folder: Path
    server: Loopback
    langsmith: LangSmith | None = None
    said: str = ""
    edits: Edits = field(default_factory=list)

    def read(self, page: Path, mend: bool = False) -> None:
        """Do all that a page says; raises AssertionError at the first thing that is not as it says.

        With `mend`, output that is quoted differently goes to `edits` instead.
        """
        self.edits = []
        for block in blocks(page):
            if "file" in block.flags:
                path = self.folder / block.flags["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif "as" in block.flags:
                there = {
                    line for b in blocks(page.parent / block.flags["as"]) for line in b.text.splitlines()
                }
                assert set(block.text.splitlines()) <= there, f"{block.where}: not in {block.flags['as']}"
            elif block.language == "sh":
                for line in block.text.replace("\\\n", " ").splitlines():
                    self.type(line, block)
            elif block.language == "python":
                (self.folder / "block.py").write_text(block.text, encoding="utf-8")
                code = self._run(["block.py"], {})
                assert code == 0, f"{block.where}: the Python ends with {code}:\n{self.said}"
            elif "out" in block.flags:
                self._compare(block, mend)

    def type(self, line: str, block: Block) -> None:
        """Type one line of a block."""
        words = shlex.split(re.sub(r"(^|\s)#.*", "", line))
        given = {}
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, _, given[name] = words.pop(0).partition("=")
        if any(part in line for part in NOT_RUN_HERE):
            return
        if words[:2] == ["python", "-m"]:
            code = self._run(words[2:], given)
            wanted = int(block.flags.get("exit", 0))
            assert code == wanted, f"{block.where}: `{line}` ends with {code}, not {wanted}:\n{self.said}"
        elif words[:1] == ["make"]:
            done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, f"{block.where}: `{line}`: {done.stderr}"
        elif words:
            assert words[0] in NOT_RUN, f"{block.where}: `{line}` is neither run nor listed in NOT_RUN"

    def _run(self, words: list[str], given: dict[str, str]) -> int:
        files = {"stdin": os.devnull, "stdout": "stdout.txt", "stderr": "stderr.txt"}
        for sign, name in (("<", "stdin"), (">", "stdout")):
            if sign in words:
                at = words.index(sign)
                files[name] = words[at + 1]
                del words[at : at + 2]
        if any(w.startswith("openai:") for w in words):
            given = {"OPENAI_API_KEY": "a-key-of-nobodys", "OPENAI_BASE_URL": self.server.base_url, **given}
        if words[0] == "evals.langsmith" and self.langsmith is not None:
            given = {"LANGSMITH_API_KEY": KEY, "LANGSMITH_ENDPOINT": self.langsmith.url, **given}
        if "--base-url" in words:
            words[words.index("--base-url") + 1] = self.server.base_url
        given = {"BROWSER": "true %s", **given}  # what opens a page in the browser opens none
        env = {k: v for k, v in environment(given).items() if k != "PARLEY_RUNS"} | {"COLUMNS": "130"}
        code = forker().run(words, self.folder, env, files, 600)
        self.said = "".join(
            (self.folder / files[n]).read_text(encoding="utf-8") for n in ("stdout", "stderr")
        )
        return code

    def _compare(self, block: Block, mend: bool) -> None:
        """Every quoted line was printed; blanks at the ends and runs of blanks aside."""
        printed = {_squeezed(row): row.rstrip() for row in self.said.splitlines()}
        offset = block.start
        for row in block.text.splitlines():
            if row.strip() not in ("", "…") and _squeezed(row) not in printed:
                near = get_close_matches(_squeezed(row), printed, 1, 0.4)
                if mend and near:
                    self.edits.append((offset, row, printed[near[0]]))
                else:
                    told = f"{block.where}: not printed: {row!r}\nnearest: {near}\n"
                    raise AssertionError(f"{told}`python -m tests.documents` quotes anew\n{self.said}")
            offset += len(row) + 1


def _squeezed(row: str) -> str:
    return " ".join(row.split())


def mend(page: Path, edits: Edits) -> None:
    """Write quoted lines anew; `edits` are (offset, old, new)."""
    text = page.read_text(encoding="utf-8")
    for offset, old, new in sorted(edits, reverse=True):
        assert text[offset : offset + len(old)] == old
        text = text[:offset] + new + text[offset + len(old) :]
    page.write_text(text, encoding="utf-8")


DERIVED = re.compile(r"(<!-- derived: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(text: str) -> str:
    """A page's text with its derived tables as the code has them now."""
    from tests.tables import TABLES

    return DERIVED.sub(lambda m: f"{m[1]}\n{TABLES[m[2]]()}\n\n{m[3]}", text)


def _write_anew() -> None:
    import tempfile

    from retrieval.postgres.server import stop
    from tests.evals.langsmith_server import langsmith_server

    for page in [p for p in PAGES if not sys.argv[1:] or p.name in sys.argv[1:]]:
        page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
        with (
            tempfile.TemporaryDirectory(prefix="parley-h-") as home,
            Loopback(partner) as server,
            langsmith_server() as langsmith,
        ):
            os.environ["PARLEY_HOME"] = home
            try:
                reader = Reader(Path(home) / "reader", server, langsmith)
                reader.folder.mkdir()
                reader.read(page, mend=True)
            finally:
                stop()
            mend(page, reader.edits)
            print(f"{page.relative_to(ROOT)}: {len(reader.edits)} quoted lines changed")


if __name__ == "__main__":
    _write_anew()
