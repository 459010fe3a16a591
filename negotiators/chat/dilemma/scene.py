"""How is a dilemma described to a model: the rules of a commons in words, those of a game as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement, product

import numpy as np

from negotiators.chat.quoting import clean, line, quoted
from negotiators.chat.wording import number, table
from negotiators.dilemma import DilemmaView
from scenarios.commons import Commons
from scenarios.errors import ParleyError
from scenarios.games import Game
from scenarios.ward import Array

MOST_ROWS = 1_024
"""Rows of one payoff table at most: a larger game is none to be told in words."""
MOST_WORTHS = 20
LONGEST_RULES = 8_000
LONGEST_STORY = 6_000


def rules(view: DilemmaView) -> str:
    """All that is common knowledge of the scenario. Raises ParleyError for a game that is too large to be told."""
    if isinstance(view.scenario, Commons):
        return commons_rules(view.scenario)
    contracts = view.language is not None or view.regime == "best"
    game, me = view.scenario, view.seats.index(view.seat)
    who = [_who(name, view.seat) for name in view.seats]
    return "\n\n".join([*_outline(game, who, contracts), *_all_payoffs(game, who, me)])


def outline(view: DilemmaView) -> str:
    """What somebody who holds no seat is told: the rules of a commons; of a game all but its payoffs."""
    if isinstance(view.scenario, Commons):
        return commons_rules(view.scenario)
    return "\n\n".join(_outline(view.scenario, [line(name, 60) for name in view.seats], True))


def commons_rules(commons: Commons) -> str:
    """The rules, every number the commons' own; what catches are worth as a table where units differ in worth."""
    from scenarios.commons.words import describe

    told = clean(describe(commons), LONGEST_RULES)
    if commons.linear:
        return told
    step = max(1, -(-commons.capacity // MOST_WORTHS))
    catches = sorted({*range(0, commons.capacity + 1, step), commons.capacity})
    rows = [[str(c), number(float(commons.worth_table[c]))] for c in catches]
    return f"{told}\n\n{table(['taken in a month', 'worth at price 1'], rows)}"


def story(view: DilemmaView) -> str:
    """How the game is told to this seat, quoted: it comes from a file. Nobody is shown another's story."""
    game = view.scenario
    if not isinstance(game, Game) or not game.stories:
        return ""
    told = game.stories[view.seats.index(view.seat)]
    return "\n# What you are told\n\n" + quoted("story", told, LONGEST_STORY) + "\n"


def actions(view: DilemmaView) -> tuple[str, ...]:
    """The seat's own actions, in the order given; none in a commons."""
    game = view.scenario
    return game.actions[view.seats.index(view.seat)] if isinstance(game, Game) else ()


def shown(name: str) -> str:
    """An action as it stands in a prompt."""
    return line(name, 80)


def _outline(game: Game, who: Sequence[str], contracts: bool) -> list[str]:
    """Actions and states; where there are contracts, also what they can tell of both."""
    rows = [[w, "; ".join(map(shown, names))] for w, names in zip(who, game.actions, strict=True)]
    parts = [table(["seat", "actions"], rows)]
    if len(game.states) > 1:
        parts += ["Before each round the state of the world is drawn:", _states(game, who, contracts)]
    return parts + ([_verifiable(game, who)] if contracts and game.labels != game.actions else [])


def _all_payoffs(game: Game, who: Sequence[str], me: int) -> Iterator[str]:
    for index, state in enumerate(game.states):
        head = f"Payoffs in state {line(state.name)}" if len(game.states) > 1 else "Payoffs"
        yield f"{head}, {_reading(game)}:"
        yield _payoffs(game, game.payoffs(index), who, me)


def _who(name: str, seat: str) -> str:
    return f"{line(name, 60)} (you)" if name == seat else line(name, 60)


def _states(game: Game, who: Sequence[str], contracts: bool) -> str:
    head = [
        "state",
        "chance",
        *(f"what {w} sees" for w in who),
        *(["what a contract sees"] if contracts else []),
    ]
    rows = [
        [line(state.name), number(float(game.chances[k]))]
        + [line(game.signal(k, i)) for i in range(game.n)]
        + ([line(game.cells[k])] if contracts else [])
        for k, state in enumerate(game.states)
    ]
    return table(head, rows)


def _verifiable(game: Game, who: Sequence[str]) -> str:
    rows = [
        [w, shown(action), shown(label)]
        for w, names, verified in zip(who, game.actions, game.labels, strict=True)
        for action, label in zip(names, verified, strict=True)
    ]
    return (
        "Of an action a contract sees its label alone. Where it puts another label in the place of a seat's, the seat "
        "plays the last of its actions with that label.\n\n" + table(["seat", "action", "label"], rows)
    )


def _reading(game: Game) -> str:
    if game.n == 2:
        return "yours first, then the other's"
    return (
        "yours, by how many of the others do what; everybody's table is the same"
        if _alike(game)
        else "by seat"
    )


def _payoffs(game: Game, payoffs: Array, who: Sequence[str], me: int) -> str:
    if game.n == 2:
        return _bimatrix(game, payoffs, who, me)
    return _by_count(game, payoffs, me) if _alike(game) else _profiles(game, payoffs, who)


def _alike(game: Game) -> bool:
    """Whether one table says it for everybody: exchangeable players whose actions have the same names."""
    return game.symmetric and len(set(game.actions)) == 1


def _bimatrix(game: Game, payoffs: Array, who: Sequence[str], me: int) -> str:
    other = 1 - me
    mine = payoffs if me == 0 else np.swapaxes(payoffs, 0, 1)
    _check(game, len(game.actions[me]))
    head = [f"{who[me]} ↓, {who[other]} →", *map(shown, game.actions[other])]
    rows = [
        [shown(action), *(f"{number(float(c[me]))}, {number(float(c[other]))}" for c in mine[k])]
        for k, action in enumerate(game.actions[me])
    ]
    return table(head, rows)


def _by_count(game: Game, payoffs: Array, me: int) -> str:
    """A row for each way the others can be split over the actions, a column for each action of one's own."""
    names = game.actions[me]
    splits = list(combinations_with_replacement(range(len(names)), game.n - 1))
    _check(game, len(splits))
    rows = []
    for others in splits:
        counts = Counter(others)
        split = ", ".join(f"{counts[a]} {shown(names[a])}" for a in range(len(names)))
        profiles = [(*others[:me], own, *others[me:]) for own in range(len(names))]
        rows.append([split, *(number(float(payoffs[p][me])) for p in profiles)])
    return table(["the others", *(f"you: {shown(a)}" for a in names)], rows)


def _profiles(game: Game, payoffs: Array, who: Sequence[str]) -> str:
    _check(game, int(np.prod(game.shape)))
    rows = [
        [
            *(shown(game.actions[i][a]) for i, a in enumerate(profile)),
            *(number(float(v)) for v in payoffs[profile]),
        ]
        for profile in product(*map(range, game.shape))
    ]
    return table([*who, *(f"payoff of {w}" for w in who)], rows)


def _check(game: Game, rows: int) -> None:
    if rows > MOST_ROWS:
        raise ParleyError(
            f"game '{game.name}': {rows} rows of payoffs are too many to be told to a chat model, at most {MOST_ROWS}; "
            "take a smaller game, or reference seats"
        )
