"""What a person reads after a run: one page a setting, made from the record alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from nodes.record import Record


def show(record: Record, console: Console) -> None:
    """Print the page of a record, of whichever setting."""
    from nodes.commons.record import CommonsRecord
    from nodes.deliberation.record import DeliberationRecord
    from nodes.games.record import GameRecord
    from nodes.record import RunRecord

    if isinstance(record, RunRecord):
        from graphs.pages.debate import page
    elif isinstance(record, CommonsRecord):
        from graphs.pages.season import page  # type: ignore[assignment]
    elif isinstance(record, DeliberationRecord):
        from graphs.pages.dialogue import page  # type: ignore[assignment]
    else:
        assert isinstance(record, GameRecord)
        from graphs.pages.match import page  # type: ignore[assignment]
    for part in page(record, console.width):  # type: ignore[arg-type]
        console.print(part)
