"""What is a contract: at most twelve clauses, each a kind, a condition and an amount, written as data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, StringConstraints

from scenarios.errors import ParleyError
from scenarios.model import Written

ClauseKind = Literal["cap", "quota", "override", "fine", "transfer", "escrow", "insurance", "sanction"]
KINDS: tuple[ClauseKind, ...] = get_args(ClauseKind)

MOST_CLAUSES = 12
MOST_LETTERS = 400
"""Characters of one expression."""


def _plain(text: str) -> str:
    """One line without what cannot be seen: problems quote what somebody wrote."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


Expression = Annotated[str, StringConstraints(min_length=1, max_length=MOST_LETTERS)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Says = Annotated[str, BeforeValidator(_one_line), StringConstraints(max_length=300)]
Preamble = Annotated[str, BeforeValidator(_one_line), StringConstraints(max_length=600)]


class Clause(Written):
    """One clause. `when` is a truth and `amount` a number, both CEL expressions over the language's variables.

    What happens in a period, to each party `who` (or the one named) for whom `when` holds:

    - `cap`: it may take `amount` at most, whole tons rounded down. (Amounts only.)
    - `quota`: all together may take `amount` at most; what they ask for is cut to one level, so that nobody
      gets more than it asked for, and those who asked for little lose nothing. Whole tons; what is left over
      is dealt by a fair draw among those cut. It is for everybody, and sees the shared variables alone.
    - `override`: what it asks for becomes `amount`; in a game its label becomes `choice` ("first": the first of
      its labels). Of several that hold, the first in the contract counts. Overrides come before caps, and caps
      before quotas.
    - `fine`: it pays `amount`: `to` the fire ("burn", the default: it leaves the table), evenly to the
      "others", into the "pot", or to a party.
    - `transfer`: it pays `amount` `to` a party, evenly to the "others" (the default), or into the "pot"; no
      misdeed, so it is not counted as a violation.
    - `escrow`: it pays in `amount` when the contract is adopted and has it back when the contract ends, unless
      `when` held in some period: then it goes `to` the "others" (the default), the "pot", "burn" or a party.
    - `insurance`: it pays the premium `amount` into the pot in every period; in those in which `when` holds
      it is paid `payout` out of the pot. Where the pot does not suffice, all claims of the clause are cut in
      proportion.
    - `sanction`: graduated (Ostrom 1990): the first violation is a warning, the one after v earlier ones costs
      v times `amount`, though never more than the language's bound; `to` as with a fine.

    `violations` counts the periods in which a party was stopped by a cap, quota or override, or fined,
    sanctioned (the warning too), or lost its escrow. Nobody pays itself: where `to` is the party that pays,
    nothing is paid.
    Whatever is in the pot at the end is shared evenly. `says` is the drafter's own words; they bind nobody.
    """

    kind: ClauseKind
    who: Name = "each"
    when: Expression = "true"
    amount: Expression = "0.0"
    to: Name | None = None
    choice: Name | None = None
    payout: Expression | None = None
    says: Says = ""


class Contract(Written):
    """What the parties agree on. An empty one lets everything pass."""

    says: Preamble = ""
    clauses: Annotated[tuple[Clause, ...], Field(max_length=MOST_CLAUSES)] = ()


class ContractError(ParleyError):
    """A contract that cannot be adopted; `problems` has one line for each thing that is wrong, with its mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(_plain(problem) for problem in problems)
        super().__init__("contract: " + "; ".join(self.problems))
