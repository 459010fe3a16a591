"""Dilemmas: questions of conduct with two principles in conflict, and the clauses that a plan may be made of."""

from scenarios.dilemmas.dilemma import SHARES, Dilemma, Issue, Option, Plan, Values
from scenarios.dilemmas.load import catalogue, load, names

__all__ = ["SHARES", "Dilemma", "Issue", "Option", "Plan", "Values", "catalogue", "load", "names"]
