"""What ran of a study of deliberations, what it cost, what is missing, and what it cannot say?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.deliberation.gathered import Gathered
from evals.findings.account import MODELS, cost, dates, frozen, incidents
from evals.findings.section import ALL, LIMITS, Section, Shown

if TYPE_CHECKING:
    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan

REFERENCE = (
    "**Reference negotiators alone made these runs.** They bargain over clauses by their personas' values and "
    "say so in fixed phrases; what they do is a property of that policy and of the dilemmas as we wrote them, and is "
    "no evidence about any language model."
)


def account(g: Gathered, folder: Folder, plan: Plan) -> Section:
    """What was planned, done, invalid, failed and missing, and what it cost."""
    from evals.experiment.tables import status

    state, runs = status(folder, plan), g.frames.runs
    counts = state.runs
    says = [
        REFERENCE if g.reference_only else MODELS.format(models=", ".join(plan.models)),
        f"{counts['complete']} runs complete, {counts['invalid']} invalid, {counts['failed']} failed, "
        f"{counts['missing']} not run yet, of {len(plan.runs)} planned. Invalid runs are counted here and enter no "
        "mean; failed and missing ones are never filled in. A judge that gave no verdict is missing, and no NO.",
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
    """The runs by arm: every condition by itself would fill pages."""
    study = g.frames.runs[g.frames.runs["role"] == "study"]
    study = study.assign(arm=[g.arm(row) for row in study.to_dict("records")])
    rows = []
    for arm, of in study.groupby("arm", sort=False):
        invalid = int((of["status"] != "complete").sum())
        abstained = int((of["incidents:abstained"] > 0).sum())
        unjudged = int((of["incidents:unjudged"] > 0).sum())
        counts = (len(of), of["pair"].nunique(), of["cluster"].nunique(), invalid, abstained, unjudged)
        rows.append([str(arm), *map(str, counts)])
    return Shown(
        title="The study's own runs",
        headings=["", "runs", "pairs", "dilemmas", "invalid", "with an abstention", "with a verdict missing"],
        rows=rows,
    )


def limits(g: Gathered) -> Section:
    """What these numbers cannot say, and how they were made."""
    study = g.study
    clusters = g.frames.runs.loc[g.frames.runs["role"] == "study", "cluster"].nunique()
    says = [
        f"The unit is the dilemma ({clusters} here): its runs share its clauses and what they serve, so conditions are "
        "paired by dilemma, and intervals and tests are over dilemmas. Under 20 there is no interval, only an exact "
        "test.",
        "Worth is what a plan is worth to the values that we gave a persona, over clauses that we wrote; a persona of "
        "style alone has none. It says how well seats bargain for what they stand for, and nothing of whether a plan "
        "is good.",
        "Agreement is what a judge says. The rule reads clauses and formulas; a model reads words, and has to be "
        "measured before it is trusted (`python -m evals.judges measure`).",
        "That a quick agreement leaves more undone is an association over dialogues: those that are easy are short.",
        f"Resamplings are seeded; the same records give the same findings. Study: `{study.name}`"
        + (f", after {study.source.rstrip('. ')}" if study.source else "")
        + ".",
    ]
    return Section(title=LIMITS, says=says, behind=ALL)
