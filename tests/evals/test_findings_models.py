"""What do findings say of models, and of a study that is just large enough for intervals?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.evals.experiments import chatting, plan, run
from tests.evals.little import H1, H3, HERE, WARDS, of, told
from tests.loopback import Loopback, always, completion, honest_seat
from tests.negotiators.small import KEY, clear_environment

pytestmark = pytest.mark.slow


def test_twenty_wards_have_intervals(tmp_path: Path) -> None:
    settings = HERE | {"rounds": 2}
    _, text = of(tmp_path, wards=["generated:{1..20},n=4,divisible=1"], settings=settings, hypotheses=[H3])
    (row,) = pd.read_csv(tmp_path / "tables" / "hypotheses.csv").to_dict("records")
    assert row["low"] < row["difference"] < row["high"] and row["wards"] + row["missing"] == 20
    assert f"a difference of {row['difference']:+.2f} [".replace("-", "−") in text


class TestModels:
    @pytest.fixture(autouse=True)
    def _key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clear_environment(monkeypatch)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def test_the_model_is_named_and_what_it_took_is_counted(self, tmp_path: Path) -> None:
        changes = chatting(wards=WARDS, settings={"framework": "plain"}, hypotheses=[H1])
        changes["settings"]["opponent_model"] = "reference"
        with Loopback(honest_seat) as server:
            made = plan(base_url=server.base_url, **changes)
            run(made, tmp_path, base_url=server.base_url)
            calls = len(server.heard)
            by_title, text = told(made, tmp_path)
        assert "**Language models made these runs**: openai:scripted." in text
        assert "Reference negotiators alone" not in text
        assert f"{calls} answered calls, " in text and "a price is not known" in text
        seats = [
            row[0] for row in by_title["Leanings: by what each seat acts, whatever it was told"].shown[0].rows
        ]
        assert any("openai:scripted" in s for s in seats) and any("reference" in s for s in seats)

    def test_where_every_run_is_invalid_nothing_can_be_told_and_it_says_so(self, tmp_path: Path) -> None:
        changes = chatting(
            wards=WARDS,
            hypotheses=[H1, H3, H1 | {"id": "C6", "against": {"stage": "best_mixture"}}],
            twins={"attributes": ["sex"], "permutations": 1},
            planted={"opponent": "biased-sex", "strengths": [0, 1]},
            thresholds={"worst-off-half": 0.4},
        )
        with Loopback(always(completion("I would rather not say."))) as server:
            made = plan(base_url=server.base_url, **changes)
            run(made, tmp_path, base_url=server.base_url)
            _, text = told(made, tmp_path)
        paid = sum(r.paid for r in made.runs.values())
        assert f"{len(made.runs) - paid} runs complete, {paid} invalid, 0 failed, 0 not run yet, of " in text
        assert "Nothing: no run of the study itself is complete" in text
        verdicts = pd.read_csv(tmp_path / "tables" / "hypotheses.csv")
        assert set(verdicts["verdict"]) == {"not tested"} and verdicts["difference"].isna().all()
        assert "I would rather not say" not in text
