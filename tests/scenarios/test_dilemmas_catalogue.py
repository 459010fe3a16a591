"""Is every dilemma of the catalogue a dilemma: two principles in real conflict, fair clauses, and like no other?"""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from scenarios.dilemmas import SHARES, Dilemma, Issue, catalogue
from scenarios.dilemmas.considerations import CONSIDERATIONS
from scenarios.dilemmas.load import CATALOGUE, DEFAULT

ALL = list(catalogue().values())
NAMES = list(catalogue())
THEMES = sorted({d.theme for d in ALL})


def of(theme: str) -> list[Dilemma]:
    """The dilemmas of a theme."""
    return [d for d in ALL if d.theme == theme]


def grades(issue: Issue) -> dict[str, np.ndarray]:
    """option -> its grade for each consideration, in one order."""
    return {o: np.array([x.serves.get(c, 0) for c in CONSIDERATIONS]) for o, x in issue.options.items()}


def test_there_are_enough_in_the_shares_of_the_strata():
    assert len(ALL) >= 120
    assert DEFAULT in catalogue()
    for some in (ALL, [d for d in ALL if d.held_out], [d for d in ALL if not d.held_out]):
        count = Counter(d.stratum for d in some)
        assert {s: Fraction(n, len(some)) for s, n in count.items()} == {
            s: Fraction(share).limit_denominator(100) for s, share in SHARES.items()
        }


def test_one_theme_of_each_stratum_is_held_out():
    held = {(d.stratum, d.theme) for d in ALL if d.held_out}
    assert Counter(stratum for stratum, _ in held) == dict.fromkeys(SHARES, 1)
    assert {"public-office", "neighbours"} <= {theme for _, theme in held}
    assert len({(d.theme, d.stratum, d.held_out) for d in ALL}) == len(THEMES)
    assert sorted(path.stem for path in CATALOGUE.glob("*.yaml")) == THEMES


@pytest.mark.parametrize("theme", THEMES)
def test_each_is_put_as_a_dilemma(theme: str):
    for dilemma in of(theme):
        prompt = dilemma.prompt
        assert 3 <= len(dilemma.goal.split()) <= 5, dilemma.name
        assert 2 <= dilemma.sentences <= 3, dilemma.name
        assert prompt.count("?") == 1 and prompt.endswith("?"), dilemma.name
        assert len(prompt) <= 480 and "\n" not in prompt and "  " not in prompt, dilemma.name
        assert re.search(r"\byou\b|\byour\b", prompt, re.IGNORECASE), dilemma.name
        assert 2 <= len(dilemma.issues) <= 4, dilemma.name
        for issue in dilemma.issues.values():
            assert issue.asks.endswith("?") and 2 <= len(issue.options) <= 4, dilemma.name


@pytest.mark.parametrize("theme", THEMES)
def test_the_principles_are_both_served_and_both_cost(theme: str):
    """One that no option costs is in conflict with nothing."""
    for dilemma in of(theme):
        options = [o for issue in dilemma.issues.values() for o in issue.options.values()]
        for principle, words in dilemma.principles.items():
            found = {np.sign(o.serves.get(principle, 0)) for o in options}
            assert found >= {-1, 1}, f"{dilemma.name}: {principle} has {found}"
            assert words.endswith("."), dilemma.name


@pytest.mark.parametrize("theme", THEMES)
def test_no_option_is_better_than_every_other_in_all_that_counts(theme: str):
    """Else its issue is settled before anybody speaks; as it is where all considerations order its options alike."""
    for dilemma in of(theme):
        for asked, issue in dilemma.issues.items():
            rows = grades(issue)
            for option, row in rows.items():
                others = [other for o, other in rows.items() if o != option]
                best = all((row >= other).all() and (row > other).any() for other in others)
                assert not best, f"{dilemma.name}, {asked}: {option} dominates"
            table = np.array(list(rows.values()))
            assert len({tuple(np.sign(c[:, None] - c).ravel()) for c in table.T if c.any()}) >= 2, (
                f"{dilemma.name}, {asked}: one order for all"
            )


@pytest.mark.parametrize("theme", THEMES)
def test_clauses_are_clauses(theme: str):
    for issue in (issue for dilemma in of(theme) for issue in dilemma.issues.values()):
        for option in issue.options.values():
            assert 3 <= len(option.says.split()) <= 16, option.says
            assert option.says[0].isupper() and option.says.endswith("."), option.says
            assert 1 <= len(option.serves) <= 4, option.says


def test_no_clause_goal_or_prompt_stands_twice():
    clauses = Counter(o.says for d in ALL for issue in d.issues.values() for o in issue.options.values())
    assert [c for c, n in clauses.items() if n > 1] == []
    for said in (
        [d.goal for d in ALL],
        [d.prompt for d in ALL],
        [w for d in ALL for w in d.principles.values()],
    ):
        assert [s for s, n in Counter(said).items() if n > 1] == []


@pytest.mark.parametrize("theme", THEMES)
def test_every_consideration_counts_in_every_theme(theme: str):
    """Whatever two personas differ about, a theme has dilemmas in which it matters: in a third of them or more."""
    dilemmas = of(theme)
    used = Counter(
        c
        for d in dilemmas
        for c in {c for issue in d.issues.values() for o in issue.options.values() for c in o.serves}
    )
    assert [c for c in CONSIDERATIONS if used[c] < len(dilemmas) / 3] == []


def test_every_consideration_is_a_principle_somewhere_and_no_conflict_is_the_only_one():
    principles = Counter(p for d in ALL for p in d.principles)
    assert set(principles) == set(CONSIDERATIONS)
    conflicts = Counter(frozenset(d.principles) for d in ALL)
    assert max(conflicts.values()) <= len(ALL) / 10


def shingles(dilemma: Dilemma) -> set[tuple[str, ...]]:
    """Three words in a row, of prompt and goal."""
    words = f"{dilemma.goal} {dilemma.prompt}".lower().split()
    return {tuple(words[k : k + 3]) for k in range(len(words) - 2)}


def test_no_two_prompts_share_half_their_words_in_a_row():
    found = {d.name: shingles(d) for d in ALL}
    near = [
        (a, b)
        for a, b in combinations(found, 2)
        if len(found[a] & found[b]) >= 0.5 * len(found[a] | found[b])
    ]
    assert near == []


@pytest.mark.slow  # embeds every prompt
def test_no_two_prompts_mean_nearly_the_same():
    from retrieval.embeddings import MiniLMEmbedder

    vectors = MiniLMEmbedder().embed_documents([d.prompt for d in ALL])
    cosines = np.triu(vectors @ vectors.T, 1)
    near = [(NAMES[a], NAMES[b], float(cosines[a, b])) for a, b in np.argwhere(cosines >= 0.9)]
    assert near == []
