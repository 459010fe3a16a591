"""What is kept of a season or a game for its pictures: who took what, which laws stood when, where clauses bit?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.dilemmas.frames import PROSOCIAL, SELFISH

if TYPE_CHECKING:
    from evals.dilemmas.frames import DilemmaRecord
    from scenarios.commons import Commons
    from scenarios.games import Game

NUMBERED = re.compile(r"^(\d+)\. ")
IN_WORDS = "in words"
"""Kind of a law that has no clauses."""


@dataclass(frozen=True)
class Clause:
    """One clause of a law as it was read back; number 0 for a law that is no contract."""

    number: int
    kind: str
    words: str


@dataclass(frozen=True)
class Bitten:
    """One bite: in which step, of which law and clause, whom."""

    step: int
    law: int
    clause: int
    kind: str
    seat: str


@dataclass(frozen=True)
class Steps:
    """What is kept of one record."""

    types: dict[str, str]  # seat -> selfish, prosocial
    taken: list[tuple[int, str, int]]  # month, seat, catch; of the commons alone
    in_force: list[tuple[int, int]]  # step, law
    laws: list[list[Clause]]
    bites: list[Bitten]
    scenario: Commons | Game


def steps_of(record: DilemmaRecord) -> tuple[str, Steps]:
    """The run's id, and what is kept of it."""
    told = record.months if record.setting == "commons" else record.plays
    numbered = [(s.month if record.setting == "commons" else s.round, s) for s in told]  # type: ignore[union-attr]
    return record.run_id, Steps(
        types={s.seat: PROSOCIAL if s.prosocial else SELFISH for s in record.seats},
        taken=[(n, seat, amount) for n, s in numbered for seat, amount in getattr(s, "taken", {}).items()],
        in_force=[(n, s.law) for n, s in numbered if s.law is not None],
        laws=[_clauses(law.proposal) for law in record.laws],
        bites=[
            Bitten(n, s.law, b.clause, b.kind, b.seat) for n, s in numbered for b in s.bites if s.law is not None
        ],
        scenario=record.scenario,
    )  # fmt: skip


def _clauses(proposal: object) -> list[Clause]:
    """The clauses of what was proposed, each with the line that read it back; one of number 0 where there are none."""
    contract, words = proposal.contract, proposal.words  # type: ignore[attr-defined]
    if contract is None or not contract.clauses:
        return [Clause(0, IN_WORDS, " / ".join(words))]
    lines = {int(found[1]): line for line in words if (found := NUMBERED.match(line))}
    return [Clause(n, c.kind, lines.get(n, c.kind)) for n, c in enumerate(contract.clauses, 1)]
