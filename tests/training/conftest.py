"""What the tests of training share: a model so small that a step takes a tenth of a second, and rollouts for it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from tests.training.playing import DILEMMA, POLES
from training.rollout import NAN, NOT_SPOKEN, Rollout, View

WITHOUT_TORCH = "the extra `train` is not installed: pip install torch, then pip install '.[train]'"


@pytest.fixture(scope="session")
def _made() -> tuple[Any, Any]:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    pytest.importorskip("transformers", reason=WITHOUT_TORCH)
    torch.set_num_threads(1)
    from training.models import build

    return build("0.1M", [DILEMMA.prompt, *(pole.says for pole in POLES)] * 3, seed=0)


@pytest.fixture
def tiny(_made: tuple[Any, Any]) -> tuple[Any, Any]:
    """A model of its own for every test, always the same, and its tokenizer."""
    model, tokenizer = _made
    return deepcopy(model), tokenizer


@pytest.fixture
def rollouts() -> Callable[..., list[Rollout]]:
    """Two groups of four dialogues as the engine lays them out: full rows or a row a turn, one reward missing."""
    return _rollouts


def _rollouts(seed: int = 0, *, rows: int = 2, missing: bool = True) -> list[Rollout]:
    rng = np.random.default_rng(seed)
    out = []
    for k in range(8):
        views = tuple(_view(rng, seat="AB"[v % 2]) for v in range(rows - k % 2))
        reward = None if missing and k == 3 else float(rng.integers(0, 5)) + 0.1 * k
        out.append(Rollout(f"g{k // 4}", DILEMMA, POLES, views, reward, True, 1))
    return out


def _view(rng: np.random.Generator, seat: str) -> View:
    prompt = tuple(int(i) for i in rng.integers(3, 250, rng.integers(3, 9)))
    turns = (
        [0] * int(rng.integers(1, 5)) + [NOT_SPOKEN] * int(rng.integers(0, 5)) + [2] * int(rng.integers(1, 5))
    )
    ids = tuple(int(i) for i in rng.integers(3, 250, len(turns)))
    mask = tuple(int(t != NOT_SPOKEN) for t in turns)
    return View(prompt, ids, mask, tuple(-1.0 if m else NAN for m in mask), tuple(turns), seat)
