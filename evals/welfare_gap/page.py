"""How does the welfare gap look on a terminal: what is lost and to what, in a table and in plain words?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from evals.welfare_gap.account import Account, as_fraction, clauses, proofs

if TYPE_CHECKING:
    from rich.console import Console

    from evals.welfare_gap.curves import Curve
    from evals.welfare_gap.tables import Line
    from scenarios.games import Game
    from scenarios.mechanisms import Concern, Gap, Mediated, Problem

MISSING = "none"
MOST_PROOFS = 4


def show_account(game: Game, found: Account, concepts: tuple[str, ...], out: Console) -> None:
    """The table, the best contract read back, why no contract does better, and the concern that would."""
    problem, surplus = found.problem, found.surplus
    out.print(f"{game.title}", style="bold", markup=False)
    if game.says:
        out.print(" ".join(game.says.split()), markup=False)
    out.print(_setting(problem, found.contract), markup=False)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("what governs", "what is played", "welfare", "lost"):
        grid.add_column(title, justify="left" if title.startswith("what") else "right", overflow="fold")
    grid.add_column("of what there is to win", justify="right")
    for cells in _rows(found, concepts):
        grid.add_row(*cells)
    out.print(grid)
    if surplus is None:
        out.print("Without contract nothing is lost, or nothing stands: shares are not told.")
    if "nash" in concepts:
        _show_contract(found, out)
    out.print(_concern_words(found.concern, found.concern_contract), markup=False)


def _setting(problem: Problem, found: Gap) -> str:
    told = [tuple(dict.fromkeys(own)) for own in problem.labels]
    apart = ", ".join(f"{len(own)} of {a}" for own, a in zip(told, problem.shape, strict=True))
    cells = len(dict.fromkeys(problem.cells))
    states = f" and {cells} of {len(problem.states)} states" if len(problem.states) > 1 else ""
    budget = {"balanced": "what one pays another gets", "burn": "what is paid may be burnt, and is then lost"}
    return (
        f"First best {found.first_best:.6g}. A contract tells apart {apart} actions{states}; a transfer is at most "
        f"{found.bound:.6g}; {budget[found.budget]}."
    )


def _rows(found: Account, concepts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What governs, what is played, welfare, what is lost, and its share; a row each."""
    problem, first = found.problem, found.contract.first_best
    rows = [_row(found, "no contract", _played(problem, found.none), found.none.welfare, found.none.loss)]
    if "nash" in concepts:
        best = found.contract
        rows.append(_row(found, "the best contract", _played(problem, best), best.welfare, best.loss))
        if found.mixed is not None:
            left = first - found.mixed
            rows.append(_row(found, "a perfect contract", "symmetric, mixed", left, found.mixed))
    if found.mediation is not None and "correlated" in concepts:
        tells, pays, by_record = found.mediation.tells, found.mediation.pays, found.mediation.by_record
        rows.append(_row(found, "a mediator who only tells", _told(tells), tells.welfare, tells.loss))
        rows.append(_row(found, "a mediator who also pays", _told(pays), pays.welfare, pays.loss))
        known = [worth for worth in (by_record.low, by_record.high) if worth is not None]
        lost = [max(0.0, pays.first_best - worth) for worth in known]
        rows.append(("… by the record alone", "bounds", _span(known), _span(lost), ""))
    return rows


def _row(
    found: Account, name: str, played: str, welfare: float | None, loss: float | None
) -> tuple[str, ...]:
    share = found.share(loss)
    fraction = as_fraction(share)
    told = MISSING if share is None else f"{share:.4f}" + (f" = {fraction}" if fraction else "")
    return (name, played, _number(welfare), _number(loss), told)


def _played(problem: Problem, found: Gap) -> str:
    if found.mechanism is None:
        return "no pure equilibrium"
    plans = problem.plans(found.mechanism.strategies)
    if all(len(plan) == 1 for plan in plans.values()):
        return ", ".join(next(iter(plan.values())) for plan in plans.values())
    return "; ".join(
        f"{party}: " + ", ".join(f"{action} at {signal}" for signal, action in plan.items())
        for party, plan in plans.items()
    )


def _told(found: Mediated) -> str:
    if found.welfare is None:
        return "no equilibrium"
    count = sum(len(told) for told in found.chances.values())
    return f"{count} recommendation{'s' if count > 1 else ''}"


def _show_contract(found: Account, out: Console) -> None:
    written = clauses(found.contract)
    if written:
        out.print("The best contract, in pure Nash:", style="bold")
        for clause in written:
            out.print(f"  {clause}", markup=False)
    shown = proofs(found.problem, found.contract)
    if shown:
        out.print("Why no contract does better:", style="bold")
        for words in shown[:MOST_PROOFS]:
            out.print(f"  {words}", markup=False)
        if len(shown) > MOST_PROOFS:
            out.print(f"  … and {len(shown) - MOST_PROOFS} first-best profiles more, each with its proof")


def _concern_words(alone: Concern, under: Concern) -> str:
    """What λ would do, in a sentence."""
    if under.least is None:
        return "No concern closes the gap: some deviation pays, costs nobody anything, and leaves the same record."
    if under.least == 0:
        told = "Under the best contract nothing is left to close."
    else:
        told = f"Under the best contract λ = {under.least:.6g} closes the gap, and nothing less."
    without = "no λ does" if alone.least is None else f"λ = {alone.least:.6g} does"
    return f"Prosociality, V = u + λ·W: {told} Without contract {without}."


def show_lines(lines: list[Line], out: Console) -> None:
    """The games of a file, a line each, and whether what theory says of lifts holds."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("game")
    for title in ("no contract", "best contract", "mixed", "mediator", "λ alone", "λ, contract"):
        grid.add_column(title, justify="right")
    for each in lines:
        row = each.row()
        shares = [_share(row[f"{name}_share"], row[name]) for name in ("contract", "mixed", "mediator")]
        grid.add_row(
            each.id, _number(each.none), *shares, _number(each.concern), _number(each.concern_contract)
        )
    out.print("Welfare lost without contract, in payoff units; then as a share of that.")
    out.print(grid)
    lifts = [each for each in lines if each.lift]
    wrong = [each for each in lifts if each.checks]
    for each in wrong:
        out.print(f"{each.id}: {'; '.join(each.checks)}", style="bold red", markup=False)
    if lifts and not wrong:
        out.print(
            f"{len(lifts)} of {len(lines)} are lifts of a Prisoner's Dilemma, and each has the exact gaps: 2(R − P) "
            "without contract; 1/24 of it under the best contract, 1/6 at the mixed equilibrium, 1/30 with a "
            "mediator; λ = 2.",
            style="bold",
        )


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{round(value, 9) + 0.0:.6g}"


def _share(value: float | None, loss: float | None) -> str:
    if value is None:
        return MISSING if loss is None else f"({loss:.4g})"
    return as_fraction(value) or f"{value:.4f}"


def show_curve(curve: Curve, out: Console) -> None:
    """A curve as a table; of many points an x, the best and the worst of each."""
    out.print(curve.title, style="bold", markup=False)
    out.print(curve.note, markup=False)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    grid.add_column("", overflow="fold")
    concepts = list(curve.points[0].losses)
    for concept in concepts:
        grid.add_column(concept, justify="right")
    if not curve.several:
        for point in curve.points:
            grid.add_row(point.what, *(_number(point.losses[c]) for c in concepts))
    else:
        for x in sorted({point.x for point in curve.points}):
            these = [point for point in curve.points if point.x == x]
            grid.add_row(
                f"{x:g} told apart, {len(these)} way{'s' if len(these) > 1 else ''}",
                *(_span([p.losses[c] for p in these]) for c in concepts),
            )
    out.print(grid)


def _span(losses: Sequence[float | None]) -> str:
    """The least and the greatest; what stands nowhere is left out."""
    known = [loss for loss in losses if loss is not None]
    if not known:
        return MISSING
    least, most = min(known), max(known)
    return f"{least:.6g}" if most - least < 1e-6 * max(1.0, abs(most)) else f"{least:.6g} … {most:.6g}"
