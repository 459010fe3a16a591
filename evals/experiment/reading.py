"""How is a study read: YAML taken literally, checked against what there is, each mistake said in one line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.experiment.study import BASE, RESERVED, SELECTORS, Study, label, labels, near, table
from scenarios.errors import ParleyError
from scenarios.model import Model
from scenarios.reading import read_text

if TYPE_CHECKING:
    from nodes.settings import Table

STUDIES = Path(__file__).parent.parent / "studies"
LIMIT_BYTES = 1_000_000
FURTHER_STAGES = ("best_solo", "best_mixture", "oracle", "lottery")
"""Stages that findings add to those a record has: the best of the solos, of their mixtures, bounds of the ward."""

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
        study = study.model_copy(update={"wards": tuple(located(spec) for spec in study.wards)})
        study._text = text
        check(study)
    except ParleyError as error:
        raise ParleyError(f"{source}: {error}") from None
    return study


def located(spec: str) -> str:
    """A ward's spec with `${PARLEY_DATA}` replaced by that folder, as it is set.

    Raises ParleyError, without the file's name, where it is not set, or for any other variable.
    """
    folder = os.environ.get(DATA, "")
    for name in _VARIABLE.findall(spec):
        if name != DATA:
            raise ParleyError(f"wards: '{spec}': ${{{name}}} is not read here; ${{{DATA}}} alone is")
        if not folder:
            file = spec.partition(f"${{{DATA}}}")[2].partition("#")[0].lstrip("/") or "the data"
            raise ParleyError(f"wards: '{spec}': {DATA} is not set; set it to the folder that holds {file}")
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


def check(study: Study) -> None:
    """All that one field alone cannot tell. Raises ParleyError at the first mistake, without the file's name."""
    _check_settings(study)
    _check_factors(study)
    tables = _check_cells(study)
    tables += _check_conditions(study)
    _check_controls(study)
    _check_hypotheses(study, tables)


def _check_settings(study: Study) -> None:
    for field in study.settings:
        _known_setting(field, "settings")
        if field in study.factors:
            raise ParleyError(f"settings.{field}: it is a factor too; keep it in one place")


def _known_setting(field: str, where: str) -> None:
    from nodes.settings import Table

    if field in RESERVED:
        raise ParleyError(f"{where}.{field}: {RESERVED[field]} instead")
    if field == "review":
        raise ParleyError(f"{where}.review: a study has nobody to ask; leave it out")
    if field not in Table.model_fields:
        raise ParleyError(f"{where}.{field}: no such setting; {near(field, Table.model_fields)}")


def _check_factors(study: Study) -> None:
    for factor, values in study.factors.items():
        _known_setting(factor, "factors")
        told = [label(v) for v in values]
        twice = next((t for t in told if told.count(t) > 1), None)
        if not values or twice is not None:
            what = f"{twice} stands twice; remove one" if values else "no values; give at least one"
            raise ParleyError(f"factors.{factor}: {what}")


def _check_cells(study: Study) -> list[Table]:
    """The settings of every base cell."""
    for field, value in study.settings.items():  # a field by itself first: its error then names its place
        _fits({field: value}, f"settings.{field}", field)
    for factor, values in study.factors.items():
        for value in values:
            _fits({factor: value}, f"factors.{factor}", factor)
    return [_table(study, f"condition '{study.named(cell)}'", cell) for cell in study.cells()]


def _fits(given: Mapping[str, Any], where: str, field: str) -> None:
    """Whether one setting by itself is possible; what depends on others is told later."""
    from pydantic import ValidationError

    from nodes.settings import Table

    try:
        Table.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"]:
            raise ParleyError(said({**first, "loc": (where, *first["loc"][1:])}, given, ())) from None
        words = first["msg"].removeprefix("Value error, ")
        if "llm needs a model" not in words:
            raise ParleyError(f"{where}: {words.removeprefix(f'{field}: ')}") from None
    _known_personas(given, where)


def _known_personas(given: Mapping[str, Any], where: str) -> None:
    from nodes.table.equipment import equipment
    from personas.load import load

    names = [given[f] for f in ("framework", "opponent") if f in given]
    for name in [*names, *(given.get("panel") or ())]:
        try:
            load(name, equipment().personas)
        except ParleyError as error:
            raise ParleyError(f"{where}: {error}") from None


def _table(study: Study, where: str, *changes: Mapping[str, Any]) -> Table:
    from nodes.table.equipment import policy

    try:
        made: Table = table(study, changes)
        policy(made.concession, made.exponent, made.floor, 0.0)
    except ParleyError as error:
        raise ParleyError(f"{where}: {error}") from None
    return made


def _check_conditions(study: Study) -> list[Table]:
    """The settings of every listed condition over the cells it is laid over."""
    tables, seen = [], {BASE, "planted"}
    for number, condition in enumerate(study.conditions):
        where = f"conditions.{number} '{condition.name}'"
        if condition.name in seen:
            raise ParleyError(f"{where}: the name is taken; name it otherwise")
        seen.add(condition.name)
        for field, value in condition.set.items():
            _known_setting(field, f"{where}, set")
            _fits({field: value}, f"{where}, set.{field}", field)
        _check_only(study, condition.only, f"{where}, only")
        tables += [_table(study, where, cell, condition.set) for cell in study.selected(condition.only)]
    return tables


def _check_only(study: Study, only: Mapping[str, Any], where: str) -> None:
    for factor, wanted in only.items():
        _known_level(study, factor, wanted, where)
    if not study.selected(only):
        raise ParleyError(f"{where}: selects no base cell; correct it or leave it out")


def _known_level(study: Study, factor: str, wanted: Any, where: str) -> None:
    if factor not in study.factors:
        raise ParleyError(f"{where}.{factor}: no such factor; {near(factor, study.factors)}")
    there = [label(v) for v in study.factors[factor]]
    for value in labels(wanted):
        if value not in there:
            raise ParleyError(f"{where}.{factor}: no value '{value}'; {near(value, there)}")


def _check_controls(study: Study) -> None:
    if study.twins is not None:
        _check_only(study, study.twins.only, "twins.only")
    if (planted := study.planted) is not None:
        from nodes.table.equipment import equipment
        from personas.load import load

        _known_personas({"opponent": planted.opponent}, "planted.opponent")
        if not load(planted.opponent, equipment().personas).favours:
            raise ParleyError(f"planted.opponent: '{planted.opponent}' favours nobody; name a biased persona")
        if planted.framework is not None:
            _known_personas({"framework": planted.framework}, "planted.framework")


def _check_hypotheses(study: Study, tables: list[Table]) -> None:
    seen: set[str] = set()
    for hypothesis in study.hypotheses:
        where = f"hypothesis {hypothesis.id}"
        if hypothesis.id in seen:
            raise ParleyError(f"{where}: the id is taken; give it another")
        seen.add(hypothesis.id)
        _known_outcome(hypothesis.outcome, where)
        _check_side(study, hypothesis.of, f"{where}.of", tables)
        if isinstance(hypothesis.against, dict):
            _check_side(study, hypothesis.against, f"{where}.against", tables)
            if _told(hypothesis.other_side or {}) == _told(hypothesis.of):
                raise ParleyError(f"{where}.against: the same as `of`; name what differs, or a number")


def _told(side: Mapping[str, Any]) -> dict[str, list[str]]:
    return {"stage": ["joint"], "control": [""]} | {k: sorted(labels(v)) for k, v in side.items()}


def _check_side(study: Study, side: Mapping[str, Any], where: str, tables: list[Table]) -> None:
    seats = max((t.seated() for t in tables), key=len)
    stages = ["joint", "no_debate", *(f"round:{r + 1}" for r in range(max(t.rounds for t in tables)))]
    stages += [f"{occasion}:{seat}" for occasion in ("solo", "exit_solo") for seat, *_ in seats]
    known = {"stage": [*stages, *FURTHER_STAGES], "control": ["", *(c.name for c in study.conditions)]}
    for key, wanted in side.items():
        if key in known:
            for value in labels(wanted):
                if value not in known[key]:
                    raise ParleyError(
                        f"{where}.{key}: no {key} '{value}'; {near(value, filter(None, known[key]))}"
                    )
        elif key in study.factors:
            _known_level(study, key, wanted, where)
        else:
            raise ParleyError(f"{where}.{key}: no such factor; {near(key, [*SELECTORS, *study.factors])}")


def _known_outcome(name: str, where: str) -> None:
    """Refuse an outcome that nobody computes; where that part of Parley is not installed nothing is refused."""
    try:
        from evals.outcomes import find
    except ModuleNotFoundError:
        return
    try:
        find(name)
    except ParleyError as error:
        raise ParleyError(f"{where}.{error}") from None


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
