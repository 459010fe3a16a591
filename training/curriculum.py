"""Which dialogues does a step train on: dilemmas and opposed personas, dealt by seed, the same for a whole group?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from personas.opposing import Pair, pairs
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.dilemmas.load import catalogue
from scenarios.dilemmas.reward import clause_reward
from scenarios.errors import ParleyError
from training.rules import Case

Part = Literal["train", "held_out"]

DEALT, SEATED = 11, 12
"""What a draw is for, beside the seed: so that no two purposes share a stream."""


def dilemmas_of(part: Part, names: Sequence[str] = ()) -> list[Dilemma]:
    """The catalogue's dilemmas of one part, or those of `names`; what is held out is never in the part `train`.

    Raises ParleyError for a name that there is not, or that belongs to the other part.
    """
    from scenarios.dilemmas.load import load

    found = [load(name) for name in names] or list(catalogue().values())
    wrong = [d.name for d in found if d.held_out != (part == "held_out")] if names else []
    if wrong:
        other = "held out, so it is never trained on" if part == "train" else "not held out"
        raise ParleyError(f"dilemma '{wrong[0]}': it is {other}; name one of the part {part}")
    return [d for d in found if d.held_out == (part == "held_out")]


@dataclass(frozen=True)
class Curriculum:
    """Dealt like cards: every dilemma once before any comes again, each time with a pair and seats by lot."""

    dilemmas: tuple[Dilemma, ...]
    pairs: tuple[Pair, ...]
    seed: int
    ruled: bool = True  # only pairs for which the reward by the rule is defined

    def groups(self, first: int, count: int, size: int) -> list[Case]:
        """The groups `first` … `first` + `count` − 1 of the whole training, `size` equal cases each."""
        return [case for k in range(first, first + count) for case in [self.case(k)] * size]

    def case(self, k: int) -> Case:
        """What the k-th group of the training is about."""
        dilemma = self.dilemmas[self._dealt(k)]
        rng = np.random.default_rng([self.seed, SEATED, k])
        fitting = self._fitting[dilemma.name]
        pair = fitting[int(rng.integers(len(fitting)))]
        first = int(rng.integers(2))
        poles = (pair.poles[first], pair.poles[1 - first])
        return Case(dilemma=dilemma, poles=poles, group_id=f"{k}:{dilemma.name}:{pair.name}:{poles[0].name}")

    def _dealt(self, k: int) -> int:
        deal, place = divmod(k, len(self.dilemmas))
        order = np.random.default_rng([self.seed, DEALT, deal]).permutation(len(self.dilemmas))
        return int(order[place])

    @cached_property
    def _fitting(self) -> dict[str, list[Pair]]:
        """Of each dilemma the pairs that something in it divides; every pair where a judge scores words."""
        out = {}
        for dilemma in self.dilemmas:
            fitting = [p for p in self.pairs if not self.ruled or scored(dilemma, p)]
            if not fitting:
                raise ParleyError(
                    f"dilemma '{dilemma.name}': no pair for which the rule has a reward; "
                    "take more pairs, or a judge that scores words"
                )
            out[dilemma.name] = fitting
        return out


def scored(dilemma: Dilemma, pair: Pair) -> bool:
    """Whether the reward by the rule is defined for a dilemma and a pair."""
    return clause_reward({}, dilemma, [pole.values for pole in pair.poles]) is not None


def pairs_of(kind: Literal["substance", "all"], names: Sequence[str] = ()) -> list[Pair]:
    """Pairs of personas: those of `names`, or all of a kind."""
    from personas.opposing import load_pair

    found = [load_pair(name) for name in names] or list(pairs().values())
    return [p for p in found if kind == "all" or p.kind == "substance"]


def fixed_cases(dilemmas: Sequence[Dilemma], among: Sequence[Pair], seed: int, each: int) -> list[Case]:
    """`each` cases of every dilemma for an evaluation, pairs and seats by lot; the same for whoever is evaluated."""
    dealt = Curriculum(tuple(dilemmas), tuple(among), seed)
    return [dealt.case(k) for k in range(each * len(dilemmas))]
