"""Are wins, ties and losses those of matched runs, and is a failure to agree told from a judgement that is missing?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.judges.comparing import compared, matched, tally
from evals.judges.judging import Comparison
from evals.judges.outcome import Outcome
from scenarios.errors import ParleyError
from tests.evals.judges_served import outcome


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def against(winner: str | None, dilemma: str, number: int = 0) -> Comparison:
    """A comparison that came out like this."""
    sides = {"one": ("one", "one"), "other": ("other", "other"), "tie": ("one", "other"), None: ("one", None)}
    plans = (outcome("trained", number, dilemma=dilemma), outcome("base", number, dilemma=dilemma))
    return Comparison(*plans, *sides[winner], "")  # type: ignore[arg-type]


def side(name: str, texts: list[str | None], **changes: object) -> list[Outcome]:
    return [outcome(t, i, run_id=f"{name}-{i}", **changes) for i, t in enumerate(texts)]


def test_runs_are_matched_by_dilemma_pair_order_seed_and_replicate() -> None:
    trained, base = side("t", ["a", "b", None, None, "e"]), side("b", ["A", None, "C", None])
    found = matched(trained, base[::-1])
    assert [(a.run_id, b.run_id) for a, b in found.both] == [("t-0", "b-0")]
    assert [(a.run_id, b.run_id) for a, b in found.one_sided] == [("t-1", "b-1"), ("t-2", "b-2")]
    assert (found.neither, found.unmatched) == (1, 1)
    for change in ({"swap": True}, {"replicate": 1}, {"pair": "other"}, {"dilemma": "other"}):
        with pytest.raises(ParleyError, match="no run of one side"):
            matched(trained, side("b", ["A"], **change))


def test_two_runs_that_match_on_one_side_are_refused_with_what_tells_them_apart() -> None:
    twice = [outcome("a", 1), outcome("b", 1, run_id="run-x", settings={"model": "openai:x"})]
    with pytest.raises(ParleyError, match=r"differ in model: choose with --base-where model=VALUE"):
        matched([outcome("c", 1)], twice)


def test_a_dilemma_that_reads_differently_is_not_compared() -> None:
    one = outcome("a", 1, run_id="run-a")
    reworded = one.dilemma.model_copy(update={"prompt": "Something else altogether, is it not?"})
    with pytest.raises(ParleyError, match="reads differently"):
        matched([one], [replace(one, run_id="run-b", dilemma=reworded)])


def test_a_tally_weighs_every_dilemma_alike_and_leaves_out_what_is_missing() -> None:
    judged = [against("one", "a", n) for n in range(3)] + [against("other", "b"), against("tie", "b", 1)]
    found = tally([*judged, against(None, "c")], rng=rng())
    assert (found.wins, found.ties, found.losses, found.missing) == (3, 1, 1, 1)
    assert (found.split, found.identical) == (1, 0)
    # dilemma a: +1; dilemma b: (−1 + 0)/2; c has nothing
    assert found.net.mean == pytest.approx((1 - 0.5) / 2)
    assert found.win_rate == pytest.approx((1 + 0.25) / 2)
    assert (found.win, found.tie, found.loss) == pytest.approx((0.5, 0.25, 0.25))
    assert found.net.low is None and "under 20 dilemmas" in found.net.note


def test_over_twenty_dilemmas_the_win_rate_has_an_interval_and_a_test() -> None:
    judged = [against("one" if n % 4 else "other", f"d{n:02d}") for n in range(40)]
    found = tally(judged, rng=rng())
    assert found.net.mean == pytest.approx(0.5)
    assert found.net.low is not None and found.net.high is not None
    assert 0.1 < found.net.low < 0.5 < found.net.high < 0.9
    assert found.net.p is not None and found.net.p < 0.01


def test_who_did_not_agree_loses_to_a_plan_but_who_was_not_judged_is_missing() -> None:
    trained = side("t", ["a", "b", None, "d"])
    base = side("b", ["A", None, "C", None])
    base[3] = outcome(None, 3, run_id="b-3", agreed=None)
    pairs = matched(trained, base)
    found = compared([against("tie", "small")], pairs, rng=rng())
    assert (found["plans"].wins, found["plans"].ties, found["plans"].losses) == (0, 1, 0)
    all_of = found["with_failures"]
    assert (all_of.wins, all_of.ties, all_of.losses, all_of.missing) == (1, 1, 1, 1)


def test_nothing_judged_is_nothing_and_not_a_draw() -> None:
    found = tally([], rng=rng())
    assert (found.win_rate, found.win, found.net.mean) == (None, None, None)
