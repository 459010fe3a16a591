"""The best mechanism for a game whose contracts are incomplete, exactly: what it loses, and what concern would mend.

>>> from scenarios.games import load
>>> from scenarios.mechanisms import Problem, nash, smallest
>>> problem = Problem.of(load("lift:prisoners-dilemma"))
>>> round(24 * nash(problem).loss / nash(problem, bound=0).loss, 6)
1.0
>>> round(smallest(problem).least, 6)
2.0
"""

from scenarios.mechanisms.best import best_contract, best_welfare, language
from scenarios.mechanisms.certificate import Certificate, certificate, in_words, proves
from scenarios.mechanisms.concern import Concern, by_formula, lexicographic, smallest
from scenarios.mechanisms.contract import as_contract, language_of
from scenarios.mechanisms.correlated import Bounds, Mediated, correlated, obedience, record_only
from scenarios.mechanisms.mechanism import Budget, Checked, Mechanism, check
from scenarios.mechanisms.nash import Gap, nash
from scenarios.mechanisms.perfect import kept, left, perfect
from scenarios.mechanisms.problem import MULTIPLE, Problem, Strategies

__all__ = [
    "MULTIPLE",
    "Bounds",
    "Budget",
    "Certificate",
    "Checked",
    "Concern",
    "Gap",
    "Mechanism",
    "Mediated",
    "Problem",
    "Strategies",
    "as_contract",
    "best_contract",
    "best_welfare",
    "by_formula",
    "certificate",
    "check",
    "correlated",
    "in_words",
    "kept",
    "language",
    "language_of",
    "left",
    "lexicographic",
    "nash",
    "obedience",
    "perfect",
    "proves",
    "record_only",
    "smallest",
]
