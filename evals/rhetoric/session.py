"""What did the judges say of all arguments: a first reading, a second one by the same judge, another judge's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.rhetoric.asking import LABELS
from evals.rhetoric.gathering import Argument
from evals.rhetoric.judging import Cache, Judge, Spent, Verdict
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIRST, AGAIN, OTHER = "first", "again", "other"
"""The readings: of every argument; of a part of them by the same judge, with another seed; by a second judge."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Judged:
    """All labels (see `judge` for the columns), and what each reading took, by reading."""

    labels: pd.DataFrame
    spent: Mapping[str, Spent]


def judge(
    arguments: Sequence[Argument],
    model: str,
    *,
    folder: str | Path,
    rng: np.random.Generator,
    second: str | None = None,
    retest: int = 0,
    seed: int = 1,
    **options: Any,
) -> pd.DataFrame:
    """Label every argument by a chat model; see `judged`, which this runs to its end in a new event loop.

    One row a reading, argument and label: `run_id`, `round`, `seat`, `persona`, `cluster`, `condition`, `turn`,
    `label`; `score` 1 (a span shows it), 0 or NaN (no usable answer); `span` the first such span ('' if none) and
    `spans` all; `rejected` entries whose span is not in the argument; `comment`, `problem`; `judge`, `reading`.
    """
    labels = asyncio.run(
        judged(arguments, model, folder=folder, rng=rng, second=second, retest=retest, seed=seed, **options)
    ).labels
    return labels


async def judged(
    arguments: Sequence[Argument],
    model: str,
    *,
    folder: str | Path,
    rng: np.random.Generator,
    second: str | None = None,
    second_base_url: str | None = None,
    retest: int = 0,
    seed: int = 1,
    base_url: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Judged:
    """Label every argument; read `retest` of them (distinct texts, drawn by `rng`) again, and by `second`.

    Answers are kept in `folder`/judgements.jsonl: run again after a kill, only what is missing is asked. The
    retest asks with `seed` + 1, so that it is another draw wherever a model draws at all. `base_url` is the
    address of both judges where both are `openai:`, unless `second_base_url` is given; other options are
    those of `Judge`. Raises ParleyError, Unreachable.
    """
    if retest < 0:
        raise ParleyError(f"--retest: {retest}; give 0 or more")
    if second is not None and retest == 0:
        raise ParleyError("--second: it reads what is read twice, and --retest is 0; give --retest 20, say")
    if second == model and (second_base_url or base_url) == base_url:
        raise ParleyError(f"--second: '{second}' is the judge itself; name another model")
    texts = list(dict.fromkeys(a.text for a in arguments))
    drawn = sorted(rng.permutation(len(texts))[:retest])
    part = {texts[i] for i in drawn}
    again = [a for a in _once_each(arguments) if a.text in part]
    rows: list[dict[str, Any]] = []
    spent: dict[str, Spent] = {}
    async with AsyncExitStack() as stack:
        cache = stack.enter_context(Cache(Path(folder)))
        own = await stack.enter_async_context(Judge(model, cache, base_url=base_url, **options))
        plan = [(FIRST, own, arguments, seed), (AGAIN, own, again, seed + 1)]
        if second is not None:
            address = second_base_url or (base_url if second.startswith("openai:") else None)
            other = await stack.enter_async_context(Judge(second, cache, base_url=address, **options))
            plan.append((OTHER, other, again, seed))
        for reading, by, those, with_seed in plan:
            if not those:
                continue
            paid = by.paid
            verdicts = await by.read_all((a.text for a in those), with_seed, _told(progress, reading))
            spent[reading] = by.spent(verdicts, by.paid - paid)
            rows += [row for a in those for row in _rows(a, verdicts[a.text], by.model, reading)]
    import pandas as pd

    return Judged(pd.DataFrame(rows), spent)


def _once_each(arguments: Iterable[Argument]) -> list[Argument]:
    """The first argument with each text: equal texts get equal verdicts, and would flatter agreement."""
    first: dict[str, Argument] = {}
    for argument in arguments:
        first.setdefault(argument.text, argument)
    return list(first.values())


def _told(progress: Progress | None, reading: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, of: progress(reading, done, of)


def _rows(argument: Argument, verdict: Verdict, by: str, reading: str) -> list[dict[str, Any]]:
    said = verdict.reading
    about = {
        "run_id": argument.run_id,
        "round": argument.round,
        "seat": argument.seat,
        "persona": argument.persona,
        "cluster": argument.cluster,
        "condition": argument.condition,
        "turn": argument.turn,
    }
    scores = {label: verdict.score(label) for label in LABELS}
    return [
        about
        | {
            "label": label,
            "score": float("nan") if (score := scores[label]) is None else float(score),
            "span": next(iter(said.spans.get(label, ())), ""),
            "spans": said.spans.get(label, ()),
            "rejected": said.rejected.get(label, 0),
            "comment": said.comment,
            "problem": said.problem,
            "judge": by,
            "reading": reading,
        }
        for label in LABELS
    ]
