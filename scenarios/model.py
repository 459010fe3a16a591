"""How is data checked that crosses a boundary: frozen models that refuse what they do not know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Model(BaseModel):
    """A frozen pydantic model that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _yes_is_no_number(cls, data: Any) -> Any:
        """YAML reads `yes` as true, and pydantic reads true as 1.0: refuse that where no yes or no is asked for."""
        for name in _numeric_fields(cls) & data.keys() if isinstance(data, dict) else ():
            value = data[name]
            amounts: Iterable[Any] = (value,)
            if isinstance(value, dict):  # of numbers, or of anything that may stand where a number may
                amounts = value.values() if name in _fields_of_numbers(cls) else ()
            if bool in map(type, amounts):
                raise ValueError(
                    f"{name}: true or false where a number belongs (YAML reads yes and no so too)"
                )
        return data


class Written(Model):
    """What a person writes into a file, and others read on a terminal: no control characters in its words."""

    @model_validator(mode="before")
    @classmethod
    def _plain_words(cls, data: Any) -> Any:
        for name, value in data.items() if isinstance(data, dict) else ():
            if any(_UNPRINTABLE.search(word) for word in _words(value)):
                raise ValueError(f"{name}: holds a control character; take it out")
        return data


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _words(value: Any) -> Iterator[str]:
    """The words of a field: itself, a mapping's keys and values, or those of lists in lists; models see to theirs."""
    open_ = [*value.keys(), *value.values()] if isinstance(value, dict) else [value]
    while open_:
        part = open_.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, list | tuple) and not isinstance(value, dict):
            open_ += part


@cache
def _numeric_fields(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if _numeric(field.annotation))


@cache
def _fields_of_numbers(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if _of_numbers(field.annotation))


def _of_numbers(kind: Any) -> bool:
    """Whether a field's type is, or may be, a mapping to numbers."""
    if get_origin(kind) is dict:
        return _numeric(get_args(kind)[1])
    return any(_of_numbers(part) for part in get_args(kind))


def _numeric(kind: Any) -> bool:
    """Whether a field's type is a number, or a mapping to numbers."""
    return kind in (int, float) or any(_numeric(part) for part in get_args(kind))
