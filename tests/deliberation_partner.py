"""A scripted partner that deliberates, judges plans and writes dilemmas over the loopback server. It is no model.

It works by what its prompt says alone, and is evidence of nothing but that the wiring works.

- speak: agrees to the last whole plan that it was quoted; else, shown clauses, it names the first option of each, and
  without clauses it agrees as soon as anybody has spoken.
- mediate: suggests the last plan that it was quoted. Write: the last plan, in words and as a line.
- judge: agreed where the last words quoted are words of consent, else debating.
- score: from 0 to 5, the words of the plan, by fives; of two plans the one of more words.
- dilemmas: small ones that share few words.
"""

from __future__ import annotations

import json
import re

from scenarios.dilemmas.plan import AGREE, CONSENTS
from tests.loopback import Answer, Heard, completion

OPENINGS = {
    "You hold seat": "speak",
    "You mediate a conversation": "mediate",
    "You judge whether the seats": "judge",
    "You write down what is to be done": "write",
    "You judge a plan": "score",
    "You compare two plans": "choose",
    "You write dilemmas": "draft",
}
"""How a system message begins, and what is asked for there."""


def asked_for(heard: Heard) -> str | None:
    """What a deliberation, its judge or the writer of dilemmas is asked for; None where it is something else."""
    return next((what for begin, what in OPENINGS.items() if heard.system.startswith(begin)), None)


def honest_deliberator(heard: Heard) -> Answer:
    """Its answer to what is asked of it."""
    what = asked_for(heard)
    if what == "draft":
        return completion(_drafted(heard))
    if what in ("speak", "mediate", "write"):
        return completion(_worded(heard, what))
    return completion(json.dumps(_judged(heard, str(what))))


def _worded(heard: Heard, what: str) -> str:
    quoted = [row[2:] for row in heard.prompt.splitlines() if row.startswith("> ")]
    plans = [row for row in quoted if row.startswith("Plan: ")]
    options = re.findall(r"^- `([a-z0-9_-]+)`: .*\n  - `([a-z0-9_-]+)`", heard.prompt, re.MULTILINE)
    plan = plans[-1] if plans else f"Plan: {'; '.join(f'{i}={o}' for i, o in options)}." if options else ""
    if what == "speak":
        yes = bool(plans) if options else bool(quoted)
        said = f"That is fair to both of us. {AGREE}" if yes else "Let us do what can still be undone."
    else:
        said = "We do what was talked through, this week, and look at it again in a month."
    return f"{said}\n{plan}".strip()


def _judged(heard: Heard, what: str) -> dict[str, object]:
    if what == "judge":
        blocks = re.findall(r"^<<<DATA [^\n]*\n((?:>[^\n]*\n)*)<<<END", heard.user, re.MULTILINE)
        yes = bool(blocks) and CONSENTS.search(blocks[-1].replace("> ", "")) is not None
        return {"why": "The last words say so.", "verdict": "agreed" if yes else "debating"}
    plans = re.findall(r"^<<<DATA [^\n]*plan>>>\n((?:>[^\n]*\n)*)<<<END", heard.prompt, re.MULTILINE)
    lengths = [len(plan.split()) for plan in plans]
    if what == "score":
        return {"why": "By its words.", "score": min(5, lengths[0] // 5)}
    return {"why": "By their words.", "choice": "first" if lengths[0] > lengths[1] else "second"}


def _drafted(heard: Heard) -> str:
    from tests.scenarios.test_dilemmas_generate import answer

    if "Propose" in heard.user:
        return json.dumps({"themes": [f"theme {heard.number} {k}" for k in range(4)]})
    return json.dumps(answer(int(heard.body["seed"])))
