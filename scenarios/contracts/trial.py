"""Would a contract work: every clause tried on sample facts before anybody is bound by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from scenarios.contracts.compiled import Compiled, Rule, compile_contract
from scenarios.contracts.contract import Contract, ContractError
from scenarios.contracts.formula import Formula, Scope, Unfit, view
from scenarios.contracts.language import Facts, Language

if TYPE_CHECKING:
    from cel_expr_python import cel

_STANDING = ((0.0, 0.0), (1.0, 12.5), (2.0, -40.0), (0.0, -3.0))
"""(violations, balance) of parties in the samples, in turn."""
_TAKING = frozenset({"fine", "transfer", "escrow", "insurance", "sanction"})
_MOST_PROFILES = 24
_SHOWN = 12


@dataclass(frozen=True, eq=False)
class _Bench:
    """The samples of a language, each party's facts made ready once."""

    language: Language
    facts: tuple[Facts, ...]
    _made: dict[tuple[Scope, int, str], cel.Activation] = field(default_factory=dict)

    def activation(self, scope: Scope, index: int, party: str) -> cel.Activation:
        key = (scope, index, party)
        if key not in self._made:
            facts = self.facts[index]
            own = facts.own[party] if party else {}
            self._made[key] = view(self.language, scope).activation(facts.shared, own)
        return self._made[key]


@lru_cache(maxsize=32)
def _bench(language: Language) -> _Bench:
    return _Bench(language, samples(language))


def adoptable(contract: Contract, language: Language) -> Compiled:
    """The contract as a law, compiled and tried. Raises ContractError with what its drafter has to mend."""
    law = compile_contract(contract, language)
    problems = trial(law, language)
    if problems:
        raise ContractError(problems)
    return law


def trial(law: Compiled, language: Language) -> tuple[str, ...]:
    """What is wrong with a contract that compiles, a line each with an example; empty where all is well.

    Every expression is evaluated on a grid of facts, for every party of its clause: `amount` and `payout` where
    `when` holds. A clause is refused that fails, or gives no finite amount of 0 or more, or takes more than the
    language's bound in one period, on some of them. So `stock - 50.0` is refused (say what holds below 50), and
    so is `total_taken / asked` (nobody may have asked). What the samples do not show is met at run time: the
    clause is then not applied, and that is told.
    """
    problems, bench = [], _bench(language)
    for rule in law.rules:
        problem = next(_failures(rule, bench), None)
        if problem:
            problems.append(f"{rule.place}: {problem}")
    return tuple(problems)


def _failures(rule: Rule, bench: _Bench) -> Iterator[str]:
    """The first thing that goes wrong with a clause, with the facts at which it did."""
    amount_scope: Scope = "adoption" if rule.clause.kind == "escrow" else rule.scope
    parties = ("",) if rule.scope == "shared" else rule.parties
    always = rule.clause.kind in ("escrow", "insurance")
    for index, facts in enumerate(bench.facts):
        for party in parties:
            what = "when"
            try:
                holds = rule.when.truth(bench.activation(rule.scope, index, party))
                what = "amount"
                if holds or always:
                    found = rule.amount.number(bench.activation(amount_scope, index, party))
                    if rule.clause.kind in _TAKING and found > bench.language.most:
                        most = bench.language.most
                        raise Unfit(
                            f"is {found:g}",
                            f"the most in one period is {most:g}: write math.least(most, …)",
                        )
                what = "payout"
                if holds and rule.payout is not None:
                    rule.payout.number(bench.activation(rule.scope, index, party))
            except Unfit as error:
                formulas = {"when": rule.when, "amount": rule.amount, "payout": rule.payout}
                yield f"{what} {error.gave} {_example(formulas[what], facts, party)}; {error.mend}"


def _example(formula: Formula | None, facts: Facts, party: str) -> str:
    """The facts of an example that the expression names."""
    named = formula.names if formula else frozenset[str]()
    values = {**facts.shared, **(facts.own[party] if party else {})}
    told = [f"{name} = {_written(values[name])}" for name in values if name in named][:_SHOWN]
    return f"with {', '.join(told)}" if told else "whatever the facts"


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


@lru_cache(maxsize=32)
def samples(language: Language) -> tuple[Facts, ...]:
    """Facts to try a contract on, the same for every contract of a language."""
    return tuple(_months(language) if language.acts == "amount" else _rounds(language))


def _months(language: Language) -> Iterator[Facts]:
    """Stocks from next to nothing to all, early and late, every cell; nobody, some and everybody asking."""
    n, scale = len(language.parties), language.scale
    cells = language.variables["event"].values if "event" in language.variables else ()
    stocks = [round(scale * share) for share in (0.05, 0.2, 0.5, 0.8, 1.0)]
    fair = float(round(scale / (2 * n)))
    patterns: tuple[list[float], ...] = (
        [0.0] * n,
        [fair] * n,
        [scale] * n,
        [scale * (i % 2) for i in range(n)],
    )
    for turn, (stock, asks) in enumerate(product(stocks, patterns)):
        total = float(sum(asks))
        share = min(1.0, stock / total) if total else 0.0
        taken = [float(int(asked * share)) for asked in asks]
        shared = {
            "month": float(1 + turn % language.periods),
            "months": float(language.periods),
            "stock": float(stock),
            "capacity": scale,
            "n": float(n),
            "total_asked": total,
            "total_taken": sum(taken),
            "event": cells[turn % len(cells)] if cells else "calm",
        }
        own = {
            party: {"me": party, "asked": float(asks[i]), "taken": taken[i], **_standing(i + turn)}
            for i, party in enumerate(language.parties)
        }
        yield Facts(shared, own)


def _rounds(language: Language) -> Iterator[Facts]:
    """Profiles of labels, each at least once in every cell; all of them where they are few."""
    cells = language.variables["cell"].values or ("only",)
    profiles = list(product(*language.labels)) if _count(language) <= 10 * _MOST_PROFILES else []
    longest = max(len(labels) for labels in language.labels)
    if not profiles:  # everybody alike, and everybody but one
        alike = [tuple(ls[k % len(ls)] for ls in language.labels) for k in range(longest)]
        one_off = [
            tuple(ls[(i == j) % len(ls)] for i, ls in enumerate(language.labels))
            for j in range(len(language.labels))
        ]
        profiles = [*alike, *one_off]
    for turn, (cell, profile) in enumerate(product(cells, profiles[:: 1 + len(profiles) // _MOST_PROFILES])):
        shared = {
            "round": float(1 + turn % language.periods),
            "rounds": float(language.periods),
            "cell": cell,
            "actions": list(profile),
        }
        own = {
            party: {
                "me": party,
                "mine": profile[i],
                "others": [*profile[:i], *profile[i + 1 :]],
                **_standing(i + turn),
            }
            for i, party in enumerate(language.parties)
        }
        yield Facts(shared, own)


def _count(language: Language) -> int:
    count = 1
    for labels in language.labels:
        count *= len(labels)
    return count


def _standing(turn: int) -> dict[str, float]:
    violations, balance = _STANDING[turn % len(_STANDING)]
    return {"violations": violations, "balance": balance}
