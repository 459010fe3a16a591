"""Which outcome would be best for all: by the sum, by the worst-off, by the product of gains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenarios.games.game import Array

__all__ = ["Optimum", "nash_optima", "rawlsian_optima", "security", "welfare", "welfare_optima"]

TOLERANCE = 1e-9
"""Share of the greatest payoff (at least of 1) up to which two payoffs are equal (ours)."""


@dataclass(frozen=True)
class Optimum:
    """The cells that are best, in lexicographic order, and what they are worth; several where they tie."""

    cells: tuple[tuple[int, ...], ...]
    value: float


def welfare(payoffs: Array, burnt: Array | None = None) -> Array:
    """W = Σ_j u_j, less what is burnt beside the payoffs, (A_1, …, A_n).

    payoffs (A_1, …, A_n, n) may hold transfers, which cancel, and fines paid, which then are in u_j already;
    burnt (A_1, …, A_n) is what is lost to the table and stands in nobody's payoff.
    """
    total = payoffs.sum(axis=-1)
    return np.asarray(total if burnt is None else total - burnt)


def welfare_optima(payoffs: Array, burnt: Array | None = None) -> Optimum:
    """The cells of greatest W (Bentham; Harsanyi 1955)."""
    return _best(welfare(payoffs, burnt), payoffs)


def rawlsian_optima(payoffs: Array) -> Optimum:
    """The cells whose least payoff is greatest, max min_i u_i (Rawls 1971)."""
    return _best(payoffs.min(axis=-1), payoffs)


def security(payoffs: Array) -> Array:
    """What each player can be sure of by one action, max over a_i of min over a_−i of u_i, (n,).

    When all play such actions nobody gets less, so some cell always gives everybody at least this.
    """
    n = payoffs.shape[-1]
    others = [tuple(j for j in range(n) if j != i) for i in range(n)]
    return np.array([payoffs[..., i].min(axis=others[i]).max() for i in range(n)])


def nash_optima(payoffs: Array, disagreement: ArrayLike | None = None) -> Optimum:
    """The cells of greatest Π_i (u_i − d_i) among those with u >= d (Nash 1950); `value` is that product.

    d, (n,) or one number, defaults to what each can be sure of (`security`; ours). GT-HarmBench's column
    `nash_social_welfare` is d = 0, and calls the product 0 where a payoff is not above 0; so it moves when a
    constant is added to the payoffs, and its cells come from the plain product, in which two losses make a
    gain. Where no cell lets all gain the product is 0 everywhere: then as many as can gain, and the greatest
    product of theirs (Caragiannis et al. 2019), each gain as a share of the player's greatest, so that no
    payoff's scale matters (ours). No cell where none has u >= d: value NaN.
    """
    n = payoffs.shape[-1]
    d = security(payoffs) if disagreement is None else np.broadcast_to(np.asarray(disagreement, float), n)
    gains = payoffs - d
    slack = TOLERANCE * max(1.0, float(np.abs(payoffs).max()))
    acceptable = np.asarray((gains >= -slack).all(axis=-1))
    if not acceptable.any():
        return Optimum((), float("nan"))
    gaining = gains > slack
    many = np.where(acceptable, gaining.sum(axis=-1), -1)
    most = int(many.max())
    ideal = np.where(acceptable[..., None], gains, 0.0).reshape(-1, n).max(axis=0)
    shares = np.where(gaining, gains / np.where(ideal > slack, ideal, 1.0), 1.0).prod(axis=-1)
    candidates = np.where(many == most, shares, -np.inf)
    chosen = candidates >= candidates.max() - TOLERANCE
    return Optimum(_cells(chosen), float(gains[chosen][0].prod()) if most == n else 0.0)


def _best(values: Array, payoffs: Array) -> Optimum:
    best = float(values.max())
    slack = TOLERANCE * max(1.0, float(np.abs(payoffs).max()))
    return Optimum(_cells(values >= best - slack), best)


def _cells(chosen: NDArray[np.bool_]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(a) for a in cell) for cell in np.argwhere(chosen))
