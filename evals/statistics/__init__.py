"""How sure may one be: clusters, intervals, tests, families, effects and power, with the ward as the unit."""

from evals.statistics.bootstrap import FEWEST_FOR_INTERVAL
from evals.statistics.clusters import cluster_means, paired
from evals.statistics.effects import rank_biserial, standardised
from evals.statistics.estimates import Estimate, estimate, estimates
from evals.statistics.families import false_discovery, holm
from evals.statistics.flips import Alternative, sign_flip, sign_flips
from evals.statistics.gaps import cluster_gap, cluster_gaps, gap
from evals.statistics.permutations import (
    PermutationTest,
    permutation_test,
    permutation_tests,
    permuted_within,
    spread,
)
from evals.statistics.power import minimum_detectable_effect, power, simulated_power
from evals.statistics.ratios import ratio, ratio_estimate
from evals.statistics.shortfalls import shortfall
from evals.statistics.stratified import StratifiedTest, Stratum, Weighting, stratified_test

__all__ = [
    "FEWEST_FOR_INTERVAL",
    "Alternative",
    "Estimate",
    "PermutationTest",
    "StratifiedTest",
    "Stratum",
    "Weighting",
    "cluster_gap",
    "cluster_gaps",
    "cluster_means",
    "estimate",
    "estimates",
    "false_discovery",
    "gap",
    "holm",
    "minimum_detectable_effect",
    "paired",
    "permutation_test",
    "permutation_tests",
    "permuted_within",
    "power",
    "rank_biserial",
    "ratio",
    "ratio_estimate",
    "shortfall",
    "sign_flip",
    "sign_flips",
    "simulated_power",
    "spread",
    "standardised",
    "stratified_test",
]
