"""How are new dilemmas got from a model: asked one by one, and taken if they are well made and like no other?

What has been written is kept from coming again in two ways: the goals of the latest dilemmas stand in the
question (history), and an answer whose words lie too near those of another is dropped (embedding).
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scenarios.dilemmas.dedup import THRESHOLD, Embed, Seen
from scenarios.dilemmas.dilemma import SHARES, Dilemma, Stratum
from scenarios.dilemmas.drafting import Asked, Draft, ask_dilemma, ask_themes, read_dilemma, read_themes
from scenarios.dilemmas.load import read_theme
from scenarios.errors import ParleyError

Json = dict[str, Any]

Ask = Callable[[Asked, Callable[[Mapping[str, Any]], Draft]], Awaitable[Draft | None]]
"""ask(asked, read): a draft without problems, after at most one correction; None where there was none. `read` makes
a draft of the object found in an answer."""

MOST_TRIES = 3
"""Answers asked for, for every dilemma wanted, before it is left at those that were taken."""


@dataclass(frozen=True)
class Order:
    """What is wanted. `themes`: themes of each stratum; those not `named` are proposed by the model."""

    n: int
    seed: int = 1
    history: int = 20
    held_out: float = 0.25
    threshold: float = THRESHOLD
    themes: int = 4
    named: Mapping[Stratum, tuple[str, ...]] = field(default_factory=dict)
    source: str = "Generated."

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("n", self.n, 1, 100_000),
            ("seed", self.seed, 0, 2**31 - 1),
            ("history", self.history, 0, 1_000),
            ("held-out", self.held_out, 0, 1),
            ("threshold", self.threshold, -1, 1),
            ("themes", self.themes, 1, 100),
        ):
            if not least <= value <= most:
                raise ParleyError(f"--{name}: {value:g} is not from {least} to {most}; correct it")


@dataclass
class Generated:
    """What came of an order: dilemmas in the order they were taken, and what was dropped and why."""

    dilemmas: list[Dilemma] = field(default_factory=list)
    malformed: int = 0
    repeated: list[str] = field(default_factory=list)


async def generate(
    order: Order,
    known: Sequence[Dilemma],
    ask: Ask,
    embed: Embed,
    tell: Callable[[str], None] = lambda _: None,
) -> Generated:
    """New dilemmas of all strata by their shares, none like a known one or another new one.

    The same order and the same answers give the same dilemmas; a smaller `n` gives the first of them. Fewer than
    `n` come back where too many answers were dropped. Raises ParleyError where there is none at all, or where no
    themes can be got.
    """
    out = Generated()
    seen = Seen(embed, {d.name: text_of(d) for d in known})
    taken, goals, asked_of = {d.name for d in known}, list[str](), Counter[Stratum]()
    themes = await _all_themes(order, known, ask)
    for attempt in range(MOST_TRIES * order.n):
        if len(out.dilemmas) == order.n:
            break
        stratum = next_stratum(Counter(d.stratum for d in out.dilemmas))
        theme = themes[stratum][asked_of[stratum] % len(themes[stratum])]
        asked_of[stratum] += 1
        latest = goals[len(goals) - min(order.history, len(goals)) :]
        asked = ask_dilemma(stratum, theme, latest, (order.seed + attempt) % 2**31)
        reader = partial(read_dilemma, stratum=stratum, theme=theme, source=order.source)
        draft = await ask(asked, reader)
        if draft is None or draft.dilemma is None:
            out.malformed += 1
            tell("dropped: malformed, and so after one correction")
            continue
        dilemma = draft.dilemma.model_copy(update={"name": _unused(draft.dilemma.name, taken)})
        goals.append(dilemma.goal)
        near = seen.admit(dilemma.name, text_of(dilemma), order.threshold)
        if near is not None:
            out.repeated.append(near.name)
            tell(f"dropped: '{dilemma.goal}' is too like {near.name} ({near.cosine:.2f})")
            continue
        taken.add(dilemma.name)
        out.dilemmas.append(dilemma)
        tell(f"{len(out.dilemmas)} of {order.n}: {dilemma.goal} ({theme}, {stratum})")
    if not out.dilemmas:
        raise ParleyError(
            f"none of {out.malformed + len(out.repeated)} answers could be taken ({out.malformed} malformed, "
            f"{len(out.repeated)} too like others); try another model"
        )
    return out


def next_stratum(counts: Mapping[Stratum, int]) -> Stratum:
    """The stratum that is furthest behind its share, share·(taken + 1) − its own; the first of several."""
    total = sum(counts.values()) + 1
    return max(SHARES, key=lambda s: SHARES[s] * total - counts.get(s, 0))


def text_of(dilemma: Dilemma) -> str:
    """What of a dilemma is compared: its goal and its prompt."""
    return f"{dilemma.goal}. {dilemma.prompt}"


def held_out(themes: Sequence[str], share: float, seed: int, fixed: Mapping[str, bool]) -> set[str]:
    """The themes that are never trained on: round(share·themes), drawn by the seed; `fixed` ones stay as they are.

    Of two themes or more at least one stays on each side, unless the share is 0 or 1.
    """
    free = sorted(set(themes) - fixed.keys())
    number = round(share * len(free))
    if 0 < share < 1 and len(free) > 1:
        number = min(max(number, 1), len(free) - 1)
    drawn = np.random.default_rng([seed]).permutation(len(free))[:number]
    return {free[i] for i in drawn} | {t for t in themes if fixed.get(t)}


def write(folder: Path, dilemmas: Sequence[Dilemma], order: Order, fixed: Mapping[str, bool]) -> list[Path]:
    """A file a theme into a new folder, whole or not at all; every file is read back before the folder is there.

    `fixed`: themes that are held out, or not, already. Raises ParleyError if the folder cannot be made.
    """
    by_theme: dict[str, list[Dilemma]] = {}
    for dilemma in dilemmas:
        by_theme.setdefault(dilemma.theme, []).append(dilemma)
    held = held_out(list(by_theme), order.held_out, order.seed, fixed)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for theme, members in by_theme.items():
            _write_theme(part / f"{theme}.yaml", theme, members, theme in held, order.source)
        part.rename(folder)
    except OSError as error:
        raise ParleyError(f"{folder}: cannot be written ({error.strerror}); name another --out") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return [folder / f"{theme}.yaml" for theme in by_theme]


def _write_theme(path: Path, theme: str, members: Sequence[Dilemma], held: bool, source: str) -> None:
    import yaml

    shared = {"name", "theme", "stratum", "held_out", "source"}
    data = {
        "theme": theme,
        "stratum": members[0].stratum,
        "held_out": held,
        "source": source,
        "dilemmas": {d.name: d.model_dump(mode="json", exclude=shared) for d in members},
    }
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8")
    if list(read_theme(path).values()) != [d.model_copy(update={"held_out": held}) for d in members]:
        raise ParleyError(f"{path.name}: reads otherwise than it was written; nothing was kept")


async def _all_themes(order: Order, known: Sequence[Dilemma], ask: Ask) -> dict[Stratum, tuple[str, ...]]:
    """Themes of every stratum that dilemmas are wanted of: named, else proposed and none that is taken."""
    owner = {d.theme: d.stratum for d in known}
    for stratum, named in order.named.items():
        for theme in named:
            if owner.setdefault(theme, stratum) != stratum:
                raise ParleyError(f"--theme {stratum}:{theme}: that theme is {owner[theme]}; name it so")
    wanted: Counter[Stratum] = Counter()
    for _ in range(order.n):
        wanted[next_stratum(wanted)] += 1
    out: dict[Stratum, tuple[str, ...]] = {}
    for stratum in (s for s in SHARES if wanted[s]):
        named = order.named.get(stratum, ())
        out[stratum] = named or await _proposed(order, stratum, list(owner), ask)
        owner |= dict.fromkeys(out[stratum], stratum)
    return out


async def _proposed(order: Order, stratum: Stratum, taken: Sequence[str], ask: Ask) -> tuple[str, ...]:
    asked = ask_themes(stratum, order.themes, taken, order.seed)
    draft = await ask(asked, partial(read_themes, n=order.themes, taken=taken))
    if draft is None or not draft.themes:
        raise ParleyError(
            f"the model proposed no {order.themes} new themes; name some with --theme {stratum}:NAME"
        )
    return draft.themes


def _unused(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if it is taken."""
    number, out = 2, name
    while out in taken:
        out = f"{name[:58]}-{number}"
        number += 1
    return out
