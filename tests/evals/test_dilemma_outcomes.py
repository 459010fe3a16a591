"""Are outcomes of dilemmas what they say they are, missing where undefined, and tested within the design's strata?"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from evals.dilemmas.frames import framed, rows_of
from evals.dilemmas.outcomes import OUTCOMES, outcome
from evals.dilemmas.strata import over_strata
from evals.experiment.study import Hypothesis
from evals.findings.contrasts import contrast, differences
from evals.outcomes import find_for as find
from evals.outcomes import outcome as any_outcome
from evals.statistics import estimate, sign_flip
from scenarios.errors import ParleyError
from tests.evals.dilemmas import game, made_up, season


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def asked(**fields: object) -> Hypothesis:
    return Hypothesis.model_validate({"id": "H", "claim": "c", "outcome": "welfare_net"} | fields)


class TestNames:
    @pytest.mark.parametrize("setting", ["commons", "games"])
    def test_every_outcome_gives_one_value_a_complete_run_at_the_one_stage(self, setting: str) -> None:
        record = season if setting == "commons" else game
        made = framed(setting, [rows_of(record())])  # type: ignore[arg-type]
        for name in OUTCOMES[setting]:
            table = outcome(made, name)
            assert list(table.columns) == ["run_id", "stage", "value"], name
            assert list(table["stage"]) == ["final"] and table["value"].dtype == float, name

    def test_a_name_of_the_other_setting_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(
            ParleyError, match="none is called 'best_cel' in the setting games; did you mean best_cell"
        ):
            find("games", "best_cel")
        with pytest.raises(ParleyError, match="in the setting commons"):
            find("commons", "best_cell")
        assert find("games", "loss").unit != find("commons", "loss").unit

    def test_what_is_undefined_is_missing_and_never_0(self) -> None:
        made = framed("commons", [rows_of(season(prosocial=(False, False, False)))])
        for name in ("payoff:prosocial", "advantage", "captured", "equality", "loss"):
            assert np.isnan(any_outcome(made, name)["value"]).all(), name
        invalid = framed("commons", [rows_of(season(status="invalid"))])
        assert outcome(invalid, "welfare_net").empty

    def test_a_share_of_a_surplus_of_nothing_is_missing(self) -> None:
        poor = rows_of(game(run_id="poor"))
        poor.run["b:equilibrium"] = 5.9
        values = outcome(framed("games", [rows_of(game()), poor]), "loss_share")["value"]
        assert values[0] == pytest.approx((6 - 5.5) / (6 - 2)) and np.isnan(values[1])


class TestAcrossRuns:
    def test_the_switch_is_the_prosocial_payoff_less_the_selfish_one_with_one_less(self) -> None:
        made = framed(
            "commons",
            [rows_of(season(run_id=f"k{k}", prosocial=[i < k for i in range(3)])) for k in range(4)],
        )
        runs = made.runs.set_index("prosocial")
        switch = outcome(made, "switch").set_index("run_id")["value"]
        assert np.isnan(switch["k0"])
        for k in (1, 2, 3):
            gained = runs.loc[k, "payoff:prosocial"] - runs.loc[k - 1, "payoff:selfish"]
            assert switch[f"k{k}"] == pytest.approx(gained)
        lived = outcome(made, "exploitation").set_index("run_id")["value"]
        assert lived["k1"] == pytest.approx(runs.loc[1, "payoff:selfish"] - runs.loc[0, "payoff:selfish"])
        assert np.isnan(lived["k0"]) and np.isnan(lived["k3"]), "nobody is prosocial; nobody is selfish"

    def test_runs_that_differ_in_anything_else_are_no_partners(self) -> None:
        none = rows_of(season(run_id="none", prosocial=(False,) * 3, regime="none"))
        made = framed("commons", [none, rows_of(season(run_id="one"))])
        assert outcome(made, "switch")["value"].isna().all(), (
            "one is under `enforced`, the other under `none`"
        )


class TestStrata:
    def test_the_strata_are_the_cells_of_the_factors_not_set_apart(self) -> None:
        made = made_up(
            lambda r: r["world"] + 10.0 * (r["regime"] == "best") * (1 + r["prosocial"]),
            worlds=6, regime=["none", "best"], prosocial=[0, 1],
        )  # fmt: skip
        of = {"regime": "best"}, {"regime": "none"}
        pairs, unmatched = differences(made, "welfare_net", *of)
        assert (len(pairs), unmatched) == (12, 0)
        found = contrast(made, asked(of=of[0], against=of[1], direction="greater"), rng())
        assert found.estimate.mean == pytest.approx(15.0) and found.estimate.clusters == 6
        assert found.estimate.p == pytest.approx(1 / 2**6), "six worlds, each flipped as a whole"

    def test_without_a_factor_beside_it_is_the_plain_sign_flip(self) -> None:
        values = np.array([3.0, -1.0, 2.5, 4.0, 0.5])
        pairs = pd.DataFrame({"difference": values, "cluster": list("abcde"), "cell:regime": "best"})
        found = over_strata(pairs, {"regime"}, rng(), "greater")
        assert found.p == sign_flip(values, rng=rng(), alternative="greater")
        assert found.mean == pytest.approx(estimate(values, list("abcde"), rng=rng()).mean)

    def test_a_world_flips_as_a_whole_so_strata_add_no_worlds(self) -> None:
        rows = [(f"w{w}", s, float(w % 2 or -1)) for w, s in itertools.product(range(4), range(50))]
        pairs = pd.DataFrame(rows, columns=["cluster", "cell:prosocial", "difference"])
        assert over_strata(pairs, set(), rng()).p == 1.0, (
            "4 worlds that say nothing are not 200 pairs that do"
        )

    def test_missing_values_are_counted_and_nothing_is_tested_on_none(self) -> None:
        made = made_up(lambda r: None if r["world"] < 2 else 1.0, regime=["none", "best"])
        found = contrast(made, asked(of={"regime": "best"}, against={"regime": "none"}), rng())
        assert (found.estimate.n, found.estimate.missing) == (2, 2)
        nothing = made_up(lambda r: None, regime=["none", "best"])
        found = contrast(nothing, asked(of={"regime": "best"}, against={"regime": "none"}), rng())
        assert found.estimate.mean is None and found.verdict == "not tested"

    def test_a_stratum_without_a_pair_is_dropped_and_named(self) -> None:
        made = made_up(
            lambda r: None if r["prosocial"] == 1 else float(r["regime"] == "best"),
            worlds=5, regime=["none", "best"], prosocial=[0, 1],
        )  # fmt: skip
        found = contrast(made, asked(of={"regime": "best"}, against={"regime": "none"}), rng())
        assert found.estimate.mean == 1.0 and "no pair in 1" in found.estimate.note
