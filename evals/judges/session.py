"""How is a judge set to work: its answers kept in a folder, its line opened and closed, and what it said summed up?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from evals.judges.judging import RULE, Bench, Mark, Spent
from evals.judges.measuring import Asked, Told, asked
from evals.judges.reliability import in_dilemmas
from evals.rhetoric.judging import Cache
from evals.statistics import Estimate, estimate

if TYPE_CHECKING:
    from evals.judges.outcome import Outcome

Result = TypeVar("Result")


async def at_work(
    judge: str,
    ask: Callable[[Bench], Awaitable[Result]],
    *,
    folder: Path,
    at_once: int = 8,
    **options: Any,
) -> tuple[Result, Spent]:
    """What came of asking a judge (`rule`, or a model with the `options` of `Judge`), and what it took.

    Answers are kept in `folder`/judgements.jsonl: asked again after a kill, only what is missing is asked. Raises
    ParleyError for a model that cannot be built, or while another process writes there; Unreachable.
    """
    if judge == RULE:
        bench = Bench(None)
        return await ask(bench), bench.spent()
    from negotiators.chat.judging import Judge

    async with Judge(judge, **options) as model:
        with Cache(folder) as cache:
            bench = Bench(model, cache, at_once=at_once)
            return await ask(bench), bench.spent()


async def measuring(
    keys: Mapping[str, Sequence[str]],
    outcomes: Sequence[Outcome],
    pairs: Sequence[tuple[Outcome, Outcome]],
    *,
    folder: Path,
    readings: int,
    seed: int,
    at_once: int,
    options: Mapping[str, Mapping[str, Any]],
    told: Told | None = None,
) -> tuple[list[Asked], list[Spent]]:
    """All that every judge says on its keys, one judge after the other, and what each took. Raises as `at_work`."""
    said: list[Asked] = []
    spent: list[Spent] = []
    for name, of in keys.items():
        # A rule says the same whenever it is asked: once is enough, and a retest would praise it.
        times = 1 if name == RULE else readings

        def progress(what: str, name: str = name) -> Callable[[int, int], None]:
            assert told is not None
            return told(f"{name}: {what}")

        async def ask(bench: Bench, of: Sequence[str] = of, times: int = times) -> list[Asked]:
            shown = progress if told is not None else None
            return [await asked(bench, k, outcomes, pairs, readings=times, seed=seed, told=shown) for k in of]

        found, took = await at_work(name, ask, folder=folder, at_once=at_once, **options[name])
        said += found
        spent.append(took)
    return said, spent


def means(
    outcomes: Sequence[Outcome], marks: Mapping[str, Sequence[Mark]], seed: int
) -> list[tuple[str, str, Estimate, list[int]]]:
    """(key, condition, mean over dilemmas, how many scores round to 0, 1, … 5), by key and condition."""
    out = []
    for key, of in marks.items():
        for condition in dict.fromkeys(o.condition for o in outcomes):
            here = [
                (m.score, o.cluster) for o, m in zip(outcomes, of, strict=True) if o.condition == condition
            ]
            values = np.array([np.nan if s is None else s for s, _ in here], dtype=float)
            found = in_dilemmas(estimate(values, [c for _, c in here], rng=np.random.default_rng(seed)))
            rounded = np.floor(values[~np.isnan(values)] + 0.5).astype(int)
            out.append((key, condition, found, [int((rounded == s).sum()) for s in range(6)]))
    return out
