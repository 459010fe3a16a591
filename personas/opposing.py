"""What are opposing personas: pairs of stances that pull a plan two ways, in substance or in style alone."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.dilemmas.dilemma import Values
from scenarios.errors import ParleyError
from scenarios.model import Slug, Written

PAIRS = Path(__file__).parent / "pairs"


class Pole(Written):
    """One stance of a pair. `values` are what its reference seat weighs; a model is given the words alone."""

    name: Slug
    says: str = Field(
        min_length=1, max_length=600, description="the brief in words, given to a model as it stands"
    )
    values: dict[str, float] = Field(default_factory=dict, description="consideration -> weight, −2 to 2")

    @field_validator("says")
    @classmethod
    def _in_words(cls, says: str) -> str:
        if not says.strip():
            raise ValueError("blank; write what the persona stands for")
        return says

    @field_validator("values")
    @classmethod
    def _known(cls, values: Values) -> Values:
        for name, weight in values.items():
            if name not in CONSIDERATIONS:
                raise ValueError(f"no consideration '{name}'; there are {', '.join(CONSIDERATIONS)}")
            if not -2 <= weight <= 2:
                raise ValueError(f"{name}: {weight:g} is no weight; give a number from -2 to 2")
        return values


class Pair(Written):
    """Two stances that oppose each other: in substance (their values point apart), or in style alone (no values)."""

    name: Slug
    kind: Literal["substance", "style"]
    poles: tuple[Pole, Pole]
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _opposed(self) -> Self:
        valued = [bool(p.values) for p in self.poles]
        if self.kind == "style" and any(valued):
            raise ValueError("kind: style pairs have no values; drop them, or call it substance")
        if self.kind == "substance" and not all(any(p.values.values()) for p in self.poles):
            raise ValueError("poles: a pair that opposes in substance has values on both sides; give them")
        if self.poles[0].name == self.poles[1].name:
            raise ValueError("poles: both have one name; rename one")
        return self


def pair_names(directory: Path | None = None) -> list[str]:
    """Names of the pairs that come with Parley and of those in `directory`, sorted.

    Raises ParleyError where `directory` is no folder.
    """
    if directory is not None and not directory.is_dir():
        raise ParleyError(f"personas folder {directory}: no such folder; make it or name another")
    own = [] if directory is None else [path for path in directory.glob("*.yaml") if path.is_file()]
    return sorted({path.stem for path in (*PAIRS.glob("*.yaml"), *own)})


def pairs(directory: Path | None = None) -> dict[str, Pair]:
    """Every pair by name, those of `directory` too; raises ParleyError for the first file that is wrong."""
    return {name: load_pair(name, directory) for name in pair_names(directory)}


def load_pair(name: str, directory: Path | None = None) -> Pair:
    """The pair of a name, from `directory` if it is there, else from the shipped ones.

    Raises ParleyError, in one line, for a name that nobody has, a file that is wrong, or no such folder.
    """
    known = pair_names(directory)
    own = directory / f"{name}.yaml" if directory else None
    path = own if own is not None and own.is_file() else PAIRS / f"{name}.yaml"
    if name not in known:
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
        raise ParleyError(f"no pair of personas '{name}'; {hint}")
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _read(path: Path, _stamp: int) -> Pair:
    from pydantic import ValidationError

    from scenarios.reading import explained, read_data

    data = read_data(path, "pair of personas")
    if not isinstance(data, dict):
        raise ParleyError(f"{path}: a pair of personas is a mapping of name, kind, poles, source; write one")
    if data.get("name", path.stem) != path.stem:
        raise ParleyError(f"{path}: name is '{data['name']}'; call it as the file, {path.stem}")
    try:
        return Pair.model_validate({"name": path.stem} | data)
    except ValidationError as error:
        raise ParleyError(f"{path}: {explained(error, data, tuple(Pair.model_fields))}") from None
