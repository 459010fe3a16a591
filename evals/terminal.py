"""How do the commands of evals behave at a terminal: one-line failures, exit codes, width, JSON, progress."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer

EXTRA = (
    *("pandas", "fairlearn", "statsmodels", "matplotlib", "pyarrow", "sklearn", "jinja2", "markdown_it"),
)
"""What evals takes beyond the debate: the extra of that name."""

STOPPED = "stopped; what was done is kept. The same command goes on."


def run(app: typer.Typer, words: Sequence[str] | None = None) -> None:
    """A command line. Expected failures are one line and an exit code: 2 input, 3 unreachable, 130 Ctrl-C."""
    from scenarios.errors import ParleyError, Unreachable

    for stream in (sys.stdout, sys.stderr):  # a terminal without the letters still gets the rest
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        try:
            app(words)
        finally:
            sys.stdout.flush()  # here, and not at the interpreter's end: a reader may have gone
    except ParleyError as error:
        stop(str(error), 2)
    except Unreachable as error:
        stop(f"{error}. Nothing answered is lost: the same command goes on.", 3)
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        stop(f"{error.name} is not installed; run `pip install -r requirements-evals.txt`", 2)
    except KeyboardInterrupt:
        stop(STOPPED, 130)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def stop(line: str, code: int) -> NoReturn:
    """Say one line on stderr and leave."""
    plain = "".join(c if c.isprintable() else " " for c in line)  # a server's words may hold anything
    print(" ".join(plain.split()), file=sys.stderr)
    sys.exit(code)


def console(width: int = 120) -> Any:
    """A console on stdout; `width` where that is no terminal and COLUMNS says nothing."""
    import shutil

    from rich.console import Console

    told = None if sys.stdout.isatty() else shutil.get_terminal_size(fallback=(width, 50)).columns
    return Console(width=told, highlight=False, emoji=False)  # openai:x: is no emoji


def print_json(data: Any) -> None:
    """JSON alone on stdout; what JSON does not know goes as text."""
    print(json.dumps(data, ensure_ascii=False, indent=1, default=str))


def counter(what: str) -> Callable[[int, int], None]:
    """Progress on stderr, `told(done, of)`: a line written over on a terminal, a line a quarter elsewhere."""
    live = sys.stderr.isatty()

    def told(done: int, of: int) -> None:
        if live:
            end = "\n" if done == of else ""
            print(f"\r{what}: {done} of {of} ", end=end, file=sys.stderr, flush=True)
        elif done == of or done * 4 // of > (done - 1) * 4 // of:
            print(f"{what}: {done} of {of}", file=sys.stderr, flush=True)

    return told
