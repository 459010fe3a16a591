"""How does a game read: every round, from what was agreed to what everybody got?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from evals.report.transcripts import dilemma
from evals.report.transcripts.alike import Incidents, listed, provenance, settings, usage
from evals.report.transcripts.model import Case, Column, Row, Transcript, Turn, Value
from graphs.pages.dilemma import number
from graphs.pages.match import MEASURES, baselines

if TYPE_CHECKING:
    from nodes.games.record import GameRecord, Play
    from scenarios.games import Game

COLUMNS = ("chosen", "done", "gross", "payment", "net")

MOST_CELLS = 36
"""Cells of a payoff table that a reader is shown; a larger game is told by its size."""

ALMOST_SURE = 0.9995
"""A chance from which a mixture is no mixture to a reader."""


def transcript(record: GameRecord) -> Transcript:
    """A game as turns, one a round."""
    told = Incidents(record.incidents)
    turns = tuple(_round(record, play, told) for play in record.plays)
    return Transcript(
        run_id=record.run_id,
        setting="games",
        case=_case(record.scenario),
        seats=tuple(map(dilemma.seat, record.seats)),
        protocol=settings(record.protocol),
        turns=turns,
        status=record.status,
        outcome=tuple(_outcome(record)),
        measures=tuple(dilemma.measures(record, MEASURES)),
        notes=(*dilemma.notes(record), *told.rest()),
        provenance=provenance(record),
        usage=usage(record),
        series=_series(record),
    )


def _series(record: GameRecord) -> dict[str, tuple[float | None, ...]]:
    """By round: what each seat gets net, whether a cell of the greatest welfare was played (1 or 0), the law in
    force and how often it bit."""
    plays = record.plays
    net = {f"net:{s.seat}": tuple(play.net.get(s.seat) for play in plays) for s in record.seats}
    best = tuple(float(play.best) for play in plays)
    return {**net, "best": best, **dilemma.law_lines(plays)} if len(plays) > 1 else {"best": best}


def _case(game: Game) -> Case:
    units = {"gross": "payoff", "payment": "payoff", "net": "payoff"}
    stories = dict(zip(game.players, game.stories, strict=True)) if game.stories else {}
    return Case(
        name=game.name,
        title=game.title,
        says=game.says,
        rows=tuple(
            Row(player, (("may", ", ".join(names)), *_story(stories.get(player))))
            for player, names in zip(game.players, game.actions, strict=True)
        ),
        columns=tuple(Column(c, c, units.get(c, "")) for c in COLUMNS),
        facts=tuple(_facts(game)),
    )


def _story(told: str | None) -> tuple[tuple[str, str], ...]:
    return (("is told", told),) if told else ()


def _facts(game: Game) -> Iterator[tuple[str, str]]:
    """The payoffs of every state, where they are few, and what a contract can tell apart."""
    for k, state in enumerate(game.states):
        several = f" in {state.name} (chance {state.chance:g})" if len(game.states) > 1 else ""
        yield f"payoffs{several}", _payoffs(game, k)
    if len(set(game.cells)) < len(game.states):
        pairs = (f"{s.name} as {cell}" for s, cell in zip(game.states, game.cells, strict=True))
        yield "states a contract can tell", listed(pairs, 12)
    for player, names, labels in zip(game.players, game.actions, game.labels, strict=True):
        if len(set(labels)) < len(labels):
            pairs = (f"{name} as {label}" for name, label in zip(names, labels, strict=True))
            yield f"of {player} a contract can verify", listed(pairs, 12)
    yield "source", game.source


def _payoffs(game: Game, k: int) -> str:
    """The payoff of every profile of actions, in the order of the players; ★ marks the greatest welfare."""
    payoffs = game.payoffs(k)
    profiles = list(product(*(range(size) for size in game.shape)))
    if len(profiles) > MOST_CELLS:
        return f"{' × '.join(map(str, game.shape))} cells, too many to list"
    most = max(float(payoffs[p].sum()) for p in profiles)
    cells = []
    for p in profiles:
        names = " / ".join(game.actions[i][a] for i, a in enumerate(p))
        star = " ★" if float(payoffs[p].sum()) >= most - 1e-9 else ""
        cells.append(f"{names}: {', '.join(number(float(v)) for v in payoffs[p])}{star}")
    return "; ".join(cells)


def _round(record: GameRecord, play: Play, told: Incidents) -> Turn:
    several = f" · {play.state}" if len(record.scenario.states) > 1 else ""
    return Turn(
        kind="play",
        round=play.round,
        title=f"Round {play.round}{several}",
        said=dilemma.words(record, play),
        values=_values(play, [s.seat for s in record.seats]),
        did=tuple(_did(record, play)),
        incidents=told.of(play.round),
    )


def _values(p: Play, seats: list[str]) -> tuple[tuple[Value, ...], ...]:
    """By seat: chosen, done, gross, payment, net; None where it abstained, 0 where nobody paid."""
    return tuple(
        (p.chosen.get(s), p.done.get(s), p.gross.get(s), float(p.payments.get(s, 0.0)), p.net.get(s))
        for s in seats
    )


def _did(record: GameRecord, p: Play) -> Iterator[str]:
    """What happened in a round, a sentence each, in the order it happened."""
    game = record.scenario
    if len(game.states) > 1:
        known = "" if p.cell == p.state else f", which a contract calls {p.cell}"
        yield f"The state is {p.state}{known}."
        if any(seen != p.state for seen in p.signals.values()):
            yield f"Seen before acting: {', '.join(f'{s} {seen}' for s, seen in p.signals.items())}."
    yield from dilemma.agreed(p)
    for seat, mixture in p.mixtures.items():
        if mixture and max(mixture.values()) < ALMOST_SURE:
            drawn = ", ".join(f"{action} {chance:.0%}" for action, chance in mixture.items() if chance > 0)
            yield f"{seat} drew its action: {drawn}."
    yield from dilemma.abstained(p.chosen)
    yield from dilemma.carried_out(p, "")
    if p.best:
        yield "A cell of the greatest welfare in this state."


def _outcome(record: GameRecord) -> Iterator[str]:
    m = record.measures
    if m.get("welfare_net") is not None:
        yield (
            f"Welfare a round, net of what was burnt: {number(m['welfare_net'])}; the cell of the greatest welfare was "
            f"played in {_share(m.get('best_cell'))} of rounds."
        )
    votes = [(p.round, p.adopted) for p in record.plays if p.proposal]
    yield from dilemma.outcome(record, "round", record.plays, votes)
    yield baselines(record)


def _share(value: float | None) -> str:
    return "an unknown share" if value is None else f"{value:.0%}"
