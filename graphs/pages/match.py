"""What does a person read after a game: one page from the run record."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from graphs.pages.dilemma import (
    ends,
    evidence,
    laws,
    measured,
    number,
    printable,
    regime_in_words,
    seats_in_words,
    troubles,
)
from nodes.games.record import GameRecord, Play
from scenarios.games import Game

MOST_ROUNDS = 24
"""Rounds that are printed: the first and the last of more."""

MEASURES = (
    ("welfare_net", "welfare a round", "net of what was burnt; the first best is {first_best}"),
    ("loss", "loss", "first best of the states that came up, less welfare"),
    ("best_cell", "in the best cell", "share of rounds"),
    (
        "rawlsian_cell",
        "in the Rawlsian cell",
        "share of rounds in which nobody could be better off than the worst-off was",
    ),
    ("worst_off", "worst-off", "least net payoff a round"),
    (
        "captured",
        "of what a mechanism can add",
        "0: no more than selfish play without contract; 1: all of it",
    ),
)


def page(record: GameRecord, width: int = 130) -> Iterator[RenderableType]:
    """The parts of the page, top to bottom, for a terminal of so many columns."""
    yield heading(record)
    if record.status == "invalid":
        yield Text(
            "This run is invalid: a seat made no valid move at all. It is counted apart.", style="bold red"
        )
    if record.scenario.n == 2:
        yield Rule("The game", align="left", style="dim")
        yield matrix(record)
    yield Rule("Round by round", align="left", style="dim")
    yield rounds(record)
    if record.laws or any(p.proposal for p in record.plays):
        yield Rule("What was agreed", align="left", style="dim")
        votes = [(p.round, p.adopted) for p in record.plays if p.proposal]
        yield laws(record, "round", [p.bites for p in record.plays], votes)
    if record.payoffs is None:
        yield from troubles(record)
        return
    yield Rule("What everybody ended up with", align="left", style="dim")
    yield ends(record, record.payoffs)
    yield Rule("What it is worth", align="left", style="dim")
    words = {"first_best": number(record.benchmarks.get("first_best"))}
    yield measured(record, [(key, name, note.format(**words)) for key, name, note in MEASURES])
    yield Text(baselines(record), style="dim")
    yield from troubles(record)


def heading(record: GameRecord) -> RenderableType:
    """The game, the seats, the regime, and what kind of evidence this is."""
    game = record.scenario
    lines = [Text(printable(game.says))] if game.says else []
    lines += [*seats_in_words(record), Text(regime_in_words(record.protocol), style="dim"), evidence(record)]
    title = Text.assemble((printable(game.title), "bold"), f"  {record.run_id}")
    return Panel(Group(*lines), title=title, title_align="left")


def matrix(record: GameRecord) -> RenderableType:
    """The payoffs of two players in every state, with the cells played (▶) and those of greatest welfare (★)."""
    from scenarios.games.optima import welfare_optima

    game, parts = record.scenario, list[RenderableType]()
    for k, state in enumerate(game.states):
        played = {_cell(game, p) for p in record.plays if p.state == state.name}
        payoffs = game.payoffs(k)
        best = set(welfare_optima(payoffs).cells)
        grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        grid.add_column(f"{game.players[0]} ╲ {game.players[1]}")
        for name in game.actions[1]:
            grid.add_column(name, justify="right")
        for i, name in enumerate(game.actions[0]):
            cells = [
                ("▶" if (i, j) in played else "")
                + ("★" if (i, j) in best else "")
                + f" {payoffs[i, j, 0]:g}, {payoffs[i, j, 1]:g}"
                for j in range(len(game.actions[1]))
            ]
            grid.add_row(name, *cells)
        if len(game.states) > 1:
            told = "" if game.cells[k] == state.name else f", which a contract calls {game.cells[k]}"
            parts.append(Text(f"{state.name} (chance {state.chance:g}{told})", style="bold"))
        parts.append(grid)
    coarse = [labels for labels in game.labels if len(set(labels)) < len(labels)]
    note = "▶ played, ★ greatest welfare."
    if coarse:
        groups = "; ".join(", ".join(dict.fromkeys(labels)) for labels in dict.fromkeys(coarse))
        note += f" A contract can verify only: {groups}."
    return Group(*parts, Text(note, style="dim"))


def rounds(record: GameRecord) -> RenderableType:
    """One row a round: the state, what everybody did, what everybody got."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    seats = [s.seat for s in record.seats]
    several = len(record.scenario.states) > 1
    for name in ("round", *(("state",) if several else ()), *seats, "net payoffs", ""):
        grid.add_column(name)
    shown = record.plays
    if len(shown) > MOST_ROUNDS:
        shown = [*shown[: MOST_ROUNDS // 2], *shown[-MOST_ROUNDS // 2 :]]
    for i, p in enumerate(shown):
        if i and p.round != shown[i - 1].round + 1:
            grid.add_row("…")
        grid.add_row(
            str(p.round), *((p.state,) if several else ()), *(_deed(p, s) for s in seats), _got(p), _mark(p)
        )
    return grid


def _deed(play: Play, seat: str) -> str:
    chosen, done = play.chosen[seat], play.done[seat]
    changed = done if chosen == done else f"{chosen or '?'}→{done}"
    mixed = play.mixtures.get(seat)
    return changed + (
        f" ({mixed.get(chosen or '', 0):.0%})" if mixed and max(mixed.values()) < 0.9995 else ""
    )


def _got(play: Play) -> str:
    return ", ".join(number(v) for v in play.net.values())


def _mark(play: Play) -> str:
    law = "" if play.law is None else f"law #{play.law + 1} "
    return (
        law
        + ("★" if play.best else "")
        + (" ✓ adopted" if play.adopted else " ✎ voted down" if play.proposal else "")
    )


def _cell(game: Game, play: Play) -> tuple[int, ...]:
    return tuple(names.index(a) for names, a in zip(game.actions, play.done.values(), strict=True))


def baselines(record: GameRecord) -> str:
    """What was attainable a round, with the best mechanism and with no contract."""
    b = record.benchmarks
    return (
        f"Exactly, a round: first best {number(b.get('first_best'))}, best mechanism on what can be verified "
        f"{number(b.get('best_mechanism'))}, selfish play with no contract {number(b.get('equilibrium'))} "
        f"({record.protocol.equilibrium} equilibrium)."
    )
