"""What do the words of a command name: studies, training runs, records; each read and measured into a source?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evals.experiment.ledger import Folder
from evals.report.source import DIALOGUES, METRICS, Source, Tell
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from evals.experiment.plan import Plan


@dataclass(frozen=True)
class Asked:
    """How studies that are named were run, as the options of `evals.experiment run` said it."""

    model: str | None = None
    settings: Sequence[str] = ()
    base_url: str | None = None


@dataclass(frozen=True)
class Named:
    """What words name, nothing of it read yet."""

    studies: list[tuple[Folder, Plan]]
    trainings: list[Path]
    records: list[str]
    """Files, and folders of them."""


def named(words: Sequence[str], asked: Asked) -> Named:
    """What each word names. Raises ParleyError for a study that is none."""
    out = Named([], [], [])
    for word in words:
        path = Path(word).expanduser()
        if (path / METRICS).is_file():
            out.trainings.append(path)
        elif (study := _study(word, path, asked)) is not None:
            out.studies.append(study)
        else:
            out.records.append(word)
    return out


def sources(words: Sequence[str], asked: Asked, tell: Tell, quick: bool = False) -> list[Source]:
    """Everything that the words name, read and measured: each a study (name, YAML file or folder), the folder of a
    training run, or records (files, or folders of them); all records together are a source a setting.

    `quick` leaves the findings out: the runs alone. Raises ParleyError, in one line, for what is none of these.
    """
    return measured(named(words, asked), tell, quick)


def measured(what: Named, tell: Tell, quick: bool = False) -> list[Source]:
    """All of it, read and measured: studies, training runs, records."""
    from evals.report.loose import of_records
    from evals.report.studied import of_study

    out = [of_study(folder, plan, tell, quick) for folder, plan in what.studies]
    if what.trainings:
        from evals.report.trained import of_training

        out += [of_training(path) for path in what.trainings]
    played = [str(path / DIALOGUES) for path in what.trainings if any((path / DIALOGUES).glob("*.json"))]
    if records := [*what.records, *played]:
        out += of_records(records, tell, quick)
    if not quick:
        from evals.report.pictures import instruments

        out = instruments(out)
    return [_drawn_once(source) for source in out]


def _drawn_once(source: Source) -> Source:
    """The source, each of whose figures is drawn once, however often it is asked for."""
    from evals.report.document.figure import kept

    sections = [
        replace(section, figures={name: kept(draw) for name, draw in section.figures.items()})
        for section in source.sections
    ]
    return replace(source, sections=sections)


def _study(word: str, path: Path, asked: Asked) -> tuple[Folder, Plan] | None:
    """The study that a word names, by name, file or folder; None where it names records."""
    from evals.experiment.options import planned_by
    from evals.experiment.reading import load_study, shipped
    from evals.experiment.study import near

    if (word in shipped() and not path.exists()) or path.suffix in (".yaml", ".yml"):
        plan, folder, _ = planned_by(word, None, asked.model, list(asked.settings), asked.base_url)
        return folder, plan
    if not path.exists():
        raise ParleyError(f"{word}: no such study, record or folder; {near(word, shipped())}")
    folder = Folder(path)
    if not folder.ledger.is_file():
        return None
    if not folder.study.is_file():
        raise ParleyError(
            f"{path}: does not say which study it is; name the study instead, as in `{path.name}` or its YAML file"
        )
    from evals.experiment.plan import planned

    return folder, planned(load_study(folder.study))
