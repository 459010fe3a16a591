"""How is a contract made ready to be enforced: every clause compiled and judged, or sent back with what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from scenarios.contracts.contract import Clause, Contract, ContractError
from scenarios.contracts.formula import Formula, Refused, Scope, View, Wanted, view
from scenarios.contracts.judge import MOST_STEPS_A_PERIOD, meant
from scenarios.contracts.language import FIRST, Facts, Language
from scenarios.contracts.law import Allowed, Settlement

BEFORE = frozenset({"cap", "quota", "override"})
"""Kinds that act before a period, on what parties ask for or choose; the others act on money."""
_TARGETS = {
    "fine": ("burn", "others", "pot"),
    "sanction": ("burn", "others", "pot"),
    "transfer": ("others", "pot"),
    "escrow": ("others", "pot", "burn"),
}
"""Whom a kind may pay beside a party; the first is the default."""


@dataclass(frozen=True, eq=False)
class Rule:
    """A clause made ready: its number from 1, whom it is about, where it pays, and its formulas."""

    number: int
    clause: Clause
    scope: Scope
    parties: tuple[str, ...]
    to: str
    when: Formula
    amount: Formula
    payout: Formula | None = None

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """All its formulas."""
        return tuple(formula for formula in (self.when, self.amount, self.payout) if formula)

    @cached_property
    def names(self) -> frozenset[str]:
        """The variables that its formulas name."""
        return frozenset().union(*(formula.names for formula in self.formulas))

    @property
    def steps(self) -> int:
        """A bound on the steps that it takes for one party in one period."""
        return sum(formula.steps for formula in self.formulas)

    @property
    def place(self) -> str:
        """What problems begin with."""
        return place(self.number, self.clause)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A contract that compiled, as a law: `allowed` before a period, `settled` after it; it also takes deposits.

    Nothing that a clause comes to at run time raises: what gives no usable value does not apply, to that party
    in that period, and is told among the problems. Facts that are missing or wrong do raise ParleyError.
    """

    contract: Contract
    language: Language
    rules: tuple[Rule, ...]
    views: Mapping[Scope, View]

    @cached_property
    def names(self) -> frozenset[str]:
        """The variables that it names; facts need hold no others, but what is asked or chosen, and violations."""
        return frozenset().union(*(rule.names for rule in self.rules))

    def allowed(self, facts: Facts, rng: np.random.Generator | None = None) -> Allowed:
        """What becomes of each party's action: overrides, then caps, then quotas; all see what was asked."""
        from scenarios.contracts.enforcement import allowed

        return allowed(self, facts, rng)

    def settled(self, facts: Facts) -> Settlement:
        """Who pays what after a period, clause by clause."""
        from scenarios.contracts.enforcement import settled

        return settled(self, facts)

    def adopted(self, facts: Facts) -> Settlement:
        """The deposits of escrow clauses, on adoption."""
        from scenarios.contracts.enforcement import adopted

        return adopted(self, facts)

    def ended(self, facts: Facts) -> Settlement:
        """Deposits that nobody forfeited go back, when the contract is replaced or the run ends."""
        from scenarios.contracts.enforcement import ended

        return ended(self, facts)


@lru_cache(maxsize=512)
def compile_contract(contract: Contract, language: Language) -> Compiled:
    """The contract as a law of this language.

    Raises ContractError with a line for everything that is wrong: the clause, its kind, what is wrong, the mend.
    That text is for the drafter. A contract that compiles may still fail on every fact: see `trial`.
    """
    rules: list[Rule] = []
    problems: list[str] = []
    for number, clause in enumerate(contract.clauses, start=1):
        found = [*_misfits(clause, language)]
        if not found:
            try:
                rules.append(_rule(number, clause, language))
            except Refused as error:
                found = [str(error)]
        problems += [f"{place(number, clause)}: {problem}" for problem in found]
    if problems or (problems := [*_too_long(rules)]):
        raise ContractError(problems)
    scopes: tuple[Scope, ...] = ("shared", "adoption", "before", "after")
    return Compiled(contract, language, tuple(rules), {scope: view(language, scope) for scope in scopes})


def _too_long(rules: Iterable[Rule]) -> Iterator[str]:
    """Clauses that are each quick enough, but not all of them for all parties."""
    steps = sum(rule.steps * len(rule.parties) for rule in rules)
    if steps > MOST_STEPS_A_PERIOD:
        yield f"all clauses could take {steps:.3g} steps a period, more than {MOST_STEPS_A_PERIOD}; use fewer loops"


def place(number: int, clause: Clause) -> str:
    """How problems name a clause."""
    return f"clause {number} ({clause.kind})"


def _rule(number: int, clause: Clause, language: Language) -> Rule:
    """Raises Refused with what is wrong in any of its expressions."""
    before: Scope = "shared" if clause.kind == "quota" else "before"
    scope: Scope = before if clause.kind in BEFORE else "after"
    # a deposit is worked out on adoption, before anything is known of the period
    sees: dict[str, Scope] = {"amount": "adoption" if clause.kind == "escrow" else scope}
    problems, made = [], {}
    for name, text in (("when", clause.when), ("amount", clause.amount), ("payout", clause.payout)):
        if text is None:
            continue
        wanted: Wanted = "truth" if name == "when" else "number"
        try:
            made[name] = view(language, sees.get(name, scope)).formula(text, wanted)
        except Refused as error:
            problems.append(f"{name} {_quoted(text)}: {error}")
    if problems:
        raise Refused(", and ".join(problems))
    parties = language.parties if clause.who == "each" else (clause.who,)
    to = clause.to or _TARGETS.get(clause.kind, ("",))[0]
    return Rule(number, clause, scope, parties, to, made["when"], made["amount"], made.get("payout"))


def _misfits(clause: Clause, language: Language) -> Iterator[str]:
    """What does not fit together in a clause, whatever its expressions say."""
    kind, games = clause.kind, language.acts == "choice"
    if clause.who not in ("each", *language.parties):
        yield f"who is '{clause.who[:64]}'; {meant(clause.who, ('each', *language.parties))}"
        return
    if games and kind in ("cap", "quota"):
        yield "parties choose here and ask for no amounts; use an override or a fine"
    if kind == "quota" and clause.who != "each":
        yield f"a quota is for everybody; leave out who, or use a cap for {clause.who}"
    if kind == "insurance" and clause.payout is None:
        yield "it pays nothing out; give payout, an amount"
    if kind == "escrow" and clause.when.strip() == "true":
        yield "the deposit would be lost at once; give when, what it is lost for"
    if kind not in BEFORE and clause.amount.strip() == "0.0":
        yield "it takes nothing; give amount, what is paid"
    if kind != "insurance" and clause.payout is not None:
        yield "payout belongs to an insurance; leave it out"
    yield from _misdirected(clause, language)
    yield from _mischosen(clause, language)


def _misdirected(clause: Clause, language: Language) -> Iterator[str]:
    targets = _TARGETS.get(clause.kind)
    if clause.to is None:
        if targets and targets[0] == "others" and len(language.parties) == 1:
            yield "there are no others to pay; write to: pot"
        return
    if targets is None:
        yield f"a {clause.kind} pays nobody; leave out to"
    elif clause.to not in (*targets, *language.parties):
        yield f"to is '{clause.to[:64]}'; {meant(clause.to, (*targets, *language.parties))}"
    elif clause.to == "others" and len(language.parties) == 1:
        yield "there are no others to pay; write to: pot"
    elif clause.to == clause.who:
        yield f"{clause.who} would pay itself; name another party"


def _mischosen(clause: Clause, language: Language) -> Iterator[str]:
    if clause.kind != "override" or language.acts == "amount":
        if clause.choice is not None:
            yield "choice belongs to an override of a choice; leave it out"
        return
    if clause.amount.strip() != "0.0":
        yield "a choice is replaced by choice, not by an amount; leave out amount"
    if clause.choice is None:
        yield f"it replaces a choice; give choice, one of {', '.join(language.choices)}"
        return
    for party in language.parties if clause.who == "each" else (clause.who,):
        known = language.choices_of(party)
        if clause.choice not in (*known, FIRST):
            yield f"{party} has no choice '{clause.choice}'; {meant(clause.choice, known)}"
            return


def _quoted(text: str) -> str:
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}…'"
