"""What shape must a reply have: the JSON Schema of one ward, and the same as an example in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from negotiators.chat.asking import closed
from scenarios.ward import Ward

Json = dict[str, Any]


def cells(ward: Ward) -> dict[str, list[str]]:
    """Which amounts a reply must give: patient -> the resources they need; who needs nothing is left out."""
    a = ward.arrays
    needed = {p: [r for r, k in a.column.items() if a.demand[i, k] > 0] for p, i in a.row.items()}
    return {patient: resources for patient, resources in needed.items() if resources}


def reply_schema(ward: Ward, shown: Sequence[str] | None) -> Json:
    """The schema of a reply about `ward`: every object closed, every key required, no bounds, the argument first.

    `shown` are the ids of the passages that may be cited; None leaves out citations and concessions (a
    mediator's reply). Bounds are left to `Ward.violations`: several servers refuse a schema that has them.
    """
    properties: Json = {"argument": {"type": "string"}}
    if shown is not None:
        item: Json = {"type": "string", "enum": list(dict.fromkeys(shown))} if shown else {"type": "string"}
        properties["citations"] = {"type": "array", "items": item}
        properties["concedes"] = {"type": "array", "items": {"type": "string"}}
    properties["allocation"] = closed(
        {p: closed({r: {"type": "number"} for r in resources}) for p, resources in cells(ward).items()}
    )
    return closed(properties)


def example(ward: Ward, shown: Sequence[str] | None) -> str:
    """The shape of a reply as one line of near-JSON, with the first patients' own keys."""
    needed = cells(ward)
    first = list(needed.items())[:2]
    rows = [
        f'"{p}": {{{", ".join(f"{json.dumps(r)}: <number>" for r in resources)}}}' for p, resources in first
    ]
    rows += ["…"] if len(needed) > len(first) else []
    middle = '"citations": [<ids>], "concedes": [<cells>], ' if shown is not None else ""
    return f'{{"argument": "<words>", {middle}"allocation": {{{", ".join(rows)}}}}}'
