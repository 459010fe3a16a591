"""What did an agent choose from: its menus in own payoff and welfare, and what it expected of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenarios.errors import ParleyError
from scenarios.ward import Array


@dataclass(frozen=True, eq=False)
class Choices:
    """What one agent chose, a row a choice.

    own (T, K)      payoff to itself of each alternative; NaN where a menu has fewer than K
    welfare (T, K)  W = Σ_j u_j of each, its own payoff inside and net of what leaves the table; NaN like `own`
    chosen (T,)     which alternative it took, from 0; −1 where that is missing (a failed call, say)
    """

    own: Array
    welfare: Array
    chosen: NDArray[np.intp]

    def __post_init__(self) -> None:
        if self.own.ndim != 2 or self.own.shape != self.welfare.shape or len(self.own) != len(self.chosen):
            raise ParleyError(
                f"choices: own {self.own.shape}, welfare {self.welfare.shape}, chosen {self.chosen.shape}: "
                "give own and welfare a row a choice and a column an alternative, and one chosen a row"
            )
        there = ~np.isnan(self.own)
        if (
            (there != ~np.isnan(self.welfare)).any()
            or np.isinf(self.own).any()
            or np.isinf(self.welfare).any()
        ):
            raise ParleyError(
                "choices: own and welfare must be finite together, and NaN together off the menu"
            )
        for row, c in enumerate(self.chosen):
            if c < -1 or c >= self.own.shape[1] or (c >= 0 and not there[row, c]):
                raise ParleyError(
                    f"choices: row {row} chose alternative {c}, which is not on its menu; −1 is missing"
                )

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def made(self) -> Choices:
        """Those that are not missing."""
        seen = self.chosen >= 0
        return Choices(self.own[seen], self.welfare[seen], self.chosen[seen])


def choices(own: ArrayLike, welfare: ArrayLike, chosen: ArrayLike) -> Choices:
    """`Choices` from lists: `chosen` may hold NaN, None or −1 for what is missing. Raises ParleyError like it."""
    taken = np.asarray(chosen, dtype=float).reshape(-1)
    taken = np.where(np.isnan(taken), -1.0, taken)
    if (taken != np.round(taken)).any():
        row = int(np.argmax(taken != np.round(taken)))
        raise ParleyError(f"choices: row {row} chose {taken[row]}: name an alternative by its place, from 0")
    return Choices(np.asarray(own, dtype=float), np.asarray(welfare, dtype=float), taken.astype(np.intp))


def joined(parts: Sequence[Choices]) -> Choices:
    """The choices of several menus (games, months) as one agent's, shorter menus filled up with NaN."""
    if not parts:
        return Choices(np.empty((0, 1)), np.empty((0, 1)), np.empty(0, dtype=np.intp))
    widest = max(p.own.shape[1] for p in parts)

    def wide(block: Array) -> Array:
        return np.pad(block, ((0, 0), (0, widest - block.shape[1])), constant_values=np.nan)

    return Choices(
        np.vstack([wide(p.own) for p in parts]),
        np.vstack([wide(p.welfare) for p in parts]),
        np.concatenate([p.chosen for p in parts]),
    )


def played(
    payoffs: Array,
    profiles: ArrayLike,
    seat: int,
    *,
    belief: ArrayLike | None = None,
    burnt: Array | None = None,
) -> Choices:
    """What a seat chose in rounds of one game, each own action valued at what it expected of the others.

    payoffs (A_1, …, A_n, n)  after transfers; burnt (A_1, …, A_n) what leaves the table beyond them
    profiles (T, n)           everyone's actions, −1 where one is missing
    belief                    over the others' joint actions: (A_j for j ≠ seat), sums to 1. Default: how often
                              the others did what they did in these rounds, complete rounds alone (`frequency`),
                              as if the seat had known that; hand its belief over where it is known better

    own[a] = Σ_{a_−i} belief(a_−i) u_i(a, a_−i), welfare[a] the same of W. Raises ParleyError for wrong shapes.
    """
    rounds = _profiles(payoffs, profiles, seat)
    others = np.moveaxis(payoffs, seat, 0)
    weight = frequency(payoffs, rounds, seat) if belief is None else np.asarray(belief, dtype=float)
    if weight.shape != others.shape[1:-1] or (weight < 0).any() or abs(float(weight.sum()) - 1) > 1e-9:
        raise ParleyError(
            f"belief of seat {seat} has shape {weight.shape} and sums to {float(weight.sum()):.6g}: "
            f"give shares of shape {others.shape[1:-1]} that sum to 1"
        )
    total = others.sum(axis=-1)
    if burnt is not None:
        total = total - np.moveaxis(burnt, seat, 0)
    flat = weight.reshape(-1)
    own = others[..., seat].reshape(len(others), -1) @ flat
    welfare = total.reshape(len(others), -1) @ flat
    t = len(rounds)
    return Choices(np.tile(own, (t, 1)), np.tile(welfare, (t, 1)), rounds[:, seat].copy())


def frequency(payoffs: Array, profiles: ArrayLike, seat: int) -> Array:
    """How often the others played each of their joint actions, (A_j for j ≠ seat), over the complete rounds.

    Raises ParleyError where no round is complete: nothing tells then what to expect.
    """
    rounds = _profiles(payoffs, profiles, seat)
    others = np.delete(rounds, seat, axis=1)
    seen = others[(others >= 0).all(axis=1)]
    if not len(seen):
        raise ParleyError(f"no round shows what the others of seat {seat} did: hand a belief over")
    shape = tuple(np.delete(np.array(payoffs.shape[:-1]), seat))
    counts = np.zeros(shape)
    np.add.at(counts, tuple(seen.T), 1.0)
    return counts / len(seen)


def _profiles(payoffs: Array, profiles: ArrayLike, seat: int) -> NDArray[np.intp]:
    n = payoffs.shape[-1]
    rounds = np.asarray(profiles, dtype=np.intp)
    if payoffs.ndim != n + 1 or not 0 <= seat < n:
        raise ParleyError(f"payoffs {payoffs.shape} for seat {seat}: give (A_1, …, A_n, n) and a seat from 0")
    if rounds.ndim != 2 or rounds.shape[1] != n:
        raise ParleyError(f"profiles {rounds.shape}: give a row a round and a column each of {n} seats")
    if (rounds < -1).any() or (rounds >= np.array(payoffs.shape[:-1])).any():
        row = int(np.argmax(((rounds < -1) | (rounds >= np.array(payoffs.shape[:-1]))).any(axis=1)))
        raise ParleyError(f"profiles: round {row} is {rounds[row].tolist()}, which the game does not have")
    return rounds
