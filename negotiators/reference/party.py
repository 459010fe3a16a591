"""How does a seat decide in a dilemma without a model: exactly, by its concern, its beliefs and a published rule.

In the commons it plays a Markov-perfect equilibrium under the law in force, proposes the law of a published menu that
is best for it, and votes for what leaves it no worse off. In games it plays an equilibrium of the game that concerns
and law make of it, or a known strategy of repeated play. What it does is a property of that and of the rules, never
evidence about language models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from negotiators.dilemma import DilemmaMove, DilemmaReply, DilemmaView
from negotiators.protocol import Pay
from negotiators.reference.commons.player import CommonsPlayer
from negotiators.reference.games.player import GamePlayer
from scenarios.commons import Commons

__all__ = ["ReferenceParty"]


class ReferenceParty:
    """Every reference seat of one run.

    `beliefs`: seat -> λ of every seat, in their order, as that seat takes them to be (its own as it is).
    `prior`: λ -> its share, where concerns are private. That, `precision` and `strategies` are of games alone.
    `notes` says on what the play rests that was asked for so far.
    """

    name = "reference"

    def __init__(
        self,
        equilibrium: Literal["best", "worst"],
        beliefs: Mapping[str, tuple[float, ...]],
        *,
        prior: Mapping[float, float] | None = None,
        precision: float | None = None,
        strategies: Mapping[str, str] | None = None,
    ) -> None:
        self._commons = CommonsPlayer(equilibrium, beliefs)
        self._games = GamePlayer(equilibrium, beliefs, prior, precision, strategies or {})

    @property
    def notes(self) -> tuple[str, ...]:
        """On what the play rests: what was approximated, where no equilibrium exists."""
        return tuple(dict.fromkeys([*self._commons.notes, *self._games.notes]))

    async def act(self, view: DilemmaView, *, pay: Pay | None = None) -> DilemmaReply:
        """A move that is possible. Never waits, never abstains."""
        return DilemmaReply(self.move(view))

    def move(self, view: DilemmaView) -> DilemmaMove:
        """The move on an occasion."""
        player = self._commons if isinstance(view.scenario, Commons) else self._games
        return player.move(view)
