"""What is seen of deliberations at a glance: rounds, what seats saw, judges, one model beside another?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evals.findings.section import Section, Shown, number

if TYPE_CHECKING:
    import pandas as pd

    from evals.deliberation.gathered import Gathered
    from evals.report.source import Source, Tell

MOST_LINKS = 6
"""Pairs of dialogues that are linked in the text."""

SPEAKING = ("model", "opponent_model")
BESIDE = ("model", "other", "pairs", "agreed", "agreed_other", "worth_least", "worth_least_other")


def of_deliberation(source: Source, tell: Tell) -> list[Section]:
    """The sections of pictures of a source of deliberations; none where no run of its own is complete."""
    from evals.report.pictures.dialogues.bench import bench
    from evals.report.pictures.dialogues.heard import heard
    from evals.report.pictures.dialogues.talks import rounds, talk_of
    from evals.report.pictures.ground import of_dialogues, of_records

    g = of_dialogues(source)
    if g.runs.empty:
        return []
    tell(f"{source.name}: reading dialogues")
    out: list[Section] = []
    if not g.talked.empty:
        found = of_records(source, set(g.talked["run_id"]), talk_of)
        out += [rounds(g, {run_id: talk for run_id, (_, talk) in found.items()})]
        out += heard(g, {run_id: path for run_id, (path, _) in found.items()})
    out += beside(g)
    return [*out, bench(g, source.files[0].parent.parent)] if source.files else out


def beside(g: Gathered) -> list[Section]:
    """One model beside another on the same dilemmas, where the runs have several: base and trained, say."""
    pairs = paired(g)
    if pairs.empty:
        return []
    table = _means(pairs)
    says = [
        "Two dialogues are a pair where all but the models that speak is the same: dilemma, personas, seed, condition.",
        "Pairs to open: " + "; ".join(
            f"[{r.cluster}, {r.model} and {r.other}](#pair={r.run_id},{r.run_id_other})" for r in _linked(pairs)
        ) + ".",
    ]  # fmt: skip
    rows = [
        [
            r.model, r.other, str(r.pairs), number(r.agreed), number(r.agreed_other), number(r.worth_least),
            number(r.worth_least_other),
        ]
        for r in table.itertuples()
    ]  # fmt: skip
    headings = ["one", "other", "pairs", "one agreed", "other agreed", "one: worth to the worse off", "other"]
    note = "Means over the pairs in which the number is defined: a dialogue without a plan has no worth."
    return [
        Section(
            title="One model beside another",
            says=says,
            tables={"models_paired": pairs, "models_beside": table},
            shown=[Shown("The same dilemmas", headings, rows, note)],
        )
    ]


def paired(g: Gathered) -> pd.DataFrame:
    """A row a pair: what they share, model, other, and of either side run_id, agreed, worth_least (`…_other`).

    Every model is beside the first. The models of a run are its own and its opponent's, joined by ` + ` if two.
    """
    import pandas as pd

    runs = g.runs.drop_duplicates("run_id")
    names = [c for c in SPEAKING if c in runs]
    said = [
        " + ".join(dict.fromkeys(str(v) for v in row if isinstance(v, str)))
        for row in runs[names].itertuples(index=False)
    ]
    told = pd.DataFrame({"run_id": runs["run_id"], "model": said})
    told["agreed"], told["worth_least"] = (
        runs[c].astype(float) if c in runs else float("nan") for c in ("m:agreed", "m:least")
    )
    shared = ["cluster", "control", "seed", "replicate"]
    factors = [c for c in runs.columns if c.startswith("cell:") and c.removeprefix("cell:") not in SPEAKING]
    for column in [*shared, *factors]:
        told[column] = runs[column].map(str)
    keys = [*shared, *factors]
    order = list(dict.fromkeys(told["model"]))
    first = told[told["model"] == order[0]]
    others = told[told["model"] != order[0]]
    if others.empty:
        return pd.DataFrame()
    both = first.merge(others, on=keys, suffixes=("", "_other")).rename(columns={"model_other": "other"})
    return both.drop_duplicates(["run_id", "run_id_other"])


def _means(pairs: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (model, other, len(of), *(of[c].mean() for c in BESIDE[3:]))
        for (model, other), of in pairs.groupby(["model", "other"], sort=False)
    ]
    return pd.DataFrame(rows, columns=list(BESIDE))


def _linked(pairs: pd.DataFrame) -> list[Any]:
    """Some pairs, one a dilemma and couple of models."""
    return list(pairs.drop_duplicates(["cluster", "model", "other"]).head(MOST_LINKS).itertuples())
