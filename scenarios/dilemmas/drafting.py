"""What is asked of a model that writes a dilemma, and when does its answer stand?"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from scenarios.dilemmas.considerations import CONSIDERATIONS, GRADES
from scenarios.dilemmas.dilemma import Dilemma, Issue, Stratum
from scenarios.dilemmas.load import parse_dilemma
from scenarios.errors import ParleyError

Json = dict[str, Any]

PROMPTS = Path(__file__).parent / "prompts"
PARTS = range(2, 5)
"""How many issues a dilemma may have, and how many options an issue."""

TEXT: Json = {"type": "string"}
CONSIDERATION: Json = {"type": "string", "enum": list(CONSIDERATIONS)}


@dataclass(frozen=True)
class Asked:
    """One question to a model: its messages, the schema of its answer, and the key that the answer is found by."""

    messages: tuple[dict[str, str], ...]
    schema: Json
    key: str
    seed: int


@dataclass(frozen=True)
class Draft:
    """What was made of an answer: dilemma or themes, or what is wrong with it, a line each."""

    dilemma: Dilemma | None = None
    themes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def ask_dilemma(stratum: Stratum, theme: str, goals: Sequence[str], seed: int) -> Asked:
    """The question for one dilemma of a theme, with the goals that are not to come again."""
    told = "\n".join(f"- {goal}" for goal in goals)
    user = _render(
        "write",
        theme=theme.replace("-", " "),
        stratum=_strata()[stratum],
        history=_render("history", goals=told) if goals else "",
    )
    return Asked(_messages(user), _dilemma_schema(), "issues", seed)


def ask_themes(stratum: Stratum, n: int, taken: Sequence[str], seed: int) -> Asked:
    """The question for n themes of a stratum that are not taken."""
    told = "\n".join(f"- {theme.replace('-', ' ')}" for theme in taken) or "- (none)"
    user = _render("themes", n=str(n), stratum=_strata()[stratum], taken=told)
    schema = _closed({"themes": {"type": "array", "items": TEXT}})
    return Asked(_messages(user), schema, "themes", seed)


def read_dilemma(found: Mapping[str, Any], stratum: Stratum, theme: str, source: str) -> Draft:
    """The dilemma in an answer, or what is wrong with it. Never raises for what a model may write."""
    try:
        data = {
            "name": slug(found.get("name")) or slug(found.get("goal")),
            "theme": theme,
            "stratum": stratum,
            "goal": _words(found.get("goal")),
            "prompt": _words(found.get("prompt")),
            "principles": _keyed(found.get("principles"), "principles", "consideration", "asks"),
            "issues": _issues(found.get("issues")),
            "source": source,
        }
        dilemma = parse_dilemma(data, "dilemma")
    except ParleyError as error:
        return Draft(problems=(str(error),))
    problems = faults(dilemma)
    return Draft(problems=tuple(problems)) if problems else Draft(dilemma)


def read_themes(found: Mapping[str, Any], n: int, taken: Sequence[str]) -> Draft:
    """The first n themes of an answer that are not taken, as slugs, or that there are too few."""
    listed = found.get("themes")
    names = [slug(t) for t in listed] if isinstance(listed, list) else []
    fresh = [t for t in dict.fromkeys(names) if t and t not in taken]
    if len(fresh) < n:
        return Draft(problems=(f"`themes` has {len(fresh)} that are new; give a list of {n}",))
    return Draft(themes=tuple(fresh[:n]))


def faults(dilemma: Dilemma) -> list[str]:
    """What a dilemma has that one of the catalogue may not: its lengths, and nothing in it to negotiate."""
    out = []
    words = len(dilemma.goal.split())
    if not 3 <= words <= 5:
        out.append(f"goal: {words} words; give three to five")
    if not 2 <= dilemma.sentences <= 3:
        out.append(f"prompt: {dilemma.sentences} sentences; give two or three")
    if len(dilemma.issues) not in PARTS:
        out.append(f"issues: {len(dilemma.issues)}; give two to four")
    for name, issue in dilemma.issues.items():
        if len(issue.options) not in PARTS:
            out.append(f"issue {name}: {len(issue.options)} options; give two to four")
        best = dominant(issue)
        if best is not None:
            out.append(
                f"issue {name}: option {best} is at least as good as all others in everything; change that"
            )
    for name in dilemma.principles:
        grades = [o.serves.get(name, 0) for i in dilemma.issues.values() for o in i.options.values()]
        if max(grades, default=0) <= 0 or min(grades, default=0) >= 0:
            out.append(f"principle {name}: some option must serve it and some option must cost it")
    return out


def dominant(issue: Issue) -> str | None:
    """The first option that is at least as good as every other of its issue on every consideration, if there is one."""
    names = {c for o in issue.options.values() for c in o.serves}

    def covers(mine: Mapping[str, int], other: Mapping[str, int]) -> bool:
        return all(mine.get(c, 0) >= other.get(c, 0) for c in names)

    options = issue.options.items()
    return next((n for n, o in options if all(covers(o.serves, p.serves) for _, p in options)), None)


def slug(text: object) -> str:
    """A name made of words: small letters and digits with hyphens between, at most 64; '' where there are none."""
    plain = (
        unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        if isinstance(text, str)
        else ""
    )
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:64].rstrip("-")


def _issues(rows: object) -> Json:
    issues = {}
    for name, row in _named(rows, "issues").items():
        options = {
            option: {
                "says": _words(o.get("says")),
                "serves": _keyed(o.get("serves"), f"option {option}, serves", "consideration", "grade"),
            }
            for option, o in _named(row.get("options"), f"issue {name}, options").items()
        }
        issues[name] = {"asks": _words(row.get("asks")), "options": options}
    return issues


def _named(rows: object, where: str) -> dict[str, Json]:
    """Rows of an answer by their names as slugs."""
    checked = _rows(rows, where)
    names = [slug(row.get("name")) for row in checked]
    _once(names, where)
    return dict(zip(names, checked, strict=True))


def _keyed(rows: object, where: str, key: str, value: str) -> Json:
    """Rows of an answer as a mapping from one of their keys to another."""
    checked = _rows(rows, where)
    names = [str(row.get(key)) for row in checked]
    _once(names, where)
    return {n: _words(row.get(value)) for n, row in zip(names, checked, strict=True)}


def _rows(rows: object, where: str) -> list[Json]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ParleyError(f"{where}: no list of objects; give one")
    return rows


def _once(names: Sequence[str], where: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ParleyError(f"{where}: '{twice[0][:40]}' stands twice; give each once")


def _words(value: Any) -> Any:
    """Text on one line; what is no text stays as it is, for the check to name."""
    return " ".join(value.split()) if isinstance(value, str) else value


def _messages(user: str) -> tuple[dict[str, str], ...]:
    told = "\n".join(f"- {name}: {says}" for name, says in CONSIDERATIONS.items())
    system = _render("system", considerations=told)
    return {"role": "system", "content": system}, {"role": "user", "content": user}


def _dilemma_schema() -> Json:
    """Every object closed and every key required, with lists where a dilemma has mappings: servers know no others."""
    serves = _closed({"consideration": CONSIDERATION, "grade": {"type": "integer", "enum": list(GRADES)}})
    option = _closed({"name": TEXT, "says": TEXT, "serves": _list(serves)})
    issue = _closed({"name": TEXT, "asks": TEXT, "options": _list(option)})
    principle = _closed({"consideration": CONSIDERATION, "asks": TEXT})
    return _closed(
        {"name": TEXT, "goal": TEXT, "prompt": TEXT, "principles": _list(principle), "issues": _list(issue)}
    )


def _closed(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _strata() -> dict[str, str]:
    return dict(row.split(": ", 1) for row in _text("strata").splitlines() if row)


def _render(name: str, **fields: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", Template(_text(name)).substitute(fields)).strip()


@cache
def _text(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8")
