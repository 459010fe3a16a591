"""Who has paid what: double-entry accounts whose sum is exactly 0 after every posting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scenarios.errors import ParleyError

PER_UNIT = 10**9
"""Money is counted in whole billionths of a payoff unit, so that sums are exact."""
POT, BURNT = "pot", "burnt"


@dataclass(frozen=True)
class Posting:
    """`minor` billionths of a payoff unit, at least 0, go from one account to another."""

    source: str
    target: str
    minor: int
    clause: int = 0


@dataclass(frozen=True)
class Books:
    """Accounts of the parties, the pot, the burnt and each escrow, in whole billionths; the sum is always 0.

    Accounts begin at 0 and may go below: a party's is what it has been paid less what it has paid. Frozen:
    `posted` gives new books.
    """

    parties: tuple[str, ...]
    accounts: Mapping[str, int]

    @classmethod
    def of(cls, parties: Sequence[str]) -> Books:
        """Books in which nothing has been paid."""
        return cls(tuple(parties), dict.fromkeys((*parties, POT, BURNT), 0))

    def posted(self, postings: Iterable[Posting]) -> Books:
        """The books after these payments. Raises ParleyError for a payment below 0 or an unknown account."""
        accounts = dict(self.accounts)
        for posting in postings:
            for name in (posting.source, posting.target):
                if name not in accounts and not name.startswith(ESCROW):
                    raise ParleyError(f"books: no account '{name}'; there are {', '.join(accounts)}")
            if posting.minor < 0:
                raise ParleyError(
                    f"books: {posting.minor} from '{posting.source}'; give an amount of 0 or more"
                )
            accounts[posting.source] = accounts.get(posting.source, 0) - posting.minor
            accounts[posting.target] = accounts.get(posting.target, 0) + posting.minor
        return Books(self.parties, accounts)

    def minor(self, account: str) -> int:
        """Whole billionths in an account; 0 for one that nothing was ever posted to."""
        return self.accounts.get(account, 0)

    def balance(self, account: str) -> float:
        """Payoff units in an account."""
        return self.minor(account) / PER_UNIT

    def balances(self) -> dict[str, float]:
        """Payoff units by party: paid in less paid out."""
        return {party: self.balance(party) for party in self.parties}

    @property
    def burnt(self) -> float:
        """Payoff units that have left the table, at least 0."""
        return self.balance(BURNT)

    @property
    def pot(self) -> float:
        """Payoff units in the pot, at least 0; escrows are not in it."""
        return self.balance(POT)

    def total(self) -> int:
        """The sum of all accounts: 0."""
        return sum(self.accounts.values())

    def as_json(self) -> dict[str, Any]:
        """Plain data that JSON can carry, whole numbers only."""
        return {"parties": list(self.parties), "accounts": dict(self.accounts)}

    @classmethod
    def from_json(cls, data: Any) -> Books:
        """The books of `as_json`. Raises ParleyError where they do not add up to 0 or are no books."""
        try:
            parties = tuple(str(name) for name in data["parties"])
            accounts = {str(name): value for name, value in data["accounts"].items()}
        except (KeyError, TypeError, AttributeError):
            raise ParleyError("books: give {'parties': [...], 'accounts': {name: whole number}}") from None
        if any(type(value) is not int for value in accounts.values()):
            raise ParleyError("books: an account is no whole number; accounts are whole billionths of a unit")
        missing = {*parties, POT, BURNT} - accounts.keys()
        if missing or sum(accounts.values()):
            what = f"no account '{min(missing)}'" if missing else "the accounts do not add up to 0"
            raise ParleyError(f"books: {what}; take the books as they were written")
        return cls(parties, accounts)


ESCROW = "escrow:"
"""What the name of a deposit's account begins with; the clause and the party follow."""


def escrow(clause: int, party: str) -> str:
    """The account of a party's deposit under a clause."""
    return f"{ESCROW}{clause}:{party}"


def minor(units: float) -> int:
    """Whole billionths, the nearest to a finite amount of payoff units."""
    return round(units * PER_UNIT)


def closing(books: Books) -> tuple[Posting, ...]:
    """What shares out the pot evenly at the end of a run; what does not divide (under n billionths) stays in it."""
    each = max(0, books.minor(POT)) // len(books.parties) if books.parties else 0
    return tuple(Posting(POT, party, each) for party in books.parties) if each else ()
