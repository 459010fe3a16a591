"""What is the mean difference over worlds or games, tested within the strata that the design has?"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from evals.experiment.study import label

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evals.statistics import Estimate

Direction = Literal["less", "greater", "two-sided"]


def over_strata(
    pairs: pd.DataFrame, apart: Collection[str], rng: np.random.Generator, direction: Direction = "two-sided"
) -> Estimate:
    """The mean over strata of paired differences, its interval over clusters, and the stratified permutation test.

    pairs    a row a pair: difference (NaN is missing), cluster, and the factors as `cell:NAME`
    apart    factors that the two sides of a pair differ in: the cells of all others are the strata

    Mean, interval and p are those of `evals.statistics.stratified_test`, every stratum counting the same; d_z is that
    of the clusters' means (`evals.statistics.estimate`). With one stratum it is that estimate altogether.
    """
    from evals.statistics import Estimate, estimate, stratified_test

    factors = [c for c in pairs.columns if c.startswith("cell:") and c.removeprefix("cell:") not in apart]
    strata = [tuple(map(told, row)) for row in pairs[factors].itertuples(index=False, name=None)]
    if not factors:
        strata = [("all",)] * len(pairs)
    values, clusters = pairs["difference"].to_numpy(float), pairs["cluster"].to_numpy()
    plain = estimate(values, clusters, rng=rng, alternative=direction)
    if plain.mean is None:
        return plain
    tested = stratified_test(values, clusters, strata, rng=rng, alternative=direction)
    return Estimate(
        mean=tested.mean,
        low=tested.low,
        high=tested.high,
        p=tested.p,
        n=tested.pairs,
        clusters=tested.clusters,
        effect=plain.effect,
        missing=tested.missing,
        note=tested.note,
    )


def told(value: object) -> str:
    """A factor's value in words; `none` for what is missing."""
    return label(None if value != value else value)
