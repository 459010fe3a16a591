"""A seat without a model: declared values, their exact optimum, and a published way of giving ground."""

from negotiators.reference.concession import Policy
from negotiators.reference.seat import Reference

__all__ = ["Policy", "Reference"]
