"""Scripted judges of plans for the loopback server, each with a fault that is known, and plans for them to judge."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from evals.judges.judging import Bench
from evals.judges.outcome import Outcome
from evals.judges.session import at_work
from negotiators.chat.calling import Limits
from personas.opposing import Pole
from tests.loopback import Answer, Heard, Loopback, Script, completion
from tests.scenarios.dilemmas_cases import supper

QUICK = Limits(timeout_s=5.0, tries=2, backoff_s=0.01)

POLES = (
    Pole(name="candid", says="SECRET-STANCE: the truth, now.", values={"candour": 1.0}),
    Pole(name="caring", says="SECRET-STANCE: kindness, always.", values={"care": 1.0}),
)


def outcome(text: str | None, number: int = 0, *, dilemma: str = "small", **changes: Any) -> Outcome:
    """An outcome with these words, of a run of this number."""
    plain = Outcome(
        run_id=f"run-{number}",
        dilemma=supper().model_copy(update={"name": dilemma}),
        completion=text,
        plan={},
        poles=POLES,
        pair="candid-caring",
        swap=False,
        seed=number,
        replicate=0,
        agreed=text is not None,
        clauses=True,
        settings={"model": "reference"},
    )
    return replace(plain, **changes)


def plans_in(heard: Heard) -> list[str]:
    """The plans as they were shown, one or two, in order."""
    user = next(m["content"] for m in heard.body["messages"] if m["role"] == "user")
    blocks = re.findall(
        r"^<<<DATA ([0-9a-f]{16}) [^\n]*plan>>>\n((?:>[^\n]*\n)*)<<<END \1>>>$", user, re.MULTILINE
    )
    return ["\n".join(line[2:] for line in body.splitlines()) for _, body in blocks]


def comparing(heard: Heard) -> bool:
    """Whether two plans are compared, and not one scored."""
    return "choice" in json.dumps(heard.body.get("response_format") or heard.body.get("tools") or "")


def judge_by(score: Callable[[str, int], int], prefers: Callable[[str, str], bool]) -> Script:
    """A judge that scores by a plan and the request's seed, and says whether it prefers the plan shown first."""

    def script(heard: Heard) -> Answer:
        shown = plans_in(heard)
        if comparing(heard):
            choice = "first" if prefers(shown[0], shown[1]) else "second"
            return completion(json.dumps({"why": "as planted", "choice": choice}))
        return completion(
            json.dumps({"why": "as planted", "score": score(shown[0], heard.body.get("seed", 0))})
        )

    return script


def in_hash(text: str, of: int) -> int:
    """A number below `of` that a text decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % of


def worth(text: str) -> int:
    """What a planted plan says that it is worth: `worth 4 …`."""
    found = re.search(r"worth (\d)", text)
    return int(found[1]) if found else 0


honest = judge_by(lambda text, _: worth(text), lambda a, b: worth(a) > worth(b))
constant = judge_by(lambda *_: 3, lambda a, b: worth(a) > worth(b))
"""One score for all."""
first_shown = judge_by(lambda text, _: worth(text), lambda *_: True)
"""Always for the plan shown first."""
length_loving = judge_by(lambda text, _: min(5, len(text.split()) // 8), lambda a, b: len(a) > len(b))
"""The longer the better, whatever it says."""
forgetful = judge_by(
    lambda text, seed: worth(text) if in_hash(f"{text}{seed}", 10) < 7 else in_hash(f"{seed}{text}", 6),
    lambda a, b: worth(a) > worth(b),
)
"""Seven times of ten what the plan is worth, else any score; another one when it is asked with another seed."""


def garbage(heard: Heard) -> Answer:
    """An answer in words, out of range, or of a kind that was not asked for."""
    said = ("I'd say it is fairly good.", '{"why": "", "score": 9}', '{"why": "", "choice": "both"}')
    return completion(said[heard.number % 3])


def planted(dilemmas: int, a_group: int, *, padding: bool = False) -> list[Outcome]:
    """Plans of distinct words with every worth about as often, so many a dilemma."""
    return [
        outcome(
            f"worth {(n + d) % 6} plan {n} of {d}." + " and so on" * (3 * n if padding else 0),
            d * a_group + n,
            dilemma=f"d{d:03d}",
        )
        for d in range(dilemmas)
        for n in range(a_group)
    ]


async def asking(
    script: Script, folder: Path, ask: Callable[[Bench], Coroutine[Any, Any, Any]], **options: Any
) -> tuple[Any, Any, Loopback]:
    """What came of asking a scripted judge, what it took, and the server that heard it."""
    with Loopback(script) as server:
        options = {"base_url": server.base_url, "limits": QUICK} | options
        came, spent = await at_work("openai:scripted", ask, folder=folder, **options)
    return came, spent, server


def pairs_of(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, Outcome]]:
    """Neighbours of one group."""
    return [(a, b) for a, b in pairwise(outcomes) if a.group == b.group]
