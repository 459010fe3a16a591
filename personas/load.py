"""Which personas are there: the shipped catalogues, and the YAML files that a user drops into a folder.

One persona a file, `NAME.yaml`: a stance for a debate in `catalogue/`, a concern for others in `concerns/`.
A user's folder may hold both; it adds to the catalogues and may override them; of several folders
(PARLEY_PERSONAS, then the one given) the later wins.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from personas.concern import Concern
from personas.persona import Persona
from scenarios.errors import ParleyError
from scenarios.measures import MEASURES

SHIPPED = Path(__file__).parent / "catalogue"
CONCERNS = Path(__file__).parent / "concerns"
MOST_BYTES = 64 * 1024
"""A persona is a page of text; a bigger file is something else."""


Stance = TypeVar("Stance", Persona, Concern)


def shipped(folder: Path = SHIPPED) -> tuple[str, ...]:
    """Names of the personas that come with Parley, sorted; of those for debates, or of another shipped folder."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def names(directory: Path | None = None, folder: Path = SHIPPED) -> list[str]:
    """Names of all personas, shipped and the user's, sorted. Raises ParleyError if a folder is not there."""
    return sorted({path.stem for at in _folders(directory, folder) for path in at.glob("*.yaml")})


def load(name: str, directory: Path | None = None) -> Persona:
    """The persona of a name, from `directory`, else PARLEY_PERSONAS, else the catalogue.

    Raises ParleyError, in one line, for a name that nobody has, or a file that is wrong: which file, which
    field, what to do.
    """
    return _load(name, directory, SHIPPED, Persona)


def load_concern(name: str, directory: Path | None = None) -> Concern:
    """The concern of a name, looked for and refused as `load` does; what is shipped lies in `concerns/`."""
    return _load(name, directory, CONCERNS, Concern)


def concerns(directory: Path | None = None) -> dict[str, Concern]:
    """Every concern by name. Raises ParleyError for the first file that is wrong."""
    return {name: load_concern(name, directory) for name in _of_kind(directory, CONCERNS, Concern)}


def _of_kind(directory: Path | None, shipped_in: Path, kind: type[Stance]) -> list[str]:
    """Names of one kind of persona; in a user's folder a file with a field `concern` is a concern."""
    own = [path for at in _folders(directory, shipped_in)[1:] for path in at.glob("*.yaml")]
    others = {path.stem for path in own if _is_concern(path) != (kind is Concern)}
    return [name for name in names(directory, shipped_in) if name not in others]


def _is_concern(path: Path) -> bool:
    data = _parse(path)
    return isinstance(data, dict) and "concern" in data


def _load(name: str, directory: Path | None, shipped_in: Path, kind: type[Stance]) -> Stance:
    known = names(directory, shipped_in)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
        raise ParleyError(f"no persona '{name}'; {hint}")
    folders = _folders(directory, shipped_in)
    path = next(p for folder in reversed(folders) if (p := folder / f"{name}.yaml").is_file())
    found: Stance = _read(path, path.stat().st_mtime_ns, kind)
    return found


def catalogue(directory: Path | None = None) -> dict[str, Persona]:
    """Every persona of debates by name. Raises ParleyError for the first file that is wrong."""
    return {name: load(name, directory) for name in _of_kind(directory, SHIPPED, Persona)}


def with_strength(persona: Persona, strength: float) -> Persona:
    """The persona with another bias strength s in [0, 1]. Raises ParleyError if it favours nobody."""
    if not persona.favours:
        raise ParleyError(f"persona '{persona.name}' favours no group and has no strength; take a biased one")
    if not 0 <= strength <= 1:
        raise ParleyError(f"strength {strength:g} of persona '{persona.name}'; give a number from 0 to 1")
    return persona.model_copy(update={"strength": float(strength)})


def _folders(directory: Path | None, shipped_in: Path) -> list[Path]:
    """Where personas lie, the shipped ones first."""
    named = [Path(p).expanduser() for p in os.environ.get("PARLEY_PERSONAS", "").split(os.pathsep) if p]
    named += [Path(directory).expanduser()] if directory is not None else []
    for folder in named:
        if not folder.is_dir():
            raise ParleyError(f"personas folder {folder}: no such folder; make it or name another")
    return [shipped_in, *named]


@lru_cache(maxsize=256)
def _read(path: Path, mtime_ns: int, kind: type[Stance]) -> Stance:
    """One file, read again only when it changes (hence `mtime_ns`)."""
    data = _parse(path)
    if not isinstance(data, dict):
        raise ParleyError(f"persona file {path}: no fields; give it `name:`, `says:`, `source:` and so on")
    try:
        persona = kind.model_validate(data)
    except ValidationError as error:
        raise ParleyError(f"persona file {path}: {_first_fault(error, kind.model_fields)}") from None
    if persona.name != path.stem:
        raise ParleyError(
            f"persona file {path}: name is '{persona.name}', but the file is '{path.name}'; "
            f"name the file {persona.name}.yaml"
        )
    return persona


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML in which a key that stands twice is a mistake, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            word = str(key.value)
            if word in seen:
                problem = f"'{word}' stands twice; keep one"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(word)
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A persona needs no aliases, and a few lines of them can unfold into gigabytes."""
        if self.check_event(yaml.AliasEvent):
            alias: yaml.AliasEvent = self.get_event()  # type: ignore[no-untyped-call]
            problem = f"'*{alias.anchor}' is an alias; write it out"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=alias.start_mark)  # type: ignore[arg-type]
        return super().compose_node(parent, index)


def _parse(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ParleyError(f"persona file {path}: over {MOST_BYTES // 1024} KiB; make it a page of text")
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # safe: a SafeLoader
    except OSError as error:
        raise ParleyError(f"persona file {path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ParleyError(f"persona file {path}: not UTF-8 text; save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ParleyError(f"persona file {path}{line}: {error.problem or 'no valid YAML'}") from None
    except yaml.YAMLError as error:
        raise ParleyError(f"persona file {path}: no valid YAML ({' '.join(str(error).split())})") from None


def _first_fault(error: ValidationError, fields: Iterable[str]) -> str:
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"no field '{where}'{_meant(where, fields)}"
    if fault["type"] == "missing":
        return f"the field '{where}' is missing; add it"
    if fault["type"] == "string_type" and isinstance(fault["input"], bool | int | float):
        return f"{where}: {fault['input']} is no text to YAML; put it in quotes"
    said = fault["msg"].removeprefix("Value error, ")
    unknown = said.partition("no measure '")[2].partition("'")[0]
    if unknown:
        said = f"values.{unknown}: no such measure{_meant(unknown, MEASURES)}"
    return said if not where else f"{where}: {said[0].lower()}{said[1:]} (it is {fault['input']!r:.60})"


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(known)}"
