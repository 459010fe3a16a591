"""Which framework does a seat act by, whatever it was told: weights revealed by what it chooses alone.

Read from solos and exit solos only, for offers in a debate are tactical. The *set* holds every weighting of the
six measures and the groups favoured at the table that makes the choices optimal within ε; the *point* is a
conditional logit over fixed candidate allocations. Three of the measures are nearly collinear: read the set.
"""

from evals.leanings.choices import Choice, Choices, choices_of
from evals.leanings.collinear import collinearity
from evals.leanings.table import EPSILON, leanings, rationalised

__all__ = ["EPSILON", "Choice", "Choices", "choices_of", "collinearity", "leanings", "rationalised"]
