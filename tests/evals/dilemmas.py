"""What do tests of dilemmas share: seasons and games made by hand, with known answers, and frames of made-up runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evals.dilemmas.frames import DilemmaFrames
from negotiators.dilemma import Proposal
from nodes.commons.record import CommonsRecord, Month
from nodes.commons.settings import CommonsTable
from nodes.dilemma.record import Bite, DilemmaSeat, LawInForce, Ledger, Payoffs
from nodes.games.record import GameRecord, Play
from nodes.games.settings import GamesTable
from personas.load import load_concern
from scenarios.commons import load as load_commons
from scenarios.contracts import Clause, Contract
from scenarios.games import load as load_game

LAW = LawInForce(
    since=2,
    proposal=Proposal(
        by="a2", contract=Contract(clauses=(Clause(kind="fine", amount="2.0"),)), words=("1. Fine: 2.0.",)
    ),
    votes={"a1": True, "a2": True, "a3": None},
)


def seat(name: str, prosocial: bool, model: str | None = None) -> DilemmaSeat:
    """One seat: prosocial (λ = ∞) or selfish."""
    return DilemmaSeat(
        seat=name,
        persona=load_concern("prosocial" if prosocial else "selfish"),
        prosocial=prosocial,
        negotiator="reference" if model is None else "chat",
        model=model,
    )


def season(
    catches: Sequence[Sequence[int]] = ((10, 20, 30), (20, 10, 0)),
    prosocial: Sequence[bool] = (False, True, False),
    paid: Sequence[float] = (-3.0, 1.0, 0.0),
    run_id: str = "season",
    status: str = "complete",
    **settings: Any,
) -> CommonsRecord:
    """A season of three seats: month by month what each took, and what each paid or got in the last of them."""
    case = load_commons("fishery,agents=3,months=4,world=7")
    names = [f"a{i + 1}" for i in range(3)]
    stocks, months = [100], []
    for number, taken in enumerate(catches):
        left = stocks[-1] - sum(taken)
        stocks.append(min(100, 2 * left))
        last = number == len(catches) - 1
        months.append(
            Month(
                month=number + 1, stock=stocks[-2], event="calm", cell="calm", price=1.0,
                asked=dict(zip(names, taken, strict=True)),
                allowed=dict(zip(names, taken, strict=True)),
                taken=dict(zip(names, taken, strict=True)),
                reported=dict(zip(names, taken, strict=True)),
                bites=[Bite(clause=1, kind="fine", seat="a1")] if last else [],
                payments=dict(zip(names, paid, strict=True)) if last else {},
                burnt=-sum(paid) if last else 0.0,
                worth=dict(zip(names, map(float, taken), strict=True)),
                left=left, pool="healthy", regrown=stocks[-1], law=0 if last else None,
            )
        )  # fmt: skip
    gross = {n: float(sum(t[i] for t in catches)) for i, n in enumerate(names)}
    net = {n: gross[n] + paid[i] for i, n in enumerate(names)}
    complete = status == "complete"
    return CommonsRecord(
        run_id=run_id, status=status, seed=1, replicate=0, edges=[], usage=[], incidents=[], provenance={},
        seats=[seat(n, p) for n, p in zip(names, prosocial, strict=True)],
        scenario=case,
        protocol=CommonsTable.model_validate({"regime": "enforced", "prosocial": sum(prosocial)} | settings),
        months=months, collapsed=False, laws=[LAW],
        ledger=Ledger(parties=dict(zip(names, paid, strict=True)), burnt=-sum(paid)),
        payoffs=Payoffs(gross=gross, net=net) if complete else None,
        measures={"survival_months": len(catches), "total_catch": sum(gross.values()), "captured": None},
        benchmarks={"planner": 250.0, "best_law": 250.0},
    )  # type: ignore[arg-type]  # fmt: skip


def game(
    cells: Sequence[tuple[str, str]] = (("C", "C"), ("D", "C")),
    prosocial: Sequence[bool] = (True, False),
    run_id: str = "game",
    **settings: Any,
) -> GameRecord:
    """A Prisoner's Dilemma (5, 3, 1, 0), cell by cell, with nothing agreed."""
    case = load_game("prisoners-dilemma,T=5,R=3,P=1,S=0")
    names, places = list(case.players), [list(a) for a in case.actions]
    plays = []
    for number, (row, column) in enumerate(cells):
        at = tuple(0 if a == "C" else 1 for a in (row, column))
        done = {n: places[i][at[i]] for i, n in enumerate(names)}
        got = {n: float(u) for n, u in zip(names, case.payoffs()[at], strict=True)}
        plays.append(
            Play(
                round=number + 1, state="only", cell="only", signals=dict.fromkeys(names, "only"),
                chosen=done, done=done, gross=got, net=got, best=at == (0, 0),
            )
        )  # fmt: skip
    total = {n: sum(p.net[n] for p in plays) for n in names}
    rounds = len(cells)
    return GameRecord(
        run_id=run_id, status="complete", seed=1, replicate=0,
        edges=[], usage=[], incidents=[], provenance={}, laws=[], ledger=Ledger(parties={}),
        seats=[seat(n, p) for n, p in zip(names, prosocial, strict=True)],
        scenario=case,
        protocol=GamesTable.model_validate({"prosocial": sum(prosocial), "rounds": rounds} | settings),
        plays=plays, payoffs=Payoffs(gross=total, net=total),
        measures={
            "best_cell": sum(p.best for p in plays) / rounds,
            "loss": 6 - sum(total.values()) / rounds,
        },
        benchmarks={"first_best": 6.0, "equilibrium": 2.0, "best_mechanism": None},
    )  # fmt: skip


def written(record: CommonsRecord | GameRecord, folder: Path) -> Path:
    """The record as a file."""
    path = folder / f"{record.run_id}.json"
    path.write_text(record.model_dump_json(), encoding="utf-8")
    return path


Value = Callable[[Mapping[str, Any]], float | None]


def made_up(value: Value, worlds: int = 4, setting: Any = "commons", **factors: list[Any]) -> DilemmaFrames:
    """Frames of one complete run for every world and cell of the factors; `value(run)` is its net welfare."""
    cells = [dict(zip(factors, v, strict=True)) for v in itertools.product(*factors.values())]
    runs: list[dict[str, Any]] = []
    for cell in cells:
        for world in range(worlds):
            run: dict[str, Any] = {
                "run_id": f"{cell}|{world}", "status": "complete", "role": "study", "condition": f"{cell}",
                "control": "", "cluster": f"w{world}", "world": world, "scenario": "fishery", "seed": 1,
                "replicate": 0, "policy": "", "prosocial": cell.get("prosocial", 0),
                "regime": cell.get("regime", "none"),
            } | {f"cell:{k}": v for k, v in cell.items()}  # fmt: skip
            runs.append(run | {"welfare_net": value(run)})
    empty = pd.DataFrame(columns=["run_id"])
    return DilemmaFrames(setting, pd.DataFrame(runs), empty, empty, empty)
