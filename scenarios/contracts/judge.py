"""May an expression stand in a contract: what it names, which functions it calls, and how long it can take.

An expression is judged by its tree (`syntax`), after the compiler has accepted its types:

- it names the variables of its language and of its own loops, and calls FUNCTIONS, and nothing else: no clock
  (`timestamp`), no regular expressions (`matches`), no escape from types (`dyn`, `type`), no maps, no fields;
- a text that is compared with a variable whose texts are all known is one of them;
- a bound on its steps is at most MOST_STEPS. The bound follows the tree: a call costs 1 and what it reads of
  texts and lists; a loop costs its body times the length of its list; texts and lists grow with `+` and `map`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce

from scenarios.contracts.language import MOST_LETTERS, MOST_PARTIES, Variable
from scenarios.contracts.syntax import Call, Constant, Each, Listed, Name, Node, children, walk

FUNCTIONS: Mapping[str, str] = {
    "_&&_": "&&", "_||_": "||", "!_": "!", "_?_:_": "? :",
    "_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">=", "@in": "in",
    "_+_": "+", "_-_": "-", "_*_": "*", "_/_": "/", "_%_": "%", "-_": "-", "_[_]": "[ ]",
    "size": "size", "double": "double", "int": "int",
    "contains": "contains", "startsWith": "startsWith", "endsWith": "endsWith",
    "math.@min": "math.least", "math.@max": "math.greatest", "math.floor": "math.floor",
    "math.ceil": "math.ceil", "math.round": "math.round", "math.abs": "math.abs",
}  # fmt: skip
"""What an expression may call: CEL's name for it, and how it is written."""

MOST_STEPS = 50_000
"""Bound on the steps of one evaluation. Of 14,000 expressions built to be slow within it, the slowest took 8 ms."""
MOST_STEPS_A_PERIOD = 500_000
"""Bound on the steps of all clauses for all parties in one period."""


@dataclass(frozen=True)
class _Size:
    """A bound on a value: characters of a text (1 for a number), or entries of a list and the size of each."""

    length: int = 1
    entry: _Size | None = None

    @property
    def weight(self) -> int:
        """All characters and numbers in it."""
        return self.length * self.entry.weight if self.entry else self.length

    def joined(self, other: _Size, length: int) -> _Size:
        """A value of this length whose entries may be of either."""
        if self.entry and other.entry:
            most = max(self.entry.length, other.entry.length)
            return _Size(length, self.entry.joined(other.entry, most))
        return _Size(length, self.entry or other.entry)


def objections(node: Node, declared: Mapping[str, Variable]) -> list[str]:
    """What is wrong with the tree of an expression over these variables, a line each with its mend."""
    found = [
        *_strangers(node),
        *_hidden(node, declared),
        *_slips(node, {k: v.values for k, v in declared.items()}),
    ]
    if not found and (most := steps(node, declared)) > MOST_STEPS:
        found.append(f"could take {most:.3g} steps, more than {MOST_STEPS}; use fewer loops inside loops")
    return list(dict.fromkeys(found))


def steps(node: Node, declared: Mapping[str, Variable]) -> int:
    """A bound on the steps of an evaluation, each a tenth of a microsecond or less."""
    return _bound(node, {name: _size(v) for name, v in declared.items()})[0]


def meant(word: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    """A hint at the known word that was probably meant, or at all of them."""
    near = get_close_matches(word, list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"


def _strangers(node: Node) -> Iterator[str]:
    """Functions that contracts do not have."""
    calls = (part.function for part in walk(node) if isinstance(part, Call))
    strange = tuple(dict.fromkeys(name for name in calls if name not in FUNCTIONS))
    if strange:
        written = " ".join(dict.fromkeys(FUNCTIONS.values()))
        yield f"contracts have no {', '.join(repr(name) for name in strange)}; there are {written}"


def _hidden(node: Node, declared: Mapping[str, Variable]) -> Iterator[str]:
    """Names of variables, or of types, that stand for something else than readers would think."""
    for part in walk(node):
        if isinstance(part, Each) and part.variable in declared:
            yield f"the loop's '{part.variable}' is a variable already; call it x"
    bound = {part.variable for part in walk(node) if isinstance(part, Each)}
    for part in walk(node):
        if isinstance(part, Name) and part.name not in declared and part.name not in bound:
            yield f"no '{part.name}' here; {meant(part.name, declared)}"


def _slips(node: Node, values: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Texts compared with what can never be equal to them: the truth would always be the same."""
    if isinstance(node, Call) and node.function in ("_==_", "_!=_", "@in") and len(node.arguments) == 2:
        for one, other in (node.arguments, node.arguments[::-1]):
            known = _values(one, values)
            for text in _texts(other) if known else ():
                if text not in known:
                    yield f"'{text}' is none of what this can be; {meant(text, known)}"
    if isinstance(node, Each):
        yield from _slips(node.over, values)
        inner = {**values, node.variable: _values(node.over, values)}
        yield from (slip for part in (node.only, node.body) if part for slip in _slips(part, inner))
        return
    for child in children(node):
        yield from _slips(child, values)


def _values(node: Node, values: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Every text that a part can be, or that its entries can; empty where that is not known."""
    if isinstance(node, Name):
        return values.get(node.name, ())
    if isinstance(node, Call) and node.function == "_[_]":
        return _values(node.arguments[0], values)
    if isinstance(node, Each) and node.macro == "filter":
        return _values(node.over, values)
    return ()


def _texts(node: Node) -> tuple[str, ...]:
    parts = node.items if isinstance(node, Listed) else (node,)
    return tuple(p.value for p in parts if isinstance(p, Constant) and isinstance(p.value, str))


def _size(variable: Variable) -> _Size:
    entry = _Size(MOST_LETTERS if variable.kind in ("text", "texts") else 1)
    return _Size(MOST_PARTIES, entry) if variable.kind in ("texts", "numbers") else entry


def _bound(node: Node, sizes: Mapping[str, _Size]) -> tuple[int, _Size]:
    """A bound on the steps of a part, and on the size of what comes of it."""
    if isinstance(node, Constant):
        return 1, _Size(len(node.value) if isinstance(node.value, str) else 1)
    if isinstance(node, Name):
        return 1, sizes.get(node.name, _Size())
    if isinstance(node, Each):
        return _loop(node, sizes)
    below = [_bound(child, sizes) for child in children(node)]
    cost, found = 1 + sum(cost for cost, _ in below), [size for _, size in below]
    if isinstance(node, Listed):
        return cost, _Size(len(found), _either(found) if found else _Size())
    return cost + _reading(node.function, found), _result(node.function, found)


def _loop(node: Each, sizes: Mapping[str, _Size]) -> tuple[int, _Size]:
    cost, over = _bound(node.over, sizes)
    inner = {**sizes, node.variable: over.entry or _Size()}
    only, _ = _bound(node.only, inner) if node.only else (0, _Size())
    each, size = _bound(node.body, inner)
    # building a list costs ten times as much as going through one
    cost += over.length * ((20 if node.macro in ("map", "filter") else 5) + only + each)
    if node.macro == "map":
        return cost + over.length * size.weight // 20, _Size(over.length, size)
    return cost, over if node.macro == "filter" else _Size()


def _reading(function: str, sizes: list[_Size]) -> int:
    """Steps of a call beyond 1: what it reads of texts and lists, 20 characters or entries a step."""
    if function == "contains":
        return sizes[0].weight * sizes[-1].weight // 20
    read = {"_[_]": 0, "size": 0}.get(function, sum(size.weight for size in sizes) // 20)
    return read + (sum(size.length for size in sizes if size.entry) if read else 0)


def _result(function: str, sizes: list[_Size]) -> _Size:
    if function == "_+_" and len(sizes) == 2:
        return sizes[0].joined(sizes[1], sizes[0].length + sizes[1].length)
    if function == "_?_:_":
        return _either(sizes[1:])
    if function == "_[_]":
        return sizes[0].entry or _Size()
    return _Size()


def _either(sizes: list[_Size]) -> _Size:
    return reduce(lambda one, other: one.joined(other, max(one.length, other.length)), sizes)
