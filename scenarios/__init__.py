"""What is at stake: typed cases, their generators and loaders, and the measures of an outcome."""

from scenarios.errors import ParleyError

__all__ = ["ParleyError"]
