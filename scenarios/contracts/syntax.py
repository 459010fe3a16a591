"""What does a compiled expression say: its tree, read from what the CEL compiler itself made of it.

The compiler serialises a checked expression as the protocol buffer `cel.expr.CheckedExpr` (cel-spec,
proto/cel/expr/checked.proto and syntax.proto; field numbers below are theirs). Reading that, and not the text,
means that what is judged and read back is what will run: no second parser can disagree with the first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Macro = Literal["exists", "all", "exists_one", "map", "filter"]


class Unreadable(ValueError):
    """A construct that contracts do not have; the message names it."""


@dataclass(frozen=True)
class Constant:
    """A literal."""

    value: bool | int | float | str


@dataclass(frozen=True)
class Name:
    """A variable, of the language or of an enclosing `Each`."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function or operator, in CEL's own name (`_+_`, `size`); of a method, the target comes first."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Listed:
    """A list written out."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Each:
    """One of CEL's loops over a list: exists, all, exists_one, map (with `only`, map with a condition), filter."""

    macro: Macro
    variable: str
    over: Node
    body: Node
    only: Node | None = None


Node = Constant | Name | Call | Listed | Each


def tree(serialized: bytes) -> Node:
    """The tree of a serialised checked expression. Raises Unreadable for what contracts do not have."""
    message = serialized
    for number, value in _fields(serialized):
        if number == 2 and isinstance(value, bytes):  # google.protobuf.Any: 1 type_url, 2 value
            message = value
    return _node(_message(message, 4))  # CheckedExpr: 4 expr


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(reversed(children(part)))


def children(node: Node) -> tuple[Node, ...]:
    """What stands directly below a node."""
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Listed):
        return node.items
    if isinstance(node, Each):
        return (node.over, *((node.only,) if node.only else ()), node.body)
    return ()


def _node(raw: bytes) -> Node:
    """Expr: 3 const, 4 ident, 5 select, 6 call, 7 list, 8 struct, 9 comprehension."""
    for number, value in _fields(raw):
        if number == 2 or not isinstance(value, bytes):
            continue
        if number == 3:
            return _constant(value)
        if number == 4:
            return Name(_text(value, 1))
        if number == 6:
            # the target of a method (1) is written before its arguments (3)
            parts = [part for at, part in _fields(value) if at in (1, 3) and isinstance(part, bytes)]
            return Call(_text(value, 2), tuple(_node(part) for part in parts))
        if number == 7:
            items = [part for at, part in _fields(value) if at == 1 and isinstance(part, bytes)]
            return Listed(tuple(_node(part) for part in items))
        if number == 9:
            return _each(value)
        raise Unreadable({5: "fields ('a.b')", 8: "maps or messages ('{…}')"}.get(number, "such parts"))
    raise Unreadable("empty expressions")


def _constant(raw: bytes) -> Constant:
    """Constant: 1 null, 2 bool, 3 int64, 4 uint64, 5 double, 6 string, 7 bytes, then durations and timestamps."""
    for number, value in _fields(raw):
        if number == 2:
            return Constant(bool(value))
        if number == 3 and isinstance(value, int):
            return Constant(value - 2**64 if value >= 2**63 else value)
        if number == 5 and isinstance(value, bytes):
            return Constant(float(struct.unpack("<d", value)[0]))
        if number == 6 and isinstance(value, bytes):
            return Constant(value.decode("utf-8"))
        raise Unreadable({1: "null", 4: "unsigned numbers ('1u')", 7: "bytes (b'…')"}.get(number, "times"))
    raise Unreadable("empty literals")


def _each(raw: bytes) -> Each:
    """A comprehension, told by its step which macro it was.

    Comprehension: 1 variable, 2 range, 3 accumulator, 6 step, 8 second variable.
    """
    variable, accumulator, over = _text(raw, 1), _text(raw, 3), _node(_message(raw, 2))
    step, gathered = _node(_message(raw, 6)), Name(accumulator)
    if _text(raw, 8) or not isinstance(step, Call):
        raise Unreadable("loops other than exists, all, exists_one, map and filter")
    match step:
        case Call("_||_", (first, body)) if first == gathered:
            return Each("exists", variable, over, body)
        case Call("_&&_", (first, body)) if first == gathered:
            return Each("all", variable, over, body)
        case Call("_+_", (first, Listed((body,)))) if first == gathered:
            return Each("map", variable, over, body)
        case Call("_?_:_", (body, Call("_+_", (first, Constant(1))), last)) if first == last == gathered:
            return Each("exists_one", variable, over, body)
        case Call("_?_:_", (only, Call("_+_", (first, Listed((body,)))), last)) if first == last == gathered:
            if body == Name(variable):
                return Each("filter", variable, over, only)
            return Each("map", variable, over, body, only)
    raise Unreadable("loops other than exists, all, exists_one, map and filter")


def _message(raw: bytes, wanted: int) -> bytes:
    found = [value for number, value in _fields(raw) if number == wanted and isinstance(value, bytes)]
    if not found:
        raise Unreadable("empty expressions")
    return found[-1]


def _text(raw: bytes, wanted: int) -> str:
    found = [value for number, value in _fields(raw) if number == wanted and isinstance(value, bytes)]
    return found[-1].decode("utf-8") if found else ""


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field of a message; wire types 0 varint, 1 eight bytes, 2 counted, 5 four bytes."""
    at = 0
    while at < len(raw):
        key, at = (raw[at], at + 1) if raw[at] < 0x80 else _varint(raw, at)
        wire = key & 7
        if wire == 0:
            number, at = _varint(raw, at)
            yield key >> 3, number
            continue
        if wire not in (1, 2, 5):
            raise Unreadable("parts of no known form")
        length, at = _varint(raw, at) if wire == 2 else (8 if wire == 1 else 4, at)
        if at + length > len(raw):
            raise Unreadable("parts cut short")
        yield key >> 3, raw[at : at + length]
        at += length


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw):
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise Unreadable("parts cut short")
