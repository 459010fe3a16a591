"""How are many commands typed quickly: each a fork of one process that has done the imports already?"""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

PARENT = """
import atexit, importlib, json, os, runpy, sys, threading, traceback
for name in sys.argv[1:]:
    importlib.import_module(name)
import graphs.session, langchain_openai, langgraph.checkpoint.memory
from graphs import commons, deliberation, games, triage
for graph in (commons, deliberation, games, triage):
    graph.build()
    del sys.modules[graph.__name__]  # or it would not be run as a module of its own
for line in sys.stdin:
    job = json.loads(line)
    if "of" in job:
        child, status = os.waitpid(job["of"], job["options"])
        print(os.waitstatus_to_exitcode(status) if child else "", flush=True)
        continue
    child = os.fork()
    if not child:
        if job["begun"]:
            os.setpgid(0, 0)
        write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.chdir(job["cwd"])
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            os.dup2(os.open(job[name], write if number else os.O_RDONLY), number)
        sys.stdin = open(0, closefd=False)
        os.environ.clear()
        os.environ.update(job["env"])
        if "langsmith.utils" in sys.modules:
            sys.modules["langsmith.utils"].get_env_var.cache_clear()  # it keeps what it has read
        sys.argv = job["argv"]
        code = 1
        try:
            run = runpy.run_path if job["argv"][0].endswith(".py") else runpy.run_module
            run(job["argv"][0], run_name="__main__", **({} if run is runpy.run_path else {"alter_sys": True}))
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException:
            traceback.print_exc()
        try:
            threading._shutdown()
            atexit._run_exitfuncs()
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(child if job["begun"] else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Reads a job a line, answers with its exit code, or with its number where it is only begun. A fork takes a second; a
fresh process takes three, or ten where it works out findings."""

DEBATES = ("cel_expr_python.cel", "clarabel", "nashpy", "scipy.optimize")
"""What debates, the commons and games import while they go on."""

STUDIES = (
    *("pandas", "pyarrow.parquet", "scipy.stats", "fairlearn.metrics", "matplotlib.figure"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg", "statsmodels.stats.multitest"),
    *("statsmodels.stats.power", "statsmodels.regression.linear_model"),
    "statsmodels.genmod.generalized_linear_model",
    *("graphs.pages.dialogue", "negotiators.reference.deliberation", "negotiators.chat", "tests.preloaded"),
)
"""What studies import besides: read once, whatever is typed first, since most test processes come to it."""


class Forker:
    """A process of the code's own that has imported much, and forks for each command."""

    def __init__(self) -> None:
        from tests.play import environment

        self._parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, *DEBATES, *STUDIES],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End it; without a job under way it ends at once."""
        assert self._parent.stdin and self._parent.stdout
        self._parent.stdin.close()
        self._parent.wait(120)  # it may still be importing, where no command was typed
        self._parent.stdout.close()

    def run(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        files: Mapping[str, str],
        timeout_s: float,
    ) -> int:
        """Do what `python -m ARGV…` does, or `python ARGV…` where the first word ends in `.py`; its exit code.

        `files` names what stdin, stdout and stderr are, from `cwd`. Raises TimeoutError, and ends the parent.
        """
        job = {"argv": list(argv), "cwd": str(cwd), "env": dict(env), "begun": False, **files}
        return int(self.ask(job, " ".join(argv), timeout_s))

    def ask(self, job: Mapping[str, Any], what: str, timeout_s: float) -> str:
        """Hand the parent a job and take its answer. Raises TimeoutError, and ends the parent."""
        assert self._parent.stdin and self._parent.stdout
        self._parent.stdin.write(json.dumps(job) + "\n")
        self._parent.stdin.flush()
        if not select.select([self._parent.stdout], [], [], timeout_s)[0]:
            self._parent.kill()
            forker.cache_clear()  # or what is typed next would fail as well
            raise TimeoutError(f"{what}: not done in {timeout_s:g} s")
        return self._parent.stdout.readline().strip()


class Begun:
    """A command that is under way, in a process group of its own: a fork that is used as a `Popen` is."""

    def __init__(self, *argv: str, cwd: Path, env: Mapping[str, str]) -> None:
        folder = tempfile.mkdtemp(prefix="parley-begun-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._said = {name: Path(folder) / name for name in ("stdout", "stderr")}
        files = {"stdin": os.devnull, **{name: str(path) for name, path in self._said.items()}}
        job = {"argv": list(argv), "cwd": str(cwd), "env": dict(env), "begun": True, **files}
        self._what, self._by = " ".join(argv), forker()
        self.returncode: int | None = None
        self.pid = int(self._by.ask(job, self._what, 60))  # the parent may still be importing
        with suppress(ProcessLookupError, PermissionError):
            os.setpgid(self.pid, self.pid)  # as the child does: whoever is first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def poll(self) -> int | None:
        """Its exit code, minus the signal's number where one ended it; None while it goes on."""
        return self._ended(os.WNOHANG, 60)

    def wait(self, timeout: float = 300) -> int:
        """Its exit code, once it has ended."""
        code = self._ended(0, timeout)
        assert code is not None
        return code

    def communicate(self, timeout: float = 300) -> tuple[str, str]:
        """What it said on stdout and on stderr, once it has ended."""
        self.wait(timeout)
        out, err = (path.read_text(encoding="utf-8") for path in self._said.values())
        return out, err

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _ended(self, options: int, timeout: float) -> int | None:
        if self.returncode is None:
            answer = self._by.ask({"of": self.pid, "options": options}, self._what, timeout)
            self.returncode = int(answer) if answer else None
        return self.returncode


@cache
def forker() -> Forker:
    """One for all tests of this process, ended with it."""
    made = Forker()
    atexit.register(made.close)
    return made


def typed(
    *argv: str,
    cwd: Path,
    env: Mapping[str, str],
    input: str = "",
    timeout_s: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Type `python -m ARGV…`, wait for it, and give what it said, as `subprocess.run` would."""
    with tempfile.TemporaryDirectory(prefix="parley-typed-") as folder:
        files = {name: str(Path(folder) / name) for name in ("stdin", "stdout", "stderr")}
        Path(files["stdin"]).write_text(input, encoding="utf-8")
        code = forker().run(argv, cwd, env, files, timeout_s)
        out, err = (Path(files[n]).read_text(encoding="utf-8") for n in ("stdout", "stderr"))
    return subprocess.CompletedProcess(list(argv), code, out, err)
