"""How is a mechanism written as a contract that parties can read and a graph can enforce?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scenarios.errors import ParleyError
from scenarios.mechanisms.mechanism import Mechanism
from scenarios.mechanisms.problem import Problem

if TYPE_CHECKING:
    from scenarios.contracts import Clause, Contract, Language

Box = tuple[frozenset[str], ...]
"""Records as a product: the cells, then the labels of each party."""

LEAST = 1e-7
"""The smallest amount that a contract says, in ranges of the payoffs."""

DECIMALS = 9
"""Of an amount in a contract: the smallest unit that its books know."""


def language_of(problem: Problem, bound: float | None = None) -> Language:
    """The contract language of a problem: its cells, its labels, and what may be taken from a party in a round.

    That is `bound`, and a millionth of the payoffs' range more for what rounding adds.
    """
    from scenarios.contracts import game_language

    limit = problem.bound(bound)
    cells = tuple(dict.fromkeys(problem.cells))
    return game_language(problem.parties, problem.labels, cells, most=limit + 1e-6 * problem.range)


def as_contract(mechanism: Mechanism) -> Contract:
    """The transfers of a mechanism as clauses over `language_of` its problem; strategies stay with the parties.

    In a record where some pay and some get, each payer's amount goes to those who get in proportion to what they
    get, and what nobody gets is burnt. Records in which one pays another the same are one clause, with the fewest
    conditions that a merging of neighbours finds. Amounts are rounded to 1e-9 payoff units; less than LEAST ranges
    of the payoffs is what a solver left, and is not written.

    Raises ParleyError where actions are not verified by labels, or the clauses are more or longer than a contract
    may have.
    """
    from scenarios.contracts import Clause, Contract
    from scenarios.contracts.contract import MOST_CLAUSES, MOST_LETTERS

    problem = mechanism.problem
    if problem.outcomes is not None:
        raise ParleyError(
            f"{problem.name}: outcomes are no labels, so no contract can name them; give labels"
        )
    clauses: list[Clause] = []
    for (payer, to, amount), records in _payments(mechanism).items():
        when = " || ".join(_condition(problem, box) for box in _boxes(problem, records)) or "true"
        if len(when) > MOST_LETTERS:
            raise ParleyError(
                f"{problem.name}: what {payer} pays {to} needs {len(when)} characters of conditions, and a clause "
                f"has {MOST_LETTERS}; give fewer or shorter labels"
            )
        kind = "fine" if to == "burn" else "transfer"
        clauses.append(Clause(kind=kind, who=payer, to=to, when=when, amount=amount))
    if len(clauses) > MOST_CLAUSES:
        raise ParleyError(
            f"{problem.name}: the mechanism needs {len(clauses)} clauses, and a contract has {MOST_CLAUSES}; "
            "try another bound or budget"
        )
    return Contract(says=f"The best mechanism of {problem.name}, by computation.", clauses=tuple(clauses))


def _payments(mechanism: Mechanism) -> dict[tuple[str, str, str], list[tuple[str, ...]]]:
    """(payer, whom or burn, amount) -> the records in which so much is paid."""
    parties = mechanism.problem.parties
    out: dict[tuple[str, str, str], list[tuple[str, ...]]] = {}
    for record, net in mechanism.paid():
        paid = -sum(x for x in net if x < 0)
        got = {parties[j]: x for j, x in enumerate(net) if x > 0}
        shares = got | {"burn": paid - sum(got.values())}
        for i, x in enumerate(net):
            for to, share in shares.items():
                amount = round(-x * share / paid, DECIMALS) if x < 0 else 0.0
                if amount > LEAST * mechanism.problem.range:
                    out.setdefault((parties[i], to, _written(amount)), []).append(record)
    order = {name: k for k, name in enumerate((*parties, "burn"))}
    return dict(sorted(out.items(), key=lambda item: (order[item[0][0]], order[item[0][1]])))


def _written(amount: float) -> str:
    digits = f"{amount:.{DECIMALS}f}".rstrip("0")
    return f"{digits}0" if digits.endswith(".") else digits


def _boxes(problem: Problem, records: list[tuple[str, ...]]) -> list[Box]:
    """Disjoint boxes that hold these records and no others: neighbours are merged until none are left."""
    boxes: list[Box] = [tuple(frozenset((word,)) for word in record) for record in records]
    while pair := _neighbours(boxes):
        first, second = pair
        merged = tuple(a | b for a, b in zip(boxes[first], boxes[second], strict=True))
        boxes = [box for k, box in enumerate(boxes) if k not in pair] + [merged]
    return boxes


def _neighbours(boxes: list[Box]) -> tuple[int, int] | None:
    """Two boxes that differ in one place only."""
    for i, one in enumerate(boxes):
        for j in range(i):
            if sum(a != b for a, b in zip(one, boxes[j], strict=True)) == 1:
                return j, i
    return None


def _condition(problem: Problem, box: Box) -> str:
    """A box as an expression; what leaves a place free is not mentioned."""
    places = [(tuple(dict.fromkeys(problem.cells)), "cell")]
    places += [(tuple(dict.fromkeys(own)), f"actions[{i}]") for i, own in enumerate(problem.labels)]
    said = []
    for (every, name), words in zip(places, box, strict=True):
        if len(words) == len(every):
            continue
        quoted = [json.dumps(word, ensure_ascii=False) for word in every if word in words]
        said.append(f"{name} == {quoted[0]}" if len(quoted) == 1 else f"{name} in [{', '.join(quoted)}]")
    return " && ".join(said) or "true"
