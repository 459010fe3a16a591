"""Which numbers can a hypothesis about a dilemma be about: outcomes by name, one value a run, for each setting.

Every outcome is a table of (run_id, stage, value) with the one stage `final`, read off `DilemmaFrames` alone. An
invalid run has no row. What is undefined is NaN, never 0: shares where what is below the line is too small, the
payoff of a type that nobody is of, a difference whose other run is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.dilemmas.frames import PROSOCIAL, SELFISH, DilemmaFrames
from evals.dilemmas.strata import told
from evals.outcomes import Better, Outcome, find_for, numbers
from scenarios.ward import Array

if TYPE_CHECKING:
    import pandas as pd

Values = Callable[["DilemmaFrames", "pd.DataFrame"], Array]
"""What an outcome makes of the complete runs, in their order; it may look at the runs beside them too."""

LEAST_SURPLUS = 0.05
"""No share of a surplus is taken where it is not above this share of the first best."""


def outcome(frames: DilemmaFrames, name: str) -> pd.DataFrame:
    """An outcome of every complete run, as a table of (run_id, stage, value). Raises ParleyError as `find_for` does."""
    made: pd.DataFrame = find_for(frames.setting, name).of(frames)  # type: ignore[arg-type]
    return made


def column(runs: pd.DataFrame, name: str) -> Array:
    """A column of numbers (n,); NaN where no run has it."""
    return numbers(runs[name]) if name in runs else np.full(len(runs), np.nan, dtype=float)


def divided(above: Array, below: Array, least: Array | float = 0.0) -> Array:
    """above / below (n,); NaN where what is below the line does not exceed `least`."""
    with np.errstate(invalid="ignore"):
        defined = below > least
    share: Array = np.divide(above, below, out=np.full(len(above), np.nan), where=defined)
    return share


def partner(frames: DilemmaFrames, runs: pd.DataFrame, name: str, others: Callable[[Array], Array]) -> Array:
    """A column of the run that differs in its number of prosocial seats alone, (n,); NaN where there is none.

    `others(k)` is that number. Runs are the same in all else where scenario, world, seed, replicate and every
    setting are.
    """
    import pandas as pd

    every = frames.runs.drop_duplicates("run_id")
    every = every[every["status"] == "complete"]
    same = [c for c in _alike(frames) if c in every]
    keys = _keys(every[same])
    there = pd.Series(column(every, name), index=pd.MultiIndex.from_arrays([keys, every["prosocial"]]))
    there = there[~there.index.duplicated()]
    wanted = pd.MultiIndex.from_arrays([_keys(runs[same]), others(runs["prosocial"].to_numpy(dtype=int))])
    found: Array = there.reindex(wanted).to_numpy(dtype=float)
    return found


def _keys(rows: pd.DataFrame) -> list[str]:
    return ["|".join(map(told, row)) for row in rows.itertuples(index=False, name=None)]


def _alike(frames: DilemmaFrames) -> list[str]:
    """Columns in which two runs agree that differ in who is prosocial alone."""
    from graphs.setting import setting

    fields = [f for f in setting(frames.setting).table.model_fields if f not in ("prosocial", "concerns")]
    return ["scenario", "world", "cluster", *fields]


def made(
    name: str,
    says: str,
    unit: str,
    values: Values,
    better: Better = "higher",
    low: float | None = 0,
    high: float | None = None,
) -> Outcome:
    """An outcome of a run: `values(frames, runs)` gives one for each of its complete runs, in their order."""

    def of(frames: Any) -> pd.DataFrame:
        runs = frames.runs[frames.runs["status"] == "complete"].drop_duplicates("run_id")
        table = runs[["run_id"]].assign(stage=frames.final, value=values(frames, runs))
        return table.reset_index(drop=True)

    return Outcome(name, says, unit, low, high, better, of)


def _of(name: str) -> Values:
    return lambda _, runs: column(runs, name)


def _surplus_lost(_: DilemmaFrames, runs: pd.DataFrame) -> Array:
    """(first best − W) / (first best − W of selfish players without a contract)."""
    surplus = column(runs, "b:first_best") - column(runs, "b:equilibrium")
    return divided(column(runs, "m:loss"), surplus, LEAST_SURPLUS * np.abs(column(runs, "b:first_best")))


def _advantage(_: DilemmaFrames, runs: pd.DataFrame) -> Array:
    return column(runs, f"payoff:{SELFISH}") - column(runs, f"payoff:{PROSOCIAL}")


def _exploitation(frames: DilemmaFrames, runs: pd.DataFrame) -> Array:
    mixed = column(runs, "prosocial") > 0
    alone = partner(frames, runs, f"payoff:{SELFISH}", lambda k: 0 * k)
    return np.where(mixed, column(runs, f"payoff:{SELFISH}") - alone, np.nan)


def _switch(frames: DilemmaFrames, runs: pd.DataFrame) -> Array:
    before = partner(frames, runs, f"payoff:{SELFISH}", lambda k: k - 1)
    return np.asarray(column(runs, f"payoff:{PROSOCIAL}") - before)


def _of_payoffs(unit: str) -> list[Outcome]:
    """Outcomes that both settings have: welfare, payoffs by type, exploitation."""
    free: dict[str, Any] = {"low": None}
    out = [
        made("welfare_net", "sum of payoffs, net of what is burnt", unit, _of("welfare_net"), **free),
        made("welfare_gross", "sum of payoffs before payments", unit, _of("welfare_gross"), **free),
        made("burnt", "what left the table by fines", unit, _of("burnt"), "lower"),
        made("least_payoff", "payoff of the seat that got least, net", unit, _of("least"), **free),
        *(
            made(f"payoff:{t}", f"mean net payoff of a {t} seat", unit, _of(f"payoff:{t}"), **free)
            for t in (PROSOCIAL, SELFISH)
        ),
    ]
    says = "what the selfish have over the prosocial in one group, by mean net payoff: π_S(k) − π_P(k)"
    out.append(made("advantage", says, unit, _advantage, "neither", **free))
    says = "what a selfish seat gains from k prosocial ones: π_S(k) − π_S(0) in the same world"
    out.append(made("exploitation", says, unit, _exploitation, "neither", **free))
    says = (
        "what a seat gains by being prosocial, the others as they are: π_P(k) − π_S(k − 1) in the same world"
    )
    out.append(made("switch", says, unit, _switch, "neither", **free))
    return out


def _of_commons() -> list[Outcome]:
    paper = (
        "catch over what a full pool yields in the played months alone, as the paper has it: a defect, for a "
    )
    paper += "collapse in month 1 scores 1"
    share, pool = "share", "units of the pool"
    captured = (
        "of what the best law adds in this world to what these seats reach without one, the share attained; "
    )
    captured += "missing where it adds next to nothing"
    over = "o: share of catches above an even share of what the stock sustains"
    early = "whether the pool collapsed before the last month"
    free: dict[str, Any] = {"low": None}
    return [
        made("survival_months", "m: months that were played", "months", _of("m:survival_months")),
        made("gain", "R: total catch", pool, _of("m:total_catch")),
        made("equality", "e: 1 − Gini of catches", "1 − Gini", _of("m:equality"), high=1),
        made("over_use", over, share, _of("m:over_use"), "lower", high=1),
        made(
            "efficiency",
            "u: worth of catches over the planner's expected optimum",
            share,
            _of("m:efficiency"),
        ),
        made("efficiency_paper", paper, share, _of("m:efficiency_of_played_months"), high=1),
        made(
            "yield_efficiency",
            "catch over a full pool's yield in all months",
            share,
            _of("m:yield_efficiency"),
        ),
        made("early_collapse", early, "yes or no", _of("early_collapse"), "lower", high=1),
        *_of_payoffs("payoff units of a season"),
        made(
            "welfare_share",
            "welfare net over the planner's in this world",
            share,
            _of("m:welfare_share"),
            **free,
        ),
        made(
            "loss",
            "share of the planner's welfare in this world that is lost",
            share,
            _of("m:loss"),
            "lower",
            **free,
        ),
        made("captured", captured, share, _of("m:captured"), **free),
    ]


def _of_games() -> list[Outcome]:
    of_rounds, share = "share of rounds", "share"
    captured = "of what the best mechanism adds to what selfish players reach without a contract, the share attained; "
    captured += "missing where it adds next to nothing"
    lost = "share of the surplus of the first best over selfish play without a contract that is lost; missing where "
    lost += f"the surplus is not above {LEAST_SURPLUS:g} of the first best"
    free: dict[str, Any] = {"low": None}
    return [
        made("best_cell", "rounds in the cell of greatest welfare", of_rounds, _of("m:best_cell"), high=1),
        made("rawlsian_cell", "rounds in the cell that is best for the worst off", of_rounds,
              _of("m:rawlsian_cell"), high=1),
        *_of_payoffs("payoff units a round"),
        made("loss", "first best less welfare net, a round", "payoff units a round", _of("m:loss"), "lower", **free),
        made("loss_share", lost, share, _surplus_lost, "lower", **free),
        made("captured", captured, share, _of("m:captured"), **free),
    ]  # fmt: skip


OUTCOMES: dict[str, dict[str, Outcome]] = {
    name: {o.name: o for o in outcomes()}
    for name, outcomes in (("commons", _of_commons), ("games", _of_games))
}
"""Every outcome by setting and name."""
