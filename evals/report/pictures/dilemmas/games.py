"""What is seen of games at a glance: what was played round by round, the contract and its bites, the welfare gap?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evals.findings.section import Section, Shown, number
from evals.report.pictures.ground import key_at_right, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evals.dilemmas.gathered import Gathered
    from evals.report.pictures.dilemmas.steps import Steps
    from evals.report.source import Source, Tell
    from scenarios.games import Game

MOST_CELLS = 7
"""Cells with a colour of their own; all others together are `others`."""
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "+++", "ooo", "---")
OTHERS = "others"

CLOSELY = 1
"""Games whose loss is worked out along an axis: the first so many."""


def of_games(source: Source, tell: Tell) -> list[Section]:
    """The sections of pictures of a source of games; none where no run of its own is complete."""
    from evals.report.pictures.dilemmas.contracts import contract
    from evals.report.pictures.dilemmas.paid import payoffs
    from evals.report.pictures.dilemmas.steps import steps_of
    from evals.report.pictures.ground import of_dilemmas, of_records

    g = of_dilemmas(source)
    if g.cross.empty:
        return []
    tell(f"{source.name}: reading rounds and contracts")
    found = of_records(source, set(g.runs["run_id"]), steps_of)
    kept = {run_id: steps for run_id, (_, steps) in found.items()}
    tell(f"{source.name}: working out the welfare gap")
    return [_played(g), contract(g, kept), *payoffs(g, source), _gap(g, kept)]


def _played(g: Gathered) -> Section:
    best, cells = best_by_round(g), cells_played(g)
    rounds = sorted(int(r) for r in best["round"].unique())
    says = ["Which cells were played under each regime of the cross, after the law had its say."]
    figures = {"cells_played": lambda: _cells(g, cells)}
    if len(rounds) > 1:
        figures["best_by_round"] = lambda: _best(g, best, rounds)
    else:
        says.append(
            "Every game has one round; how often the best cell was played stands under *How it went*."
        )
    return Section(
        title="What was played, round by round",
        says=says,
        tables={"best_by_round": best, "cells_played": cells},
        shown=[_shown(g, best, rounds)] if len(rounds) > 1 else [],
        figures=figures,
    )


def _steps(g: Gathered) -> pd.DataFrame:
    """Every round of the cross, with what tells conditions apart."""
    told = ["run_id", "cluster", "dynamics", "regime", "prosocial"]
    return g.frames.steps.merge(g.cross.drop_duplicates("run_id")[told], on="run_id")


def best_by_round(g: Gathered) -> pd.DataFrame:
    """regime, prosocial, round, share, runs: of the runs that have the round, those that played the best cell in it."""
    steps = _steps(g)
    of = steps.assign(best=steps["best"].astype(float)).groupby(["regime", "prosocial", "step"])["best"]
    table = of.agg(share="mean", runs="size").reset_index().rename(columns={"step": "round"})
    order = {r: i for i, r in enumerate(g.regimes)}
    return table.sort_values("regime", key=lambda c: c.map(order), kind="stable", ignore_index=True)


def cells_played(g: Gathered) -> pd.DataFrame:
    """regime, prosocial, cell, rounds, share: of all rounds of the runs of this make-up, all games together."""
    steps = _steps(g)
    counts = steps.groupby(["regime", "prosocial", "done"]).size().rename("rounds").reset_index()
    whole = counts.groupby(["regime", "prosocial"])["rounds"].transform("sum")
    table = counts.assign(share=counts["rounds"] / whole).rename(columns={"done": "cell"})
    order = {r: i for i, r in enumerate(g.regimes)}
    return table.sort_values("regime", key=lambda c: c.map(order), kind="stable", ignore_index=True)


def _shown(g: Gathered, best: pd.DataFrame, rounds: list[int]) -> Shown:
    at = {(r.regime, r.prosocial, r.round): r.share for r in best.itertuples()}
    told = rounds if len(rounds) <= 8 else sorted({*rounds[:3], rounds[len(rounds) // 2], *rounds[-3:]})
    rows = [
        [f"{regime}, p{k}", *(number(at.get((regime, k, r))) for r in told)]
        for regime in g.regimes
        for k in g.make_ups
        if any((regime, k, r) in at for r in told)
    ]
    return Shown("Share that played the best cell in round …", ["", *map(str, told)], rows)


def _best(g: Gathered, table: pd.DataFrame, rounds: list[int]) -> Figure:
    from evals.findings.drawing import figure, series, titled

    fig, axes = figure(1, len(g.regimes), width=2.3 * len(g.regimes) + 2.0, height=2.9, sharey=True)
    for ax, regime in zip(axes[0], g.regimes, strict=True):
        here = table[table["regime"] == regime]
        lines = {
            f"{k} prosocial": list(here[here["prosocial"] == k].set_index("round")["share"].reindex(rounds))
            for k in g.make_ups
        }
        series(ax, rounds, lines)
        for i, line in enumerate(ax.lines):
            line.set_markersize(max(3.0, 7.0 - 2 * i))
        every = max(1, len(rounds) // 6)
        ax.set_xticks(range(0, len(rounds), every), [str(r) for r in rounds[::every]])
        ax.set_title(regime)
        ax.set_xlabel("round")
        ax.set_ylim(-0.04, 1.04)
    axes[0, 0].set_ylabel("share of runs")
    key_at_right(fig, axes[0, 0])
    return titled(
        fig, "How often the best cell was played", "Of the runs that have the round, all games together."
    )


def _cells(g: Gathered, table: pd.DataFrame) -> Figure:
    from evals.findings.drawing import COLOURS, QUIET, figure, titled

    most = table.groupby("cell")["rounds"].sum().sort_values(ascending=False, kind="stable")
    names = [*most.index[:MOST_CELLS], *([OTHERS] if len(most) > MOST_CELLS else [])]
    told = table.assign(cell=table["cell"].where(table["cell"].isin(names), OTHERS))
    rows, columns = panels(len(g.regimes), 4)
    fig, axes = figure(
        rows,
        columns,
        width=2.1 * columns + 2.6,
        height=0.9 + (0.75 + 0.3 * len(g.make_ups)) * rows,
        sharey=True,
    )
    for ax in axes.flat[len(g.regimes) :]:
        ax.set_visible(False)
    for ax, regime in zip(axes.flat, g.regimes, strict=False):
        wide = (
            told[told["regime"] == regime]
            .pivot_table(index="prosocial", columns="cell", values="share", aggfunc="sum", fill_value=0.0)
            .reindex(index=g.make_ups, columns=names)
            .fillna(0.0)
        )
        left = 0 * wide.iloc[:, 0]
        for i, name in enumerate(names):
            colour = QUIET if name == OTHERS else COLOURS[i]
            ax.barh(
                [f"p{k}" for k in wide.index], wide[name], left=left, color=colour, hatch=HATCHES[i], edgecolor="white",
                height=0.75, linewidth=0.4, label=name.replace("/", " / "),
            )  # fmt: skip
            left = left + wide[name]
        ax.set_title(regime)
        ax.set_xlim(0, 1)
        ax.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        ax.set_xlabel("share of rounds")
    axes[0, 0].invert_yaxis()
    axes[0, 0].set_ylabel("prosocial seats")
    key_at_right(fig, axes[0, 0])
    return titled(fig, "What was played", f"Cells: {' / '.join(_players(g))}. All games and rounds together.")


def _players(g: Gathered) -> list[str]:
    """The seats in the order in which a cell names them."""
    first = g.cross["run_id"].iloc[0]
    return list(g.frames.seats.loc[g.frames.seats["run_id"] == first, "seat"])


def _gap(g: Gathered, kept: dict[str, Steps]) -> Section:
    """What the best contract loses against the first best, game by game, and along what it hangs on."""
    import pandas as pd

    from evals.report.pictures.dilemmas.gap import gap_figure, gaps, told
    from scenarios.errors import ParleyError
    from scenarios.games import Game

    few = g.make_ups[0]
    table = gaps(g, "cluster", few)
    says = [
        "How far the best transfers on what can be verified stay behind the first best, a round. Selfish players.",
        *told(table, "contract", "the first best"),
    ]
    tables: dict[str, Any] = {"welfare_gap": table}
    unit = "welfare a round, net of payments"
    figures: dict[str, Any] = {
        "welfare_gap": lambda: gap_figure(
            table, g.regimes, unit, _who(few), ("best contract", "the first best")
        )
    }
    games = {s.scenario.name: s.scenario for s in kept.values() if isinstance(s.scenario, Game)}
    for game in list(games.values())[:CLOSELY]:
        try:
            curves = _curves(game)
        except ParleyError as error:
            says.append(f"Along what the loss hangs on cannot be told: {error}.")
            continue
        says.append(
            f"Along which axis the loss goes away is worked out for one of the {len(games)} games, {game.name}."
        )
        for kind, curve in curves.items():
            tables[f"gap_by_{kind}"] = pd.DataFrame(curve.rows())
            figures[f"gap_by_{kind}"] = _drawing(curve)
    return Section("The welfare gap at a glance", says, tables, [_told(table)], figures)


def _who(few: int) -> str:
    return "Reached: by selfish players." if few == 0 else f"Reached: with {few} prosocial players."


def _curves(game: Game) -> dict[str, Any]:
    """The loss of one game along concern and along the language. Raises ParleyError where it is too large."""
    from evals.welfare_gap.curves import over_concern, over_partition
    from scenarios.mechanisms import Problem

    problem = Problem.of(game)
    out = {"concern": over_concern(problem)}
    if len(problem.states) > 1 or len(set(problem.shape)) == 1:  # else there is no such axis
        out["language"] = over_partition(problem)
    return out


def _drawing(curve: Any) -> Any:
    from evals.welfare_gap.drawing import draw

    return lambda: draw(curve)


def _told(table: pd.DataFrame) -> Shown:
    rows = [
        [str(r.where), *(number(v) for v in (r.none, r.best_law, r.optimum, r.lost)), number(100 * r.share, 1)]
        for r in table.head(12).itertuples()
    ]  # fmt: skip
    return Shown(
        "Welfare a round", ["", "no contract", "best contract", "first best", "lost", "lost, %"], rows,
        "Exact, for selfish players; no contract: the best pure equilibrium." + (
            f" {len(table) - 12} more in the table." if len(table) > 12 else ""
        ),
    )  # fmt: skip
