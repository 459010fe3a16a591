"""How is a table of a document written as Markdown?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)


def span(low: float | None, high: float | None) -> str:
    """A range of numbers in words; None is no bound on that side."""
    if low is None and high is None:
        return "unbounded"
    if high is None:
        return f"from {low:g}"
    return (f"up to {high:g}" if low is None else f"{low:g} to {high:g}").replace("-", "−")
