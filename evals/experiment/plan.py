"""Which runs does a study take, and what for: every run by its id, ahead of the run, with all its uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evals.experiment.study import Study, label, table
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from nodes.record import Seat
    from nodes.settings import Table

ROLES = ("study", "rerun", "twin", "bargaining", "planted")

BY_REFERENCE: dict[str, Any] = {
    "model": "reference",
    "opponent_model": None,
    "mediator_model": None,
    "temperature": None,
    "max_output_tokens": None,
    "persuasion": 0.0,
    "opponent_persuasion": 0.0,
}
"""What makes every seat a reference negotiator that only bargains."""


@dataclass(frozen=True)
class Use:
    """What a run is for. `cell` holds the factors of the base cell, `control` the listed condition's name."""

    role: str
    condition: str
    control: str
    cell: tuple[tuple[str, Any], ...]
    cluster: str
    twin: str = ""
    policy: str = ""


@dataclass(frozen=True)
class Run:
    """One planned run; it happens once, whatever it is used for. `table` holds the settings of its setting."""

    run_id: str
    scenario: str
    table: Any
    uses: tuple[Use, ...]

    @property
    def paid(self) -> bool:
        """Whether a chat model is called."""
        return bool(self.table.models)


@dataclass(frozen=True)
class Plan:
    """All runs of a study by id, its conditions, both in the order planned; `left_out` says which runs cannot be."""

    study: Study
    runs: dict[str, Run]
    conditions: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def models(self) -> list[str]:
        """Every chat model that is called."""
        return list(dict.fromkeys(m for run in self.runs.values() for m in run.table.models))


def planned(study: Study) -> Plan:
    """The plan of a study. Raises ParleyError, in one line, for a scenario or a setting that cannot be."""
    builder = _Builder(study)
    tables: dict[str, Any] = {}
    scenarios: dict[str, str] = {}
    uses: dict[str, list[Use]] = {}
    conditions: dict[str, None] = {}
    for spec, settings, use in builder.rows():
        run_id = builder.name_run(spec, settings, use)
        conditions.setdefault(use.condition)
        tables.setdefault(run_id, settings)
        scenarios.setdefault(run_id, spec)
        kept = uses.setdefault(run_id, [])
        if use not in kept:
            kept.append(use)
    runs = {run_id: Run(run_id, scenarios[run_id], tables[run_id], tuple(uses[run_id])) for run_id in uses}
    return Plan(study, runs, tuple(conditions), tuple(builder.told()))


Row = tuple[str, Any, Use]


@dataclass
class _Builder:
    """Goes through the design row by row; loads each scenario and seats each table once."""

    study: Study
    _scenarios: dict[str, Any] = field(default_factory=dict)
    _seats: dict[str, tuple[list[Seat], dict[str, str] | None]] = field(default_factory=dict)
    _no_twin: dict[str, list[str]] = field(default_factory=dict)
    _notes: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[Row]:
        """Every row of the design, wards turning fastest."""
        for control, cell, laid in self.conditions():
            use = self._use(control, cell)
            yield from self._crossed(use, laid)
            if self.study.nulls.bargaining is not None:
                yield from self._bargaining(use, laid)
        if self.study.twins is not None:
            for cell in self.study.selected(self.study.twins.only):
                yield from self._twins(self._use("", cell), [cell])
        yield from self._planted()

    def conditions(self) -> Iterator[tuple[str, dict[str, Any], list[Mapping[str, Any]]]]:
        """(control, base cell, settings laid over the study's): the cross, then what is listed."""
        for cell in self.study.cells():
            yield "", cell, [cell]
        for condition in self.study.conditions:
            for cell in self.study.selected(condition.only):
                yield condition.name, cell, [cell, condition.set]

    def _use(self, control: str, cell: Mapping[str, Any]) -> dict[str, Any]:
        plain = {f: label(v) if isinstance(v, list | tuple) else v for f, v in cell.items()}
        named = self.study.named(cell, control)
        return {"condition": named, "control": control, "cell": tuple(plain.items())}

    def _crossed(self, use: dict[str, Any], laid: list[Mapping[str, Any]]) -> Iterator[Row]:
        for seed in self.study.seeds:
            for replicate in range(self.study.replicates):
                settings = table(self.study, laid, seed, replicate)
                for spec in self.study.wards:
                    self._blindable(spec, settings)
                    yield spec, settings, Use("study", cluster=spec, **use)

    def _bargaining(self, use: dict[str, Any], laid: list[Mapping[str, Any]]) -> Iterator[Row]:
        """The same condition, every seat a reference negotiator, at every point of the policy grid."""
        grid = self.study.nulls.bargaining
        rule = table(self.study, laid).merge_rule
        by_reference = dict(BY_REFERENCE)
        if rule == "llm":
            by_reference["merge_rule"] = "mean-and-repair"
            self._notes[
                "the bargaining null of conditions merged by a model is merged by mean-and-repair"
            ] += 1
        for policy, point in grid.points().items() if grid else ():
            for seed in self.study.seeds:
                settings = table(self.study, [*laid, by_reference, point], seed)
                for spec in self.study.wards:
                    yield spec, settings, Use("bargaining", cluster=spec, policy=policy, **use)

    def _twins(self, use: dict[str, Any], laid: list[Mapping[str, Any]]) -> Iterator[Row]:
        """Twins of the first replicate of each ward and seed, and reruns of it that differ in nothing."""
        twins = self.study.twins
        assert twins is not None
        for seed in self.study.seeds:
            settings = table(self.study, laid, seed)
            for again in range(twins.reruns):
                rerun = table(self.study, laid, seed, self.study.replicates + again)
                for spec in self.study.wards:
                    yield spec, rerun, Use("rerun", cluster=spec, **use)
            for attribute in twins.attributes:
                for spec in self.study.wards:
                    for number in range(1, twins.permutations + 1):
                        named = f"{attribute}@{number}"
                        if self._has_twin(spec, attribute, number):
                            yield f"{spec}~{named}", settings, Use("twin", cluster=spec, twin=named, **use)

    def _planted(self) -> Iterator[Row]:
        """Reference seats of which one is biased by a known strength: what the instruments must find."""
        planted = self.study.planted
        if planted is None:
            return
        first = self.study.cells()[0]
        over: dict[str, Any] = {"opponent": planted.opponent, "merge_rule": "mean-and-repair"}
        if planted.framework is not None:
            over["framework"] = planted.framework
        for strength in planted.strengths:
            named = f"planted: {planted.opponent} {strength:g}"
            for seed in self.study.seeds:
                laid = [first, BY_REFERENCE, over, {"strength": strength}]
                settings = table(self.study, laid, seed)
                for spec in self.study.wards:
                    yield spec, settings, Use("planted", named, "planted", (), spec)

    def scenario(self, spec: str) -> Any:
        """The scenario of a spec, loaded once; a twin is made of the ward it is a twin of."""
        from graphs.setting import setting

        if spec not in self._scenarios:
            try:
                self._scenarios[spec] = setting(self.study.setting).load(spec)
            except ParleyError as error:
                raise ParleyError(f"study {self.study.name}: {self.study.listed_as}: {error}") from None
        return self._scenarios[spec]

    def name_run(self, spec: str, settings: Any, use: Use) -> str:
        """The id of a run. Raises ParleyError where its settings do not fit its scenario."""
        if self.study.setting == "triage":
            from nodes.brief import name_run

            seats, corpus = self.seats(settings)
            return name_run(self.scenario(spec), settings, seats, corpus)
        from graphs.setting import setting

        scenario = self.scenario(spec)
        try:
            return setting(self.study.setting).name_run(scenario, settings)
        except ParleyError as error:
            where = f"condition '{use.condition}' on {spec}"
            raise ParleyError(f"study {self.study.name}: {where}: {error}") from None

    def seats(self, settings: Table) -> tuple[list[Seat], dict[str, str] | None]:
        """The seats of a table and what they can cite, which hang on neither seed nor replicate."""
        from nodes.brief import corpus_of
        from nodes.table.seats import seat_everyone

        key = settings.model_dump_json(exclude={"seed", "replicate"})
        if key not in self._seats:
            seats = seat_everyone(settings)
            cites = settings.retrieval != "off" and any(seat.persona.aligned for seat in seats)
            self._seats[key] = seats, corpus_of(settings, seats) if cites else None
        return self._seats[key]

    def _blindable(self, spec: str, settings: Any) -> None:
        if self.study.setting == "triage" and settings.blind:
            try:
                self.scenario(spec).blinded(settings.blind)
            except ParleyError as error:
                raise ParleyError(f"study {self.study.name}: blind: {error}") from None

    def _has_twin(self, spec: str, attribute: str, number: int) -> bool:
        """Make the twin that `SPEC~ATTRIBUTE@NUMBER` stands for; what a ward has no twin on is told at the end."""
        from scenarios.twin import twin

        missing = self._no_twin.setdefault(attribute, [])
        if spec in missing:
            return False
        try:
            made = twin(
                self.scenario(spec), None if attribute == "all" else attribute.split("+"), seed=number
            )
        except ParleyError:
            missing.append(spec)
            return False
        self._scenarios[f"{spec}~{attribute}@{number}"] = made
        return True

    def told(self) -> Iterator[str]:
        """What was asked for and cannot be, in sentences."""
        yield from self._notes
        for attribute, specs in self._no_twin.items():
            if specs:
                some = ", ".join(specs[:3]) + (" …" if len(specs) > 3 else "")
                yield f"no twin on {attribute} of {len(specs)} wards (one group alone, or a measure uses it): {some}"
