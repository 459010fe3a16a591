"""What does one expression come to: compiled and judged once, evaluated on facts, never trusted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from scenarios.contracts.judge import meant, objections, steps
from scenarios.contracts.language import MOST_LETTERS, MOST_PARTIES, Kind, Language, Variable
from scenarios.contracts.syntax import Constant, Name, Node, Unreadable, tree, walk
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from cel_expr_python import cel

Scope = Literal["shared", "adoption", "before", "after"]
"""What an expression sees: all after a period (`after`); before it, what is known once the parties have asked or
chosen (`before`), of that the shared variables alone (`shared`), or what is known on adoption (`adoption`)."""
HUGE = 1e300
"""Facts that are numbers are smaller; NaN and infinities are no facts."""
Wanted = Literal["truth", "number"]

_WORDS = {"truth": "a truth (true or false)", "number": "a number"}
_CEL_WORDS = {
    "DOUBLE": "a number",
    "BOOL": "a truth",
    "STRING": "a text",
    "INT": "a whole number (1, not 1.0)",
}


class Unfit(ValueError):
    """An expression that gave nothing a clause could use: what it gave ("is -3"), and what would do."""

    def __init__(self, gave: str, mend: str) -> None:
        self.gave, self.mend = gave, mend
        super().__init__(f"{gave}; {mend}")


class Refused(ValueError):
    """An expression that cannot stand in a contract; the message says why, and the mend."""


@dataclass(frozen=True)
class Formula:
    """A compiled expression, its text, its tree, and a bound on the steps of an evaluation."""

    text: str
    node: Node
    program: cel.Expression
    steps: int

    def truth(self, activation: cel.Activation) -> bool:
        """Its value as a truth. Raises Unfit where it has none."""
        value = self._value(activation)
        if not isinstance(value, bool):
            raise Unfit(f"is {_shown(value)}", "a condition is true or false")
        return value

    def number(self, activation: cel.Activation) -> float:
        """Its value as an amount: finite, 0 or more. Raises Unfit where it has none."""
        value = self._value(activation)
        if not isinstance(value, float):
            raise Unfit(f"is {_shown(value)}", "an amount is a number")
        if not math.isfinite(value):
            raise Unfit(
                f"is {'not a number' if math.isnan(value) else 'infinite'}", "keep it from dividing by 0"
            )
        if value < 0:
            raise Unfit(f"is {value:g}", "an amount is 0 or more")
        return value

    @cached_property
    def names(self) -> frozenset[str]:
        """The variables that it names, its loops' among them."""
        return frozenset(part.name for part in walk(self.node) if isinstance(part, Name))

    def _value(self, activation: cel.Activation) -> object:
        if isinstance(self.node, Constant):
            return self.node.value
        try:
            found = self.program.eval(activation)
        except (
            RuntimeError
        ) as error:  # what the library raises where it gives up, say on its iteration budget
            raise Unfit(f"cannot be worked out ({_tidied(str(error))})", "make it simpler") from None
        value: object = found.value()
        if found.type().name() == "ERROR":
            raise Unfit(f"cannot be worked out ({_tidied(str(value))})", "say what holds then")
        return value


@dataclass(frozen=True, eq=False)
class View:
    """What expressions of one scope see: the variables declared to them, and the compiler that knows no others."""

    language: Language
    declared: Mapping[str, Variable]
    environment: cel.Env

    def formula(self, text: str, wanted: Wanted) -> Formula:
        """The expression, if it may stand in a contract. Raises Refused."""
        _check_letters(text, self.language)
        try:
            program = self.environment.compile(text)
        except RuntimeError as error:
            raise Refused(_readable(str(error), self.language, self.declared)) from None
        try:
            node = tree(program.serialize())
        except Unreadable as error:
            raise Refused(f"contracts have no {error}; use the variables and plain operators") from None
        found = objections(node, self.declared)
        if found:
            raise Refused("; ".join(found))
        kind = program.return_type().name()
        if kind != {"truth": "BOOL", "number": "DOUBLE"}[wanted]:
            mend = (
                "; write 1.0 for 1, double(…) around size(…)" if kind == "INT" and wanted == "number" else ""
            )
            raise Refused(f"it is {_CEL_WORDS.get(kind, 'a list or a kind')}, not {_WORDS[wanted]}{mend}")
        return Formula(text, node, program, steps(node, self.declared))

    def activation(
        self,
        shared: Mapping[str, object],
        own: Mapping[str, object],
        named: frozenset[str] | None = None,
    ) -> cel.Activation:
        """One party's facts, ready for evaluation: all declared, or those `named`.

        Raises ParleyError for facts that are missing or of another kind than declared.
        """
        data: dict[str, Any] = {}
        for name, variable in self.declared.items():
            if named is not None and name not in named:
                continue
            if variable.value is not None:
                data[name] = self._constant(variable, own)
                continue
            source = own if name in own else shared
            if name not in source:
                raise ParleyError(f"facts for a contract: '{name}' is missing; give {variable.says}")
            data[name] = _fact(name, variable.kind, source[name])
        return self.environment.Activation(data)

    def _constant(self, variable: Variable, own: Mapping[str, object]) -> object:
        if not isinstance(variable.value, tuple):
            return variable.value
        if own.get("me") not in self.language.parties:
            raise ParleyError(f"facts for a contract: 'me' is {_shown(own.get('me'))}; give the party's name")
        return variable.value[self.language.parties.index(str(own["me"]))]


@lru_cache(maxsize=64)
def view(language: Language, scope: Scope) -> View:
    """The view of a scope, made once for a language."""
    from cel_expr_python import cel
    from cel_expr_python.ext import ext_math

    kinds: dict[Kind, cel.Type] = {
        "number": cel.Type.DOUBLE,
        "text": cel.Type.STRING,
        "truth": cel.Type.BOOL,
        "numbers": cel.Type.List(cel.Type.DOUBLE),
        "texts": cel.Type.List(cel.Type.STRING),
    }
    seen = language.shared if scope == "shared" else (*language.shared, *language.own)
    hidden = {"after": "", "adoption": "acted"}.get(scope, "after")
    declared = {v.name: v for v in seen if not (hidden and getattr(v, hidden))}
    variables = {name: kinds[v.kind] for name, v in declared.items()}
    return View(language, declared, cel.NewEnv(variables=variables, extensions=[ext_math.ExtMath()]))


def _fact(name: str, kind: Kind, value: object) -> object:
    """A fact in the kind declared: numbers as doubles, lists no longer and texts no longer than the bound says."""
    if kind in ("numbers", "texts"):
        if isinstance(value, list | tuple) and len(value) <= MOST_PARTIES:
            return [_fact(name, "number" if kind == "numbers" else "text", entry) for entry in value]
    elif kind == "truth":
        if isinstance(value, bool):
            return value
    elif kind == "text":
        if isinstance(value, str) and len(value) <= MOST_LETTERS:
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < HUGE:
        return float(value)
    raise ParleyError(f"facts: '{name}' is {_shown(value)[:80]}; give {kind} as the language declares it")


def _check_letters(text: str, language: Language) -> None:
    """Plain ASCII, save what the language's own names are written with: 'о' is not 'o', yet looks like it."""
    own = {letter for v in language.variables.values() for value in v.values for letter in value}
    strange = next((c for c in text if not (" " <= c <= "~" or c in "\n\t" or c in own)), None)
    if strange is not None:
        raise Refused(
            f"the character U+{ord(strange):04X} is not plain; use letters, digits and signs of ASCII"
        )
    if "//" in text:
        raise Refused("it has a comment ('//'); put words into `says`")


_UNDECLARED = re.compile(r"undeclared reference to '([^']{0,80})'")
_NO_OVERLOAD = re.compile(r"no matching overload for '([^']{0,40})' applied to '([^']{0,120})'")
_SYNTAX = re.compile(r"<input>:\d+:(\d+): Syntax error: (.{0,80})")


def _readable(error: str, language: Language, declared: Mapping[str, Variable]) -> str:
    """The compiler's complaint in one line, with the mend."""
    if found := _UNDECLARED.search(error):
        return _undeclared(found[1], language, declared)
    if found := _NO_OVERLOAD.search(error):
        sign, kinds = found[1].strip("_").replace("_", " "), found[2]
        numbers = "double" in kinds and "int" in kinds
        mend = "numbers are doubles: write 1.0, not 1" if numbers else "it takes other kinds"
        if sign == "%":
            mend = "write int(…) % 2 for whole numbers"
        return f"'{sign}' does not go with {kinds.replace('double', 'number')}; {mend}"
    if "recursion" in error:
        return "it is nested too deeply; make it simpler"
    if "operand of a select" in error:
        return "variables have no fields ('a.b'); name a variable alone"
    if found := _SYNTAX.search(error):
        single = "'= " in found[2] or "'='" in found[2]
        mend = "compare with ==" if single else "CEL has && || ! ? : and numbers such as 1.0"
        what = _tidied(found[2]).split(" expecting ")[0]
        return f"not well-formed at character {found[1]} ({what}); {mend}"
    return f"it does not compile ({_tidied(error)}); make it simpler"


def _undeclared(name: str, language: Language, declared: Mapping[str, Variable]) -> str:
    known = language.variables.get(name)
    if known and known in language.own and not known.after and "me" not in declared:
        return f"a quota is one number for all, so it cannot see '{name}'; there are {', '.join(declared)}"
    if known:
        when = "only afterwards" if known.after else "only once all have acted, not on adoption"
        return f"'{name}' is known {when}; there are {', '.join(declared)}"
    return f"no '{name}' here; {meant(name, declared)}"


def _tidied(text: str) -> str:
    """One short line, without the compiler's code and picture."""
    line = text.split("\n", 1)[0].removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: ")
    return " ".join(line.split())[:100]


def _shown(value: object) -> str:
    return repr(value)[:60]
