"""Which tables of the documents on the commons and on games come from the code, as Markdown?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.markdown import span, table

if TYPE_CHECKING:
    from scenarios.contracts import Language, Variable


def concerns() -> str:
    """The shipped personas of dilemmas."""
    from personas.load import CONCERNS, load_concern, shipped

    people = [load_concern(name) for name in shipped(CONCERNS)]
    rows = [(f"`{p.name}`", _degree(p.degree), " ".join(p.says.split()), p.source) for p in people]
    return table(("persona", "λ", "its words", "source"), rows)


def _degree(degree: float) -> str:
    return "∞" if degree == float("inf") else f"{degree:g}".replace("-", "−")


def pools() -> str:
    """The catalogue of commons."""
    from scenarios.commons import catalogue

    rows = [
        (f"`{name}`", str(c.agents), str(c.months), c.regrowth.kind, _events(c), c.unit, c.reason)
        for name, c in catalogue().items()
    ]
    return table(("commons", "agents", "months", "regrowth", "events", "unit", "why it is there"), rows)


def _events(commons: Any) -> str:
    c = commons.contingencies
    return f"{c.chance:g} a month, {c.hidden:g} hidden" if c.chance else "none"


def games() -> str:
    """The games that have a name."""
    from scenarios.games import catalogue
    from scenarios.games.library import LIBRARY

    rows = []
    for name, game in catalogue().items():
        recipe = LIBRARY.get(name)
        given = ", ".join(f"{k}={v:g}" for k, v in recipe.defaults.items()) if recipe else "–"
        states = str(len(game.states))
        rows.append((f"`{name}`", "×".join(map(str, game.shape)), states, given, game.says, game.source))
    return table(("game", "actions", "states", "parameters", "says", "source"), rows)


def laws() -> str:
    """The shipped contracts, with the setting that each fits."""
    from scenarios.commons import load as commons
    from scenarios.commons.law import language
    from scenarios.contracts import catalogue

    amounts = language(commons("fishery-contingent,hidden=0"))
    fitting = set(catalogue(amounts))
    rows = [
        (
            f"`{name}`",
            "commons" if name in fitting else "games",
            ", ".join(c.kind for c in law.clauses),
            law.says,
        )
        for name, law in catalogue().items()
    ]
    return table(("law", "of", "clauses", "says"), rows)


def commons_variables() -> str:
    """What a contract on a commons may name, where its language tells every event."""
    from scenarios.commons import load
    from scenarios.commons.law import language

    return _variables(language(load("fishery-contingent,hidden=0")))


def game_variables() -> str:
    """What a contract on a game may name."""
    from scenarios.games import load
    from scenarios.mechanisms import language

    return _variables(language(load("prisoners-dilemma")))


def _variables(language: Language) -> str:
    rows = [
        (f"`{v.name}`", {"texts": "list of texts"}.get(v.kind, v.kind), whose, v.says, _known(v))
        for whose, of in (("all", language.shared), ("the party", language.own))
        for v in of
    ]
    return table(("variable", "kind", "of", "meaning", "known"), rows)


def _known(v: Variable) -> str:
    return "afterwards" if v.after else "once all have acted" if v.acted else "from the start"


def strategies() -> str:
    """The strategies of repeated play."""
    from negotiators.reference.games.repeated import STRATEGIES

    rows = []
    for name, made in STRATEGIES.items():
        says = (made.__doc__ or "").split("\n")[0].rpartition(" (")[0].rstrip(".")
        rows.append((f"`{name}`", says, made.source))  # type: ignore[attr-defined]
    return table(("strategy", "says", "source"), rows)


def commons_outcomes() -> str:
    """Outcomes that a hypothesis about a commons can be about."""
    return _outcomes("commons")


def games_outcomes() -> str:
    """Outcomes that a hypothesis about games can be about."""
    return _outcomes("games")


def _outcomes(setting: str) -> str:
    from evals.dilemmas.outcomes import OUTCOMES

    rows = [
        (f"`{o.name}`", o.says, o.unit, span(o.low, o.high), o.better) for o in OUTCOMES[setting].values()
    ]
    return table(("outcome", "says", "unit", "range", "better"), rows)


DILEMMA_TABLES: dict[str, Callable[[], str]] = {
    "concerns": concerns,
    "pools": pools,
    "games": games,
    "laws": laws,
    "commons-variables": commons_variables,
    "games-variables": game_variables,
    "strategies": strategies,
    "commons-outcomes": commons_outcomes,
    "games-outcomes": games_outcomes,
}
