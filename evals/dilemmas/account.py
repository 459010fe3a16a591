"""What ran of a study of dilemmas, what it cost, what is missing, and what it cannot say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.dilemmas.gathered import Gathered
from evals.findings.account import MODELS, cost, dates, frozen, incidents
from evals.findings.section import ALL, LIMITS, Section, Shown

if TYPE_CHECKING:
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan

REFERENCE = (
    "**Reference negotiators alone made these runs.** They play equilibria of their own concerns, exactly where that "
    "is possible; what they do is a property of those concerns and of the rules, and is no evidence about any language "
    "model."
)

EXACT = {
    "commons": "The planner's optimum and the best law are exact dynamic programmes. That law is the best **quota** "
    "that sees month, stock and what the language can tell of events; a law of another kind (payments that hang on "
    "what each seat asked for, say) could do better. Reference seats play symmetric Markov-perfect equilibria.",
    "games": "The first best and the best mechanism (transfers on what can be verified, pure equilibria, bounded) are "
    "exact. A mediator's private recommendations could do better: see `python -m evals.welfare_gap`.",
}

MOST_NOTES = 6


def account(g: Gathered, folder: Folder, plan: Plan) -> Section:
    """What was planned, done, invalid, failed and missing, and what it cost."""
    from evals.experiment.tables import status

    state, runs = status(folder, plan), g.frames.runs
    counts = state.runs
    says = [
        REFERENCE if g.reference_only else MODELS.format(models=", ".join(plan.models)),
        f"{counts['complete']} runs complete, {counts['invalid']} invalid, {counts['failed']} failed, "
        f"{counts['missing']} not run yet, of {len(plan.runs)} planned. Invalid runs are counted here and enter no "
        "mean; failed and missing ones are never filled in. A seat that abstains stands by what it last gave, which is "
        "counted below.",
        cost(state),
        frozen(state),
        dates(runs),
    ]
    return Section(
        title="What ran",
        says=[s for s in says if s],
        tables={"incidents": incidents(runs), "runs": runs},
        shown=[_conditions(g)],
        behind=ALL,
    )


def _conditions(g: Gathered) -> Shown:
    """The runs by regime and listed condition: every condition by itself would fill pages."""
    study = g.frames.runs[g.frames.runs["role"] == "study"]
    rows = []
    for (control, regime), of in study.groupby(["control", "regime"], sort=False):
        abstained = int((of["incidents:abstained"] > 0).sum())
        repaired = int((of["incidents:repaired"] > 0).sum())
        invalid = int((of["status"] != "complete").sum())
        name = f"{control}: {regime}" if control else str(regime)
        numbers = (len(of), of["condition"].nunique(), of["cluster"].nunique(), invalid, abstained, repaired)
        rows.append([name, *map(str, numbers)])
    units = f"{g.study.unit}s"
    return Shown(
        title="The study's own runs",
        headings=["regime", "runs", "conditions", units, "invalid", "with an abstention", "with a repair"],
        rows=rows,
    )


def limits(g: Gathered) -> Section:
    """What these numbers cannot say, and how they were made."""
    study, unit = g.study, g.study.unit
    clusters = g.frames.runs.loc[g.frames.runs["role"] == "study", "cluster"].nunique()
    says = [
        f"The unit is the {unit} ({clusters} here): its runs share {_shared(study.setting)}, so conditions are paired "
        f"by {unit}, and intervals and tests are over {unit}s. Under 20 {unit}s there is no interval, only an exact "
        "test.",
        EXACT[study.setting],
        *_notes(g),
        "What concern a persona is given is a dial for reference seats, which follow it; for a language model it is "
        "words, and what they amount to must be measured (`evals.prosociality`), never assumed.",
        f"Resamplings are seeded; the same records give the same findings. Study: `{study.name}`"
        + (f", after {study.source.rstrip('. ')}" if study.source else "")
        + ".",
    ]
    if not g.reference_only:
        says.insert(1, "Notes on exactness hold for reference seats and baselines; models play as they play.")
    return Section(title=LIMITS, says=says, behind=ALL)


def _notes(g: Gathered) -> list[str]:
    """What the play behind reference seats rests on, as the records say it, by how many runs say so."""
    runs = g.runs.drop_duplicates("run_id")
    counts = runs["notes"].str.split(" / ").explode().value_counts()
    said = [f"{note} ({n} of {len(runs)} runs)" for note, n in counts.items() if note]
    more = [f"{len(said) - MOST_NOTES} more in the records"] if len(said) > MOST_NOTES else []
    return [f"Notes of the records: {'; '.join([*said[:MOST_NOTES], *more])}."] if said else []


def _shared(setting: str) -> str:
    if setting == "commons":
        return "events, regrowth and the order of rationing"
    return "payoffs, and the draw of who is of which type"
