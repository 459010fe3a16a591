"""What does a contract do in one period: whom it stops, and who pays whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from scenarios.contracts.books import BURNT, PER_UNIT, POT, Posting, escrow, minor
from scenarios.contracts.compiled import Compiled, Rule
from scenarios.contracts.formula import Formula, Scope, Unfit
from scenarios.contracts.language import FIRST, Facts
from scenarios.contracts.law import Allowed, Bite, Settlement
from scenarios.contracts.sharing import levelled, shared_out, whole
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from cel_expr_python import cel

MOST_TONS = 10**9
"""What an override can set at most."""


@dataclass
class _Sitting:
    """One period under a contract: the facts as each party's expressions see them, and what went wrong."""

    law: Compiled
    facts: Facts
    problems: list[str] = field(default_factory=list)
    _made: dict[tuple[Scope, str], cel.Activation] = field(default_factory=dict)

    def sees(self, scope: Scope, party: str) -> cel.Activation:
        """The activation of a scope and a party, made once; the party '' for what is shared."""
        key = (scope, party)
        if key not in self._made:
            if party and party not in self.facts.own:
                raise ParleyError(f"facts for a contract: nothing about '{party}'; give each party's own")
            own = self.facts.own[party] if party else {}
            self._made[key] = self.law.views[scope].activation(self.facts.shared, own, self.law.names)
        return self._made[key]

    def holds(self, rule: Rule, party: str) -> bool:
        """Whether the clause's condition holds; where it has no truth, it does not, and that is a problem."""
        try:
            return rule.when.truth(self.sees(rule.scope, party))
        except Unfit as error:
            self.fails(rule, party, f"when {error}")
            return False

    def number(self, rule: Rule, party: str, formula: Formula, scope: Scope | None = None) -> float | None:
        """What an amount of the clause comes to; None, and a problem, where it is no amount."""
        try:
            return formula.number(self.sees(scope or rule.scope, party))
        except Unfit as error:
            self.fails(rule, party, f"{'payout' if formula is rule.payout else 'amount'} {error}")
            return None

    def amount(self, rule: Rule, party: str) -> float | None:
        """The clause's amount where its condition holds, else None."""
        return self.number(rule, party, rule.amount) if self.holds(rule, party) else None

    def fails(self, rule: Rule, party: str, why: str) -> None:
        """Note that a clause was not applied to a party."""
        about = f", {party}" if party else ""
        self.problems.append(f"{rule.place}{about}: {why}; it was not applied")


def allowed(law: Compiled, facts: Facts, rng: np.random.Generator | None) -> Allowed:
    """Before a period: overrides, then caps, then quotas. See `Clause` for what each does."""
    sitting = _Sitting(law, facts)
    if law.language.acts == "choice":
        return _chosen(sitting)
    amounts = {party: _whole(facts, party, "asked") for party in law.language.parties}
    bites: list[Bite] = []
    for rule, party in _first_overrides(sitting):
        set_to = sitting.number(rule, party, rule.amount)
        if set_to is not None and set_to > MOST_TONS:
            sitting.fails(rule, party, f"amount is {set_to:g}, more than {MOST_TONS:g}")
        elif set_to is not None:
            bites += _stopped(rule, amounts, {**amounts, party: whole(set_to)})
            amounts[party] = whole(set_to)
    for rule in _of(law, "cap"):
        for party in rule.parties:
            most = sitting.amount(rule, party)
            if most is not None and whole(most) < amounts[party]:
                bites += _stopped(rule, amounts, {**amounts, party: whole(most)})
                amounts[party] = whole(most)
    shares = {party: float(tons) for party, tons in amounts.items()}
    for rule in _of(law, "quota"):
        quota = sitting.amount(rule, "")
        if quota is not None:
            shares = levelled(shares, float(whole(quota)))
            given = shared_out(amounts, quota, rng)
            bites += _stopped(rule, amounts, given)
            amounts = given
    return Allowed(amounts, shares, {}, tuple(bites), tuple(sitting.problems))


def settled(law: Compiled, facts: Facts) -> Settlement:
    """After a period: who pays whom, clause by clause. See `Clause` for what each does."""
    cash = _Cash(_Sitting(law, facts))
    for rule in law.rules:
        kind = rule.clause.kind
        if kind == "insurance":
            _insure(cash, rule)
        elif kind == "escrow":
            _forfeit(cash, rule)
        elif kind in ("fine", "transfer", "sanction"):
            for party in rule.parties:
                amount = cash.sitting.amount(rule, party)
                if amount is None:
                    continue
                if kind == "sanction":
                    _sanction(cash, rule, party, amount)
                else:
                    cash.charge(rule, party, amount, violation=kind == "fine")
    return cash.settlement()


def adopted(law: Compiled, facts: Facts) -> Settlement:
    """On adoption: each party of an escrow clause pays in its deposit."""
    cash = _Cash(_Sitting(law, facts))
    for rule in _of(law, "escrow"):
        for party in rule.parties:
            deposit = cash.sitting.number(rule, party, rule.amount, "adoption")
            if deposit is not None:
                cash.charge(rule, party, deposit, into=(escrow(rule.number, party),))
    return cash.settlement()


def ended(law: Compiled, facts: Facts) -> Settlement:
    """At the end: what is left of each deposit goes back to who paid it."""
    cash = _Cash(_Sitting(law, facts))
    for rule in _of(law, "escrow"):
        for party in rule.parties:
            account = escrow(rule.number, party)
            cash.post(rule, account, (party,), facts.books.minor(account))
    return cash.settlement()


@dataclass
class _Cash:
    """What is paid in one sitting; never more from a party than the language's bound."""

    sitting: _Sitting
    postings: list[Posting] = field(default_factory=list)
    bites: list[Bite] = field(default_factory=list)
    charged: dict[str, int] = field(default_factory=dict)

    @property
    def pot(self) -> int:
        """Billionths in the pot by now."""
        moved = sum((p.target == POT) * p.minor - (p.source == POT) * p.minor for p in self.postings)
        return self.sitting.facts.books.minor(POT) + moved

    def charge(
        self, rule: Rule, party: str, amount: float, *, into: Sequence[str] = (), violation: bool = False
    ) -> None:
        """Take an amount from a party, and give it to whom the clause says, if the bound allows."""
        language = self.sitting.law.language
        before, most = self.charged.get(party, 0), minor(language.most)
        if amount > language.most or before + minor(amount) > most:
            already = f" after {before / PER_UNIT:g} already" if before else ""
            self.sitting.fails(
                rule, party, f"it takes {amount:g}{already}, above the bound {language.most:g}"
            )
            return
        paid = self.post(rule, party, into or self.targets(rule, party), minor(amount))
        self.charged[party] = before + paid
        if paid:
            self.bites.append(Bite(rule.number, rule.clause.kind, party, -paid / PER_UNIT, violation))

    def post(self, rule: Rule, source: str, targets: Sequence[str], amount: int) -> int:
        """Move an amount, split evenly; what does not divide, under a billionth a target, is not paid."""
        each = amount // len(targets) if targets else 0
        if each > 0:
            self.postings += [Posting(source, target, each, rule.number) for target in targets]
        return max(0, each) * len(targets)

    def targets(self, rule: Rule, party: str) -> tuple[str, ...]:
        """Accounts that a clause pays into. Nobody pays itself."""
        named = {"burn": (BURNT,), "pot": (POT,), "others": self.others(party)}
        return named.get(rule.to, () if rule.to == party else (rule.to,))

    def others(self, party: str) -> tuple[str, ...]:
        """All parties but this one."""
        return tuple(p for p in self.sitting.law.language.parties if p != party)

    def settlement(self) -> Settlement:
        """What it all comes to."""
        net = dict.fromkeys(self.sitting.law.language.parties, 0)
        burnt = pot = 0
        for posting in self.postings:
            for name, change in ((posting.source, -posting.minor), (posting.target, posting.minor)):
                if name in net:
                    net[name] += change
                elif name == BURNT:
                    burnt += change
                else:
                    pot += change
        payments = {party: amount / PER_UNIT for party, amount in net.items()}
        return Settlement(
            postings=tuple(self.postings),
            payments=payments,
            burnt=burnt / PER_UNIT,
            pot=pot / PER_UNIT,
            bites=tuple(self.bites),
            problems=tuple(self.sitting.problems),
        )


def _sanction(cash: _Cash, rule: Rule, party: str, amount: float) -> None:
    """Ostrom (1990): a warning first, then what grows with every violation, up to the language's bound."""
    times = _whole(cash.sitting.facts, party, "violations")
    if times < 1:
        cash.bites.append(Bite(rule.number, rule.clause.kind, party, violation=True))
    else:
        cash.charge(rule, party, min(times * amount, cash.sitting.law.language.most), violation=True)


def _insure(cash: _Cash, rule: Rule) -> None:
    """Premiums into the pot; then claims out of it, in proportion where it does not suffice.

    A claim is at most the pot, so that no amount is too great to be cut.
    """
    for party in rule.parties:
        premium = cash.sitting.number(rule, party, rule.amount)
        if premium is not None:
            cash.charge(rule, party, premium, into=(POT,))
    pot, claims = cash.pot, {}
    for party in rule.parties:
        claim = None
        if rule.payout is not None and cash.sitting.holds(rule, party):
            claim = cash.sitting.number(rule, party, rule.payout)
        if claim is not None:
            claims[party] = min(pot, minor(min(claim, 1 + pot / PER_UNIT)))
    total = sum(claims.values())
    for party, claim_minor in claims.items():
        paid = claim_minor if total <= pot else claim_minor * pot // total
        if cash.post(rule, POT, (party,), paid):
            cash.bites.append(Bite(rule.number, rule.clause.kind, party, paid / PER_UNIT))


def _forfeit(cash: _Cash, rule: Rule) -> None:
    """What is left of a party's deposit goes where the clause says, where its condition holds."""
    for party in rule.parties:
        account = escrow(rule.number, party)
        deposit = cash.sitting.facts.books.minor(account)
        if deposit > 0 and cash.sitting.holds(rule, party):
            paid = cash.post(rule, account, cash.targets(rule, party), deposit)
            cash.bites.append(Bite(rule.number, rule.clause.kind, party, -paid / PER_UNIT, violation=True))


def _chosen(sitting: _Sitting) -> Allowed:
    """The labels after overrides."""
    choices = {party: _label(sitting, party) for party in sitting.law.language.parties}
    bites = []
    for rule, party in _first_overrides(sitting):
        known, choice = sitting.law.language.choices_of(party), rule.clause.choice or FIRST
        label = choice if choice in known else known[0]
        if choices[party] != label:
            choices[party] = label
            bites.append(Bite(rule.number, "override", party, violation=True))
    return Allowed({}, {}, choices, tuple(bites), tuple(sitting.problems))


def _first_overrides(sitting: _Sitting) -> Iterator[tuple[Rule, str]]:
    """For each party the first override whose condition holds."""
    done: set[str] = set()
    for rule in _of(sitting.law, "override"):
        for party in rule.parties:
            if party not in done and sitting.holds(rule, party):
                done.add(party)
                yield rule, party


def _of(law: Compiled, kind: str) -> Iterator[Rule]:
    return (rule for rule in law.rules if rule.clause.kind == kind)


def _stopped(rule: Rule, before: dict[str, int], after: dict[str, int]) -> list[Bite]:
    changes = {party: after[party] - before[party] for party in before}
    return [
        Bite(rule.number, rule.clause.kind, party, float(change), violation=True)
        for party, change in changes.items()
        if change
    ]


def _whole(facts: Facts, party: str, name: str) -> int:
    """A fact that is a whole number of 0 or more, such as the tons that a party asks for."""
    value = facts.own.get(party, {}).get(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value <= MOST_TONS and value == int(value):  # type: ignore[operator, call-overload]
        return int(value)  # type: ignore[call-overload, no-any-return]
    raise ParleyError(
        f"facts for a contract: {name} of '{party}' is {value!r}; give a whole number of 0 or more"
    )


def _label(sitting: _Sitting, party: str) -> str:
    """The label that a party chose."""
    label, known = sitting.facts.own.get(party, {}).get("mine"), sitting.law.language.choices_of(party)
    if label not in known:
        raise ParleyError(
            f"facts for a contract: '{party}' does {label!r}; give one of its labels: {', '.join(known)}"
        )
    return str(label)
