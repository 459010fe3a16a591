"""Dilemmas and values for tests: a small one worked out by hand, and generators of others."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from scenarios.dilemmas import Dilemma, Values
from scenarios.dilemmas.considerations import CONSIDERATIONS

Serves = Mapping[str, Mapping[str, Mapping[str, int]]]
"""issue -> option -> consideration -> grade."""


def dilemma(issues: Serves, **facts: object) -> Dilemma:
    """A dilemma whose clauses say what they are called."""
    written = {
        name: {
            "asks": f"What about the {name}?",
            "options": {o: {"says": f"Do {o} about {name}.", "serves": dict(g)} for o, g in options.items()},
        }
        for name, options in issues.items()
    }
    base: dict[str, object] = {
        "name": "small",
        "theme": "tests",
        "stratum": "everyday",
        "goal": "Settle a small thing",
        "prompt": "You have a small thing to settle. What do you do?",
        "principles": {"care": "that it is kind", "candour": "that it is true"},
        "source": "ours",
        "issues": written,
    }
    return Dilemma.model_validate(base | facts)


def supper() -> Dilemma:
    """Two seats, one that weighs candour and one that weighs care, may trade `what` for `when`.

    worth to {candour: 1}: what 4 of 6, when 2 of 6; to {care: 1}: what 2 of 6, when 4 of 6. So [tell, later] is worth
    2/3 to both, the best for the worse off, the sum and the product; [tell, now] and [hush, later] are the two best
    plans, 1 and 0; [hush, now] is worth 1/3 to both, and nobody's.
    """
    return dilemma(
        {
            "what": {"tell": {"candour": 2, "care": -1}, "hush": {"candour": -2, "care": 1}},
            "when": {"now": {"candour": 1, "care": -2}, "later": {"candour": -1, "care": 2}},
        }
    )


def words_alone() -> Dilemma:
    """One without clauses."""
    return dilemma({})


grades = st.integers(-2, 2)
considerations = st.sampled_from(list(CONSIDERATIONS)[:5])
serves = st.dictionaries(considerations, grades, max_size=3)


@st.composite
def dilemmas(draw: st.DrawFn, most_issues: int = 4, most_options: int = 3) -> Dilemma:
    """Any small dilemma, also ones in which nothing matters to anybody."""
    return dilemma(
        {
            f"i{k}": {f"o{j}": draw(serves) for j in range(draw(st.integers(2, most_options)))}
            for k in range(draw(st.integers(1, most_issues)))
        }
    )


def values(least: int = 0) -> st.SearchStrategy[Values]:
    """Anybody's values; {} where `least` is 0 lets in who weighs nothing."""
    weight = st.sampled_from([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    return st.dictionaries(considerations, weight, min_size=least, max_size=4)
