"""The set of revealed weights: does it hold the declared ones, only what fits, and all that fits?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.leanings import leanings, rationalised
from evals.leanings.menus import Menu, Terms, menu
from evals.leanings.revealed import Revealed, Seen, _Cuts, regret, revealed
from nodes.findings.base_rate import random_allocations
from personas.load import load as persona
from personas.utility import usable, utility
from scenarios.load import load
from scenarios.measures import MEASURES
from scenarios.optimum import enumerate_whole
from scenarios.ward import Array, Ward
from tests.evals.choosing import chosen, solos, wards

NAMES = (*MEASURES, "age_group=child,adult")
ALL = np.ones(len(NAMES))


def seen(ward: Ward, x: Array, names: tuple[str, ...] = NAMES) -> Seen:
    at = menu(ward, names, "0123456789abcdef")
    return Seen(at, at.terms.values(x[None])[0])


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(1, 40),
    kind=st.sampled_from(["n=5,divisible=1", "n=5,divisible=0", "n=6"]),
    weights=st.lists(st.floats(0, 1), min_size=7, max_size=7).filter(lambda w: sum(w) > 0.1),
)
def test_terms_are_those_of_the_declared_utility(seed: int, kind: str, weights: list[float]) -> None:
    ward = load(f"generated:{seed},{kind}")
    terms = Terms.of(ward, NAMES)
    values = dict(zip(NAMES, weights, strict=True))
    x = random_allocations(ward, np.random.default_rng(seed), 4)
    w = np.array(weights)
    if not usable(ward, values):
        assert w @ terms.defined == 0
        return
    ours = terms.values(x) @ w / (w @ terms.defined)
    u = utility(ward, values)
    assert ours == pytest.approx([u.value(ward, one) for one in x], abs=1e-9)


@pytest.fixture(scope="module")
def twelve() -> list[Ward]:
    return wards(12)


@pytest.mark.parametrize("name", ["utilitarian", "prioritarian", "plain", "biased-age"])
def test_what_a_seat_declared_lies_in_the_set_and_what_others_declare_does_not(
    name: str, twelve: list[Ward]
) -> None:
    where = solos(name, twelve)
    table = leanings(where, rng=np.random.default_rng(1), resamples=0).query("when == 'solo'")
    assert (table["low"] <= table["declared"] + 1e-6).all()
    assert (table["declared"] <= table["high"] + 1e-6).all()
    assert table["inside"].all() and not table["empty"].any()
    assert table["misfit"].max() < 1e-4
    fits = rationalised(where).set_index("candidate")["inside"]
    assert fits[name]
    others = {"utilitarian", "prioritarian", "plain", "biased-age", "rawlsian", "care-ethics"} - {name}
    assert not fits[[o for o in others if o in fits.index]].any()


def test_a_seat_bound_by_more_than_weights_is_flagged_by_its_misfit(twelve: list[Ward]) -> None:
    table = leanings(solos("libertarian", twelve), rng=np.random.default_rng(1), resamples=0)
    row = table.query("when == 'solo'").iloc[0]
    assert row["empty"] and row["misfit"] > 0.05 and "no weights fit" in row["note"]
    assert row["epsilon"] == pytest.approx(row["misfit"] + 0.01)
    assert not row["inside"]


def by_enumeration(made: list[tuple[Ward, Array]], w: Array, names: tuple[str, ...]) -> float:
    """The worst regret of weights, over all whole allocations there are."""
    worst = 0.0
    for ward, x in made:
        u = utility(ward, dict(zip(names, w, strict=True)))
        listed = enumerate_whole(ward)
        assert listed is not None
        worst = max(worst, max(u.value(ward, y) for y in listed) - u.value(ward, x))
    return worst


def test_the_set_holds_all_that_fits_and_nothing_else_by_brute_force() -> None:
    names = ("survival", "evenness", "vulnerability_weighted_care")
    where = [load(f"generated:{seed},n=4,divisible=0,resources=1") for seed in (1, 2, 5)]
    rng = np.random.default_rng(3)
    made = [(w, random_allocations(w, rng, 1)[0]) for w in where]
    choices = [seen(w, x, names) for w, x in made]
    epsilon = revealed(choices, np.ones(3), 0.0).misfit + 0.05
    found = revealed(choices, np.ones(3), epsilon)
    grid = [np.array([i, j, 20 - i - j]) / 20 for i in range(21) for j in range(21 - i)]
    inside = np.array([w for w in grid if by_enumeration(made, w, names) <= epsilon])
    assert 0 < len(inside) < len(grid)
    assert (inside >= found.low - 1e-6).all() and (inside <= found.high + 1e-6).all()
    for j in range(3):
        for sign in (1.0, -1.0):
            cuts = _Cuts(choices, np.ones(3), epsilon / 100)
            w, settled = cuts.extreme(sign * np.eye(3)[j], epsilon)
            assert settled and by_enumeration(made, w, names) <= 1.02 * epsilon


def test_the_misfit_is_the_least_regret_of_any_weights_by_brute_force() -> None:
    names = ("survival", "evenness", "vulnerability_weighted_care")
    where = [load(f"generated:{seed},n=4,divisible=0,resources=1") for seed in (1, 2, 5)]
    made = [(w, random_allocations(w, np.random.default_rng(8), 1)[0]) for w in where]
    found = revealed([seen(w, x, names) for w, x in made], np.ones(3), 0.001)
    grid = [np.array([i, j, 40 - i - j]) / 40 for i in range(41) for j in range(41 - i)]
    least = min(by_enumeration(made, w, names) for w in grid)
    assert found.misfit > 0.01
    assert found.misfit - 1e-4 <= least <= found.misfit + 0.05
    assert by_enumeration(made, found.inside, names) == pytest.approx(found.misfit, abs=1e-4)


def of(choices: list[Seen]) -> Revealed:
    return revealed(choices, ALL, 0.01)


def bounds(found: Revealed) -> Array:
    return np.array([found.low, found.high])


@pytest.fixture(scope="module")
def choices() -> list[Seen]:
    who = persona("plain")
    return [
        seen(c.ward, x)
        for c in solos("plain", wards(6, "n=5,divisible=1"), who.declared())
        if (x := c.choices[0].x) is not None
    ]


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(6)), twice=st.integers(0, 5))
def test_neither_order_nor_repetition_changes_the_set(
    order: list[int], twice: int, choices: list[Seen]
) -> None:
    again = [choices[i] for i in order] + [choices[twice]]
    assert bounds(of(again)) == pytest.approx(bounds(of(choices)), abs=2e-3)


@settings(max_examples=8, deadline=None)
@given(kept=st.sets(st.integers(0, 5), min_size=1, max_size=5))
def test_another_ward_never_widens_the_set(kept: set[int], choices: list[Seen]) -> None:
    few, all_ = of([choices[i] for i in kept]), of(choices)
    assert (few.low <= all_.low + 2e-3).all() and (few.high >= all_.high - 2e-3).all()


def test_the_names_of_patients_and_their_order_do_not_matter() -> None:
    ward = wards(1, "n=5,divisible=1")[0]
    turned = Ward.model_validate(ward.model_dump() | {"patients": ward.model_dump()["patients"][::-1]})
    x = solos("plain", [ward])[0].choices[0].x
    assert x is not None
    assert bounds(of([seen(turned, x[::-1])])) == pytest.approx(bounds(of([seen(ward, x)])), abs=2e-3)


def test_a_measure_that_no_ward_defines_is_left_out() -> None:
    where = [w for w in wards(20, "n=6,divisible=0") if not usable(w, {"worst_off": 1.0})][:4]
    table = leanings(solos("plain", where), rng=np.random.default_rng(1), resamples=0)
    rows = table.query("when == 'solo'").set_index("measure")
    assert np.isnan(rows.loc["worst_off", "low"])
    assert np.isfinite(rows.drop("worst_off")["low"].astype(float)).all()


def test_a_choice_that_is_missing_is_counted_and_not_filled_in(twelve: list[Ward]) -> None:
    made = solos("plain", twelve[:3])
    silent = chosen(twelve[3], None, persona("plain").declared(), "plain")
    table = leanings([*made, silent], rng=np.random.default_rng(1), resamples=0).query("when == 'solo'")
    assert set(table["choices"]) == {3} and set(table["missing"]) == {1}
    only = leanings([silent], rng=np.random.default_rng(1), resamples=0).query("when == 'solo'")
    assert set(only["note"]) == {"no valid choice"} and "low" not in only.dropna(axis=1, how="all")


def test_regret_is_exact_even_where_no_candidate_is_near(twelve: list[Ward]) -> None:
    ward = twelve[0]
    terms = Terms.of(ward, NAMES)
    bare = Menu(terms, [np.zeros_like(ward.arrays.demand)], 1)
    x = solos("utilitarian", [ward])[0].choices[0].x
    assert x is not None
    only_survival = np.eye(len(NAMES))[0]
    assert regret(Seen(bare, terms.values(x[None])[0]), only_survival) < 1e-5
    assert regret(Seen(bare, bare.phi[0]), only_survival) == pytest.approx(1.0, abs=1e-6)
