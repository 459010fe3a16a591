"""Scripted judges of rhetoric for the loopback server: keyword rules that quote what they found. They are no models."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from evals.rhetoric.gathering import Argument, shown
from negotiators.chat.calling import Limits
from tests.loopback import Answer, Heard, Script, completion

QUICK = Limits(timeout_s=5.0, tries=2, backoff_s=0.01)

RULES = {
    "appeal_to_principle": r"What should decide here is [^.]*",
    "appeal_to_evidence": r"This gains [\d.]+ expected survivors",
    "appeal_to_identity": r"I put some patients before need: [^.]*",
    "threat": r"or I block every merge",
    "concession": r"I give way on [^ ]+|I accept what is on the table",
}


def argument_of(heard: Heard) -> str:
    """The argument as the judge was shown it: the one line of its block, whatever else was said after."""
    blocks = [
        m["content"] for m in heard.body["messages"] if "<<<DATA" in m["content"] and m["role"] == "user"
    ]
    found = re.search(r"<<<DATA ([0-9a-f]{16}) argument>>>\n> (.*)\n<<<END \1>>>", blocks[0])
    assert found is not None, blocks[0]
    return found.group(2)


def entries(argument: str, rules: dict[str, str] = RULES) -> list[dict[str, str]]:
    """The labels that the rules find in an argument, each with its first span."""
    found = {label: re.search(rule, argument) for label, rule in rules.items()}
    return [{"label": label, "span": m.group(0)} for label, m in found.items() if m is not None]


def reply(labels: Sequence[dict[str, str]], comment: str = "By the rules.") -> str:
    """A reply in the form that is asked for."""
    return json.dumps({"comment": comment, "labels": list(labels)})


def honest_judge(heard: Heard) -> Answer:
    """Labels by the rules, spans as they stand."""
    return saying(heard, reply(entries(argument_of(heard))))


def saying(heard: Heard, text: str, usage: tuple[int, int] | None = (200, 40)) -> Answer:
    """A text by the route that was asked for."""
    if heard.route == "tools":
        return completion(None, tool_arguments=text, usage=usage)
    return completion(text, usage=usage)


def erring_judge(seed_matters: bool = False, flip: str = "concession") -> Script:
    """Honest but for one label, which it leaves out for some arguments (and, if asked, by the request's seed)."""

    def script(heard: Heard) -> Answer:
        argument = argument_of(heard)
        odd = (len(argument) + (heard.body["seed"] if seed_matters else 0)) % 2
        return saying(heard, reply([e for e in entries(argument) if not (odd and e["label"] == flip)]))

    return script


def argument(text: str, turn: int = 0, **changes: object) -> Argument:
    """An argument with these words."""
    plain = Argument(f"t{turn:012x}", f"run-{turn}", 1, "A", "rawlsian", f"ward-{turn % 3}", "", shown(text))
    return replace(plain, **changes)  # type: ignore[arg-type]


SPEECHES = [
    "What should decide here is need alone. I give way on p1.icu_bed.",
    "This gains 1.20 expected survivors. I accept what is on the table.",
    "I say openly that I put some patients before need: age_group child.",
    "Give p2 the bed, or I block every merge.",
    "Yes, fine.",
    "I give way on p3.oxygen and p4.oxygen, since p3 improves.",
]


def speeches() -> list[Argument]:
    """Six arguments of distinct words."""
    return [argument(text, i) for i, text in enumerate(SPEECHES)]
