"""How is an experiment run: every example debated once, by `aevaluate`, its scores fed back, here or at LangSmith?"""

from __future__ import annotations

import asyncio
import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from evals.langsmith.evaluators import Score, evaluate, unrecorded
from evals.langsmith.examples import SPLITS, Example, scenario_of
from evals.langsmith.pushing import Kept
from evals.langsmith.reaching import environment, nowhere, quiet, reaching, sent_by
from evals.langsmith.summaries import Scored, summary
from scenarios.errors import ParleyError, Unreachable

if TYPE_CHECKING:
    import langsmith.schemas as ls
    from langsmith import Client

    from nodes.settings import Table

Json = dict[str, Any]
Progress = Callable[[int, int], None]

FEEDBACK_WAIT_S = 120.0
"""How long after the last debate its scores may take to be sent."""


@dataclass(frozen=True)
class Ways:
    """How an experiment is run: debates at once, whether each step is traced or its result alone, its name."""

    concurrency: int = 4
    steps: bool = True
    name: str = "parley"


@dataclass(frozen=True)
class Experiment:
    """What an experiment came to; `problems` says, a line each, what of it could not be sent."""

    name: str
    rows: list[Scored]
    summary: list[Score]
    url: str | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[Scored]:
        """Examples without a record."""
        return [row for row in self.rows if row.record is None]


@dataclass
class _Debates:
    """The debates of one experiment: what became of each, by the id of its trace, and what is told on the way."""

    table: Table
    steps: bool
    of: int
    progress: Progress
    errors: dict[UUID, Exception] = field(default_factory=dict)
    rows: dict[UUID, Scored] = field(default_factory=dict)
    summary: list[Score] = field(default_factory=list)

    async def triage(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Play one debate through the graph and return its record."""
        from langsmith.run_helpers import get_current_run_tree, tracing_context

        from graphs.triage import compiled

        here = get_current_run_tree()
        alone = contextlib.nullcontext() if self.steps else tracing_context(enabled=False, parent=False)
        try:
            with alone:
                state = await compiled().ainvoke(
                    {name: inputs[name] for name in ("ward", "scenario") if inputs.get(name)},
                    context=self.table,
                    config={"recursion_limit": 10 + 6 * self.table.rounds},
                )
            return {"record": state["record"]}
        except Exception as error:
            if here is not None:
                self.errors[here.id] = error
            raise

    def feedback(self, run: ls.Run, example: ls.Example) -> dict[str, Any]:
        """The scores of one debate, as LangSmith takes them."""
        from nodes.record import RunRecord

        scenario, cluster, twin = scenario_of(example.metadata, example.inputs)
        record, error = None, None
        if run.outputs and run.outputs.get("record"):
            record = RunRecord.model_validate(run.outputs["record"])
            scores = evaluate(record)
        else:
            error = _told(self.errors.get(run.id))
            scores = unrecorded(f"no record: {error}")
        self.rows[run.id] = Scored(str(example.id), scenario, cluster, twin, record, error, scores)
        self.progress(len(self.rows), self.of)
        return {"results": list(scores)}

    def summarise(self, runs: list[ls.Run], examples: list[ls.Example]) -> Any:
        """The scores of the whole experiment."""
        self.summary = summary([self.rows[run.id] for run in runs if run.id in self.rows])
        return {"results": list(self.summary)}


def _told(error: Exception | None) -> str:
    """Why there is no record, in a line."""
    if error is None:
        return "the debate was broken off"
    said = " ".join(str(error).split())
    known = isinstance(error, ParleyError | Unreachable)
    return said if known else f"{type(error).__name__}: {said[:300]}"


def examples_of(client: Client, dataset: str, splits: Sequence[str] = ()) -> list[ls.Example]:
    """The examples of a LangSmith dataset, of some splits or all. Raises ParleyError where there is none."""
    with reaching(client, f"dataset '{dataset}'"):
        found = client.list_examples(dataset_name=dataset, splits=list(splits) or None)
        return _checked(list(found), dataset)


def examples_here(kept: Sequence[Kept] | Sequence[Example], splits: Sequence[str] = ()) -> list[ls.Example]:
    """Examples of a dataset file, or just made, as `aevaluate` takes them. Raises ParleyError where there is none."""
    import langsmith.schemas as ls

    held = [Kept.of(one, "here") if isinstance(one, Example) else one for one in kept]
    wanted = [h for h in held if not splits or (h.metadata or {}).get("split", SPLITS[0]) in splits]
    made = [ls.Example(id=h.id, inputs=h.inputs, outputs=h.outputs, metadata=h.metadata) for h in wanted]
    return _checked(made, "here")


def _checked(found: list[ls.Example], dataset: str) -> list[ls.Example]:
    if not found:
        raise ParleyError(f"dataset '{dataset}': no example in it (or in its splits); push some wards first")
    for example in found:
        if not ((example.inputs or {}).keys() & {"ward", "scenario"}):
            raise ParleyError(
                f"dataset '{dataset}', example {example.id}: its inputs name no ward; name a dataset of push"
            )
    return found


def table_of(settings: Mapping[str, Any]) -> Table:
    """The settings of every debate, checked as far as that goes without a ward. Raises ParleyError for a wrong one."""
    from pydantic import ValidationError

    from evals.experiment.reading import said
    from nodes.settings import Table
    from nodes.table.equipment import chat
    from nodes.table.seats import seat_everyone

    if settings.get("review"):
        raise ParleyError("review: nobody can be asked in an experiment; leave it off")
    try:
        table = Table.model_validate(settings)
    except ValidationError as error:
        raise ParleyError(said(error.errors()[0], dict(settings), Table.model_fields)) from None
    seat_everyone(table)
    for model in table.models:
        chat(model, table.temperature, table.max_output_tokens)
    return table


def run(
    client: Client | None, examples: Sequence[ls.Example], table: Table, ways: Ways, progress: Progress
) -> Experiment:
    """Run an experiment over examples, at LangSmith by `client`, or here alone where it is None.

    Records are written as those of any run. Here alone nothing is sent to LangSmith: neither examples nor runs nor
    scores, whatever the environment says of tracing. A model's server, if the table names one, is still called.
    """
    debates = _Debates(table, ways.steps and client is not None, len(examples), progress)
    # Edges are traced where the environment asks for traces; it is LangSmith that is asked for here, or not at all.
    tracing = "true" if debates.steps else "false"
    changes: dict[str, str | None] = {
        "LANGSMITH_TRACING": tracing,
        "LANGSMITH_TRACING_V2": tracing,
        "LANGCHAIN_TRACING_V2": tracing,
        "LANGSMITH_TEST_CACHE": None,
        "TQDM_DISABLE": "1",
    }
    with environment(**changes), quiet(), _unprinted():
        if client is None:
            return asyncio.run(_run(nowhere(), examples, debates, ways, upload=False))
        with reaching(client, "the experiment"):
            found = asyncio.run(_run(client, examples, debates, ways, upload=True))
        return found


@contextlib.contextmanager
def _unprinted() -> Iterator[None]:
    """What `aevaluate` prints and warns of on the way is kept from the terminal."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        for known in (".*upload_results.*", ".*no longer used in the create_feedback.*"):
            warnings.filterwarnings("ignore", message=known)
        yield


async def _run(
    client: Client, examples: Sequence[ls.Example], debates: _Debates, ways: Ways, *, upload: bool
) -> Experiment:
    from langsmith import aevaluate, traceable

    from nodes.table.equipment import hang_up
    from nodes.table.journal import put_away

    settings = debates.table.model_dump(mode="json", exclude_defaults=True)
    target = traceable(name="debate", process_inputs=lambda given: dict(given["inputs"]))(debates.triage)
    try:
        results = await aevaluate(
            target,
            data=list(examples),
            evaluators=[debates.feedback],
            summary_evaluators=[debates.summarise],
            metadata={"parley": settings, "models": debates.table.models or ["reference"]},
            experiment_prefix=ways.name,
            max_concurrency=ways.concurrency,
            client=client,
            upload_results=upload,
            disable_evaluator_tracing=True,
        )
        place = {example.id: i for i, example in enumerate(examples)}
        ended = [row async for row in results if row["run"].id in debates.rows]
        ended.sort(key=lambda row: place[row["example"].id])
        in_order = [debates.rows[row["run"].id] for row in ended]
        await _stragglers()
    finally:
        put_away()
        await hang_up()
    on_runs = sum(len(row.scores) for row in in_order)
    problems = await _sent(client, on_runs, len(debates.summary)) if upload else []
    url = results.url if upload else None
    name = results.experiment_name if upload else ways.name
    return Experiment(name, in_order, debates.summary, url, problems)


async def _stragglers() -> None:
    """Wait for calls still under way of debates that have failed: what they answer is paid for."""
    from nodes.table.equipment import equipment

    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=equipment().timeout_s)


async def _sent(client: Client, on_runs: int, on_the_whole: int) -> list[str]:
    """Wait until all scores and traces are sent, or given up; what could not be sent, a line each."""
    sent = sent_by(client)
    if sent is None:
        return []
    # Scores of the whole are sent before `aevaluate` returns, those of runs by its threads, some time later.
    await asyncio.to_thread(sent.wait_for, on_runs, FEEDBACK_WAIT_S)
    await asyncio.to_thread(client.flush, FEEDBACK_WAIT_S)
    problems = [f"{n} times {why}" for why, n in _counted(sent.problems).items()]
    if missing := on_runs + on_the_whole - sent.on_runs - sent.on_the_whole:
        problems.append(f"{missing} of {on_runs + on_the_whole} scores were not sent in time")
    return problems


def _counted(lines: Sequence[str]) -> dict[str, int]:
    return {line: lines.count(line) for line in dict.fromkeys(lines)}
