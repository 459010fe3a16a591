"""What is seen of a commons at a glance: the season by month, the contract and its bites, payoffs, the welfare gap?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evals.findings.section import Section, Shown, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.dilemmas.gathered import Gathered
    from evals.report.pictures.dilemmas.steps import Steps
    from evals.report.source import Source, Tell


def of_commons(source: Source, tell: Tell) -> list[Section]:
    """The sections of pictures of a source of commons; none where no run of its own is complete."""
    from evals.report.pictures.dilemmas.contracts import contract
    from evals.report.pictures.dilemmas.paid import payoffs
    from evals.report.pictures.dilemmas.seasons import season
    from evals.report.pictures.dilemmas.steps import steps_of
    from evals.report.pictures.ground import of_dilemmas, of_records

    g = of_dilemmas(source)
    if g.cross.empty:
        return []
    tell(f"{source.name}: reading months and contracts")
    found = of_records(source, set(g.runs["run_id"]), steps_of)
    kept = {run_id: steps for run_id, (_, steps) in found.items()}
    tell(f"{source.name}: working out the welfare gap")
    return [season(g, kept), contract(g, kept), *payoffs(g, source), _gap(g, kept)]


def _gap(g: Gathered, kept: dict[str, Steps]) -> Section:
    """What the best law loses against the planner, by circumstances, and with what the language cannot tell."""
    from evals.report.pictures.dilemmas.gap import gap_figure, gaps, told

    few = g.make_ups[0]
    table = gaps(g, "dynamics", few)
    who = "All seats are selfish." if few == 0 else f"{few} seats are prosocial."
    says = [
        "How far the best law that this language can say (a quota) stays behind a planner who commands every catch, in "
        f"the {g.study.unit}s of these runs. {who}",
        *told(table, "law", "the planner"),
    ]
    tables, figures = {"welfare_gap": table}, {}
    figures["welfare_gap"] = lambda: gap_figure(
        table, g.regimes, "welfare of a season, net of payments", who, ("best law", "the planner")
    )
    curve = _by_language(g, kept)
    if curve is not None:
        import pandas as pd

        tables["gap_by_language"] = pd.DataFrame(curve.rows())
        figures["gap_by_language"] = lambda: _curve(curve)
        told_all, told_none = (next(iter(p.losses.values())) for p in (curve.points[0], curve.points[-1]))
        says.append(
            f"In expectation the best quota loses {number(told_all, 1)} where its language tells every event, and "
            f"{number(told_none, 1)} where it tells none."
        )
    rows = [
        [str(r.where), *(number(v, 1) for v in (r.none, r.best_law, r.optimum, r.lost)), number(100 * r.share, 1)]
        for r in table.itertuples()
    ]  # fmt: skip
    headings = ["", "no contract", "best law", "the planner", "lost", "lost, %"]
    return Section(
        title="The welfare gap at a glance",
        says=says,
        tables=tables,
        shown=[Shown("Welfare of a season", headings, rows, f"Means over {g.study.unit}s.")],
        figures=figures,
    )


def _by_language(g: Gathered, kept: dict[str, Steps]) -> Any:
    """The gap against how many kinds of event the language cannot tell, of the first season in which any may happen."""
    from evals.welfare_gap.curves import over_hidden
    from scenarios.commons import Commons

    for run_id in g.cross["run_id"]:
        case = kept[run_id].scenario if run_id in kept else None
        if isinstance(case, Commons) and case.contingencies.chance:
            return over_hidden(case)
    return None


def _curve(curve: Any) -> Figure:
    from evals.welfare_gap.drawing import draw

    drawn: Figure = draw(curve)
    return drawn
