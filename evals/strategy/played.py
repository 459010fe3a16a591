"""What was on the table in one run, as arrays: solos, moves in the order spoken, merges, exit solos, utilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from scenarios.ward import Allocation, Array, Ward

if TYPE_CHECKING:
    import pandas as pd

    from nodes.record import RunRecord, Solo
    from nodes.table.seats import Sitting
    from scenarios.objective import Objective

Row = dict[str, Any]


@dataclass(frozen=True)
class Spoken:
    """One move of the debate; `x` is None where the seat abstained."""

    round: int
    turn: int  # in its round, from 1
    seat: str
    status: str
    x: Array | None


@dataclass(frozen=True)
class Played:
    """One run record with its allocations as arrays, (patients, resources) in units; each worked out once."""

    record: RunRecord

    @property
    def ward(self) -> Ward:
        """The ward as it is."""
        return self.record.scenario

    @property
    def seats(self) -> list[str]:
        """Seats in the order seated."""
        return [s.seat for s in self.record.seats]

    @cached_property
    def personas(self) -> dict[str, str]:
        """The name of each seat's persona."""
        return {s.seat: s.persona.name for s in self.record.seats}

    def opposite(self, seat: str) -> str:
        """The personas opposite a seat, joined by + in a panel."""
        return "+".join(self.personas[s] for s in self.seats if s != seat)

    @cached_property
    def solos(self) -> dict[str, Array]:
        """Solos; seats that abstained are left out."""
        return self._alone(self.record.solo)

    @cached_property
    def exits(self) -> dict[str, Array]:
        """Exit solos; seats that abstained are left out."""
        return self._alone(self.record.exit_solo)

    @cached_property
    def joint(self) -> Array | None:
        """The joint allocation."""
        return self._array(self.record.joint)

    @cached_property
    def no_debate(self) -> Array | None:
        """The no-debate merge."""
        return self._array(self.record.no_debate)

    @cached_property
    def moves(self) -> list[Spoken]:
        """The moves of the debate in the order spoken."""
        return [
            Spoken(r.round, turn, m.seat, m.status, self._array(m.allocation))
            for r in self.record.rounds
            for turn, m in enumerate(r.moves, 1)
        ]

    @cached_property
    def last(self) -> dict[str, Array]:
        """Each seat's last valid move: of the debate, else its solo; seats with none are left out."""
        return self.solos | {m.seat: m.x for m in self.moves if m.x is not None}

    @cached_property
    def demanded(self) -> int:
        """How many cells somebody demands something of."""
        return int((self.ward.arrays.demand > 0).sum())

    def utility(self, seat: str, x: Array | None) -> float | None:
        """The seat's declared utility of x, as the record takes it; None where it declares nothing usable."""
        objective = self._utilities.get(seat)
        return None if objective is None or x is None else objective.value(self._sitting.shown, x)

    def utility_of_others(self, seat: str, x: Array | None) -> float | None:
        """Mean declared utility of the other seats that have one, as an edge's `delta_other` takes it."""
        values = [u for s in self.seats if s != seat and (u := self.utility(s, x)) is not None]
        return float(np.mean(values)) if values else None

    @cached_property
    def _utilities(self) -> dict[str, Objective]:
        at = self._sitting
        return {s: at.utility(s) for s in at.seats if at.wants(s)}

    @cached_property
    def _sitting(self) -> Sitting:
        from nodes.table.seats import Sitting

        record = self.record
        return Sitting(record.protocol, record.scenario, {s.seat: s for s in record.seats}, record.run_id)

    def _array(self, allocation: Allocation | None) -> Array | None:
        return None if allocation is None else self.ward.array(allocation)

    def _alone(self, solos: Mapping[str, Solo]) -> dict[str, Array]:
        given = {s: solo.move.allocation for s, solo in solos.items()}
        return {s: self.ward.array(x) for s, x in given.items() if x is not None}


def table(rows: Iterable[Row], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as a table that has these columns first, even where there is no row."""
    import pandas as pd

    frame = pd.DataFrame(list(rows))
    return frame.reindex(columns=[*columns, *(c for c in frame.columns if c not in columns)])
