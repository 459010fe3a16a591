"""What was decided before the runs, and did what ran keep to it: the frozen plan, its amendments, what stands.

`plan.json` holds every version that was frozen, oldest first: when, why, the content, its sha256 and that of the
version before. The content is all that could be bent after the fact: hypotheses, design, exclusions, prompts,
models, package versions, the ids of the runs, the study's text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evals.experiment.ledger import DONE, Folder, standings
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    from evals.experiment.ledger import Standing
    from evals.experiment.plan import Plan
    from evals.experiment.study import Study

Json = dict[str, Any]

DESIGN = (
    *("setting", "wards", "seeds", "replicates", "settings", "factors", "conditions"),
    *("nulls", "twins", "planted"),
)
"""Parts of a study that say which runs are made."""

RULES = ("exclusions", "thresholds")
"""Parts that say how they are read."""

UNFROZEN = ("text", "caps", "name", "question", "source")
"""Parts that may change without any number meaning something else."""


def content_of(plan: Plan) -> Json:
    """What is frozen of a plan."""
    from nodes.record import digest
    from nodes.recorder import versions

    study, prompts = _told(plan.study), prompts_of(plan.study)
    return {
        **study,
        "hypotheses": {h["id"]: h for h in study["hypotheses"]},
        "models": sorted(plan.models),
        "prompts": prompts,
        "prompts_digest": digest(prompts),
        "versions": versions(),
        "runs": {"count": len(plan.runs), "ids": sorted(plan.runs)},
        "text": plan.study.text,
    }


def _told(study: Study) -> Json:
    """A study as plain data; the setting is left out where it is triage, as it was when there was no other."""
    told = study.model_dump(mode="json")
    if study.setting == "triage":
        del told["setting"]
    return told


PROMPTS: dict[str, Literal["debate", "dilemma", "deliberation"]] = {
    "triage": "debate",
    "commons": "dilemma",
    "games": "dilemma",
    "deliberation": "deliberation",
}
"""By which words the models of a setting are asked."""


def prompts_of(study: Study) -> dict[str, str]:
    """Hashes of the prompts that models of this setting are given."""
    from negotiators.chat import prompt_hashes

    return prompt_hashes(PROMPTS[study.setting])


def freeze(plan: Plan, folder: Folder, amend: str | None = None) -> Json:
    """Write the plan, or say what differs from the one that is frozen; returns the version that now holds.

    The same plan again changes nothing. Another one is refused with the difference named (ParleyError), unless
    `amend` gives a reason: then it is added as an amendment, which stays listed for ever.
    """
    from nodes.record import digest

    content = content_of(plan)
    frozen = versions_of(folder)
    if frozen:
        changed = differences(frozen[-1]["content"], content)
        if not changed:
            return frozen[-1]
        if amend is None:
            raise ParleyError(
                f"{folder.plan}: another plan is frozen there ({'; '.join(changed[:4])}); name another --out, "
                'or say --amend "why"'
            )
    elif amend is not None:
        raise ParleyError(f"{folder.plan}: nothing is frozen there to amend; freeze without --amend")
    version = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "reason": amend or "",
        "sha256": digest(content),
        "previous": frozen[-1]["sha256"] if frozen else None,
        "content": content,
    }
    folder.make()
    _write(folder.plan, {"study": plan.study.name, "frozen": [*frozen, version]})
    return version


def versions_of(folder: Folder) -> list[Json]:
    """Every version that was frozen, oldest first. Raises ParleyError for a file that is none of ours."""
    if not folder.plan.exists():
        return []
    try:
        frozen: list[Json] = json.loads(folder.plan.read_text(encoding="utf-8"))["frozen"]
        assert all(v["at"] and v["sha256"] and v["content"] for v in frozen)
    except (OSError, ValueError, KeyError, TypeError, AssertionError):
        raise ParleyError(
            f"{folder.plan}: is no frozen plan, or is damaged; restore it from a copy"
        ) from None
    return frozen


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between two contents, part by part, in words."""
    out = []
    for part in dict.fromkeys([*before, *after]):
        if part in UNFROZEN or part == "prompts_digest" or before.get(part) == after.get(part):
            continue
        old, new = before.get(part), after.get(part)
        if isinstance(old, dict) and isinstance(new, dict) and part != "runs":
            names = [k for k in dict.fromkeys([*old, *new]) if old.get(k) != new.get(k)]
            out += [f"{part}.{name} {_how(old, new, name)}" for name in names[:3]]
            out += [f"{len(names) - 3} more of {part}"] if len(names) > 3 else []
        elif part == "runs":
            out.append(_runs_differ(old or {}, new or {}))
        else:
            out.append(f"{part} changed")
    return out


def _how(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> str:
    return "added" if name not in old else "removed" if name not in new else "changed"


def _runs_differ(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    before, after = set(old.get("ids", ())), set(new.get("ids", ()))
    return f"runs: {len(after - before)} new, {len(before - after)} gone"


def _write(path: Path, document: Json) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.part")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ParleyError(f"{path}: cannot write ({error.strerror}); name a folder with --out") from None


def standing(folder: Path | Folder, study: Study) -> dict[str, str]:
    """Hypothesis -> `confirmatory`, `exploratory` or `deviating: why`.

    Confirmatory: it and the design stand as they were frozen before the first run. Exploratory: nothing was
    frozen, or it is not in the frozen plan. Deviating: it was frozen, but changed since, or after runs were
    made, or what ran is not what was frozen (prompts, versions, a model that answers as another).
    """
    where = folder if isinstance(folder, Folder) else Folder(folder)
    frozen = versions_of(where)
    if not frozen:
        return {h.id: "exploratory" for h in study.hypotheses}
    made = {k: s for k, s in standings(where).items() if s.event in DONE}
    shared = _design_deviations(study, frozen[-1]) + _run_deviations(frozen[-1], made) + _tampered(frozen)
    out = {}
    for hypothesis in study.hypotheses:
        told = hypothesis.model_dump(mode="json")
        was = frozen[-1]["content"]["hypotheses"].get(hypothesis.id)
        if was is None:
            out[hypothesis.id] = "exploratory"
            continue
        why = ["changed after it was frozen"] if was != told else _late(hypothesis.id, frozen, made)
        out[hypothesis.id] = f"deviating: {'; '.join(why + shared)}" if why or shared else "confirmatory"
    return out


def amendments(folder: Path | Folder) -> list[str]:
    """Every amendment in words: when, why, what it changed."""
    where = folder if isinstance(folder, Folder) else Folder(folder)
    frozen = versions_of(where)
    return [
        f"{v['at'][:16]}: {v['reason']} ({'; '.join(differences(old['content'], v['content']))})"
        for old, v in pairwise(frozen)
    ]


def _late(name: str, frozen: list[Json], made: Mapping[str, Standing]) -> list[str]:
    """Whether runs were made before the hypothesis and the design were frozen as they now stand."""
    held = frozen[-1]
    for version in reversed(frozen):
        if _tested(version, name) != _tested(frozen[-1], name):
            break
        held = version
    before = sum(bool(s.line.get("at")) and str(_when(s)) < held["at"] for s in made.values())
    if not before:
        return []
    how = f"amended ({held['reason']})" if held["reason"] else "frozen"
    return [f"{how} after {before} runs were made"]


def _when(run: Standing) -> str:
    """When a run was entered. One found later without its line was made when its record says."""
    line = run.line
    return str(line.get("recorded_at") if line.get("found") and line.get("recorded_at") else line["at"])


def _tested(version: Json, name: str) -> Json:
    content = version["content"]
    parts = {part: content.get(part) for part in (*DESIGN, *RULES, "models", "prompts_digest")}
    return parts | {"hypothesis": content["hypotheses"].get(name)}


def _design_deviations(study: Study, frozen: Json) -> list[str]:
    now = _told(study)
    changed = [part for part in (*DESIGN, *RULES) if now.get(part) != frozen["content"].get(part)]
    return [f"{', '.join(changed)} changed after freezing"] if changed else []


def _run_deviations(frozen: Json, made: Mapping[str, Standing]) -> list[str]:
    """What of the planned runs is not as frozen: their prompts, their package versions, who answered."""
    content, out = frozen["content"], []
    planned = set(content["runs"]["ids"])
    lines = [s.line for run_id, s in made.items() if run_id in planned]
    asked = [line for line in lines if line.get("prompts") not in (None, content["prompts_digest"])]
    if asked:
        out.append(f"{len(asked)} runs were asked with other prompts")
    versions = content["versions"]
    others = sorted(
        {
            f"{package} {at}, not {versions.get(package)}"
            for line in lines
            for package, at in line.get("versions", {}).items()
            if versions.get(package) != at
        }
    )
    out += [f"ran with {', '.join(others[:3])}"] if others else []
    return out + _fingerprints(lines)


def _fingerprints(lines: list[Json]) -> list[str]:
    """Models that did not answer as one and the same version throughout."""
    seen: dict[str, set[str]] = {}
    for line in lines:
        models = line.get("spent", {})
        names = {name for answered in line.get("models", {}).values() for name in answered}
        for model in models:
            mine = {n for n in names if len(models) == 1 or n.startswith(model.partition(":")[2])}
            seen.setdefault(model, set()).update(mine)
    return [
        f"{model} answered as {len(names)} versions ({', '.join(sorted(names)[:3])})"
        for model, names in seen.items()
        if len(names) > 1
    ]


def _tampered(frozen: list[Json]) -> list[str]:
    """Whether the file was changed by hand: a content that does not hash to its hash, a broken chain."""
    from nodes.record import digest

    whole = all(digest(v["content"]) == v["sha256"] for v in frozen)
    chained = all(v["previous"] == old["sha256"] for old, v in pairwise(frozen))
    return [] if whole and chained else ["plan.json was changed by hand: its hash does not fit"]
