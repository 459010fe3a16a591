"""How is the reference of every measure written, as one page of Markdown, from the code alone?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from evals.measures.definitions import Definition, defined, definitions
from evals.measures.functions import ROOMS
from evals.outcomes import Outcome
from evals.records import SETTINGS
from scenarios.errors import ParleyError

HEAD = """\
# Reference: every measure

<!-- written by `python -m evals.measures`; what is changed here is lost -->

What each number is: formula, unit, range, which way is better, when it is missing, and whose it is (*ours* where no \
source is named). `make docs` writes this page from the code.

- **Outcomes** have a name that a study's hypothesis, `python -m evals.report` and every table use. One value stands \
for one allocation, season, game or plan of one run.
- **Measures** are functions. Their names here are those of the code.
- A number that is missing is missing, `null` or NaN, never 0. A run that failed has no outcome.
- `x` is an allocation, `h` need satisfaction, `u` a utility, `#{…}` a count, `‖·‖` a Euclidean norm.

What training measures of its own steps stands in [its reference](reference-deliberation.md#metrics-of-a-step).
"""

OF = {"triage": "a debate", "commons": "a season", "games": "a game", "deliberation": "a deliberation"}
STAGES = "One value a stage of a debate: `solo:A`, `no_debate`, `round:1`, …, `joint`, `exit_solo:A`, …"


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for setting in SETTINGS:
        parts.append(f"## Outcomes of {OF[setting]}\n")
        parts += [STAGES + "\n"] if setting == "triage" else []
        parts += [_outcome(outcome, of, setting) for outcome, of in defined(setting)]
        parts += _criteria() if setting == "triage" else []
    for room in ROOMS:
        parts.append(f"## {room.title}\n\n{room.says}\n")
        parts += [f"### `{name}`\n\n{says}\n\n*`{module}`*\n" for name, module, says in room.functions()]
    return "\n".join(parts)


def parts_named(name: str) -> str:
    """The parts of the page whose heading is this name, in every setting. Raises ParleyError where there is none."""
    found = [part for part in re.split(r"^(?=##)", page(), flags=re.MULTILINE) if _names(part) == name]
    if found:
        return "\n".join(found)
    known = sorted({of for part in re.split(r"^(?=##)", page(), flags=re.MULTILINE) if (of := _names(part))})
    near = get_close_matches(name, known, 3, 0.5)
    mend = f"did you mean {' or '.join(near)}?" if near else "`python -m evals.measures` prints all"
    raise ParleyError(f"measures: none is called '{name}'; {mend}")


def _names(part: str) -> str:
    found = re.match(r"### `([^`]+)`", part)
    return found[1] if found else ""


def _outcome(outcome: Outcome, of: Definition, setting: str) -> str:
    title = f"### `{outcome.name}`" + ("" if setting == "triage" else f" of {OF[setting]}")
    facts = (
        outcome.unit,
        span(outcome.low, outcome.high),
        f"better: {outcome.better}",
        f"missing {of.missing}",
    )
    return f"{title}\n\n{_sentence(outcome.says)}\n\n`{of.formula}`\n\n{' · '.join(facts)}. *Source: {of.source}.*\n"


def _sentence(says: str) -> str:
    return f"{says[0].upper()}{says[1:].rstrip('.')}."


def _criteria() -> Iterator[str]:
    from nodes.findings.criteria import CRITERIA

    yield "## Criteria\n\nStandards of adequacy, ours: each is met where its score is as the threshold asks.\n"
    yield "| criterion | says | score | met where it is | missing |\n| --- | --- | --- | --- | --- |"
    known = definitions("criteria")
    for c in CRITERIA.values():
        of = known[c.name]
        yield f"| `{c.name}` | {c.says} | {of.formula} | {c.sense} {c.threshold:g} | {of.missing} |"
    yield ""


def span(low: float | None, high: float | None) -> str:
    """A range in words; None is no bound on that side."""
    if low is None and high is None:
        return "unbounded"
    ends = f"from {low:g}" if high is None else f"up to {high:g}" if low is None else f"{low:g} to {high:g}"
    return ends.replace("-", "−")
