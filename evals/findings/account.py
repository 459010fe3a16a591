"""What ran, what it cost, what is missing, what a sceptic asks of it, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evals.findings.contrasts import Contrast
from evals.findings.section import ALL, LIMITS, Findings, Section, Shown, estimated, p_value

if TYPE_CHECKING:
    import pandas as pd

    from evals.experiment.ledger import Folder
    from evals.experiment.plan import Plan
    from evals.experiment.tables import Status

REFERENCE = (
    "**Reference negotiators alone made these runs.** They follow a published bargaining policy; what they do is a "
    "property of that policy, of the rules and of the wards, and is no evidence about any language model."
)
MODELS = (
    "**Language models made these runs**: {models}. Every number holds for these versions and prompts alone."
)

QUESTIONS = (
    ("Does debate beat the no-debate merge (C1)?", ("H2-debate", "H3")),
    ("Does retrieval beat no text, and the same text in the prompt (C2, C3)?", ("C2", "C3")),
    ("What of two aligned seats, and of two biased ones (C4)?", ("C4-aligned", "C4-biased")),
    ("Does it hang on who speaks first, or on speaking at once (C5)?", ("C5-order", "C5-simultaneous")),
    ("Would any mixture of the two solos have done as well (C6)?", ("C6",)),
    ("Would hiding the attribute have done more (C7)?", ("C7",)),
    ("Would one agent, asked as often, have done as well (C8)?", ("C8",)),
    (
        "Does it beat a lottery (C9)? How far it stays from the best there is, stands beside β.",
        ("C9-lottery",),
    ),
)
"""What SEEDS says a report must answer, and the hypotheses of the shipped study that answer it."""


def account(f: Findings, folder: Folder, plan: Plan) -> Section:
    """What was planned, done, invalid, failed and missing, and what it cost."""
    from evals.experiment.tables import status

    state = status(folder, plan)
    runs = state.runs
    says = [
        REFERENCE if f.reference_only else MODELS.format(models=", ".join(plan.models)),
        f"{runs['complete']} runs complete, {runs['invalid']} invalid, {runs['failed']} failed, {runs['missing']} "
        f"not run yet, of {len(plan.runs)} planned. Invalid runs are counted here and enter no mean; failed and "
        "missing ones are never filled in.",
        cost(state),
        frozen(state),
        dates(f.frames.runs),
        *(f"Left out of the plan: {note}." for note in plan.left_out),
    ]
    return Section(
        title="What ran",
        says=[s for s in says if s],
        tables={"incidents": incidents(f.frames.runs), "runs": f.frames.runs},
        shown=[_conditions(f.frames.runs)],
        behind=ALL,
    )


def cost(state: Status) -> str:
    """What was paid, in a sentence."""
    if not state.calls:
        return "No model was called, nothing was paid."
    price = "a price is not known" if state.cost_usd is None else f"${state.cost_usd:.2f}"
    return f"{state.calls} answered calls, {state.tokens} tokens, {price}."


def dates(runs: pd.DataFrame) -> str:
    """When runs were recorded, in a sentence."""
    days = runs["recorded_at"].dropna().str[:10]
    return f"Recorded between {days.min()} and {days.max()}." if len(days) else ""


def frozen(state: Status) -> str:
    """Whether the plan was frozen before the runs, in a sentence."""
    if not state.frozen:
        return "The plan was not frozen before the runs, so every number is exploratory."
    return "Frozen: " + "; ".join(state.frozen) + "."


def incidents(runs: pd.DataFrame) -> pd.DataFrame:
    """Incidents by condition and role: sums over runs."""
    kinds = [c for c in runs if c.startswith("incidents:")]
    return runs.groupby(["condition", "role"], sort=False)[kinds].sum().reset_index()


def _conditions(runs: pd.DataFrame) -> Shown:
    study = runs[runs["role"] == "study"]
    rows = []
    for condition, group in study.groupby("condition", sort=False):
        abstained = int((group["incidents:abstained"] > 0).sum())
        repaired = int((group["incidents:repaired"] > 0).sum())
        invalid = int((group["status"] != "complete").sum())
        rows.append([str(condition), str(len(group)), str(group["cluster"].nunique()),
                     str(invalid), str(abstained), str(repaired)])  # fmt: skip
    return Shown(
        title="The study's own runs",
        headings=["condition", "runs", "wards", "invalid", "with an abstention", "with a repair"],
        rows=rows,
    )


def sceptic(f: Findings, found: Sequence[Contrast], standing: Mapping[str, str]) -> Section:
    """The sceptic's questions, each answered by the contrast that tests it."""
    by_id = {c.hypothesis.id: c for c in found}
    rows = []
    for question, ids in QUESTIONS:
        for i, name in enumerate(n for n in ids if n in by_id):
            c = by_id[name]
            e = c.estimate
            rows.append(
                [
                    question if i == 0 else "",
                    f"{name}: {c.hypothesis.outcome}",
                    estimated(e.mean, e.low, e.high, signed=True),
                    p_value(c.p_family),
                    c.bargaining,
                    standing.get(name, "exploratory").split(":")[0],
                    c.verdict,
                ]
            )
    says = ["The wards, the seats and every threshold are ours; each answer is the contrast named beside it."]
    if not rows:
        says = ["This study has none of the shipped controls; `beyond-arrow` shows how they are asked."]
    return Section(
        title="What a sceptic asks",
        says=says,
        shown=[
            Shown(
                "Controls",
                ["question", "contrast", "effect", "p (Holm)", "bargaining null", "standing", "answer"],
                rows,
            )
        ]
        if rows
        else [],
    )


def limits(f: Findings) -> Section:
    """What these numbers cannot say, and how they were made."""
    runs = f.frames.runs
    wards = runs.loc[runs["role"] == "study", "cluster"].nunique()
    says = [
        f"The unit is the ward ({wards} here): patients of one debate depend on each other, so intervals and tests "
        "are over wards, paired over conditions. Under 20 wards there is no interval, only an exact test.",
        "Wards that are generated are drawn from a model of ours; what holds on them need not hold in a hospital. "
        "Nothing here is advice on whom to treat.",
        "Gaps are inflated by chance, which is why each has its null; ratios are given only where what is below the "
        "line exceeds .05; what is undefined in a ward is missing there, never 0.",
        "For a clinical reader: data, sample, model, prompts, roles and message flow, retrieval sources, human "
        "oversight and failure handling, as TRIPOD-LLM (Gallifant et al. 2025) lists them, stand in every record "
        "(`provenance`, `seats`, `protocol`, `incidents`), versions among them.",
        f"Resamplings are seeded; the same records give the same findings. Study: `{f.study.name}`"
        + (f", after {f.study.source.rstrip('. ')}" if f.study.source else "")
        + ".",
    ]
    return Section(title=LIMITS, says=says, behind=ALL)
