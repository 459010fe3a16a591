"""Problems that the tests of mechanisms share: random small ones, and the lift by name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from scenarios.games import load
from scenarios.mechanisms import Problem

DATA = Path(os.environ.get("PARLEY_DATA") or Path(__file__).parents[3] / "shared" / "data") / "games"


def lift(**payoffs: float) -> Problem:
    """The Prisoner's Dilemma with hidden effort, the paper's payoffs unless given."""
    settings = "".join(f",{key}={value}" for key, value in payoffs.items())
    return Problem.of(load(f"lift:prisoners-dilemma{settings}"))


def one_state(payoffs: object, labels: tuple[tuple[str, ...], ...] | None = None) -> Problem:
    """A game of one state from its payoffs, (A_1, …, A_n, n); every action its own label unless labels are given."""
    tensor = np.array(payoffs, dtype=float)
    n = tensor.shape[-1]
    actions = tuple(tuple(f"a{k}" for k in range(count)) for count in tensor.shape[:-1])
    return Problem(
        name="case",
        parties=tuple(f"p{i + 1}" for i in range(n)),
        actions=actions,
        states=("only",),
        chances=np.array([1.0]),
        payoffs=tensor[None],
        signals=(("only",) * n,),
        cells=("only",),
        labels=labels or actions,
        concerns=(0.0,) * n,
    )


@st.composite
def problems(draw: st.DrawFn, *, most_states: int = 2, concerned: bool = True) -> Problem:
    """Two parties, 2–3 actions, one or two states; whole payoffs (many ties) or real ones; any signals and labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = tuple(draw(st.integers(2, 3)) for _ in range(2))
    states = draw(st.integers(1, most_states))
    whole = draw(st.booleans())
    size = (states, *shape, 2)
    payoffs = rng.integers(-4, 5, size).astype(float) if whole else rng.normal(0, 3, size)
    word = st.sampled_from("xy")
    concerns = tuple(
        draw(st.sampled_from([0.0, 0.0, -0.5, 0.5, 2.0])) if concerned else 0.0 for _ in range(2)
    )
    return Problem(
        name="random",
        parties=("row", "column"),
        actions=tuple(tuple(f"a{k}" for k in range(count)) for count in shape),
        states=tuple(f"s{w}" for w in range(states)),
        chances=rng.dirichlet(np.ones(states) * 4) if draw(st.booleans()) else np.full(states, 1 / states),
        payoffs=payoffs,
        signals=tuple(tuple(draw(word) for _ in range(2)) for _ in range(states)),
        cells=tuple(draw(word) for _ in range(states)),
        labels=tuple(tuple(draw(word) for _ in range(count)) for count in shape),
        concerns=concerns,
    )


bounds = st.sampled_from([0.0, 0.5, 1.0, 3.0, 20.0])
budgets = st.sampled_from(["balanced", "burn"])
