"""Which of Arrow's axioms does a social welfare function break, and what is the smallest case that shows it?

Arrow 1963: with three alternatives or more, no function that answers every profile with a transitive order
is weakly Pareto, independent of irrelevant alternatives and without a dictator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from evals.arrow.orders import (
    LETTERS,
    Order,
    Profile,
    Signs,
    in_words,
    is_strict,
    pair_in_words,
    relation_in_words,
    signs,
)

Mask = NDArray[np.bool_]
SEATS = "ABCDEFGHIJ"


@dataclass(frozen=True, eq=False)
class Society:
    """A social welfare function written out: society's comparison of every pair at every profile.

    `social` has shape (profiles, alternatives, alternatives); a profile that got no answer is not `answered`
    and its signs mean nothing.
    """

    profiles: tuple[Profile, ...]
    social: Signs
    answered: Mask  # (profiles,)

    @cached_property
    def individual(self) -> Signs:
        """What the seats say; shape (profiles, seats, alternatives, alternatives)."""
        found: dict[Order, Signs] = {o: signs([o])[0] for p in self.profiles for o in p}
        return np.array([[found[o] for o in p] for p in self.profiles], dtype=np.int8)

    @cached_property
    def strict(self) -> Mask:
        """Which profiles hold no tie at all."""
        return np.array([all(map(is_strict, p)) for p in self.profiles])

    @property
    def alternatives(self) -> int:
        """How many there are."""
        return int(self.social.shape[1])

    def only(self, mask: Mask) -> Society:
        """The same function on some of the profiles."""
        kept = tuple(p for p, keep in zip(self.profiles, mask, strict=True) if keep)
        return Society(kept, self.social[mask], self.answered[mask])

    def between_seats(self) -> NDArray[np.intp]:
        """How far the seats are apart: pairs they order differently, a tie counting half, doubled."""
        first = self.individual[:, :1].astype(int)
        return np.asarray(abs(self.individual - first).sum(axis=(1, 2, 3)) // 2)


@dataclass(frozen=True)
class Case:
    """A counterexample in one sentence of words; `broken` counts the profiles that take part in one."""

    broken: int
    says: str


Check = Callable[[Society], Case | None]


def unrestricted_domain(s: Society) -> Case | None:
    """Every profile gets an answer, a comparison of every pair. (That it is transitive is an axiom of its own.)"""
    return _single(s, ~s.answered, lambda i: f"{_said(s, i)}: society gives no answer.")


def weak_pareto(s: Society) -> Case | None:
    """Where every seat puts x above y, so does society."""
    wrong = (s.individual == 1).all(axis=1) & (s.social != 1) & s.answered[:, None, None]

    def words(i: int) -> str:
        x, y = (int(v) for v in np.argwhere(wrong[i])[0])
        return (
            f"{_said(s, i)}, so all put {LETTERS[x]} above {LETTERS[y]}; "
            f"society says {pair_in_words(s.social[i], x, y)}."
        )

    return _single(s, wrong.any(axis=(1, 2)), words)


def independence(s: Society) -> Case | None:
    """Society's word on x and y depends on what the seats say of x and y alone (Arrow 1963).

    Profiles are put together by what the seats say of a pair; society must say one thing in each group. The
    counterexample is the two profiles of a group, society not saying the same, that are nearest to each other:
    the fewest pairs on which a seat changes its mind (Kemeny distance), then the seats nearest to each other.
    """
    codes = 3 ** np.arange(s.individual.shape[1])
    broken = np.zeros(len(s.profiles), dtype=bool)
    best: tuple[float, int, int, int, int] | None = None
    for x, y in combinations(range(s.alternatives), 2):
        group = ((s.individual[:, :, x, y] + 1) * codes).sum(axis=1)
        for code in np.unique(group):
            mine = np.flatnonzero((group == code) & s.answered)
            found = s.social[mine, x, y]
            if len(np.unique(found)) < 2:
                continue
            broken[mine] = True
            for value in np.unique(found)[:-1]:
                near = _nearest(s, mine[found == value], mine[found > value])
                if best is None or near < best[:3]:
                    best = (*near, x, y)
    if best is None:
        return None
    _, i, j, x, y = best
    return Case(int(broken.sum()), _moved(s, i, j, x, y))


def non_dictatorship(s: Society) -> Case | None:
    """No seat has society follow every strict preference of its own, whatever the others say."""
    followed = (s.individual != 1) | (s.social == 1)[:, None]
    dictates = followed[s.answered].all(axis=(0, 2, 3))
    if not dictates.any() or s.alternatives < 2:
        return None
    seat = int(np.flatnonzero(dictates)[0])
    opposed = (s.individual[:, [seat]] * s.individual < 0).any(axis=(1, 2, 3)) & s.answered

    def words(i: int) -> str:
        return f"{SEATS[seat]} has its way at all {len(s.profiles)} profiles, as here: {_said(s, i)}; {_says(s, i)}."

    return _single(s, opposed, words)


def transitive_preference(s: Society) -> Case | None:
    """Society's x > y and y > z give x > z."""
    return _triples(s, 1)


def transitive_indifference(s: Society) -> Case | None:
    """Society's x ~ y and y ~ z give x ~ z. With transitive preference this makes ≽ transitive (Sen 1970)."""
    return _triples(s, 0)


AXIOMS: dict[str, Check] = {
    "unrestricted domain": unrestricted_domain,
    "weak Pareto": weak_pareto,
    "independence": independence,
    "non-dictatorship": non_dictatorship,
    "transitive preference": transitive_preference,
    "transitive indifference": transitive_indifference,
}


def _triples(s: Society, sign: int) -> Case | None:
    held = s.social == sign
    wrong = held[:, :, :, None] & held[:, None, :, :] & ~held[:, :, None, :]  # [p, x, y, z]
    apart = ~np.eye(s.alternatives, dtype=bool)
    wrong &= (apart[:, :, None] & apart[None, :, :] & apart[:, None, :])[None]
    wrong &= s.answered[:, None, None, None]

    def words(i: int) -> str:
        x, y, z = (int(v) for v in np.argwhere(wrong[i])[0])
        pairs = [pair_in_words(s.social[i], *pair) for pair in ((x, y), (y, z), (x, z))]
        return f"{_said(s, i)}; society says {pairs[0]} and {pairs[1]}, yet {pairs[2]}."

    return _single(s, wrong.any(axis=(1, 2, 3)), words)


def _single(s: Society, wrong: Mask, words: Callable[[int], str]) -> Case | None:
    """The case of one profile: the one whose seats are nearest to each other, the first of those."""
    if not wrong.any():
        return None
    where = np.flatnonzero(wrong)
    nearest = where[int(np.argmin(s.between_seats()[where]))]
    return Case(int(wrong.sum()), words(int(nearest)))


def _nearest(s: Society, these: NDArray[np.intp], those: NDArray[np.intp]) -> tuple[float, int, int]:
    """(distance, i, j), i < j, of the two nearest profiles: Kemeny's, then how far their seats are apart."""
    flat = s.individual.reshape(len(s.profiles), -1).astype(np.int16)
    apart = s.between_seats()
    most = 4.0 * flat.shape[1] + 1
    best = (float("inf"), -1, -1)
    for i in these:
        far = abs(flat[those] - flat[i]).sum(axis=1) + (apart[those] + apart[i]) / most
        at = int(np.argmin(far))
        j = int(those[at])
        best = min(best, (float(far[at]), min(int(i), j), max(int(i), j)))
    return best


def _said(s: Society, i: int) -> str:
    return " and ".join(f"{SEATS[n]} ranks {in_words(o)}" for n, o in enumerate(s.profiles[i]))


def _says(s: Society, i: int) -> str:
    return f"society {relation_in_words(s.social[i])}"


def _moved(s: Society, i: int, j: int, x: int, y: int) -> str:
    changed = [n for n, (p, q) in enumerate(zip(s.profiles[i], s.profiles[j], strict=True)) if p != q]
    now = " and ".join(f"{SEATS[n]} ranks {in_words(s.profiles[j][n])}" for n in changed)
    return (
        f"{_said(s, i)}; {_says(s, i)}. Now {now}: nobody changed their mind on {LETTERS[x]} and {LETTERS[y]}, "
        f"yet {_says(s, j)}: from {pair_in_words(s.social[i], x, y)} to {pair_in_words(s.social[j], x, y)}."
    )
