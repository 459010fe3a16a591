"""How far do two personas oppose each other in substance: would they make different plans, dilemma by dilemma?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot, sqrt

from personas.opposing import Pair
from scenarios.dilemmas.dilemma import Dilemma, Values
from scenarios.dilemmas.plan import worths
from scenarios.errors import ParleyError

COSINE_BELOW = -0.2
CORRELATION_BELOW = 0.0
APART_FROM = 0.8
INDIFFERENT_BELOW = 0.1
"""What a pair has to keep to oppose in substance; the four bounds are ours."""

TIE = 1e-9
"""Worths, on the scale from the worst plan (0) to the best (1), that differ by no more count as equal: rounding."""

Row = tuple[float, ...]


@dataclass(frozen=True)
class Opposition:
    """How two poles oppose over dilemmas that have clauses; the measures are None for a pair in style."""

    pair: str
    kind: str
    dilemmas: int  # that were counted
    cosine: float | None = None  # of the two value vectors, −1 … 1; below 0: they point apart
    correlation: float | None = (
        None  # mean over dilemmas, −1 … 1; None also where one pole is always indifferent
    )
    apart: float | None = None  # share of dilemmas in which no plan is best for both, 0 … 1
    indifferent: float | None = None  # share in which every plan is worth the same to one of them, 0 … 1

    @property
    def faults(self) -> tuple[str, ...]:
        """What keeps the pair from opposing in substance, each in words; empty for one that does."""
        if self.kind == "style":
            return ("it opposes in style alone",)
        found = []
        if self.cosine is None or self.cosine >= COSINE_BELOW:
            found.append(f"cosine {_shown(self.cosine)}, not below {COSINE_BELOW:g}")
        if self.correlation is None or self.correlation >= CORRELATION_BELOW:
            found.append(f"correlation {_shown(self.correlation)}, not below {CORRELATION_BELOW:g}")
        if self.apart is None or self.apart < APART_FROM:
            found.append(f"best plans differ in {_shown(self.apart)}, not in {APART_FROM:g} of the dilemmas")
        if self.indifferent is None or self.indifferent >= INDIFFERENT_BELOW:
            found.append(f"indifferent in {_shown(self.indifferent)}, not below {INDIFFERENT_BELOW:g}")
        return tuple(found)

    @property
    def in_substance(self) -> bool:
        """Whether the pair opposes in substance, by all four bounds."""
        return not self.faults


def opposition(pair: Pair, dilemmas: Iterable[Dilemma]) -> Opposition:
    """How far the two poles of a pair oppose each other over dilemmas; those that have no clauses do not count.

    cosine       a·b / (|a| |b|) of the two value vectors over the considerations
    correlation  mean over dilemmas of Pearson's r between what all whole plans are worth to the one and to the
                 other; a dilemma in which one of them is indifferent has none and is left out of the mean
    apart        share of dilemmas in which no plan is best for both: in at least one issue the options
                 that are best for the one and those that are best for the other have none in common
    indifferent  share of dilemmas in which every plan is worth the same to one of them; these are never apart

    Range and direction stand at `Opposition`. Raises ParleyError if no dilemma has clauses. Ours; that some
    pairs of the paper are no opposites (three rows of its table are shifted) is why it is measured at all.
    """
    counted = [d for d in dilemmas if d.issues]
    if not counted:
        raise ParleyError(f"pair '{pair.name}': no dilemma here has clauses; give some that have issues")
    if pair.kind == "style":
        return Opposition(pair.name, pair.kind, len(counted))
    one, other = (pole.values for pole in pair.poles)
    correlations = [r for d in counted if (r := correlation(d, one, other)) is not None]
    return Opposition(
        pair=pair.name,
        kind=pair.kind,
        dilemmas=len(counted),
        cosine=cosine(one, other),
        correlation=sum(correlations) / len(correlations) if correlations else None,
        apart=sum(apart(d, one, other) for d in counted) / len(counted),
        indifferent=1 - len(correlations) / len(counted),
    )


def cosine(one: Values, other: Values) -> float | None:
    """a·b / (|a| |b|) of two value vectors, −1 … 1; None if one of them weighs nothing."""
    length = hypot(*one.values()) * hypot(*other.values())
    return _bounded(sum(w * other.get(c, 0.0) for c, w in one.items()) / length) if length > 0 else None


def correlation(dilemma: Dilemma, one: Values, other: Values) -> float | None:
    """Pearson's r, over all whole plans of a dilemma, between their worth to the one and to the other.

    r = Σ_i cov_i / √(Σ_i var_i · Σ_i var′_i), the moments taken over the options of issue i: a plan's worth is a
    sum over issues, and over all plans the issues vary independently. None where one of them is indifferent.
    """
    both = _worths(dilemma, one, other)
    if both is None:
        return None
    shared = sum(_covariance(a, b) for a, b in both)
    own, others = (sum(_covariance(row, row) for row in rows) for rows in zip(*both, strict=True))
    return _bounded(shared / sqrt(own * others))


def apart(dilemma: Dilemma, one: Values, other: Values) -> bool:
    """Whether no plan of a dilemma is best for both; to whoever is indifferent every plan is best."""
    both = _worths(dilemma, one, other)
    return both is not None and any(_best(a).isdisjoint(_best(b)) for a, b in both)


def _worths(dilemma: Dilemma, one: Values, other: Values) -> list[tuple[Row, Row]] | None:
    """Per issue, what its options are worth to the one and to the other; None where one of them is indifferent."""
    own, others = worths(dilemma, one), worths(dilemma, other)
    if own is None or others is None:
        return None
    return [(tuple(own[i].values()), tuple(others[i].values())) for i in dilemma.issues]


def _covariance(a: Row, b: Row) -> float:
    """Of equally likely options; their number divides, as they are all that there are."""
    centre = sum(a) / len(a)
    return sum((x - centre) * y for x, y in zip(a, b, strict=True)) / len(a)


def _bounded(number: float) -> float:
    """−1 … 1 also after rounding."""
    return min(1.0, max(-1.0, number))


def _best(row: Row) -> set[int]:
    return {at for at, worth in enumerate(row) if worth >= max(row) - TIE}


def _shown(number: float | None) -> str:
    return "–" if number is None else f"{number:.2f}"


def main(arguments: Sequence[str] = ()) -> int:
    """Print every shipped pair with its measures over the catalogue; 1 if one that claims substance has a fault."""
    from personas.opposing import pairs
    from scenarios.dilemmas.load import catalogue

    if arguments:
        print(f"'{arguments[0]}': it takes no options; leave them out", file=sys.stderr)
        return 2
    try:
        found = [opposition(pair, catalogue().values()) for pair in pairs().values()]
    except ParleyError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        print(_table(found), flush=True)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(any(o.kind == "substance" and not o.in_substance for o in found))


def _table(found: Sequence[Opposition]) -> str:
    rows = [f"{'pair':<26}{'kind':<11}{'cosine':>7}{'correlation':>13}{'apart':>7}{'indifferent':>13}  fault"]
    for o in found:
        numbers = (_shown(x) for x in (o.cosine, o.correlation, o.apart, o.indifferent))
        cosine_, correlation_, apart_, indifferent_ = numbers
        fault = "; ".join(o.faults) if o.kind == "substance" else ""
        line = f"{o.pair:<26}{o.kind:<11}{cosine_:>7}{correlation_:>13}{apart_:>7}{indifferent_:>13}  {fault}"
        rows.append(line.rstrip())
    return "\n".join([*rows, f"over {found[0].dilemmas if found else 0} dilemmas"])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
