"""What becomes of a 2×2 dilemma when effort is hidden: four actions, of which a contract can tell two apart.

The lift of Huang et al. (arXiv 2605.08426): each action with high or low effort, CH, CL, DH, DL. With
ε = (R − P)/6 and η = ε/2 the row player gets, against CH, CL, DH, DL,

    CH   R − ε     R − 2ε − η   S − ε     S − ε
    CL   R         (R + P)/2    S − 3ε    S − 3ε
    DH   T − ε     T − ε        P − ε     P
    DL   T − 2ε    T − 2ε       P − 2ε    P − 3ε

In a Prisoner's Dilemma that meets `lift_faults` the one equilibrium is (DH, DH), (CH, CH) is best for both, and
2(R − P) of welfare lies between them. Where 4T < 3R + P, as in a Stag Hunt, (CH, CL) and (CL, CH) join it.
"""

from __future__ import annotations

import numpy as np

from scenarios.errors import ParleyError
from scenarios.games.game import Array, Game, State, symmetric_payoffs

__all__ = ["lift", "lift_faults", "lifted_payoffs"]

EFFORTS = ("high effort", "low effort")


def lift(game: Game) -> Game:
    """The 4×4 game with hidden effort of a symmetric 2×2 game, every state lifted by its own payoffs.

    Raises ParleyError unless two players with two actions each are exchangeable and R > P in every state.
    """
    if game.shape != (2, 2) or not all(symmetric_payoffs(game.payoffs(s)) for s in range(len(game.states))):
        raise ParleyError(
            f"lift: game '{game.name}' is no symmetric 2×2 game; name one, as lift:prisoners-dilemma"
        )
    states = []
    for index, state in enumerate(game.states):
        R, S, T, P = game.payoffs(index)[..., 0].ravel()
        if not R > P:
            raise ParleyError(
                f"lift: game '{game.name}', state '{state.name}': R={R:g} is not above P={P:g}; "
                "effort costs (R − P)/6, so make it so"
            )
        payoffs = lifted_payoffs(T, R, P, S)
        states.append(State.model_validate(state.model_dump() | {"payoffs": payoffs.tolist()}))
    return Game(
        name=f"lift-{game.name}"[:64],
        title=f"{game.title}, effort hidden"[:200],
        says="What each did can be verified, but not with how much effort.",
        source=f"{game.source}; lifted as in Huang et al., arXiv 2605.08426"[:300],
        players=game.players,
        actions=tuple(tuple(f"{name} ({e})" for name in names for e in EFFORTS) for names in game.actions),
        verifiable=tuple(tuple(name for name in names for _ in EFFORTS) for names in game.labels),
        states=tuple(states),
    )


def lifted_payoffs(T: float, R: float, P: float, S: float) -> Array:
    """The lift's payoffs, (4, 4, 2), in the order CH, CL, DH, DL (see the top of this module)."""
    e = (R - P) / 6
    row = np.array(
        [
            [R - e, R - 2.5 * e, S - e, S - e],
            [R, (R + P) / 2, S - 3 * e, S - 3 * e],
            [T - e, T - e, P - e, P],
            [T - 2 * e, T - 2 * e, P - 2 * e, P - 3 * e],
        ]
    )
    return np.stack([row, row.T], axis=-1)


def lift_faults(T: float, R: float, P: float, S: float) -> list[str]:
    """Which of the paper's conditions on a Prisoner's Dilemma fail, in words; none: its claims on the lift hold.

    3(T − R) > R − P and 3(P − S) > R − P: defection dominates whatever the effort; 2(S + T) > R + 3P and
    3(S + T) < 5R + P: cooperation raises welfare against every action, (CH, CH) most.
    """
    conditions = {
        "T > R > P > S": T > R > P > S,
        "3(T − R) > R − P": 3 * (T - R) > R - P,
        "3(P − S) > R − P": 3 * (P - S) > R - P,
        "2(S + T) > R + 3P": 2 * (S + T) > R + 3 * P,
        "3(S + T) < 5R + P": 3 * (S + T) < 5 * R + P,
    }
    return [words for words, holds in conditions.items() if not holds]
