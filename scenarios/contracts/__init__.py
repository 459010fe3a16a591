"""Contracts that are enforced, safely: clauses of CEL over exactly the variables their language declares."""

from scenarios.contracts.books import Books, Posting, closing
from scenarios.contracts.compiled import Compiled, compile_contract
from scenarios.contracts.contract import KINDS, Clause, Contract, ContractError
from scenarios.contracts.language import Facts, Language, Variable, commons_language, game_language
from scenarios.contracts.law import Allowed, Bite, Lasting, Law, Settlement, violators
from scenarios.contracts.load import catalogue, contract_from, load_contract
from scenarios.contracts.trial import adoptable, trial
from scenarios.contracts.words import in_words

__all__ = [
    "KINDS",
    "Allowed",
    "Bite",
    "Books",
    "Clause",
    "Compiled",
    "Contract",
    "ContractError",
    "Facts",
    "Language",
    "Lasting",
    "Law",
    "Posting",
    "Settlement",
    "Variable",
    "adoptable",
    "catalogue",
    "closing",
    "commons_language",
    "compile_contract",
    "contract_from",
    "game_language",
    "in_words",
    "load_contract",
    "trial",
    "violators",
]
