"""What does a scenario's file say: YAML or JSON read safely, errors as one line with its place and mend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from scenarios.ward import Ward

LIMIT_BYTES = 1_000_000
LIMIT_DEPTH = 20
LIMIT_VALUES = 200_000


def read_ward(path: Path) -> Ward:
    """The ward in a .yaml, .yml or .json file.

    Raises ParleyError, in one line, for a file that is missing, empty, above 1 MB, not a mapping or not
    well-formed (with the line), for a key that stands twice, and for whatever is wrong with the ward itself.
    """
    return parse_ward(read_data(path), str(path))


def read_data(path: Path, what: str = "ward") -> object:
    """The plain data of a .yaml, .yml or .json file of at most 1 MB; `what` it should hold is for the errors."""
    text = read_text(path, LIMIT_BYTES, what)
    if path.suffix == ".json":
        return parse_json(text, str(path), what)
    if path.suffix in (".yaml", ".yml"):
        return _parse_yaml(text, str(path), what)
    raise ParleyError(f"{path}: a {what} is a .yaml, .yml or .json file; rename it")


def parse_ward(data: object, source: str) -> Ward:
    """A ward from plain data (a file's, or a request's); `source` is the name that errors begin with."""
    from pydantic import ValidationError

    from scenarios.ward import Ward

    if not isinstance(data, Mapping):
        raise ParleyError(f"{source}: a ward is a mapping of name, resources, patients, not {_kind(data)}")
    try:
        return Ward.model_validate(data)
    except ValidationError as error:
        raise ParleyError(f"{source}: {explained(error, data, _fields())}") from None


def explained(error: ValidationError, data: Mapping[Any, Any], fields: Sequence[str]) -> str:
    """The first fault in one line, `patient 'p3', vitals.spo2: …`, and how many more; `fields` are those that
    a misspelt one may have meant."""
    found = error.errors(include_url=False)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{_explain(found[0], data, fields)}{more}"


def read_text(path: Path, limit_bytes: int, what: str = "ward") -> str:
    """The text of a file of at most `limit_bytes`; raises ParleyError where that cannot be had."""
    try:
        if not path.is_file():
            what = "is a folder; name a file in it" if path.is_dir() else "no such file; check the path"
            raise ParleyError(f"{path}: {what}")
        with path.open("rb") as file:
            raw = file.read(limit_bytes + 1)
    except OSError as error:
        raise ParleyError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(raw) > limit_bytes:
        raise ParleyError(f"{path}: larger than {limit_bytes / 1e6:g} MB; give a smaller file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParleyError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    if not text.strip():
        raise ParleyError(f"{path}: the file is empty; write a {what} into it")
    return text


def parse_json(text: str, source: str, what: str = "ward") -> object:
    """JSON without duplicate keys or NaN; raises ParleyError with the line."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ParleyError(f"{source}: key '{twice}' stands twice in one mapping; remove one")
        return mapping

    def refuse(constant: str) -> object:
        raise ParleyError(f"{source}: {constant} is no number in JSON; correct it")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise ParleyError(f"{source}: line {error.lineno}: {error.msg}; correct the JSON") from None
    except RecursionError:
        raise ParleyError(f"{source}: nested too deeply; a {what} needs few levels") from None


def _parse_yaml(text: str, source: str, what: str) -> object:
    import yaml

    loader = _yaml_loader()
    try:
        depth, line = 0, 0
        for event in yaml.parse(text, Loader=loader):
            line = event.start_mark.line + 1 if event.start_mark else line
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > LIMIT_DEPTH:
                raise ParleyError(f"{source}: line {line}: nested too deeply; a {what} needs few levels")
        data = yaml.load(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise ParleyError(f"{source}: {place}{error.problem or error.context}; correct the YAML") from None
    except yaml.YAMLError as error:
        raise ParleyError(f"{source}: {' '.join(str(error).split())}; correct the YAML") from None
    if _size(data) > LIMIT_VALUES:
        raise ParleyError(f"{source}: its aliases unfold to more than {LIMIT_VALUES} values; write them out")
    return data


def _size(data: object) -> int:
    """How many values there are, those behind an alias each time; counting stops past the limit."""
    open_, count = [data], 0
    while open_ and count <= LIMIT_VALUES:
        value = open_.pop()
        count += 1
        open_ += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return count


@cache
def _yaml_loader() -> Any:
    import yaml

    class Unique(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """A SafeLoader that refuses a key twice, which YAML forbids and PyYAML lets the last win."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key_node, _ in node.value:
                key = getattr(key_node, "value", None)
                if key_node.tag == "tag:yaml.org,2002:merge":
                    says = "merge keys (<<) are not read; write them out"
                    raise yaml.constructor.ConstructorError(None, None, says, key_node.start_mark)
                if isinstance(key, str) and (key_node.tag, key) in seen:
                    raise yaml.constructor.ConstructorError(
                        None,
                        None,
                        f"key '{key}' stands twice in one mapping; remove one",
                        key_node.start_mark,
                    )
                if isinstance(key, str):
                    seen.add((key_node.tag, key))
            mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            return mapping

    return Unique


def _explain(error: ErrorDetails, data: Mapping[Any, Any], fields: Sequence[str]) -> str:
    """One pydantic error as `patient 'p3', vitals.spo2: 130 is not at most 100; correct it`."""
    location = [part for part in error["loc"] if part != "[key]"]
    place, field = _place(location, data)
    where = ", ".join(part for part in (place, ".".join(field)) if part)
    message = _message(error, location, fields)
    return f"{where}: {message}" if where else message


def _place(location: list[int | str], data: Mapping[Any, Any]) -> tuple[str, list[str]]:
    if len(location) > 1 and location[0] == "patients" and isinstance(location[1], int):
        patient = data["patients"][location[1]]
        named = patient.get("id") if isinstance(patient, Mapping) else None
        place = f"patient '{named}'" if isinstance(named, str) else f"patient number {location[1] + 1}"
        return place, [str(part) for part in location[2:]]
    if len(location) > 1 and location[0] == "states" and isinstance(location[1], int):
        state = data["states"][location[1]]
        named = state.get("name") if isinstance(state, Mapping) else None
        place = f"state '{named}'" if isinstance(named, str) else f"state number {location[1] + 1}"
        return place, [str(part) for part in location[2:]]
    if len(location) > 1 and location[0] == "resources":
        return f"resource '{location[1]}'", [str(part) for part in location[2:]]
    return "", [str(part) for part in location]


def _message(error: ErrorDetails, location: list[int | str], fields: Sequence[str]) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    bounds = {
        "less_than_equal": ("at most", "le"), "greater_than_equal": ("at least", "ge"),
        "less_than": ("below", "lt"), "greater_than": ("above", "gt"),
    }  # fmt: skip
    if kind in bounds:
        words, key = bounds[kind]
        return f"{_short(value)} is not {words} {context[key]:g}; correct it"
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "missing; add it"
    if kind == "extra_forbidden":
        near = get_close_matches(str(location[-1]), fields, 1)
        return f"no such field; did you mean '{near[0]}'?" if near else "no such field; remove it"
    if kind == "literal_error":
        return f"{_short(value)} is not one of {context['expected']}; choose one"
    if kind == "string_pattern_mismatch":
        return f"{_short(value)} is no name; use small letters, digits, - and _, at most 64"
    if kind == "string_type":
        return f"{_short(value)} is not text; put it in quotes"
    if kind in ("string_too_long", "too_long", "too_short"):
        return f"{error['msg'][0].lower()}{error['msg'][1:]}; change that"
    expected = {"float": "a number", "int": "a whole number", "bool": "true or false", "dict": "a mapping",
                "model": "a mapping", "list": "a list"}.get(kind.split("_")[0])  # fmt: skip
    if expected:
        return f"{_short(value)} is not {expected}; correct it"
    return f"{error['msg']}; correct it"


@cache
def _fields() -> tuple[str, ...]:
    from scenarios import ward

    models = (ward.Ward, ward.Resource, ward.Patient, ward.Vitals, ward.Organs, ward.PatientWeights)
    return tuple(name for model in models for name in model.model_fields)


def _short(value: object) -> str:
    text = json.dumps(value) if isinstance(value, bool | type(None)) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _kind(data: object) -> str:
    names = {str: "text", list: "a list", type(None): "nothing"}
    return names.get(type(data), f"a {type(data).__name__}")
