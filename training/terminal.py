"""How do the commands of training behave at a terminal: one-line failures, exit codes, what is missing named?"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

EXTRA = ("torch", "transformers", "accelerate", "trl", "peft", "datasets", "tokenizers", "tensorboard")
"""What training takes beyond the graphs: the extra `train`."""

NO_SIGNAL = 4
"""Exit code of a run that stopped since no group carried signal."""


def run(app: typer.Typer) -> None:
    """A command line. Failures are one line and a code: 2 input, 3 unreachable, 4 no signal, 130 Ctrl-C."""
    from scenarios.errors import ParleyError, Unreachable

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app()
    except ParleyError as error:
        stop(str(error), 2)
    except Unreachable as error:
        stop(str(error), 3)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        stop(
            f"{error.name} is not installed; run `pip install torch`, then `pip install -r requirements-train.txt` "
            "(the extra train)",
            2,
        )
    except KeyboardInterrupt:
        stop("stopped", 130)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def stop(line: str, code: int) -> NoReturn:
    """Say one line on stderr and leave."""
    print(" ".join(line.split()), file=sys.stderr)
    sys.exit(code)


def quiet() -> None:
    """Keep the progress bars and notices of transformers to ourselves: what matters of them is in our own lines."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
