"""What is a rollout: one dialogue as rows of token ids, each token marked by whether it is trained, and its reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from negotiators.deliberation import Utterance, Verdict
from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from training.advantages import Advantages

NOT_SPOKEN = -1
"""The turn of a token that its seat did not sample: persona, quotes, template."""

NAN = float("nan")


@dataclass(frozen=True)
class View:
    """What one seat saw and said, as one training row. Per completion token: mask, log-probability, turn.

    `mask` is 1 for exactly the tokens that the seat sampled and that are to train, its own end-of-turn token
    among them if it was sampled; persona, quotes and template are 0. `logprobs` are those the sampler saw, of the
    softmax at its temperature over all tokens, NaN where nothing was sampled. `turns` is the place in the dialogue
    of the utterance that a token belongs to (the completion's is the number of utterances), −1 where it is of none.
    """

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    mask: tuple[int, ...]
    logprobs: tuple[float, ...]
    turns: tuple[int, ...]
    seat: str

    def __post_init__(self) -> None:
        n = len(self.completion_ids)
        if not (len(self.mask) == len(self.logprobs) == len(self.turns) == n) or not self.prompt_ids or not n:
            raise ParleyError(
                f"view of seat {self.seat}: ids, mask, logprobs and turns differ in length, or are empty; "
                "give one of each for every token of the completion, and a prompt"
            )
        if any(m and t == NOT_SPOKEN for m, t in zip(self.mask, self.turns, strict=True)):
            raise ParleyError(
                f"view of seat {self.seat}: trains a token that the seat did not sample; mask it"
            )


@dataclass(frozen=True)
class Rollout:
    """One dialogue, played to its end, with what it earned.

    `reward` is None where it is missing: a judge failed or could not be reached, which `why` says; a dialogue
    that ended without agreement has 0. `agreed` is None where nobody could say, and for one agent alone.
    """

    group_id: str  # dilemma and pair: what advantages are relative to
    dilemma: Dilemma
    poles: tuple[Pole, Pole]  # as seated
    views: tuple[View, ...]
    reward: float | None
    agreed: bool | None
    rounds: int  # played; 0 for one agent alone
    utterances: tuple[Utterance, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    completion: str | None = None
    why: str = ""
    sampled: int = 0  # tokens that policies sampled in it, trained or not

    @property
    def turns(self) -> list[int]:
        """Places of the utterances that train, in order."""
        return sorted(
            {t for v in self.views for t, m in zip(v.turns, v.mask, strict=True) if m and t != NOT_SPOKEN}
        )


@dataclass(frozen=True)
class Row:
    """What a backend is handed: a view with its advantages, one for every token; 0 wherever the mask is 0."""

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    mask: tuple[int, ...]
    advantages: tuple[float, ...]
    logprobs: tuple[float, ...]

    @property
    def tokens(self) -> int:
        """How many tokens train."""
        return sum(self.mask)


def rows(
    rollouts: Sequence[Rollout], advantages: Advantages, rows_per_dialogue: int, *, pad_id: int
) -> list[Row]:
    """The rows of every dialogue, padded to a fixed number of them: len(rollouts) · rows_per_dialogue.

    Padding rows are one pad token after another with mask 0. The rows of a dialogue that is not valid (its reward
    is missing, or its group was dropped) keep their tokens with mask 0: they count in no normaliser and no KL.
    Raises ParleyError for a dialogue that has more rows than are given.
    """
    padding = Row((pad_id,), (pad_id,), (0,), (0.0,), (NAN,))
    out: list[Row] = []
    for rollout, by_turn, valid in zip(rollouts, advantages.by_turn, advantages.valid, strict=True):
        if len(rollout.views) > rows_per_dialogue:
            raise ParleyError(
                f"dialogue on '{rollout.group_id}': {len(rollout.views)} rows, where {rows_per_dialogue} are given; "
                "rows_per_dialogue is Rules.rows_per_dialogue of the rules it was played by"
            )
        made = [_row(view, by_turn, valid) for view in rollout.views]
        out += made + [padding] * (rows_per_dialogue - len(made))
    return out


def _row(view: View, by_turn: dict[int, float], valid: bool) -> Row:
    mask = view.mask if valid else (0,) * len(view.mask)
    values = tuple(by_turn.get(t, 0.0) if m else 0.0 for t, m in zip(view.turns, mask, strict=True))
    return Row(view.prompt_ids, view.completion_ids, mask, values, view.logprobs)
