"""What will a study take and what can it show: runs, calls, tokens, cost, clusters, power — before it is run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evals.experiment.plan import Plan, Run, Use
from evals.experiment.study import Hypothesis, Study, label, labels

if TYPE_CHECKING:
    from negotiators.protocol import Occasion, View
    from nodes.settings import Table
    from personas.persona import Persona
    from scenarios.ward import Ward

ALPHA, POWER = 0.05, 0.8
MEDIUM = 0.5
"""A medium effect, d_z (Cohen 1988): power is stated for it."""

SAMPLE = 4
"""Wards of which prompts are built, for the estimate of tokens."""

ARGUMENT = 700
ANSWER = 900
"""Characters of an argument, and of an answer beside its allocation, as the estimate takes them (ours)."""


@dataclass(frozen=True)
class Contrast:
    """What a hypothesis has to stand on: `clusters` are those with a treatment row and, if asked for, its partner.

    `least_effect` is the minimum detectable effect (d_z, power .8, in the direction claimed, at Holm's first step
    in its family), `power` that for a medium effect of 0.5, `largest_sd` the greatest sd over wards at which
    the smallest effect that matters is still found. None where too few wards are there for any test.
    """

    hypothesis: Hypothesis
    pairs: int
    clusters: int
    family: int
    least_effect: float | None
    power: float | None
    largest_sd: float | None


@dataclass(frozen=True)
class Ahead:
    """A plan in numbers. Tokens are an estimate; cost is None where a price is not known."""

    runs: int
    by_role: dict[str, int]  # uses, of which one run may serve several
    by_condition: dict[str, dict[str, int]]
    clusters: int
    calls: dict[str, int]  # by model
    tokens: dict[str, tuple[int, int]]  # by model: read, written
    cost_usd: float | None
    unpriced: list[str]
    contrasts: list[Contrast]


def ahead(plan: Plan, *, tokens: bool = True) -> Ahead:
    """A plan in numbers; without `tokens` no prompt is built."""
    from negotiators.chat.cost import cost_usd, load_prices, price_of

    by_role: Counter[str] = Counter()
    by_condition: dict[str, Counter[str]] = {name: Counter() for name in plan.conditions}
    for use in (use for run in plan.runs.values() for use in run.uses):
        by_role[use.role] += 1
        by_condition[use.condition][use.role] += 1
    calls: Counter[str] = Counter()
    for run in plan.runs.values():
        if run.paid:
            calls.update(_calls(plan.study, run))
    counted = _tokens(plan) if tokens and calls else {}
    prices = load_prices() if calls else {}
    unpriced = [m for m in calls if price_of(m, prices) is None]
    costs = [cost_usd(price_of(m, prices), *counted[m]) for m in counted]
    known = not unpriced and (not calls or bool(counted))
    return Ahead(
        runs=len(plan.runs),
        by_role=dict(by_role),
        by_condition={name: dict(roles) for name, roles in by_condition.items()},
        clusters=len(plan.study.wards),
        calls=dict(calls),
        tokens=counted,
        cost_usd=sum(c or 0.0 for c in costs) if known else None,
        unpriced=unpriced,
        contrasts=contrasts(plan),
    )


def _calls(study: Study, run: Run) -> Counter[str]:
    """Calls by model of one run; of a dilemma the most there can be."""
    if study.setting == "triage":
        return calls_of(run.table)
    if study.setting == "deliberation":
        from evals.deliberation.ahead import calls_of as calls_of_dialogue

        return calls_of_dialogue(run.table)
    from evals.dilemmas.ahead import calls_of as calls_of_dilemma

    return calls_of_dilemma(_loaded(study.setting, run.scenario), run.table)


@lru_cache(maxsize=256)
def _loaded(setting: str, spec: str) -> Any:
    from graphs.setting import setting as setting_of

    return setting_of(setting).load(spec)


def calls_of(table: Table) -> Counter[str]:
    """Calls by model of one debate in which every answer can be used as it comes.

    A seat is asked for its solo, once a round and for its exit solo; a mediating model once a round, and
    once more for the no-debate merge.
    """
    out: Counter[str] = Counter()
    for _, _, model, _ in table.seated():
        if model != "reference":
            out[model] += table.rounds + 2
    if table.merge_rule == "llm":
        out[table.mediator_model or table.model] += table.rounds + 1
    return out


def contrasts(plan: Plan) -> list[Contrast]:
    """Every hypothesis with the pairs and clusters that the plan has for it."""
    families = Counter(h.family for h in plan.study.hypotheses)
    return [_contrast(plan, h, families[h.family]) for h in plan.study.hypotheses]


def _contrast(plan: Plan, hypothesis: Hypothesis, family: int) -> Contrast:
    from evals.statistics import minimum_detectable_effect, power

    keys = pairs_of(plan, hypothesis)
    clusters, way = len({key[0] for key in keys}), hypothesis.direction
    alpha = ALPHA / family
    least = minimum_detectable_effect(clusters, alpha, POWER, way) if clusters > 1 else None
    medium = -MEDIUM if way == "less" else MEDIUM
    return Contrast(
        hypothesis=hypothesis,
        pairs=len(keys),
        clusters=clusters,
        family=family,
        least_effect=least,
        power=power(medium, clusters, alpha, way) if clusters > 1 else None,
        largest_sd=hypothesis.smallest_effect / least if least and hypothesis.smallest_effect else None,
    )


Key = tuple[Any, ...]


def pairs_of(plan: Plan, hypothesis: Hypothesis) -> set[Key]:
    """(cluster, seed, replicate, factors …) of every treatment row that has its partner in the plan."""
    other = hypothesis.other_side
    against = hypothesis.against if isinstance(hypothesis.against, dict) else {}
    apart = {f for f in plan.study.factors if f in against and against[f] != hypothesis.of.get(f)}
    treated = _keys(plan, hypothesis.of, apart)
    return treated if other is None else treated & _keys(plan, other, apart)


def _keys(plan: Plan, side: Mapping[str, Any], apart: set[str]) -> set[Key]:
    return {
        (use.cluster, run.table.seed, run.table.replicate, *(label(v) for f, v in use.cell if f not in apart))
        for run in plan.runs.values()
        for use in run.uses
        if use.role == "study" and selects(plan.study, side, use)
    }


def selects(study: Study, side: Mapping[str, Any], use: Use) -> bool:
    """Whether one side of a hypothesis takes its rows from this use: its control, and factor values."""
    if use.control not in labels(side.get("control", "")):
        return False
    cell = dict(use.cell)
    return all(label(cell[f]) in labels(side[f]) for f in study.factors if f in side)


def _tokens(plan: Plan) -> dict[str, tuple[int, int]]:
    """Tokens read and written by model: characters/4 of prompts built for a few wards, for every kind of table."""
    kinds: dict[str, list[Run]] = defaultdict(list)
    for run in plan.runs.values():
        if run.paid:
            kinds[run.table.model_dump_json(exclude={"seed", "replicate"})].append(run)
    out: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for runs in kinds.values():
        step = max(1, len(runs) // SAMPLE)
        sample = runs[::step][:SAMPLE]
        for run in sample:
            for model, read, written in _turns(plan.study, run):
                out[model][0] += read * len(runs) / len(sample)
                out[model][1] += written * len(runs) / len(sample)
    return {model: (round(read), round(written)) for model, (read, written) in out.items()}


def _turns(study: Study, run: Run) -> Iterable[tuple[str, float, float]]:
    if study.setting == "triage":
        return _spoken(run)
    if study.setting == "deliberation":
        from evals.deliberation.ahead import spoken as spoken_in_dialogue

        return spoken_in_dialogue(_loaded(study.setting, run.scenario), run.table)
    from evals.dilemmas.ahead import spoken

    return spoken(_loaded(study.setting, run.scenario), run.table)


def _spoken(run: Run) -> Iterable[tuple[str, float, float]]:
    """(model, tokens read, tokens written) of each turn of one debate, with moves made up to the usual length."""
    from negotiators.chat.pacing import CHARACTERS_A_TOKEN
    from nodes.table.seats import seat_everyone
    from scenarios.load import load

    ward, table = load(run.scenario), run.table
    personas = {s.seat: s.persona for s in seat_everyone(table)}
    written = sum(len(p.id) + 25 * len(p.needs) for p in ward.patients) + ANSWER
    for seat, _, model, _ in table.seated():
        if model == "reference":
            continue
        for round_ in range(table.rounds + 2):
            read = _prompt(ward, table, seat, personas, round_)
            yield model, read / CHARACTERS_A_TOKEN, written / CHARACTERS_A_TOKEN
    if table.merge_rule == "llm":
        read = _prompt(ward, table, "A", personas, 1)
        model = table.mediator_model or table.model
        for _ in range(table.rounds + 1):
            yield model, read / CHARACTERS_A_TOKEN, written / CHARACTERS_A_TOKEN


def _prompt(ward: Ward, table: Table, seat: str, personas: Mapping[str, Persona], round_: int) -> int:
    """Characters of what a seat reads: for its solo (round 0), in a round, for its exit solo (after the last)."""
    from negotiators.chat.debate.prompting import question

    asked = question(_view(ward, table, seat, personas, round_))
    return sum(len(m["content"]) for m in asked.messages)


def _view(ward: Ward, table: Table, seat: str, personas: Mapping[str, Persona], round_: int) -> View:
    import numpy as np

    from negotiators.protocol import Move, View

    nothing = ward.allocation(np.zeros_like(ward.arrays.demand))
    occasion: Occasion = "propose"
    if round_ in (0, table.rounds + 1):
        occasion = "solo" if round_ == 0 else "exit_solo"
    spoken = [
        Move(seat=s, round=r, allocation=nothing, argument="x" * ARGUMENT)
        for r in range(1, round_)
        for s in personas
    ]
    return View(
        ward=ward.blinded(table.blind) if table.blind else ward,
        seat=seat,
        persona=personas[seat],
        occasion=occasion,
        round=round_,
        rounds=table.rounds,
        seed=1,
        passages=_passages(table, personas[seat]),
        moves=tuple(spoken),
        solo=nothing if round_ else None,
        joint=nothing if round_ > 1 else None,
    )


def _passages(table: Table, persona: Persona) -> tuple[Any, ...]:
    """The shipped passages a seat could be shown: as many as are retrieved, or its framework's all."""
    from negotiators.protocol import Passage
    from retrieval.passages import corpus

    if table.retrieval == "off" or not persona.aligned:
        return ()
    cited = [p for p in corpus() if p.framework in persona.cites]
    shown = cited if table.retrieval == "prompt" else cited[: table.passages]
    return tuple(Passage(**p.model_dump()) for p in shown)
