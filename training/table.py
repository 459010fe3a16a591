"""How far is one dialogue in training: what was said, as words and as token ids, and what its judge made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from negotiators.chat.deliberation.reading import read_words
from negotiators.deliberation import (
    DeliberationView,
    Dialogue,
    Sampling,
    Utterance,
    Verdict,
)
from nodes.deliberation.dialogue import after_judging, window_of
from scenarios.dilemmas.plan import consents, parts, read_plan
from scenarios.errors import ParleyError
from training.policy import Sampled
from training.rollout import Rollout, View
from training.rules import SEATS, Case, Rules
from training.tokens import Conversation, Message, Template


class Words(Protocol):
    """What puts a view into the messages a model is given; `negotiators.chat.deliberation.prompting` is one."""

    def speaking(self, view: DeliberationView, /) -> Sequence[Message]:
        """The chat in which a seat takes its next turn; with an unlimited window it only grows."""
        ...

    def completing(self, view: DeliberationView, /) -> Sequence[Message]:
        """The chat in which the plan is written down after the dialogue."""
        ...

    def alone(self, view: DeliberationView, /) -> Sequence[Message]:
        """The chat in which one agent writes the plan with no dialogue."""
        ...


class Table:
    """One dialogue while it is played."""

    def __init__(self, case: Case, rules: Rules, words: Words, template: Template, seed: int) -> None:
        self.case = case
        self.rules = rules
        self.seed = seed
        self.dialogue: list[Utterance] = []
        self.verdicts: list[Verdict] = []
        self.completion: str | None = None
        self.reward: float | None = None
        self.missing = ""  # why the reward is: '' where it is not
        self._words = words
        self._template = template
        self._chats: dict[str, Conversation] = {}  # of seats that see all: their one conversation
        self._told: dict[str, list[Message]] = {}  # the messages it is made of so far
        self._views: list[View] = []
        self._sampled = 0

    @property
    def over(self) -> bool:
        """Whether nobody speaks any more."""
        return bool(self.missing) or (
            bool(self.verdicts) and after_judging(self.verdicts, self.rules.rounds, always=False) != "speak"
        )

    @property
    def agreed(self) -> bool | None:
        """Whether they agreed in the end; None where no one could say, and of one agent alone.

        A judge that failed in some round and never said YES may have missed it. Nobody agrees who said nothing.
        """
        if self.rules.alone or not self.verdicts:
            return None
        if self.missing and not self.verdicts[-1].agreed:
            return None  # it was cut short
        if self.verdicts[-1].agreed:
            return all(any(u.seat == s and u.text for u in self.dialogue) for s in SEATS)
        return None if any(v.agreed is None for v in self.verdicts) else False

    def view(self, seat: str, round_: int) -> DeliberationView:
        """What a seat may know when it speaks."""
        heard, places = window_of(self.dialogue, "all" if self.rules.window == "full" else self.rules.window)
        return DeliberationView(
            dilemma=self.case.dilemma,
            seat=seat,
            seats=SEATS,
            persona=self.case.poles[SEATS.index(seat)],
            round=round_,
            rounds=self.rules.rounds,
            heard=tuple(heard),
            places=tuple(places),
            clauses=self.rules.clauses and bool(self.case.dilemma.issues),
            seed=self.seed,
            sampling=Sampling(self.rules.temperature, self.rules.top_p),
        )

    def closing(self) -> DeliberationView:
        """What the first seat knows when it writes the plan down: all that was said, and both personas."""
        last = self.verdicts[-1] if self.verdicts else None
        return replace(
            self.view(SEATS[0], max(1, len(self.verdicts))),
            heard=tuple(self.dialogue),
            places=tuple(range(len(self.dialogue))),
            personas=self.case.poles,
            agreed=last.plan if last is not None and last.agreed else None,
            sampling=Sampling(self.completion_temperature, self.rules.top_p),
        )

    def judged(self) -> Dialogue:
        """The dialogue as its judge sees it."""
        return Dialogue(self.case.dilemma, SEATS, self.dialogue[-1].round, tuple(self.dialogue), self.seed)

    @property
    def completion_temperature(self) -> float:
        """Of the plan: what trains is drawn at the temperature of the loss."""
        trains = self.rules.alone or self.rules.train_final
        return self.rules.temperature if trains else self.rules.completion_temperature

    def prompt(self, seat: str, round_: int) -> list[int]:
        """The ids that a seat samples its turn from; with the full window they continue its one conversation."""
        messages = list(self._words.speaking(self.view(seat, round_)))
        if self.rules.window != "full" or seat not in self._chats:
            self._chats[seat] = Conversation(self._template, messages)
        else:
            own = next(u.text for u in reversed(self.dialogue) if u.seat == seat)
            self._chats[seat].hear(since(self._told[seat], messages, own))
        self._told[seat] = messages
        return self._chats[seat].ids

    def say(self, seat: str, round_: int, sampled: Sampled) -> None:
        """Take a sampled turn into the dialogue, and into the rows if its seat trains."""
        self._sampled += len(sampled.ids)
        turn, view = len(self.dialogue), self.view(seat, round_)
        self._chats[seat].say(sampled.ids, sampled.logprobs, turn)
        if seat in self.rules.trained and self.rules.window != "full":
            self._views.append(self._chats[seat].view(seat))
        self.dialogue.append(spoken(self._template.words(sampled.ids), view, ended=sampled.ended))

    def plan_prompt(self) -> list[int]:
        """The ids that the plan is sampled from."""
        words = self._words.alone if self.rules.alone else self._words.completing
        self._chats["plan"] = Conversation(self._template, list(words(self.closing())))
        return self._chats["plan"].ids

    def write(self, sampled: Sampled) -> None:
        """Take the sampled plan; its row trains for one agent alone, or with `train_final`."""
        self._sampled += len(sampled.ids)
        self._chats["plan"].say(sampled.ids, sampled.logprobs, len(self.dialogue))
        if self.rules.alone or self.rules.train_final:
            self._views.append(self._chats["plan"].view(SEATS[0]))
        self.completion = read_words(self._template.words(sampled.ids), None).text

    def rollout(self) -> Rollout:
        """What came of it."""
        views = list(self._views)
        if self.rules.window == "full":
            seats = [s for s in self.rules.trained if s in self._chats]
            views = [self._chats[s].view(s) for s in seats] + views
        return Rollout(
            group_id=self.case.group_id,
            dilemma=self.case.dilemma,
            poles=self.case.poles,
            views=tuple(views),
            reward=self.reward,
            agreed=self.agreed,
            rounds=max((u.round for u in self.dialogue), default=0),
            utterances=tuple(self.dialogue),
            verdicts=tuple(self.verdicts),
            completion=self.completion,
            why=self.missing,
            sampled=self._sampled,
        )


def spoken(text: str, view: DeliberationView, *, ended: bool) -> Utterance:
    """An utterance from the words a seat sampled; what was cut off stands as far as it goes."""
    read = read_words(text, None if ended else "length")
    words = read.text
    return Utterance(
        seat=view.seat,
        round=view.round,
        text=words,
        plan=read_plan(words, view.dilemma),
        consents=consents(words),
        parts=parts(words),
        status="abstained" if not words else "truncated" if read.cut else "made",
        seen=list(view.places),
    )


def since(before: Sequence[Message], now: Sequence[Message], own: str) -> list[Message]:
    """The messages that were added after an own turn: what others said since, and the next thing asked.

    `own` is what the seat said; '' where it said nothing, which prompts may give back in a phrase of theirs.
    Raises ParleyError where the chat did not only grow, or gives back other words.
    """
    kept, added = list(now[: len(before)]), list(now[len(before) :])
    if kept != list(before) or not added or added[0]["role"] != "assistant":
        raise ParleyError(
            "window full: the prompt of a turn does not continue the last turn's; "
            "`speaking` must only append while all turns are seen"
        )
    if own and added[0]["content"] != own:
        raise ParleyError("window full: the prompt gives back other words than the seat said; keep them")
    if len(added) < 2 or any(m["role"] == "assistant" for m in added[1:]):
        raise ParleyError("window full: two own turns follow each other; the engine samples one a prompt")
    return added[1:]
