"""Prosociality, measured and never assumed: λ from choices, who gains from whom, where types drift."""

from evals.prosociality.calibrate import calibrate
from evals.prosociality.choices import Choices, choices, frequency, joined, played
from evals.prosociality.drift import Curves, Drift, curves, drift
from evals.prosociality.exploitation import advantage, exploitation, payoffs, switch
from evals.prosociality.groups import by_type
from evals.prosociality.recovery import Concern, concern_of, recover, recovered, weight_of
from evals.prosociality.replicator import FixedPoint, Phase, phase, trajectory

__all__ = [
    "Choices",
    "Concern",
    "Curves",
    "Drift",
    "FixedPoint",
    "Phase",
    "advantage",
    "by_type",
    "calibrate",
    "choices",
    "concern_of",
    "curves",
    "drift",
    "exploitation",
    "frequency",
    "joined",
    "payoffs",
    "phase",
    "played",
    "recover",
    "recovered",
    "switch",
    "trajectory",
    "weight_of",
]
