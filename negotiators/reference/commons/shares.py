"""What does over-asking bring: the chances of each catch of one who asks for everything when others ask for less.

Where a pool of A units is rationed one at a time among random claimants, give every claimant a Poisson clock of rate 1
that rings for its next unit: the order of the rings is the order of the lots. So who asks for everything gets x or more
exactly if at its x-th ring, at T_x ~ Gamma(x), the others have had A − x at most:

    P(X >= x) = ∫ f_x(τ) · P(Σ_j min(q_j, N_j(τ)) <= A − x) dτ,   N_j(τ) ~ Poisson(τ),

by Gauss–Legendre quadrature, exact to about 1e-10.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scenarios.ward import Array

NODES = 160


@lru_cache(maxsize=4)
def _nodes(most: int) -> tuple[Array, Array]:
    """Points and weights on [0, beyond which the most-th ring has come for sure]."""
    end = most + 14 * math.sqrt(most) + 40
    points, weights = np.polynomial.legendre.leggauss(NODES)
    return (points + 1) * end / 2, weights * end / 2


@lru_cache(maxsize=4)
def _poisson(most: int) -> Array:
    """P(N(τ) = k), (NODES, most + 1)."""
    points, _ = _nodes(most)
    k = np.arange(most + 1)
    logs = np.array([math.lgamma(v + 1) for v in k])
    return np.asarray(np.exp(-points[:, None] + k * np.log(points)[:, None] - logs), dtype=float)


@lru_cache(maxsize=1024)
def _spectrum(claim: int, most: int) -> NDArray[np.complex128]:
    """The Fourier transform over counts of min(claim, N(τ)) at every node, (NODES, frequencies)."""
    chances = np.zeros((NODES, most + 1))
    chances[:, :claim] = _poisson(most)[:, :claim]
    chances[:, claim] = 1 - chances[:, :claim].sum(axis=1)
    return np.fft.rfft(chances, _length(most), axis=1)


def _length(most: int) -> int:
    return 1 << (most + 1).bit_length()  # no sum of claims passes the pool


@lru_cache(maxsize=50_000)
def at_least(others: tuple[int, ...], pool: int, most: int) -> tuple[float, ...]:
    """P(X >= x) for x = 1..pool: what one who asks for everything gets of `pool`, the others asking for `others`.

    others: what they ask, together at most the pool. most: the greatest pool there can be, which sizes the arrays.
    """
    if sum(others) > pool or pool > most:
        raise ValueError(f"claims of {sum(others)} on {pool} of {most}: give at most as many as there are")
    spectrum: NDArray[np.complex128] = np.ones((NODES, _length(most) // 2 + 1), dtype=complex)
    for claim in others:
        spectrum = spectrum * _spectrum(claim, most)
    reached = np.cumsum(np.fft.irfft(spectrum, _length(most), axis=1)[:, : pool + 1], axis=1)
    x = np.arange(1, pool + 1)
    rings = _poisson(most)[:, x - 1]  # the density of the x-th ring is that of x − 1 rings so far
    chances = np.einsum("i,ix,ix->x", _nodes(most)[1], rings, reached[:, pool - x])
    return tuple(np.clip(chances, 0.0, 1.0).tolist())
