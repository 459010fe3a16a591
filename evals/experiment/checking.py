"""What must hold of a study beyond its fields: settings, factors, conditions and hypotheses that can be carried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.experiment.study import BASE, RESERVED, SELECTORS, Study, label, labels, near, table
from scenarios.errors import ParleyError

FURTHER_STAGES = ("best_solo", "best_mixture", "oracle", "lottery")
"""Stages that findings add to those a record has: the best of the solos, of their mixtures, bounds of the ward."""

ON_OTHERS = ("llm needs a model", "the regime is")
"""Words of complaints about a setting that another one may mend: not told of a setting by itself."""


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
        _known_setting(study, field, "settings")
        if field in study.factors:
            raise ParleyError(f"settings.{field}: it is a factor too; keep it in one place")


def _known_setting(study: Study, field: str, where: str) -> None:
    known = _kind(study).model_fields
    if field in RESERVED:
        raise ParleyError(f"{where}.{field}: {RESERVED[field]} instead")
    if field == "review":
        raise ParleyError(f"{where}.review: a study has nobody to ask; leave it out")
    if field not in known:
        raise ParleyError(f"{where}.{field}: no such setting; {near(field, known)}")


def _kind(study: Study) -> Any:
    """The model of the settings that runs of this study have."""
    from graphs.setting import setting

    return setting(study.setting).table


def _check_factors(study: Study) -> None:
    for factor, values in study.factors.items():
        _known_setting(study, factor, "factors")
        told = [label(v) for v in values]
        twice = next((t for t in told if told.count(t) > 1), None)
        if not values or twice is not None:
            what = f"{twice} stands twice; remove one" if values else "no values; give at least one"
            raise ParleyError(f"factors.{factor}: {what}")


def _check_cells(study: Study) -> list[Any]:
    """The settings of every base cell."""
    for field, value in study.settings.items():  # a field by itself first: its error then names its place
        _fits(study, {field: value}, f"settings.{field}", field)
    for factor, values in study.factors.items():
        for value in values:
            _fits(study, {factor: value}, f"factors.{factor}", factor)
    return [_table(study, f"condition '{study.named(cell)}'", cell) for cell in study.cells()]


def _fits(study: Study, given: Mapping[str, Any], where: str, field: str) -> None:
    """Whether one setting by itself is possible; what depends on others is told later."""
    from pydantic import ValidationError

    from evals.experiment.reading import said

    try:
        _kind(study).model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"]:
            raise ParleyError(said({**first, "loc": (where, *first["loc"][1:])}, given, ())) from None
        words = first["msg"].removeprefix("Value error, ")
        if not any(lacks in words for lacks in ON_OTHERS):
            raise ParleyError(f"{where}: {words.removeprefix(f'{field}: ')}") from None
    if study.setting == "triage":
        _known_personas(given, where)
    elif study.setting == "deliberation":
        _known_pairs(given, where)
    else:
        _known_concerns(given, where)


def _known_personas(given: Mapping[str, Any], where: str) -> None:
    from nodes.table.equipment import equipment
    from personas.load import load

    names = [given[f] for f in ("framework", "opponent") if f in given]
    for name in [*names, *(given.get("panel") or ())]:
        try:
            load(name, equipment().personas)
        except ParleyError as error:
            raise ParleyError(f"{where}: {error}") from None


def _known_pairs(given: Mapping[str, Any], where: str) -> None:
    from nodes.table.equipment import equipment
    from personas.opposing import load_pair

    try:
        for name in [*([given["pair"]] if "pair" in given else []), *given.get("panel", ())]:
            load_pair(str(name).partition(":")[0], equipment().personas)
    except ParleyError as error:
        raise ParleyError(f"{where}: {error}") from None


def _known_concerns(given: Mapping[str, Any], where: str) -> None:
    from nodes.table.equipment import equipment
    from personas.load import load_concern
    from scenarios.contracts import load_contract

    try:
        for name in (given[f] for f in ("selfish_as", "prosocial_as") if f in given):
            load_concern(name, equipment().personas)
        if given.get("law") is not None:
            load_contract(given["law"])
    except ParleyError as error:
        raise ParleyError(f"{where}: {error}") from None


def _table(study: Study, where: str, *changes: Mapping[str, Any]) -> Any:
    from nodes.table.equipment import policy

    try:
        made = table(study, changes)
        if study.setting == "triage":
            policy(made.concession, made.exponent, made.floor, 0.0)
    except ParleyError as error:
        raise ParleyError(f"{where}: {error}") from None
    return made


def _check_conditions(study: Study) -> list[Any]:
    """The settings of every listed condition over the cells it is laid over."""
    tables, seen = [], {BASE, "planted"}
    for number, condition in enumerate(study.conditions):
        where = f"conditions.{number} '{condition.name}'"
        if condition.name in seen:
            raise ParleyError(f"{where}: the name is taken; name it otherwise")
        seen.add(condition.name)
        for field, value in condition.set.items():
            _known_setting(study, field, f"{where}, set")
            _fits(study, {field: value}, f"{where}, set.{field}", field)
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
    if study.setting != "triage":
        _nothing_of_debates(study)
        return
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


def _nothing_of_debates(study: Study) -> None:
    """Refuse what debates alone have: twins of patients, a planted bias, a null of bargaining, criteria of wards."""
    parts = {"twins": study.twins, "planted": study.planted, "nulls.bargaining": study.nulls.bargaining}
    for name, part in (parts | {"thresholds": study.thresholds or None}).items():
        if part is not None:
            raise ParleyError(
                f"{name}: only in studies of triage, and the setting is {study.setting}; leave it out"
            )


def _check_hypotheses(study: Study, tables: list[Any]) -> None:
    seen: set[str] = set()
    for hypothesis in study.hypotheses:
        where = f"hypothesis {hypothesis.id}"
        if hypothesis.id in seen:
            raise ParleyError(f"{where}: the id is taken; give it another")
        seen.add(hypothesis.id)
        _known_outcome(study, hypothesis.outcome, where)
        _check_side(study, hypothesis.of, f"{where}.of", tables)
        if isinstance(hypothesis.against, dict):
            _check_side(study, hypothesis.against, f"{where}.against", tables)
            if _told(study, hypothesis.other_side or {}) == _told(study, hypothesis.of):
                raise ParleyError(f"{where}.against: the same as `of`; name what differs, or a number")


def _told(study: Study, side: Mapping[str, Any]) -> dict[str, list[str]]:
    unsaid = {"stage": [study.final_stage], "control": [""]}
    return unsaid | {k: sorted(labels(v)) for k, v in side.items()}


def _stages(study: Study, tables: list[Any]) -> list[str]:
    """The stages that a hypothesis may name."""
    if study.setting != "triage":
        return [study.final_stage]
    seats = max((t.seated() for t in tables), key=len)
    stages = ["joint", "no_debate", *(f"round:{r + 1}" for r in range(max(t.rounds for t in tables)))]
    stages += [f"{occasion}:{seat}" for occasion in ("solo", "exit_solo") for seat, *_ in seats]
    return [*stages, *FURTHER_STAGES]


def _check_side(study: Study, side: Mapping[str, Any], where: str, tables: list[Any]) -> None:
    known = {"stage": _stages(study, tables), "control": ["", *(c.name for c in study.conditions)]}
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


def _known_outcome(study: Study, name: str, where: str) -> None:
    """Refuse an outcome that nobody computes; where that part of Parley is not installed nothing is refused."""
    try:
        from evals.outcomes import find_for
    except ModuleNotFoundError:
        return
    try:
        find_for(study.setting, name)
    except ParleyError as error:
        raise ParleyError(f"{where}.{error}") from None
