"""Which runs are behind a sentence, a row or a figure of the findings, and at which address do they lie?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from evals.findings.section import ALL, NO_RUN
from evals.report.index import ROLES
from evals.report.source import Source

if TYPE_CHECKING:
    import pandas as pd

OPENING = re.compile(r"\*\*([A-Za-z][A-Za-z0-9_.-]{0,31}): ")
"""How the sentence of a hypothesis begins."""

MOST = 4
"""Conditions of one sentence that each have a link; where more are named, one link leads to all."""

MARKED = "[×:=*`_-]"
"""What a condition's name has, or stands in, that ordinary words have not: `plain` alone may be an adjective."""


@dataclass(frozen=True)
class Link:
    """An address in the page, and what stands behind it in words: `240 runs`."""

    href: str
    words: str


def address(view: str, **narrowed: str) -> str:
    """An address as the page's script writes it: `#runs&source=NAME&condition=…`, what is empty left out."""
    words = [f"{name}={quote(value, safe=_SAFE)}" for name, value in narrowed.items() if value]
    return "#" + "&".join([view, *words])


_SAFE = ",:/@!~*'()"


@dataclass(frozen=True)
class Behind:
    """The runs of a source, by role and condition. `alone`: no other source of the page has its hypotheses' ids."""

    source: Source
    alone: bool = True

    @cached_property
    def _uses(self) -> pd.DataFrame | None:
        frames = self.source.frames
        return None if frames is None or frames.runs.empty else frames.runs[["run_id", "role", "condition"]]

    @cached_property
    def _counts(self) -> dict[tuple[str, str], int]:
        """(role, condition) -> runs; "" is every role, or every condition."""
        uses, counts = self._uses, dict[tuple[str, str], int]()
        if uses is None:
            return counts
        counts["", ""] = uses["run_id"].nunique()
        for key, column in (("role", 0), ("condition", 1)):
            for name, n in uses.groupby(key)["run_id"].nunique().items():
                counts[(str(name), "") if column == 0 else ("", str(name))] = int(n)
        for (role, condition), n in uses.groupby(["role", "condition"])["run_id"].nunique().items():
            counts[str(role), str(condition)] = int(n)
        return counts

    @property
    def total(self) -> int:
        """How many runs there are."""
        return self._counts.get(("", ""), 0)

    @cached_property
    def conditions(self) -> list[str]:
        """Every condition that a run is of, the longest name first."""
        uses = self._uses
        return [] if uses is None else sorted(map(str, uses["condition"].unique()), key=len, reverse=True)

    @cached_property
    def hypotheses(self) -> dict[str, str]:
        """id -> what is behind it in words: `40 pairs`, or `40 runs` where it is about a number."""
        table, pairs = self.source.hypotheses, self.source.pairs
        if table is None:
            return {}
        out = {}
        for name in map(str, table["hypothesis"]):
            mine = None if pairs is None else pairs[pairs["hypothesis"] == name]
            several = 0 if mine is None else len(mine)
            single = mine is not None and bool(mine["run_control"].isna().all())
            out[name] = counted(several, "run" if single else "pair")
        return out

    def finding(self, name: str) -> str:
        """The address of the evidence of a hypothesis."""
        found = address("finding=" + quote(name, safe=_SAFE), source="" if self.alone else self.source.name)
        return found

    def all(self, roles: Sequence[str], condition: str = "") -> list[Link]:
        """A link a role to its runs, of one condition or of all; every run, where no role is named."""
        links = []
        for role in roles or ("",):
            if n := self._counts.get((role, condition), 0):
                what = "" if role in ("", "study") else f": {ROLES.get(role, role)}"
                where = address("runs", source=self.source.name, role=role, condition=condition)
                links.append(Link(where, counted(n, "run") + what))
        return links

    def behind(self, roles: Sequence[str]) -> list[Link]:
        """A link a role; to every run where these have none; nothing where what is told is made of no run."""
        return [] if tuple(roles) == NO_RUN else self.all(roles) or self.all(ALL)

    def of_sentence(self, text: str, roles: Sequence[str]) -> list[Link]:
        """What a sentence rests on: a hypothesis it tells of, the conditions it names, or all runs of the roles."""
        opening = OPENING.match(text)
        if opening and opening.group(1) in self.hypotheses:
            name = opening.group(1)
            return [Link(self.finding(name), self.hypotheses[name])]
        named = list(self._named(text))
        if 0 < len(named) <= MOST:
            found = [
                Link(link.href, link.words if len(named) == 1 else f"{link.words} of {condition}")
                for condition in named
                for link in self.all(roles, condition)
            ]
            if found:
                return found
        return self.behind(roles)

    def _named(self, text: str) -> Iterator[str]:
        """Conditions that a sentence names, each once; a name within a longer one is not named."""
        for condition in self.conditions:
            edge = "" if re.search(MARKED, condition) else "[*`]"
            pattern = rf"(?<![\w×]){edge}(?<!× ){re.escape(condition)}{edge}(?![\w×-]| ×)"
            if re.search(pattern, text):
                yield condition
                text = re.sub(pattern, " ", text)

    def of_cell(self, text: str, roles: Sequence[str]) -> tuple[str, str] | None:
        """(the words of a cell that are a link, the address) for one that is headed by a hypothesis or a condition."""
        head = text.split(":")[0]
        if head in self.hypotheses:
            return head, self.finding(head)
        for condition in self.conditions:
            if text == condition or text.startswith((f"{condition}:", f"{condition},")):
                links = self.all(roles, condition) or self.all((), condition)
                return (condition, links[0].href) if links else None
        return None


def counted(n: int, what: str) -> str:
    """`1 run`, `4,340 runs`."""
    return f"{n:,} {what}" + ("" if n == 1 else "s")
