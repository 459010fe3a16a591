"""Which laws did seats adopt, in which words, how long did they stand, and whom did they stop or charge?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.dilemmas.gathered import SHORTFALL, Gathered
from evals.findings.section import Section, Shown, number, share

if TYPE_CHECKING:
    import pandas as pd

MOST = 8
"""Laws told in the text; the table has all."""

LONGEST = 160
"""Characters of a law in the text; the table has it whole."""

COLUMNS = (
    *("regime", "words", "kinds", "runs", "given", "steps", "bitten_steps", "bites", "problems"),
    *("votes_for", "shortfall"),
)


def laws(g: Gathered) -> Section:
    """The section on laws."""
    table = by_words(g)
    says = [_adopted(g), "A law *bites* in a step in which it stopped, changed or charged somebody."]
    if len(table) and int(table["problems"].sum()):
        says.append(
            f"{int(table['problems'].sum())} times a clause could not be carried out (an amount that is no number, "
            "say): it then did not apply."
        )
    rows = [
        [
            _short(str(r.words)),
            str(r.regime),
            str(r.runs),
            str(r.steps),
            share(int(r.bitten_steps), int(r.steps)),
            str(r.bites),
            number(r.shortfall, 3),
        ]
        for r in table.head(MOST).itertuples()
    ]
    what = "months" if g.study.setting == "commons" else "rounds"
    return Section(
        title="What was agreed, and where it bit",
        says=says,
        tables={"laws": table},
        shown=[
            Shown(
                "Laws by how many runs had them",
                [
                    "as read back to all",
                    "regime",
                    "runs",
                    f"{what} in force",
                    f"{what} it bit in",
                    "bites",
                    "shortfall",
                ],
                rows,
                "shortfall: mean over the runs that had it; of a law in words alone nothing can bite.",
            )
        ],
    )


def by_words(g: Gathered) -> pd.DataFrame:
    """A row a regime and wording (COLUMNS), the most frequent first, over the study's own runs."""
    import pandas as pd

    name = SHORTFALL[g.study.setting]
    runs = g.values([name]).drop_duplicates("run_id")[["run_id", "regime", f"o:{name}"]]
    there = g.frames.laws.merge(runs, on="run_id")
    rows = []
    for (regime, words), of in there.groupby(["regime", "words"], sort=False):
        votes = int(of["votes"].sum())
        values = (
            *(regime, words, of["kinds"].iloc[0], of["run_id"].nunique(), int((of["by"] == "given").sum())),
            *(int(of[c].sum()) for c in ("steps", "bitten_steps", "bites", "problems")),
            *(of["yes"].sum() / votes if votes else None, of[f"o:{name}"].mean()),
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(["runs", "steps", "words"], ascending=[False, False, True], ignore_index=True)


def _adopted(g: Gathered) -> str:
    """In how many runs in which contracts could be agreed one was."""
    runs = g.runs.drop_duplicates("run_id")
    out = []
    for regime in ("spoken", "enforced"):
        of = runs[runs["regime"] == regime]
        if len(of):
            voted = g.frames.laws[
                (g.frames.laws["votes"] > 0) & g.frames.laws["run_id"].isin(set(of["run_id"]))
            ]
            out.append(
                f"`{regime}`: in {share(voted['run_id'].nunique(), len(of))} runs a contract was voted in"
            )
    return ("; ".join(out) + ".") if out else "No run lets seats agree on a contract."


def _short(words: str) -> str:
    """The clauses of a law, without what its drafter says beside them; a law in words alone as it is."""
    lines = words.split(" / ")
    first = next((i for i, line in enumerate(lines) if line.startswith("1. ")), 0)
    said = " / ".join(lines[first:])
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
