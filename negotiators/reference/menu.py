"""What does a reference seat propose: the law of the published menu under which it expects most, if any beats today's.

The menu is the shipped contracts that can be adopted in the language spoken here, never the best mechanism there is:
what parties write down is set against that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from negotiators.dilemma import DilemmaMove, DilemmaView, Proposal
from scenarios.commons import Commons
from scenarios.contracts import (
    Contract,
    ContractError,
    Language,
    Law,
    adoptable,
    catalogue,
    compile_contract,
    in_words,
)

Worth = tuple[float, float]
"""What a seat expects, as keys compared in order."""

TIE = 1e-6


def draft(view: DilemmaView, where: dict[str, Any], worth: Callable[[Proposal | None], Worth]) -> DilemmaMove:
    """The contract that a seat drafts: the first of the menu that is worth most to it, where that is more than today's.

    Where contracts are words alone it says the same in words; they bind nobody, and exact play takes no notice.
    """
    best, found = worth(in_force(view)), None
    if view.regime == "spoken" and view.law is not None:
        return DilemmaMove(**where)
    for contract in menu(language_of(view)):
        expected = worth(_unspoken(view.seat, contract))
        if more(expected, best):
            best, found = expected, contract
    if found is None:
        return DilemmaMove(**where)
    if view.regime == "spoken":
        return DilemmaMove(**where, words="\n".join(in_words(found, language_of(view))))
    return DilemmaMove(**where, words=found.says, contract=found)


@lru_cache(maxsize=1024)
def _unspoken(by: str, contract: Contract) -> Proposal:
    """A proposal that is only thought of."""
    return Proposal(by=by, contract=contract, words=())


def more(a: Worth, b: Worth) -> bool:
    """Whether a is worth more than b, beyond what solvers leave."""
    return a[0] > b[0] + TIE or (abs(a[0] - b[0]) <= TIE and a[1] > b[1] + TIE)


def at_least(a: Worth, b: Worth) -> bool:
    """Whether a is worth no less than b."""
    return not more(b, a)


@lru_cache(maxsize=256)
def menu(language: Language) -> tuple[Contract, ...]:
    """The shipped contracts that can be adopted in a language: those that only limit first, then by name."""
    fitting = [(name, c) for name, c in catalogue().items() if _adoptable(c, language)]
    return tuple(c for _, c in sorted(fitting, key=lambda kept: (not _limits(kept[1]), kept[0])))


def _limits(contract: Contract) -> bool:
    """Whether nobody pays anything under a contract."""
    return all(clause.kind in ("cap", "quota", "override") for clause in contract.clauses)


def _adoptable(contract: Contract, language: Language) -> bool:
    try:
        adoptable(contract, language)
    except ContractError:
        return False
    return True


def in_force(view: DilemmaView) -> Proposal | None:
    """The contract in force as far as it is carried out: one that is words alone, whatever they say, binds nobody."""
    return view.law if view.regime == "enforced" else None


def law_of(view: DilemmaView, law: Proposal | None) -> Law | None:
    """What would be enforced under a proposal: its contract; the best law there is where the regime says so.

    Where contracts are words alone a draft is compared with others as if it were kept.
    """
    if view.regime == "best":
        return best_law(view)
    if law is None or law.contract is None or view.regime not in ("enforced", "spoken"):
        return None
    return compile_contract(law.contract, language_of(view))


def best_law(view: DilemmaView) -> Law | None:
    """The best law of this scenario, by optimisation; None where there is none."""
    if isinstance(view.scenario, Commons):
        from scenarios.commons.law import best_quota_law

        return best_quota_law(view.scenario)
    from scenarios.mechanisms import best_contract

    contract = best_contract(view.scenario)
    return None if contract is None else compile_contract(contract, language_of(view))


def language_of(view: DilemmaView) -> Language:
    """The language of contracts here, also where the regime enforces none."""
    if view.language is not None:
        return view.language
    if isinstance(view.scenario, Commons):
        from scenarios.commons.law import language

        return language(view.scenario)
    from scenarios.mechanisms import language as of_game

    return of_game(view.scenario)
