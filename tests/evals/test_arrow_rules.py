"""Does the audit find what Arrow's theorem and its textbook cases say, and nothing else?"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evals.arrow import axioms
from evals.arrow.audit import INDUCTIONS, Audit, Induction, audit, audits, society, table
from evals.arrow.axioms import AXIOMS, Society
from evals.arrow.orders import Order, Profile, dense, in_words, is_strict, orders, profiles, restricted, signs
from evals.arrow.rules import OBJECTIVES, OUTSIDE, RULES, Rule, borda, by_removal, ranked_by
from nodes.merging.rules import MERGE_RULES, Bargain, merge
from scenarios.errors import ParleyError
from scenarios.objective import Objective
from scenarios.optimum import Least, LogProduct, Total
from scenarios.optimum.goal import scaled_terms, worth
from tests.nodes.strategies_wards import column, ward_of

ONLY_INDEPENDENCE = (
    *("mean-and-repair", "utilitarian", "egalitarian", "nash", "kalai-smorodinsky", "leximin"),
)
LAST_WORD = ("last-word-first", "last-word-last")
BOTH: tuple[Induction, ...] = ("full", "binary")


@pytest.fixture(scope="module")
def every() -> list[Audit]:
    return audits()


def test_the_profiles_are_all_there() -> None:
    assert [len(orders(n)) for n in (1, 2, 3, 4)] == [1, 3, 13, 75]
    strict = {n: [p for p in profiles(n) if all(map(is_strict, p))] for n in (3, 4)}
    assert [len(strict[3]), len(profiles(3)), len(strict[4]), len(profiles(4))] == [36, 169, 576, 5625]
    assert len(set(profiles(4))) == 5625


def test_what_definitions_expects_is_what_is_found(every: list[Audit]) -> None:
    """Full menu: independence goes alone; pairs: transitivity of indifference; the last word dictates."""
    assert len(every) == 2 * 2 * len(RULES)
    for a in every:
        lost = "independence" if a.induction == "full" else "transitive indifference"
        assert a.fails == ((lost,) if a.rule in ONLY_INDEPENDENCE else ("non-dictatorship",)), a
        assert a.rule in (*ONLY_INDEPENDENCE, *LAST_WORD)
        for v in a.verdicts:
            assert v.strict == v.weak  # what fails with ties fails without them
            assert bool(v.counterexample) == (not v.holds)


def test_each_fails_something_as_arrow_says(every: list[Audit]) -> None:
    assert not any(a.contradicts_arrow for a in every)
    assert {(a.strict_profiles, a.weak_profiles) for a in every} == {(36, 169), (576, 5625)}


def test_every_merge_rule_is_audited_or_stands_outside_with_a_reason() -> None:
    assert set(RULES) | set(OUTSIDE) == set(MERGE_RULES)
    assert not set(RULES) & set(OUTSIDE)
    with pytest.raises(ParleyError, match="outside Arrow's theorem: a lottery"):
        audit("weighted-lottery")
    with pytest.raises(ParleyError, match="no such rule"):
        audit("plurality")
    with pytest.raises(ParleyError, match="exhaustive for 2, 3 and 4"):
        audit("nash", alternatives=5)


# -- the axioms, once more, word by word from their definitions ------------------------------------------


def naive(s: Society) -> dict[str, int]:
    """How many profiles break each axiom, by the definitions and nothing clever."""
    n, seats = s.alternatives, range(s.individual.shape[1])
    pairs, triples = list(permutations(range(n), 2)), list(permutations(range(n), 3))
    told = [i for i in range(len(s.profiles)) if s.answered[i]]
    broken: dict[str, set[int]] = {name: set() for name in AXIOMS}
    broken["unrestricted domain"] = set(range(len(s.profiles))) - set(told)
    for i in told:
        for x, y in pairs:
            if all(s.profiles[i][k][x] < s.profiles[i][k][y] for k in seats) and s.social[i, x, y] != 1:
                broken["weak Pareto"].add(i)
        for x, y, z in triples:
            for name, sign in (("transitive preference", 1), ("transitive indifference", 0)):
                if s.social[i, x, y] == s.social[i, y, z] == sign != s.social[i, x, z]:
                    broken[name].add(i)
    for i, j in combinations(told, 2):
        for x, y in pairs:
            alike = restricted(s.profiles[i], (x, y)) == restricted(s.profiles[j], (x, y))
            if alike and s.social[i, x, y] != s.social[j, x, y]:
                broken["independence"] |= {i, j}
    for k in seats:
        if all(
            s.profiles[i][k][x] >= s.profiles[i][k][y] or s.social[i, x, y] == 1
            for i in told
            for x, y in pairs
        ):
            opposed = (s.individual[:, [k]] * s.individual < 0).any(axis=(1, 2, 3))
            broken["non-dictatorship"] |= {i for i in told if opposed[i]}
    return {name: len(found) for name, found in broken.items()}


@pytest.mark.parametrize("induction", BOTH)
@pytest.mark.parametrize("name", RULES)
def test_three_alternatives_equal_brute_force(name: str, induction: Induction) -> None:
    s = society(RULES[name], 3, induction)
    strict = s.only(s.strict)
    found = {v.axiom: (v.broken_strict, v.broken_weak) for v in audit(name, 3, induction).verdicts}
    few, all_ = naive(strict), naive(s)
    assert found == {axiom: (few[axiom], all_[axiom]) for axiom in AXIOMS}


def kemeny(p: Profile, q: Profile) -> int:
    return int(abs(signs(p).astype(int) - signs(q)).sum())


def read(words: str) -> Order:
    """`a > b ~ c` as an order."""
    level = {letter: i for i, part in enumerate(words.split(" > ")) for letter in part.split(" ~ ")}
    return tuple(level[letter] for letter in sorted(level))


@pytest.mark.parametrize("name", ONLY_INDEPENDENCE)
def test_the_counterexample_to_independence_is_one_and_no_pair_of_profiles_is_nearer(name: str) -> None:
    s = society(RULES[name], 3, "full")
    s = s.only(s.strict)
    case = axioms.independence(s)
    assert case is not None
    first, second = case.says.split("Now ")
    before = {seat: read(words) for seat, words in re.findall(r"([AB]) ranks ([a-c >~]+?)(?= and|;)", first)}
    now = before | {seat: read(w) for seat, w in re.findall(r"([AB]) ranks ([a-c >~]+?)(?= and|:)", second)}
    p, q = (tuple(ranks[seat] for seat in "AB") for ranks in (before, now))
    i, j = s.profiles.index(p), s.profiles.index(q)
    x, y = ("abc".index(letter) for letter in re.findall(r"mind on ([a-c]) and ([a-c])", second)[0])
    assert restricted(p, (x, y)) == restricted(q, (x, y))
    assert s.social[i, x, y] != s.social[j, x, y]
    assert read(re.findall(r"society ([a-c >~]+)\.", first)[0]) == RULES[name].rank(p)
    assert read(re.findall(r"society ([a-c >~]+):", second)[0]) == RULES[name].rank(q)
    nearest = min(
        kemeny(s.profiles[i], s.profiles[j])
        for i, j in combinations(range(len(s.profiles)), 2)
        for x, y in combinations(range(3), 2)
        if restricted(s.profiles[i], (x, y)) == restricted(s.profiles[j], (x, y))
        and s.social[i, x, y] != s.social[j, x, y]
    )
    assert kemeny(p, q) == nearest


def test_the_words_a_newcomer_reads() -> None:
    shown = {v.axiom: v.counterexample for v in audit("utilitarian").verdicts}
    assert shown["independence"] == (
        "A ranks a > b > c and B ranks a > c > b; society a > b ~ c. Now B ranks c > a > b: nobody changed their "
        "mind on b and c, yet society a > c > b: from b ~ c to c > b."
    )
    assert {v.axiom: v.counterexample for v in audit("nash", 3, "binary").verdicts}[
        "transitive indifference"
    ] == "A ranks a > b > c and B ranks c > a > b; society says a ~ c and c ~ b, yet a > b."
    assert {v.axiom: v.counterexample for v in audit("last-word-last").verdicts}["non-dictatorship"] == (
        "B has its way at all 36 profiles, as here: A ranks a > b > c and B ranks a > c > b; society a > c > b."
    )


# -- textbook cases --------------------------------------------------------------------------------------


def rule(rank: Callable[[Profile], Order | None]) -> Rule:
    return Rule("dummy", "a dummy", rank)


def unanimous(p: Profile) -> Order | None:
    return p[0] if p[0] == p[1] else None


def serial(p: Profile) -> Order:
    """The first seat's word, its ties broken by the second's."""
    return dense(list(zip(*p, strict=True)))


@pytest.mark.parametrize(
    ("rank", "fails"),
    [
        (lambda p: p[1], ("non-dictatorship",)),
        (serial, ("non-dictatorship",)),
        (lambda p: tuple(range(len(p[0]))), ("weak Pareto",)),  # imposed
        (lambda p: tuple(0 for _ in p[0]), ("weak Pareto",)),  # indifferent to all
        (lambda p: dense([-level for level in p[0]]), ("weak Pareto",)),  # an inverse dictator
        (unanimous, ("unrestricted domain",)),
        (lambda p: ranked_by(OBJECTIVES["utilitarian"], p), ("independence",)),  # Borda
    ],
)
def test_textbook_rules_fail_what_they_are_known_to(
    rank: Callable[[Profile], Order | None], fails: tuple[str, ...]
) -> None:
    for n in (3, 4):
        assert audit(rule(rank), n).fails == fails


def test_majority_over_two_alternatives_passes_everything_as_may_has_it_and_arrow_is_silent_there() -> None:
    a = audit("utilitarian", alternatives=2, induction="binary")
    assert a.fails == ()
    assert not a.contradicts_arrow


def test_three_voters_vote_in_circles_and_two_never_do() -> None:
    """Condorcet 1785: pairwise majority of three loses transitivity of preference, of two that of indifference."""
    every = tuple(product([o for o in orders(3) if is_strict(o)], repeat=3))
    social = np.sign(np.array([signs(p).sum(axis=0) for p in every])).astype(np.int8)
    case = axioms.transitive_preference(Society(every, social, np.ones(len(every), dtype=bool)))
    assert case is not None
    assert case.broken == 12  # of 216, as every textbook counts
    for a in (audit(name, n, "binary") for name in ONLY_INDEPENDENCE for n in (3, 4)):
        assert "transitive preference" not in a.fails


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_rule_that_anyone_could_draw_escapes(data: st.DataObject) -> None:
    """Scoring rules with drawn scores and drawn weights of seats, asked both ways."""
    score = data.draw(
        st.lists(st.integers(0, 4), min_size=3, max_size=3).map(lambda s: sorted(s, reverse=True))
    )
    weight = data.draw(st.tuples(st.integers(-1, 3), st.integers(0, 3)))

    def rank(p: Profile) -> Order:
        totals = [sum(w * score[o[x]] for w, o in zip(weight, p, strict=True)) for x in range(len(p[0]))]
        return dense([-t for t in totals])

    for induction in INDUCTIONS:
        a = audit(rule(rank), 3, induction)
        assert a.fails
        assert not a.contradicts_arrow


def test_preference_and_indifference_transitive_is_all_of_transitivity() -> None:
    """Sen 1970: for a complete relation PP and II give that ≽ is transitive; all 27 over three."""
    cells = list(combinations(range(3), 2))
    for values in product((-1, 0, 1), repeat=3):
        r = np.zeros((1, 3, 3), dtype=np.int8)
        for (x, y), value in zip(cells, values, strict=True):
            r[0, x, y], r[0, y, x] = value, -value
        s = Society((((0, 0, 0), (0, 0, 0)),), r, np.array([True]))
        weakly = all(
            r[0, x, z] >= 0 for x, y, z in permutations(range(3), 3) if r[0, x, y] >= 0 and r[0, y, z] >= 0
        )
        both = axioms.transitive_preference(s) is None and axioms.transitive_indifference(s) is None
        assert both == weakly


# -- an audit that is wrong says so ----------------------------------------------------------------------


def test_an_audit_that_forgot_an_axiom_is_caught_by_the_theorem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(AXIOMS, "independence")
    assert audit("utilitarian").contradicts_arrow
    assert not audit("last-word-first").contradicts_arrow


# -- the same rules as in nodes/merging ------------------------------------------------------------------

BEDS = ward_of([[1], [1]], [1], whole=True)
THREE = [column(0, 0), column(1, 0), column(0, 1)]  # all that is feasible: nobody, p0, p1


def at_points(worths: tuple[float, ...]) -> Objective:
    """The utility that takes these values at nobody, p0, p1."""
    nobody, first, second = worths
    return Objective(column(first - nobody, second - nobody), constant=nobody)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_merging_picks_what_the_audit_ranks_first(name: str) -> None:
    """One bed and two patients: the span of the moves is the three alternatives and nothing else. d = 0, that
    is the utility of the seat's worst, wherever nothing ties for last."""
    compared = 0
    for profile in profiles(3):
        if any(order.count(max(order)) > 1 for order in profile):
            continue
        utilities = tuple(at_points(borda(order)) for order in profile)
        b = Bargain(BEDS, (THREE[1], THREE[2]), tuple(THREE), utilities, seed=1)
        picked = merge(name, b).allocation
        at = next(i for i, x in enumerate(THREE) if np.array_equal(x, picked))
        order = RULES[name].rank(profile)
        assert order is not None
        assert order[at] == 0, (in_words(order), profile)
        compared += 1
    assert compared == 81


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_whole_ranking_is_that_of_the_goals_that_merging_maximises(name: str) -> None:
    for profile in profiles(3):
        us = [at_points(borda(order)) for order in profile]
        ideal = [max(borda(order)) for order in profile]
        terms = tuple((u, 0.0, top) for u, top in zip(us, ideal, strict=True))
        total = Objective(us[0].linear + us[1].linear, constant=us[0].constant + us[1].constant)
        product_ = LogProduct(tuple((u, 0.0) for u in us))
        worths: dict[str, list[tuple[float, ...]]] = {
            "utilitarian": [(worth(BEDS, Total(total), x),) for x in THREE],
            "egalitarian": [(worth(BEDS, Least(terms), x),) for x in THREE],
            "nash": [(worth(BEDS, product_, x),) for x in THREE],
        }
        shares = [tuple(sorted(scaled_terms(BEDS, Least(terms), x))) for x in THREE]
        keys = [tuple(round(v, 9) for v in key) for key in worths.get(name, shares)]
        order = RULES[name].rank(profile)
        assert order is not None
        for x, y in permutations(range(3), 2):
            if keys[x] == keys[y] == (float("-inf"),):
                continue  # products of 0, which merging orders by who gains
            assert (keys[x] > keys[y]) == (order[x] < order[y]), (profile, keys, order)


@pytest.mark.parametrize("name", [n for n in RULES if n != "mean-and-repair"])
def test_binary_menus_are_what_merging_does_with_one_bed_and_one_patient(name: str) -> None:
    """Two alternatives, given and not given; where the seats differ each asks for its own and any tie is a tie."""
    ward = ward_of([[1]], [1], whole=True)
    points = [column(0), column(1)]
    for profile in product(orders(2), repeat=2):
        tops = [points[order.index(0)] for order in profile]
        moves = tuple(tops) if name in LAST_WORD else (points[0], points[1])
        us = tuple(Objective(column(u[1] - u[0]), constant=u[0]) for u in map(borda, profile))
        picked = merge(name, Bargain(ward, moves, tuple(points), us, seed=1)).allocation
        order = RULES[name].rank(profile)
        assert order is not None
        assert order[int(picked[0, 0])] == 0


def test_mean_and_repair_is_the_nearest_in_a_ward_where_all_are_equally_far() -> None:
    """Three patients, alternative k serves patient k: squared distance to the mean of the seats' best."""
    points = np.eye(3)
    for profile in profiles(3):
        best = [np.flatnonzero(np.array(order) == 0) for order in profile]
        mean = np.mean([points[b].mean(axis=0) for b in best], axis=0)
        far = ((points - mean) ** 2).sum(axis=1)
        order = RULES["mean-and-repair"].rank(profile)
        assert order is not None
        assert {x for x in range(3) if order[x] == 0} == set(np.flatnonzero(far < far.min() + 1e-9).tolist())


def test_repeated_removal_ranks_winners_first() -> None:
    assert by_removal(lambda p: frozenset({0}), ((2, 0, 1), (0, 1, 2))) == (0, 1, 2)
    assert RULES["last-word-last"].rank(((0, 1, 2), (1, 0, 0))) == (1, 0, 0)
    assert RULES["mean-and-repair"].rank(((0, 1, 2), (1, 0, 2))) == (0, 0, 1)


@pytest.mark.parametrize(
    ("order", "words"), [((0, 1, 2), "a > b > c"), ((1, 0, 1), "b > a ~ c"), ((0, 0, 0), "a ~ b ~ c")]
)
def test_orders_in_words(order: Order, words: str) -> None:
    assert in_words(order) == words
    assert read(words) == order


def test_borda_shares_ranks_among_ties() -> None:
    assert borda((0, 1, 2)) == (1.0, 0.5, 0.0)
    assert borda((0, 0, 1)) == (0.75, 0.75, 0.0)
    assert borda((0, 0, 0, 0)) == (0.5, 0.5, 0.5, 0.5)


def test_the_table_is_tidy(every: list[Audit]) -> None:
    frame = table(every)
    assert len(frame) == len(every) * len(AXIOMS)
    assert frame.groupby(["alternatives", "induction", "rule"])["weak"].sum().eq(len(AXIOMS) - 1).all()
