"""How does a terminal show a study: what it will take, how it goes on, how far it has got?"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.console import Console

    from evals.experiment.ahead import Ahead
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan
    from evals.experiment.running import Session
    from evals.experiment.tables import Status

LINE_EVERY_S = 10.0
"""How often progress is a line, where it cannot be a bar."""


def show_ahead(plan: Plan, seen: Ahead, console: Console) -> None:
    """The plan in numbers."""
    from evals.experiment.plan import ROLES

    study = plan.study
    console.print(f"\n[bold]{_safe(study.name)}[/bold]  {_safe(study.question)}\n")
    roles = ", ".join(f"{seen.by_role[r]} {r}" for r in ROLES if r in seen.by_role)
    console.print(f"{seen.runs} runs ({roles}) on {seen.clusters} {study.unit}s, {len(study.seeds)} seeds")
    for said in plan.left_out:
        console.print(f"[yellow]left out[/yellow]: {_safe(said)}")
    columns = [r for r in ROLES if r in seen.by_role]
    rows = [[name, *(str(counts.get(r, "")) for r in columns)] for name, counts in seen.by_condition.items()]
    console.print(_grid(["condition", *columns], rows))
    for line in _costs(seen):
        console.print(line)
    if seen.contrasts:
        heads = [
            "hypothesis",
            "outcome",
            "direction",
            "family",
            f"{study.unit}s",
            "pairs",
            "power",
            "detects d_z",
            "matters",
            "if sd ≤",
        ]
        console.print(_grid(heads, [_contrast_row(c) for c in seen.contrasts]))
        console.print(
            "[dim]power: for a medium effect, d_z 0.5; detects: the least effect found with power .8; both at Holm's "
            "first step in the family. if sd ≤: the spread over "
            f"{study.unit}s at which what matters is still found.[/dim]"
        )


def _costs(seen: Ahead) -> list[str]:
    if not seen.calls:
        return ["no model is called: reference negotiators compute, nothing is paid"]
    lines = []
    for model, calls in seen.calls.items():
        read, written = seen.tokens.get(model, (0, 0))
        lines.append(
            f"{_safe(model)}: {calls:,} calls if every answer can be used as it comes, "
            f"about {read:,} tokens read and {written:,} written (an estimate: characters/4)"
        )
    if seen.cost_usd is not None:
        lines.append(f"about ${seen.cost_usd:,.2f} (estimate)")
    else:
        lines.append(
            f"cost unknown: no price of {_safe(', '.join(seen.unpriced))}; name a table in PARLEY_PRICES"
        )
    return lines


def _contrast_row(c: Any) -> list[str]:
    h = c.hypothesis
    return [
        *(h.id, h.outcome, h.direction, f"{h.family} ({c.family})", str(c.clusters), str(c.pairs)),
        *(_number(c.power), _number(c.least_effect), f"{h.smallest_effect:g}", _number(c.largest_sd, 3)),
    ]


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def show_status(plan: Plan, folder: Folder, found: Status, console: Console) -> None:
    """How far a study has got."""
    states = ("complete", "invalid", "failed", "missing")
    console.print(f"\n[bold]{_safe(plan.study.name)}[/bold]  {_safe(str(folder.path))}\n")
    rows = [[name, *(str(counts.get(s, "")) for s in states)] for name, counts in found.by_condition.items()]
    console.print(_grid(["condition", *states], rows))
    console.print(", ".join(f"{found.runs[s]} {s}" for s in states) + f" of {len(plan.runs)} runs")
    for reason, count in found.failures.items():
        console.print(f"[yellow]{count} failed[/yellow]: {_safe(reason)}")
    if found.calls:
        cost = "cost unknown" if found.cost_usd is None else f"${found.cost_usd:,.4f}"
        console.print(f"{found.calls:,} answered calls, {found.tokens:,} tokens, {cost}")
    if found.seconds_left:
        console.print(f"about {_duration(found.seconds_left)} to go, at the pace of the last session")
    if not found.frozen:
        console.print("nothing is frozen: every number is exploratory")
    for line in found.frozen:
        console.print(f"frozen {_safe(line)}")
    for name, how in found.standing.items() if found.frozen else ():
        console.print(f"  {_safe(name)}: {_safe(how)}")


def ended(session: Session, folder: Folder, console: Console) -> None:
    """What a session came to, in a line."""
    parts = [f"{session.complete} complete", f"{session.invalid} invalid", f"{len(session.failed)} failed"]
    if session.elsewhere:
        parts.append(f"{session.elsewhere} done by another process")
    left = session.missing - session.done - len(session.failed)
    parts += [f"{left} not begun"] if left else []
    said = ", ".join(parts) if session.missing else "nothing was missing"
    exploratory = "" if folder.plan.exists() else "; nothing is frozen, so results are exploratory"
    console.print(f"{said}. {_safe(str(folder.path))}{exploratory}")


class Bar:
    """Progress on stderr: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, plan: Plan) -> None:
        self._name = plan.study.name
        self._bar: Any = None
        self._task: Any = None
        self._said_at = self._began = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[said]}"),
                console=Console(stderr=True, emoji=False),
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, session: Session) -> None:
        """One run has ended."""
        said = f"{session.invalid} invalid" if session.invalid else ""
        said += f" {len(session.failed)} failed" if session.failed else ""
        if self._bar is not None:
            if self._task is None:
                self._task = self._bar.add_task(self._name, total=session.missing, said="")
            self._bar.update(self._task, completed=session.done, said=said.strip())
        elif time.monotonic() - self._said_at >= LINE_EVERY_S or session.done == session.missing:
            self._said_at = time.monotonic()
            took = self._said_at - self._began
            print(f"{took:6.0f}s  {session.done}/{session.missing} runs {said}", file=sys.stderr, flush=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _grid(heads: list[str], rows: list[list[str]]) -> Any:
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD)
    for i, head in enumerate(heads):
        grid.add_column(head, justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        grid.add_row(*map(_safe, row))
    return grid


def _safe(text: str) -> str:
    """Somebody's words, with neither markup nor control characters."""
    from rich.markup import escape

    return escape("".join(c if c.isprintable() else " " for c in text))
