"""Which functions of arrays, records and tables are measures, in the order in which the reference has them?"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from textwrap import dedent

EMPHASIS = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*|(?<!\w)\*[^\W\d_][^*\n]*\*(?!\w))")
STRAY = re.compile(r"\*|_(?!\w)|(?<!\w)_")


@dataclass(frozen=True)
class Room:
    """A part of the reference: measures that are functions, by module. `says` is a sentence ahead of them."""

    title: str
    says: str
    names: tuple[str, ...]
    """`module:function function …`"""

    def functions(self) -> Iterator[tuple[str, str, str]]:
        """(name, module, docstring) of each. Raises AttributeError for a name that its module lacks."""
        for line in self.names:
            module, _, names = line.partition(":")
            for name in names.split():
                yield name, module, words(getattr(import_module(module), name))


def words(of: object) -> str:
    """A docstring as Markdown: a part that is laid out in columns stays as it is laid out."""
    parts = re.split(r"\n\s*\n", inspect.getdoc(of) or "")
    return "\n\n".join(f"```text\n{dedent(p)}\n```" if _laid_out(p) else _plain(p) for p in parts)


def _plain(part: str) -> str:
    """A part whose stars and low lines that are no emphasis, as in t*_(α/2), mean themselves."""
    pieces = EMPHASIS.split(part)
    return "".join(p if at % 2 else STRAY.sub(r"\\\g<0>", p) for at, p in enumerate(pieces))


def _laid_out(part: str) -> bool:
    """Whether blanks mean something in it: columns of words, or a formula that stands by itself."""
    return (
        bool(re.search(r"\S {3,}\S", part)) or part.startswith("    ") or bool(re.search(r"\n {2,}\S", part))
    )


ROOMS = (
    Room(
        "Measures of an allocation",
        "h is need satisfaction of the N patients who need something, p their survival gain, w weights of the ward.",
        (
            "scenarios.measures:need_satisfaction survival worst_off variance disadvantage_weighted_survival",
            "scenarios.measures:vulnerability_weighted_care gini mean_absolute_difference",
            "scenarios.measures:normalised normalised_variance normalised_gini",
        ),
    ),
    Room(
        "What emerged, and who moved whom",
        "From the solos, the no-debate merge, the joint allocation and the exit solos of one debate.",
        (
            "nodes.findings.emergence:emergence beyond_the_merge",
            "nodes.findings.strategy:influence",
            "evals.strategy.movement:influence_of minds_of",
            "evals.strategy.concession:concession_of",
            "evals.strategy.cells:contestation overrides",
            "evals.strategy.dependence:dependence",
        ),
    ),
    Room(
        "Fairness between groups",
        "Of need satisfaction by group; every gap stands beside what shuffled labels would give.",
        (
            "evals.fairness.groups:group_tables kendall_tau_b",
            "evals.fairness.bias:run_bias monotone",
            "evals.fairness.nulls:gap_nulls",
            "evals.fairness.need:run_adjusted_gaps",
            "evals.fairness.amplification:amplification",
            "evals.fairness.price:prices front_distance",
            "evals.fairness.twins:twin_effects",
        ),
    ),
    Room(
        "Measures of a season",
        "Catches are (m, n): played months by agents.",
        (
            "scenarios.commons.measures:survival_months total_catch equality normalised_equality sustainable over_use",
            "scenarios.commons.measures:efficiency yield_efficiency efficiency_of_played_months welfare",
            "nodes.commons.recorder:benchmarks",
        ),
    ),
    Room(
        "Concern, and who gains by it",
        "Of seasons and games; λ is how much everybody's total counts beside one's own.",
        (
            "nodes.dilemma.recording:of_payoffs share_written",
            "evals.prosociality.exploitation:payoffs advantage exploitation switch",
            "evals.prosociality.drift:drift",
        ),
    ),
    Room(
        "Benchmarks of a game",
        "Exact, a round.",
        ("nodes.games.recorder:benchmarks",),
    ),
    Room(
        "Plans, and agreement on them",
        "w is what a plan is worth to a seat: its worst plan 0, its best 1.",
        (
            "scenarios.dilemmas.plan:worth",
            "scenarios.dilemmas.optimum:measures",
            "scenarios.dilemmas.reward:clause_reward",
            "nodes.deliberation.measures:measures survived strategy",
            "personas.opposition:opposition cosine correlation apart",
        ),
    ),
    Room(
        "Can the judges be believed",
        "Agreement of judges and of people, on plans and on kinds of argument.",
        (
            "evals.judges.reliability:kappa agreement ranks flat",
            "evals.rhetoric.reliability:alpha",
            "evals.rhetoric.correction:rogan_gladen corrected",
            "evals.rhetoric.frequency:rates",
        ),
    ),
    Room(
        "Statistics",
        "The unit is the cluster: a ward, a world, a game, a dilemma; its seeds and reruns are averaged first.",
        (
            "evals.statistics:estimate sign_flip standardised rank_biserial cluster_gap permutation_test",
            "evals.statistics:stratified_test ratio_estimate holm false_discovery",
            "evals.statistics:power minimum_detectable_effect",
            "evals.statistics.bootstrap:bootstrap_t",
        ),
    ),
)
"""Everything measured that is no outcome by name, in the reading order of the reference."""
