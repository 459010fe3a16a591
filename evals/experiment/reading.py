"""How is a study read: YAML taken literally, checked against what there is, each mistake said in one line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from evals.experiment.study import Study, near
from scenarios.errors import ParleyError
from scenarios.model import Model
from scenarios.reading import read_text

STUDIES = Path(__file__).parent.parent / "studies"
LIMIT_BYTES = 1_000_000
DATA = "PARLEY_DATA"
"""Names the folder of data that Parley does not ship: the one variable that a ward's spec may use."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def shipped() -> list[str]:
    """Names of the shipped studies, sorted."""
    return sorted(path.stem for path in STUDIES.glob("*.yaml"))


def load_study(named: str | Path, changes: Mapping[str, Any] | None = None) -> Study:
    """The study of a shipped name or of a file, with `changes` laid over its settings.

    Raises ParleyError in one line that names file, field and mend.
    """
    path = Path(named).expanduser()
    if str(named) in shipped():
        path = STUDIES / f"{named}.yaml"
    elif not path.is_file() and "/" not in str(named) and path.suffix not in (".yaml", ".yml"):
        raise ParleyError(f"no study '{named}'; {near(str(named), shipped())} or give the path of a file")
    text = read_text(path, LIMIT_BYTES)
    return parse_study(_yaml(text, path.name), path.name, text, changes)


def parse_study(data: object, source: str, text: str = "", changes: Mapping[str, Any] | None = None) -> Study:
    """A study from plain data; `source` is the name that errors begin with."""
    from pydantic import ValidationError

    from evals.experiment.checking import check

    if not isinstance(data, dict):
        raise ParleyError(f"{source}: a study is a mapping of name, question, wards and so on; write one")
    if changes:
        data = data | {"settings": {**(data.get("settings") or {}), **changes}}
    try:
        study = Study.model_validate(data)
    except ValidationError as error:
        found = error.errors()
        first = next(
            (e for e in found if e["type"] == "extra_forbidden"), found[0]
        )  # a misspelt name comes first
        raise ParleyError(f"{source}: {said(first, data, Study.model_fields)}") from None
    try:
        located_ = tuple(located(spec, study.listed_as) for spec in study.wards)
        study = study.model_copy(update={"wards": located_})
        study._text = text
        check(study)
    except ParleyError as error:
        raise ParleyError(f"{source}: {error}") from None
    return study


def located(spec: str, field: str = "wards") -> str:
    """A scenario's spec with `${PARLEY_DATA}` replaced by that folder, as it is set.

    Raises ParleyError, without the file's name, where it is not set, or for any other variable.
    """
    folder = os.environ.get(DATA, "")
    for name in _VARIABLE.findall(spec):
        if name != DATA:
            raise ParleyError(f"{field}: '{spec}': ${{{name}}} is not read here; ${{{DATA}}} alone is")
        if not folder:
            file = spec.partition(f"${{{DATA}}}")[2].partition("#")[0].lstrip("/") or "the data"
            raise ParleyError(f"{field}: '{spec}': {DATA} is not set; set it to the folder that holds {file}")
    return _VARIABLE.sub(lambda _: folder, spec)


def changed(words: Iterable[str]) -> dict[str, Any]:
    """`FIELD=VALUE` words as settings, values read as YAML. Raises ParleyError for one that is none."""
    out: dict[str, Any] = {}
    for word in words:
        field, equals, value = word.partition("=")
        if not equals or not value:
            raise ParleyError(f"--set {word}: write FIELD=VALUE, as in --set rounds=5")
        out[field.strip()] = _yaml(value, f"--set {field}")
    return out


def said(error: Mapping[str, Any], data: Any, known: Iterable[str]) -> str:
    """One pydantic error as `field: what is wrong; mend`."""
    where = ".".join(str(part) for part in error["loc"] if part != "[key]")
    value, kind = error["input"], error["type"]
    shown = f"{value!r}" if len(repr(value)) <= 60 else f"{value!r:.57}..."
    prefix = f"{where}: " if where else ""
    if kind == "extra_forbidden":
        names = _fields_at(error["loc"][:-1], known)
        return f"{prefix}no such field; {near(str(error['loc'][-1]), names)}"
    if kind == "missing":
        return f"{prefix}missing; add it"
    if kind == "value_error":
        words = error["msg"].removeprefix("Value error, ")
        return words if where and words.startswith(f"{where}: ") else f"{prefix}{words}"
    if kind == "string_pattern_mismatch":
        return f"{prefix}{shown} is no name; use letters, digits, - and _ (small letters for a name)"
    if kind == "string_type":
        return f"{prefix}{shown} is not text; put it in quotes"
    if kind == "too_short":
        return f"{prefix}empty; give at least one entry"
    if kind == "literal_error":
        return f"{prefix}{shown} is not one of {error['ctx']['expected']}; choose one"
    return f"{prefix}{error['msg'][0].lower()}{error['msg'][1:]}; it is {shown}, correct it"


def _fields_at(place: Iterable[Any], known: Iterable[str]) -> list[str]:
    """The fields that may stand at a place of the file."""
    from evals.experiment import study as models

    by_place: dict[str, type[Model]] = {
        "conditions": models.Condition,
        "hypotheses": models.Hypothesis,
        "nulls": models.Nulls,
        "bargaining": models.Grid,
        "twins": models.Twins,
        "planted": models.Planted,
        "caps": models.Caps,
    }
    named = [part for part in place if isinstance(part, str)]
    return list(by_place[named[-1]].model_fields) if named and named[-1] in by_place else list(known)


def _yaml(text: str, source: str) -> object:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        said_ = error.problem or error.context or "no YAML"
        raise ParleyError(f"{source}: {place}{said_}; correct it") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ParleyError(
            f"{source}: no valid YAML ({' '.join(str(error).split())[:150]}); correct it"
        ) from None


@cache
def _loader() -> Any:
    import yaml

    class Literal(yaml.SafeLoader):
        """YAML 1.2 booleans alone: `retrieval: off` stays the word off. A key twice, or an alias, is a mistake."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if str(key.value) in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"'{key.value}' stands twice; keep one", problem_mark=key.start_mark
                    )
                seen.add(str(key.value))
            mapping: dict[Any, Any] = super().construct_mapping(node, deep)
            return mapping

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                event: Any = self.get_event()  # type: ignore[no-untyped-call]
                problem = f"'*{event.anchor}' is an alias; write it out"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
            return super().compose_node(parent, index)

    kept = {
        first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Literal.yaml_implicit_resolvers = kept
    return Literal
