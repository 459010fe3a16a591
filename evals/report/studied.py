"""How is a study made a source of a report: its findings, its frames, its records?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.report.source import Source, Tell

if TYPE_CHECKING:
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan
    from evals.findings.contrasts import AnyFrames
    from evals.findings.section import Section


def of_study(folder: Folder, plan: Plan, tell: Tell, quick: bool = False) -> Source:
    """A study with its findings, or `quick` with what ran alone. Raises ParleyError where no run is recorded."""
    from evals.experiment.tables import record_paths
    from evals.report.pictures import pictures

    study = plan.study
    tell(f"{study.name}: reading records")
    frames, sections = _found(folder, plan, tell, quick)
    source = Source(
        name=study.name,
        question=study.question,
        setting=study.setting,
        unit=study.unit,
        negotiators=speakers_of(plan),
        sections=sections,
        files=record_paths(folder, plan),
        frames=frames,
        planned=len(plan.runs),
        facts=_facts(folder, plan),
    )
    return source if quick else pictures(source, tell)


def _facts(folder: Folder, plan: Plan) -> list[tuple[str, str]]:
    """Which study this is, where it lies, and whether it was frozen before it ran."""
    from evals.experiment.freezing import amendments, versions_of

    frozen = versions_of(folder)
    stood = f"frozen {frozen[0]['at'][:10]}, sha256 {frozen[0]['sha256'][:12]}" if frozen else "not frozen"
    return [
        ("study", plan.study.name),
        ("file", str(folder.study if folder.study.is_file() else folder.path)),
        ("plan", "; ".join([f"{len(plan.runs):,} runs", stood, *amendments(folder)])),
        *([("after", plan.study.source)] if plan.study.source else []),
    ]


def speakers_of(plan: Plan) -> str:
    """Who produces the runs of a plan, in plain words; Markdown."""
    from evals.report.source import speakers

    return speakers(plan.models, plan.study.setting)


def _found(folder: Folder, plan: Plan, tell: Tell, quick: bool) -> tuple[AnyFrames, list[Section]]:
    """The frames of a study and its sections, by setting."""
    tell_on = _prefixed(tell, plan.study.name)
    if plan.study.setting == "triage":
        from evals.findings import account as of_debates
        from evals.findings import report as debates

        f = debates.gathered(folder, plan, tell_on)
        return f.frames, [of_debates.account(f, folder, plan)] if quick else debates.sections(
            f, folder, plan, tell_on
        )
    if plan.study.setting == "deliberation":
        from evals.deliberation import account as of_dialogues
        from evals.deliberation import report as dialogues
        from evals.deliberation.frames import study_frames
        from evals.deliberation.gathered import Gathered

        d = Gathered(plan.study, study_frames(folder, plan), reference_only=not plan.models)
        return d.frames, [of_dialogues.account(d, folder, plan)] if quick else dialogues.sections(
            d, folder, plan, tell_on
        )
    from evals.dilemmas import account as of_dilemmas
    from evals.dilemmas import report as dilemmas

    g = dilemmas.gathered(folder, plan, tell_on)
    return g.frames, [of_dilemmas.account(g, folder, plan)] if quick else dilemmas.sections(
        g, folder, plan, tell_on
    )


def _prefixed(tell: Tell, name: str) -> Tell:
    return lambda what: tell(f"{name}: {what}")
