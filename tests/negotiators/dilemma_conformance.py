"""What must every party to a dilemma do: the suite that `reference` and `chat` both pass.

Subclass `DilemmaConformance` as `Test…` and override the `table` fixture, which has a party for any view.
`check` holds what is demanded of any reply to any view, abstentions too, so that other tests can demand the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from negotiators.dilemma import DilemmaMove, DilemmaReply, DilemmaView, Party
from personas.load import CONCERNS, shipped
from scenarios.commons import Commons
from scenarios.contracts import adoptable
from scenarios.games import Game
from tests.negotiators.dilemmas import commons_view, fishery, game_view, month, own, persona, proposal

Table = Callable[[DilemmaView], Party]

LONGEST_WORDS = 4_000
"""Characters. More than that is no turn at a table."""

GAMES = (
    "prisoners-dilemma",
    "lift:prisoners-dilemma",
    "battle-of-the-sexes",
    "public-goods,n=4",
    "hidden-temptation",
)
FISHERIES: dict[str, dict[str, Any]] = {
    "deterministic": {},
    "stochastic": {"regrowth": "stochastic"},
    "contingent": {"contingencies": 0.5, "hidden": 0.5},
    "of two": {"agents": 2, "months": 3},
}


def check(view: DilemmaView, reply: DilemmaReply) -> DilemmaMove:
    """What is demanded of a reply to any view; returns its move."""
    move = reply.move
    assert (move.seat, move.step, move.occasion) == (view.seat, view.step, view.occasion)
    assert reply.usage.calls >= 0 and reply.usage.seconds >= 0
    hashed = len(move.prompt_hash) == 64 and set(move.prompt_hash) <= set("0123456789abcdef")
    assert hashed or (not move.prompt_hash and not reply.usage.calls), "what a model read is told by its hash"
    assert len(move.words) <= LONGEST_WORDS
    given = {k for k in ("amount", "choice", "contract", "vote") if getattr(move, k) is not None}
    if move.status == "abstained":
        assert not given and "abstained" in {i.kind for i in reply.incidents}, "missing, and never a zero"
        return move
    if view.occasion in ("harvest", "report"):
        assert isinstance(view.scenario, Commons) and given == {"amount"}
        assert move.amount is not None and 0 <= move.amount <= view.scenario.capacity
    elif view.occasion == "act":
        assert isinstance(view.scenario, Game) and given == {"choice"}
        mine = view.scenario.actions[view.seats.index(view.seat)]
        assert move.choice in mine
        assert not move.mixture or sum(move.mixture.values()) == pytest.approx(1)
        assert set(move.mixture) <= set(mine) and (not move.mixture or move.mixture[move.choice or ""] > 0)
    elif view.occasion == "vote":
        assert given == {"vote"}
    elif view.occasion == "draft":
        assert given <= {"contract"}
        if move.contract is not None and view.language is not None:
            adoptable(move.contract, view.language)
    else:
        assert not given
    return move


class DilemmaConformance:
    """Every test here holds for every party."""

    @pytest.fixture
    def table(self) -> Table:
        """Who decides for the seat of a view: the party under test."""
        raise NotImplementedError("override the `table` fixture")

    @pytest.mark.parametrize("changes", FISHERIES.values(), ids=FISHERIES)
    @pytest.mark.parametrize("stock", [1, 37, 100])
    async def test_it_asks_for_a_whole_amount_that_there_can_be(
        self, table: Table, changes: dict[str, Any], stock: int
    ) -> None:
        case = fishery(**changes)
        for step in (1, case.months):
            now = {
                "stock": stock,
                "open": stock,
                "event": "calm",
                "price": 1.0,
                "pool": "healthy",
                "regime": 0,
            }
            seen = commons_view(scenario=case, step=step, now=now)
            assert check(seen, await table(seen).act(seen)).amount is not None

    @pytest.mark.parametrize("regime", ["spoken", "enforced"])
    async def test_it_talks_drafts_and_votes(self, table: Table, regime: Any) -> None:
        for occasion in ("report", "talk", "draft", "vote"):
            for step in (1, 6):
                told = tuple(month(s) for s in range(1, step))
                seen = commons_view(occasion, regime=regime, step=step, told=told)  # type: ignore[arg-type]
                check(seen, await table(seen).act(seen))

    async def test_it_meets_the_others_before_the_first_month(self, table: Table) -> None:
        for occasion in ("talk", "draft", "vote"):
            now = {"stock": 100, "pool": "healthy", "regime": 0}
            seen = commons_view(occasion, regime="enforced", step=0, now=now)  # type: ignore[arg-type]
            check(seen, await table(seen).act(seen))

    async def test_it_lives_under_a_law(self, table: Table) -> None:
        for occasion in ("harvest", "draft", "vote"):
            seen = commons_view(occasion, regime="enforced", law=proposal())  # type: ignore[arg-type]
            check(seen, await table(seen).act(seen))

    @pytest.mark.parametrize("spec", GAMES)
    @pytest.mark.parametrize("name", ["selfish", "prosocial"])
    async def test_every_seat_chooses_an_action_of_its_own(self, table: Table, spec: str, name: str) -> None:
        for seat in game_view(spec).seats:
            seen = game_view(spec, seat=seat, persona=persona(name))
            assert check(seen, await table(seen).act(seen)).choice is not None

    @pytest.mark.parametrize("occasion", ["talk", "draft"])
    async def test_it_speaks_and_drafts_before_a_game(self, table: Table, occasion: Any) -> None:
        for regime in ("spoken", "enforced"):
            seen = game_view("prisoners-dilemma", occasion, regime=regime)
            check(seen, await table(seen).act(seen))

    @pytest.mark.parametrize("name", [*shipped(CONCERNS), -0.5, 0.0, 2.0, float("inf")])
    async def test_any_concern_can_sit_down(self, table: Table, name: str | float) -> None:
        for seen in (commons_view(persona=persona(name)), game_view(persona=persona(name))):
            check(seen, await table(seen).act(seen))

    async def test_it_carries_on_when_others_abstained(self, table: Table) -> None:
        silent = month(done=dict.fromkeys(fishery().names), said={})
        seen = commons_view(told=(silent,), own=(own(asked=None, took=10),))
        check(seen, await table(seen).act(seen))

    async def test_the_same_view_gives_the_same_move(self, table: Table) -> None:
        for seen in (
            commons_view(),
            game_view("battle-of-the-sexes"),
            commons_view("vote", regime="enforced"),
        ):
            first, again = await table(seen).act(seen), await table(seen).act(seen)
            assert first.move == again.move

    async def test_it_leaves_the_view_as_it_was(self, table: Table) -> None:
        for seen in (
            commons_view(told=(month(),), own=(own(),), claims={"a2": "prosocial"}),
            commons_view("draft", regime="enforced", law=proposal()),
            game_view("hidden-temptation"),
        ):
            before = repr(seen)
            await table(seen).act(seen)
            assert repr(seen) == before

    async def test_seats_asked_at_once_do_not_disturb_each_other(self, table: Table) -> None:
        views = [commons_view(seat=seat) for seat in fishery().names]
        views += [game_view(spec, seat=seat) for spec in GAMES for seat in game_view(spec).seats]
        at_once = await asyncio.gather(*(table(v).act(v) for v in views))
        for seen, reply in zip(views, at_once, strict=True):
            alone = check(seen, await table(seen).act(seen))
            assert check(seen, reply) == alone
