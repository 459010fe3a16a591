"""A scripted partner that plays the commons and games over the loopback server, from what its prompt says alone.

It is no model and evidence of nothing but that the wiring works. It is honest: it reads its concern λ off the words
of its stance and acts on it by a published rule, so that prompts of graded λ can be seen to arrive.

- harvest: with w = λ/(1 + λ) it asks for its even share of the stock times 1 − w/2, and all of that share in the
  last month; so a selfish table empties the pool, and a prosocial one leaves half.
- act: the best reply in (1 − w)·own + w·both to a partner that does anything with equal chance.
- vote: yes unless it is spiteful; draft: an even cap on half the stock, a fine on the last action.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from personas.concern import share_of
from personas.load import CONCERNS, load_concern, shipped
from tests.loopback import Answer, Heard, completion, table_rows

Json = dict[str, Any]


def honest_party(heard: Heard) -> Answer:
    """Its answer, by the route it is asked."""
    answer = json.dumps(honest_answer(heard))
    return completion(None, tool_arguments=answer) if heard.route == "tools" else completion(answer)


def honest_answer(heard: Heard) -> Json:
    """The answer before it is put into words."""
    user = str(heard.body["messages"][1]["content"])
    kind = _asked(user)
    if kind == "amount":
        took = re.search(r"^- what you took, .*: (\d+)$", user, re.MULTILINE)
        amount = int(took[1]) if took and "Say in public" in user else harvested(heard.system, user)
        return {"reasoning": "My share.", "amount": amount}
    if kind == "vote":
        return {"reasoning": "A rule for all.", "vote": concern(heard.system) >= 0}
    if kind == "action":
        return {"reasoning": "The best reply.", "action": chosen(heard.system, user)}
    if kind == "clauses":
        return drafted(heard.system)
    words = {"words": "Nobody should take more than an even share of half of what there is."}
    return words | ({"reasoning": "So that it lasts."} if '"reasoning"' in user else {})


def concern(system: str) -> float:
    """λ as the stance in the prompt says it: by a number, or in the words of a persona of the catalogue."""
    stance = " ".join(_section(system, "Your stance").split())
    number = re.search(r"your concern for others, which is (infinite|-?[\d.]*\d)", stance)
    if number:
        return math.inf if number[1] == "infinite" else float(number[1])
    known = [load_concern(name) for name in shipped(CONCERNS)]
    return next((p.degree for p in known if " ".join(p.says.split()) == stance), 0.0)


def harvested(system: str, user: str) -> int:
    """What it asks for."""
    n = int(_found(r"at a table of (\d+):", system))
    month, months = (int(_found(rf"Month {part}", user)) for part in (r"(\d+) of", r"\d+ of (\d+)"))
    stock, most = int(_found(r"- stock: (\d+)", user)), int(_found(r"whole number from 0 to (\d+)", user))
    share = stock / n * (1.0 if month == months else 1.0 - share_of(concern(system)) / 2)
    return min(most, math.floor(share + 1e-9))


def chosen(system: str, user: str) -> str:
    """The action it takes; the first where there is no table of two players."""
    w = share_of(concern(system))
    table = re.search(r"^\| ([^|]* \(you\) ↓, [^|]*) \|", system, re.MULTILINE)
    if table is None:
        return _found(r"written as in the list: ([^;]*?)(?:;|\.$)", user)
    worth = {}
    for action, *cells in table_rows(system, [table[1]]):
        pairs = [[float(v) for v in cell.split(", ")] for cell in cells]
        worth[action] = sum((1 - w) * mine + w * (mine + theirs) for mine, theirs in pairs)
    return max(worth, key=lambda action: worth[action])


def drafted(system: str) -> Json:
    """The contract it writes."""
    actions = table_rows(system, ["seat", "action", "label"])
    labels = [row[2] for row in actions] or [
        name for row in table_rows(system, ["seat", "actions"]) for name in row[1].split("; ")
    ]
    if labels:
        clause = {
            "kind": "fine",
            "when": f"mine == {json.dumps(labels[-1])}",
            "amount": "1.0",
            "to": "others",
        }
    else:
        clause = {"kind": "cap", "amount": "stock / 2.0 / n"}
    return {"words": "Half of it stays.", "clauses": [clause | {"says": "An even rule."}]}


def _asked(user: str) -> str:
    """By which key the question wants its answer."""
    form = user.rpartition("Answer with this object:")[2]
    return next(key for key in ("clauses", "amount", "vote", "action", "words") if f'"{key}"' in form)


def _section(text: str, head: str) -> str:
    return text.partition(f"# {head}\n")[2].partition("\n# ")[0].strip()


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise AssertionError(f"the prompt does not say {pattern!r}, which the partner reads")
    return found[1]
