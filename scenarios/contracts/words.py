"""What does a contract say in plain words: each clause read back from what will be enforced."""

from __future__ import annotations

from scenarios.contracts.compiled import Rule, compile_contract
from scenarios.contracts.contract import Contract
from scenarios.contracts.language import FIRST, Language
from scenarios.contracts.syntax import Call, Constant, Each, Listed, Name, Node

_COMPARED = {
    "_==_": "is", "_!=_": "is not", "_<_": "is below", "_<=_": "is at most", "_>_": "is above",
    "_>=_": "is at least", "@in": "is among", "contains": "contains", "startsWith": "begins with",
    "endsWith": "ends with",
}  # fmt: skip
_JOINED = {"_||_": ("or", 1), "_&&_": ("and", 2)}
_COUNTED = {"_+_": ("+", 4), "_-_": ("-", 4), "_*_": ("×", 5), "_/_": ("/", 5), "_%_": ("modulo", 5)}
_NAMED = {
    "math.floor": "{} rounded down", "math.ceil": "{} rounded up", "math.round": "{} rounded",
    "math.abs": "the size of {} without its sign", "int": "the whole part of {}", "double": "{}",
    "size": "the number of entries in {}",
}  # fmt: skip
_CONDITION, _COMPARISON, _UNARY, _ATOM = 0, 3, 6, 7


def in_words(contract: Contract, language: Language) -> list[str]:
    """The contract in plain words, a line a clause, numbered; the same contract gives the same words.

    The words come from the compiled expressions, so they say what will be done. What the drafter wrote in
    `says` stands beside them in quotes: whether the two agree is for the readers. Raises ContractError for a
    contract that does not compile.
    """
    law = compile_contract(contract, language)
    said = [f"The drafter's words, which do not bind: {_quoted(contract.says)}"] if contract.says else []
    if not law.rules:
        return [*said, "There are no clauses: everything passes."]
    return said + [f"{rule.number}. {_clause(rule, language)}" for rule in law.rules]


def condition_in_words(node: Node, language: Language) -> str:
    """An expression in plain words."""
    return _Reader(language).say(node)


def _clause(rule: Rule, language: Language) -> str:
    clause, reader = rule.clause, _Reader(language)
    times = reader.say(rule.amount.node, _ATOM)
    who = "each party" if clause.who == "each" else clause.who
    amount, always = reader.say(rule.amount.node), rule.when.node == Constant(True)
    condition = reader.say(rule.when.node)
    when = "" if always else f", when {condition}"
    goes, period = _goes(rule.to), "month" if language.acts == "amount" else "round"
    payout = reader.say(rule.payout.node) if rule.payout else ""
    told = {
        "cap": f"Cap: {who} may take at most {amount}{when}.",
        "quota": f"Quota: all together may take at most {amount}, shared evenly among those who ask{when}.",
        "override": f"Override: what {who} asks for becomes {amount}{when}.",
        "fine": f"Fine: {who} pays {amount}, which {goes}{when}.",
        "transfer": f"Transfer: {who} pays {amount}, which {goes}{when}.",
        "sanction": f"Sanction: {who} is warned the first time; later it pays {times} times the number of its "
        f"earlier violations, which {goes}{when}.",
        "escrow": f"Escrow: {who} deposits {amount} on adoption, and has it back at the end unless in some "
        f"{period} {condition}; then it {goes}.",
        "insurance": f"Insurance: {who} pays {amount} into the pot every {period}, and is paid {payout} from it"
        f"{when}.",
    }
    if clause.kind == "override" and clause.choice is not None:
        label = (
            reader.called[FIRST] if clause.choice == FIRST not in language.choices else repr(clause.choice)
        )
        told["override"] = f"Override: {who} does {label}, whatever it chose{when}."
    says = f" The drafter's words: {_quoted(clause.says)}" if clause.says else ""
    return told[clause.kind] + says


def _goes(to: str) -> str:
    known = {"burn": "nobody gets", "others": "goes evenly to the others", "pot": "goes into the pot"}
    return known.get(to, f"goes to {to}")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'


class _Reader:
    """Reads expressions of a language aloud."""

    def __init__(self, language: Language) -> None:
        """What the variables are called comes from the language; loops' variables are x, y, z here."""
        self.language = language
        self.called = {name: variable.called or name for name, variable in language.variables.items()}
        self.texts = {text for variable in language.variables.values() for text in variable.values}
        self.depth = 0

    def say(self, node: Node, within: int = 0) -> str:
        """The words of a part; in parentheses where what stands around it binds more closely."""
        words, binding = self._said(node)
        return f"({words})" if binding < within else words

    def _said(self, node: Node) -> tuple[str, int]:
        """Words and how closely they bind."""
        if isinstance(node, Constant):
            return self._literal(node.value), _ATOM
        if isinstance(node, Name):
            return self.called.get(node.name, node.name), _ATOM
        if isinstance(node, Listed):
            return f"[{', '.join(self.say(item) for item in node.items)}]", _ATOM
        if isinstance(node, Each):
            return self._loop(node)
        return self._idiom(node) or self._call(node)

    def _idiom(self, node: Call) -> tuple[str, int] | None:
        """What has a plainer name than its form."""
        match node:
            case Call("_==_", (Name("me"), Constant(str(party)))):
                return f"it is {party}", _COMPARISON
            case Call("_!=_", (Name("me"), Constant(str(party)))):
                return f"it is not {party}", _COMPARISON
            case Call("_==_", (Name("actions"), Listed(items))) if len(items) == len(self.language.parties):
                each = zip(self.language.parties, items, strict=True)
                return " and ".join(f"{party} does {self.say(item)}" for party, item in each), 2
            case Call("_[_]", (Name("actions"), Constant(int(seat)))) if (
                0 <= seat < len(self.language.parties)
            ):
                return f"what {self.language.parties[seat]} does", _ATOM
            case Call("_/_", (Name() as whole, Constant(2.0))):
                return f"half of {self.say(whole)}", 5
            case Call("size", (Each("filter", variable, over, Call("_==_", (Name(name), wanted))),)) if (
                name == variable
            ):
                return f"how often {self.say(wanted)} is in {self.say(over)}", _ATOM
        return None

    def _call(self, node: Call) -> tuple[str, int]:
        function, parts = node.function, node.arguments
        if function in _JOINED and len(parts) == 2:
            word, binding = _JOINED[function]
            sides = [
                self.say(
                    part, binding if isinstance(part, Call) and part.function == function else _COMPARISON
                )
                for part in parts
            ]
            return f" {word} ".join(sides), binding
        if function in _COMPARED and len(parts) == 2:
            left, right = (self.say(part, _COMPARISON + 1) for part in parts)
            return f"{left} {_COMPARED[function]} {right}", _COMPARISON
        if function in _COUNTED and len(parts) == 2:
            sign, binding = _COUNTED[function]
            return f"{self.say(parts[0], binding)} {sign} {self.say(parts[1], binding + 1)}", binding
        if function == "_?_:_" and len(parts) == 3:
            test, one, other = parts
            said = f"{self.say(one, 1)} if {self.say(test, 1)}, else {self.say(other)}"
            return said, _CONDITION
        if function in ("!_", "-_"):
            return f"{'not' if function == '!_' else 'minus'} {self.say(parts[0], _UNARY)}", _UNARY
        if function == "_[_]":
            return f"entry {self.say(parts[1])} (from 0) of {self.say(parts[0], _UNARY)}", _ATOM
        if function in ("math.@min", "math.@max"):
            items = parts[0].items if len(parts) == 1 and isinstance(parts[0], Listed) else parts
            which = "least" if function == "math.@min" else "greatest"
            return f"the {which} of {_and([self.say(item, _UNARY) for item in items])}", _UNARY
        told = _NAMED.get(function, function + " of {}").format(
            *(self.say(part, _UNARY) for part in parts[:1])
        )
        return told, self._said(parts[0])[1] if function == "double" else _UNARY

    def _loop(self, node: Each) -> tuple[str, int]:
        over = self.say(node.over, _UNARY)
        name, before = "xyz"[self.depth % 3] * (1 + self.depth // 3), self.called
        self.called, self.depth = {**before, node.variable: name}, self.depth + 1
        body, only = self.say(node.body), self.say(node.only) if node.only else ""
        self.called, self.depth = before, self.depth - 1
        match node:
            case Each("exists", own, _, Call("_==_", (Name(same), Constant() as wanted))) if own == same:
                return f"{self.say(wanted)} is among {over}", _COMPARISON
            case Each("exists"):
                return f"for some {name} of {over}: {body}", _CONDITION
            case Each("all"):
                return f"for every {name} of {over}: {body}", _CONDITION
            case Each("exists_one"):
                return f"for exactly one {name} of {over}: {body}", _CONDITION
            case Each("filter"):
                return f"those {name} of {over} for which {body}", _CONDITION
        return (
            f"the list of {body} for each {name} of {over}{f' for which {only}' if only else ''}",
            _CONDITION,
        )

    def _literal(self, value: bool | int | float | str) -> str:
        """A literal; letters that may look like others, or cannot be seen, are spelt out unless a name has them."""
        if isinstance(value, bool):
            return "always" if value else "never"
        if isinstance(value, str):
            return f"'{value}'" if value in self.texts else ascii(value)
        return f"{value:.12g}"


def _and(told: list[str]) -> str:
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
