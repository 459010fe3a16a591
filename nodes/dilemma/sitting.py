"""What does every step of a dilemma need of its run: scenario, seats, negotiators, laws; parsed and built once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from negotiators.dilemma import DilemmaView, Own, Party, Proposal, Told
from nodes.dilemma.record import DilemmaSeat
from nodes.dilemma.seats import believed
from nodes.table import equipment
from scenarios.contracts import Books, Facts, Language, Law, compile_contract, in_words

if TYPE_CHECKING:
    from negotiators.chat import Chat
    from negotiators.dilemma import Occasion
    from nodes.dilemma.settings import DilemmaTable
    from scenarios.commons import Commons
    from scenarios.games import Game

Json = dict[str, Any]

TURNS = 2
"""Purpose of the draw of the order in which seats may propose."""


@dataclass(frozen=True)
class Sitting(ABC):
    """One run's settings, scenario and seats; the same for every step, so built once a run."""

    settings: DilemmaTable
    scenario: Commons | Game
    seats: Mapping[str, DilemmaSeat]
    run_id: str

    @property
    def about(self) -> str:
        """The scenario's name."""
        return self.scenario.name

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many months, or rounds, there are at most."""

    @cached_property
    @abstractmethod
    def language(self) -> Language:
        """What a contract may name here."""

    @abstractmethod
    def facts(self, state: Mapping[str, Any], books: Books) -> Facts:
        """What a law is told of the step under way: before it is carried out, or after, as far as it is known."""

    @property
    @abstractmethod
    def onward(self) -> str:
        """The step that comes once seats have agreed, or have not."""

    @property
    def delay(self) -> int:
        """Steps until what is adopted is in force: parties to a game agree before they act, so at once."""
        return 0

    @property
    def negotiates(self) -> bool:
        """Whether contracts may be proposed."""
        return self.settings.negotiate and self.settings.regime in ("spoken", "enforced")

    @property
    def reports(self) -> Literal["public", "own-word"]:
        """Whether seats are told what was done, or what each says it did."""
        return "public"

    def coded(self, seat: str) -> bool:
        """Whether a model writes down as clauses what a seat proposes in words."""
        models = (self.seats[seat].model, self.settings.coder_model)
        return self.settings.regime == "enforced" and not {None, "reference"} & set(models)

    @property
    def remembers(self) -> bool:
        """Whether reference seats look at what happened: exact play does not, a strategy of repeated play does."""
        return False

    @abstractmethod
    def computed(self) -> Law | None:
        """The best law there is, by optimisation; what the regime `best` enforces. None where there is none."""

    @cached_property
    def quorum(self) -> int:
        """Votes that adopt a contract: four of five, rounded up, where nothing else is set."""
        return self.settings.quorum or -(-4 * len(self.seats) // 5)

    @cached_property
    def _laws(self) -> dict[int | Literal["best"], Law | None]:
        return {}

    def law(self, state: Mapping[str, Any]) -> Law | None:
        """The law in force that is carried out; None where there is none, or where it is words alone."""
        if self.settings.regime == "best":
            return self._built("best", None)
        at = state["law"]
        if self.settings.regime != "enforced" or at is None:
            return None
        place, proposal = self._parsed(state["laws"][at]["proposal"])
        return self._built(place, proposal)

    @cached_property
    def _proposals(self) -> list[tuple[Json, Proposal]]:
        return []

    def proposal(self, kept: Json) -> Proposal:
        """A proposal as the state keeps it, parsed once."""
        return self._parsed(kept)[1]

    def _parsed(self, kept: Json) -> tuple[int, Proposal]:
        """(its place among those known here, the proposal); known by all that is in it."""
        for place, (known, proposal) in enumerate(self._proposals):
            if known == kept:
                return place, proposal
        self._proposals.append((kept, Proposal.model_validate(kept)))
        return len(self._proposals) - 1, self._proposals[-1][1]

    def _built(self, key: int | Literal["best"], proposal: Proposal | None) -> Law | None:
        if key not in self._laws:
            if proposal is None or proposal.contract is None:
                self._laws[key] = self.computed()
            else:
                self._laws[key] = compile_contract(proposal.contract, self.language)
        return self._laws[key]

    def party(self, seat: str) -> Party:
        """Who decides for a seat."""
        at = self.seats[seat]
        return self.reference if at.model is None else self.chat(at.model)

    @cached_property
    def reference(self) -> Party:
        """The reference negotiator of this run: exact play by its seats' concerns."""
        from negotiators.reference import ReferenceParty

        return ReferenceParty(self.settings.equilibrium, self.beliefs)

    @property
    def beliefs(self) -> dict[str, tuple[float, ...]]:
        """seat -> λ of every seat, in their order, as that seat takes them to be."""
        return {seat: believed(self.settings, list(self.seats.values()), seat) for seat in self.seats}

    @property
    def prior(self) -> dict[float, float] | None:
        """λ -> its share among the seats, where concerns are private: all that seats know of each other.

        None where they are not, or where all are alike, so that there is nothing not to know.
        """
        degrees = [at.persona.degree for at in self.seats.values()]
        if self.settings.declared != "private" or len(set(degrees)) == 1:
            return None
        return {d: degrees.count(d) / len(degrees) for d in sorted(set(degrees))}

    def chat(self, model: str) -> Chat:
        """The chat negotiator of a model, sampling as the settings say."""
        return equipment.chat(model, self.settings.temperature, self.settings.max_output_tokens)

    def view(self, seat: str, occasion: Occasion, state: Mapping[str, Any]) -> DilemmaView:
        """All that a seat may know when it acts on an occasion."""
        at, proposal = self.seats[seat], state.get("proposal")
        looks_back = at.model is not None or self.remembers
        law = state["laws"][state["law"]]["proposal"] if state["law"] is not None else None
        enforced = self.settings.regime == "enforced"
        return DilemmaView(
            scenario=self.scenario,
            regime=self.settings.regime,
            seats=tuple(self.seats),
            seat=seat,
            persona=at.persona,
            occasion=occasion,
            step=state["step"],
            steps=self.steps,
            seed=self.settings.seed if at.model is None else self.settings.model_seed,
            now=self.seen(seat, state),
            claims={s: a.claims for s, a in self.seats.items() if a.claims is not None},
            told=self._told(state["told"]) if looks_back else (),
            so_far=self._heard(state) if at.model else None,
            own=tuple(Own.model_validate(o) for o in state["own"].get(seat, ())) if at.model else (),
            law=self.told_law(state) if self.settings.regime == "best" else law and self.proposal(law),
            proposal=None if proposal is None else self.proposal(proposal),
            language=self.language if enforced else None,
            coded=self.coded(seat),
            quorum=self.quorum if self.negotiates else None,
            reports=self.reports,
        )

    @cached_property
    def _worked_out(self) -> set[tuple[Any, ...]]:
        return set()

    def worked_out(self, occasion: Occasion, state: Mapping[str, Any]) -> bool:
        """Whether reference seats were asked the like before, under this law, so that all is solved already."""
        like = (occasion, state["law"], len(state["laws"]), state.get("proposal") is not None)
        if like in self._worked_out:
            return True
        self._worked_out.add(like)
        return False

    @cached_property
    def _history(self) -> list[tuple[Json, Told]]:
        return []

    def _told(self, kept: Sequence[Json]) -> tuple[Told, ...]:
        """Steps that are over, each parsed once."""
        known = self._history
        for place, told in enumerate(kept):
            if place >= len(known) or (known[place][0] is not told and known[place][0] != told):
                known[place:] = [(t, Told.model_validate(t)) for t in kept[place:]]
                break
        return tuple(told for _, told in known[: len(kept)])

    def _heard(self, state: Mapping[str, Any]) -> Told:
        """What was made public in the step under way, and what was said in it."""
        return Told.model_validate({**state["so_far"], "said": self.said(state)})

    def said(self, state: Mapping[str, Any]) -> dict[str, str]:
        """What was said in the step under way, by seat: nothing before all have spoken."""
        words = {m["seat"]: m["words"] for m in state["moves"] if m["occasion"] == "talk" and m["words"]}
        return {s: words[s] for s in self.seats if s in words}

    def told_law(self, state: Mapping[str, Any]) -> Proposal | None:
        """What seats are told of the best law there is, in words; a contract is read back clause by clause."""
        law = self.law(state)
        contract = getattr(law, "contract", None)
        if contract is None:
            return None
        return Proposal(by="given", contract=contract, words=tuple(in_words(contract, self.language)))

    @abstractmethod
    def seen(self, seat: str, state: Mapping[str, Any]) -> dict[str, float | str]:
        """What a seat sees of the step under way before it acts."""

    def name(self, seat: str) -> str:
        """A seat as a person reads it: `a3 prosocial`."""
        return f"{seat} {self.seats[seat].persona.name}"

    @cached_property
    def turns(self) -> Sequence[str]:
        """The seats in the order in which they may propose, drawn by the seed."""
        import numpy as np

        names = list(self.seats)
        return [names[i] for i in np.random.default_rng([self.settings.seed, TURNS]).permutation(len(names))]
