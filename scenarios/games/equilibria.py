"""Where does nobody gain by moving alone: best responses, pure and mixed Nash equilibria (Nash 1951)."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from scenarios.errors import ParleyError
from scenarios.games.game import Array, symmetric_payoffs

__all__ = ["best_responses", "equilibria", "expected", "pure_equilibria", "regrets", "symmetric_mixed"]

TOLERANCE = 1e-9
"""Share of the greatest payoff (at least of 1) up to which two payoffs are equal (ours)."""
REGRET = 1e-7
"""Share of it that a player of a mixed equilibrium may gain by moving alone: what solvers leave."""
LIMIT_ACTIONS = 6
"""Actions a player may have left, after strict dominance, where mixed equilibria are looked for: two seconds."""

Profile = tuple[int, ...]
Pair = tuple[Array, Array]


def best_responses(payoffs: Array, player: int) -> Array:
    """Where a player's action is a best one against the others', bool (A_1, …, A_n); payoffs (A_1, …, A_n, n)."""
    own = payoffs[..., player]
    return np.asarray(own >= own.max(axis=player, keepdims=True) - TOLERANCE * _scale(payoffs))


def pure_equilibria(payoffs: Array) -> list[Profile]:
    """All pure equilibria of any number of players, in lexicographic order; incentives are weak.

    a is one where u_i(a) >= u_i(d, a_−i) for all i and d, up to TOLERANCE. There may be none.
    """
    stable = np.logical_and.reduce([best_responses(payoffs, i) for i in range(payoffs.shape[-1])])
    return [tuple(int(a) for a in cell) for cell in np.argwhere(stable)]


def expected(payoffs: Array, strategies: Sequence[Array], *, but: int | None = None) -> Array:
    """Expected payoffs under independent mixed strategies, (n,); with `but`, of each action of that player.

    payoffs (A_1, …, A_n, n); strategies[i] (A_i,), summing to 1. With `but`, the result is (A_but, n).
    """
    out: Any = payoffs
    for i in range(len(strategies) - 1, -1, -1):
        if i != but:
            out = np.tensordot(strategies[i], out, axes=(0, i))
    result: Array = np.asarray(out)
    return result


def regrets(payoffs: Array, strategies: Sequence[Array]) -> Array:
    """What each player would gain by its best action against the others' strategies, (n,), >= 0; 0 is Nash."""
    each = [expected(payoffs, strategies, but=i)[:, i] for i in range(len(strategies))]
    gains = [float(own.max() - own @ mix) for own, mix in zip(each, strategies, strict=True)]
    return np.array([max(0.0, gain) for gain in gains])


def equilibria(payoffs: Array) -> list[tuple[Array, Array]]:
    """Equilibria of two players, pure and mixed, by nashpy: each a pair of strategies (A_1,), (A_2,).

    Actions that are strictly dominated are taken away first, again and again. Pure equilibria come from
    `pure_equilibria`, mixed ones from support enumeration and, where their number is even or a best response
    is not unique, which only degenerate games show, from vertex enumeration too (Nisan et al. 2007, ch. 3);
    each is verified and none stands twice. All equilibria of a game that is not degenerate; of a degenerate
    one, which may have a continuum, all pure ones and corners of the rest. At least one is always found.

    Order: by the strategies, first actions first. Raises ParleyError for other than two players, and where
    more than LIMIT_ACTIONS actions of a player are left.
    """
    if payoffs.shape[-1] != 2:
        raise ParleyError(f"equilibria: {payoffs.shape[-1]} players; these are for two, take symmetric_mixed")
    left = _undominated(payoffs)
    if max(map(len, left)) > LIMIT_ACTIONS:
        raise ParleyError(
            f"equilibria: {' × '.join(str(len(part)) for part in left)} actions are left after dominance; "
            f"give at most {LIMIT_ACTIONS} each"
        )
    inner = payoffs[np.ix_(*left)]
    found = [
        tuple(np.eye(len(p))[a] for p, a in zip(left, cell, strict=True)) for cell in pure_equilibria(inner)
    ]
    if min(map(len, left)) > 1:
        _verified(inner, _by_supports(inner), found)
        if len(found) % 2 == 0 or _ties(inner):
            _verified(inner, _by_vertices(inner), found)
    whole = [tuple(_spread(mix, part, size) for mix, part, size in zip(pair, left, payoffs.shape, strict=False))
             for pair in found]  # fmt: skip
    return sorted(((a, b) for a, b in whole), key=lambda pair: _order(np.concatenate(pair)))


def _undominated(payoffs: Array) -> list[list[int]]:
    """Each player's actions that survive iterated strict dominance by pure actions."""
    left = [list(range(size)) for size in payoffs.shape[:-1]]
    changed = True
    while changed:
        changed = False
        for i in range(len(left)):
            own = np.moveaxis(payoffs[np.ix_(*left)][..., i], i, 0).reshape(len(left[i]), -1)
            beaten = np.all(own[None] > own[:, None] + TOLERANCE * _scale(payoffs), axis=-1)
            worse = np.any(beaten, axis=1)
            if worse.any():
                left[i] = [action for action, out in zip(left[i], worse, strict=True) if not out]
                changed = True
    return left


def _verified(payoffs: Array, proposals: Iterator[Pair], found: list[tuple[Array, ...]]) -> None:
    """Adds to `found` what is proposed, is an equilibrium and is not there yet."""
    for pair in proposals:
        if any(not np.isfinite(p).all() or p.min() < -REGRET or abs(p.sum() - 1) > REGRET for p in pair):
            continue
        clean = tuple(np.maximum(p, 0) / np.maximum(p, 0).sum() for p in pair)
        gain = regrets(payoffs, clean).max()
        if gain <= REGRET * _scale(payoffs) and not any(_same(clean, other) for other in found):
            found.append(clean)


def _by_supports(payoffs: Array) -> Iterator[Pair]:
    """Every pair of strategies at which each side's support is indifferent; the caller sees who gains."""
    from nashpy.algorithms.support_enumeration import indifference_strategies

    scaled = payoffs / _scale(payoffs)
    for first, second, _, _ in indifference_strategies(scaled[..., 0], scaled[..., 1]):
        yield first, second


def _by_vertices(payoffs: Array) -> Iterator[Pair]:
    """Fully labelled pairs of vertices of the best-response polytopes, until Qhull gives up on a flat one."""
    import nashpy
    from scipy.spatial import QhullError

    scaled = (payoffs - payoffs.min()) / _scale(payoffs) + 1  # above 0, else the polytopes have no end
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from nashpy.Game(scaled[..., 0], scaled[..., 1]).vertex_enumeration()
    except (QhullError, np.linalg.LinAlgError):
        return


def _ties(payoffs: Array) -> bool:
    """Whether somebody has two best responses to a pure strategy."""
    return any(best_responses(payoffs, i).sum(axis=i).max() > 1 for i in range(payoffs.shape[-1]))


def _spread(mix: Array, actions: Sequence[int], size: int) -> Array:
    out = np.zeros(size)
    out[list(actions)] = mix
    return out


def symmetric_mixed(payoffs: Array) -> list[Array]:
    """Symmetric equilibria of a symmetric game of n players: each the one strategy (A,) that all play.

    Support by support: every action of the support earns the same v against n − 1 who play the strategy, no
    other earns more. Supports of one or two actions, and all of two players, are solved exactly (a polynomial
    of degree n − 1, a linear system), larger ones of three and more by Newton's method from a grid of starts,
    which may miss some. Every one returned is verified. Order: by the strategy, first actions first.

    Raises ParleyError where the payoffs (A, …, A, n) are not symmetric or there are more than 12 actions.
    """
    if not symmetric_payoffs(payoffs):
        raise ParleyError("symmetric_mixed: the players are not exchangeable; take equilibria of two players")
    own = payoffs[..., 0]
    n, count = own.ndim, own.shape[0]
    if count > 12:
        raise ParleyError(f"symmetric_mixed: {count} actions have too many supports; give at most 12")
    found: list[Array] = []
    for size in range(1, count + 1):
        for support in itertools.combinations(range(count), size):
            for mix in _on_support(own, support):
                if np.isfinite(mix).all() and mix.min() > -REGRET:
                    clean = np.maximum(mix, 0) / np.maximum(mix, 0).sum()
                    gain = regrets(payoffs, [clean] * n).max()
                    if gain <= REGRET * _scale(payoffs) and not any(_same((clean,), (m,)) for m in found):
                        found.append(clean)
    return sorted(found, key=_order)


def _on_support(own: Array, support: tuple[int, ...]) -> Iterator[Array]:
    """Strategies of exactly this support at which its actions earn the same."""
    n, count = own.ndim, own.shape[0]
    inner = own[np.ix_(*[support] * n)]
    if len(support) == 1:
        proposals: Iterator[Array] = iter([np.ones(1)])
    elif len(support) == 2:
        proposals = _two_actions(inner)
    elif n == 2:
        proposals = _linear(inner)
    else:
        proposals = _newton(inner)
    for part in proposals:
        yield _spread(part, support, count)


def _against(own: Array, mix: Array) -> Array:
    """What each action earns against all others playing `mix`, (A,)."""
    out = own
    for _ in range(own.ndim - 1):
        out = out @ mix
    return out


def _two_actions(own: Array) -> Iterator[Array]:
    """Roots in (0, 1) of the gain of the first action over the second, a polynomial in its chance p."""
    n = own.ndim
    nodes = (1 - np.cos(np.pi * (np.arange(n) + 0.5) / n)) / 2  # Chebyshev: interpolation is exact and stable
    gains = [np.subtract(*_against(own, np.array([p, 1 - p]))) for p in nodes]
    polynomial = np.polynomial.Polynomial.fit(nodes, gains, n - 1, domain=[0, 1]).trim(1e-12 * _scale(own))
    for root in map(complex, polynomial.roots() if polynomial.degree() > 0 else ()):
        if abs(root.imag) < 1e-7 and 0 < root.real < 1:
            yield np.array([root.real, 1 - root.real])


def _linear(own: Array) -> Iterator[Array]:
    """U x = v·1, Σ x = 1, for two players; where many x solve it, the one nearest to 0."""
    size = own.shape[0]
    system = np.block([[own, -np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
    yield np.linalg.lstsq(system, np.append(np.zeros(size), 1.0), rcond=None)[0][:size]


def _newton(own: Array) -> Iterator[Array]:
    """Solutions of equal earnings and Σ x = 1 from the points of a grid on the simplex."""
    from scipy.optimize import root

    size = own.shape[0]

    def unequal(mix: Array) -> Array:
        earned = _against(own, mix)
        return np.append(earned[1:] - earned[0], mix.sum() - 1)

    steps = 6
    for cuts in itertools.combinations(range(1, steps + size - 1), size - 1):
        counts = np.diff([0, *cuts, steps + size - 1])
        solution = root(unequal, counts / counts.sum(), method="hybr")
        if solution.success:
            yield solution.x


def _same(first: Sequence[Array], second: Sequence[Array]) -> bool:
    return all(np.abs(a - b).max() < 1e-6 for a, b in zip(first, second, strict=True))


def _order(strategy: Array) -> list[float]:
    """First actions first."""
    return [-round(float(p), 9) for p in strategy]


def _scale(payoffs: Array) -> float:
    return max(1.0, float(np.abs(payoffs).max()))
