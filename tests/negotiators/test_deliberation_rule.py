"""Does the rule tell YES from the four ways of NO, whoever wrote the words?"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiators.deliberation import MEDIATOR, Dialogue, Utterance, Verdict
from negotiators.reference.deliberation import ReferenceSpeaker, judged
from negotiators.reference.deliberation.reading import read, standing
from scenarios.dilemmas import Dilemma
from scenarios.dilemmas.plan import whole
from tests.negotiators.deliberation_conformance import check_verdict, utterance
from tests.scenarios.dilemmas_cases import dilemma, supper, words_alone

P, Q, R = "what=tell; when=now", "what=hush; when=later", "what=tell; when=later"
YES = "I agree to this plan."
WHY = "Her peace of mind counts for more than what I wanted at first."


def minutes(*turns: str, case: Dilemma | None = None, seats: str = "AB") -> Verdict:
    """The verdict on turns `SEAT: words | clauses`, a round whenever all have spoken."""
    said: list[Utterance] = []
    for turn in turns:
        seat, _, words = turn.partition(": ")
        words, bar, clauses = words.partition(" | ")
        text = f"{words}\nPlan: {clauses}." if bar else words
        round_ = 1 + sum(u.seat == seat for u in said)
        said.append(utterance(seat, text, round_, case or supper()))
    return judged(case or supper(), tuple(seats), said, max(u.round for u in said))


DIALOGUES: dict[str, tuple[str, tuple[str, ...]]] = {
    "a yes to the other's plan": ("agreed", (f"A: Hear me | {P}", f"B: {WHY} {YES} | {P}")),
    "a yes without a plan line": ("agreed", (f"A: Hear me | {P}", f"B: {WHY} {YES}")),
    "a trade, then a yes": (
        "agreed",
        (f"A: So | {P}", f"B: No | {Q}", f"A: Give and take | {R}", f"B: {YES} | {R}"),
    ),
    "words after a yes take nothing back": (
        "agreed",
        (f"A: So | {P}", f"B: {WHY} {YES}", "A: I am glad.", "B: So am I."),
    ),
    "a bare yes after an offer of one's own": (
        "agreed",
        (f"A: So | {P}", f"B: No | {R}", "A: I beg you.", f"B: {WHY} {YES}"),
    ),
    "both had the same plan in mind": ("agreed", (f"A: So | {P}", f"B: {YES} | {P}")),
    "one plan and nobody's yes": ("debating", (f"A: So | {P}", f"B: So | {P}")),
    "a yes to one's own plan": ("debating", (f"A: {YES} | {P}", f"B: Mine too | {P}")),
    "two plans": ("debating", (f"A: So | {P}", f"B: No | {Q}")),
    "a yes to a plan that the other has left": (
        "debating",
        (f"A: So | {P}", f"B: {WHY} {YES} | {P}", f"A: On second thoughts | {Q}", "B: Oh."),
    ),
    "a yes that is amended": ("debating", (f"A: So | {P}", f"B: {WHY} {YES} | {R}")),
    "one has named nothing": ("debating", (f"A: So | {P}", "B: Let me think.")),
    "yes and no at once is neither": ("debating", (f"A: So | {P}", f"B: {YES} Let us agree to differ.")),
    "one parts": ("disagreed", (f"A: So | {P}", "B: Let us agree to differ.")),
    "one parts after a yes": (
        "disagreed",
        (f"A: So | {P}", f"B: {WHY} {YES}", "A: Good.", "B: No, let us agree to differ."),
    ),
    "one parts and comes back": (
        "agreed",
        (f"A: So | {P}", "B: Let us agree to differ.", "A: Do stay.", f"B: {WHY} {YES} | {P}"),
    ),
    "words alone": ("vague", ("A: Let us be kind.", "B: Yes, let us be kind.")),
    "a yes to no plan": ("vague", ("A: Let us be kind.", f"B: {YES}")),
    "the same half plan": ("vague", ("A: So | what=tell", f"B: {WHY} {YES} | what=tell")),
    "different half plans": ("debating", ("A: So | what=tell", "B: So | when=now")),
    "all given up at once without a word": (
        "capitulated",
        (f"A: So | {P}", f"B: No | {Q}", f"A: {YES} | {Q}", "B: Good."),
    ),
    "all given up at once with a shrug": (
        "capitulated",
        (f"A: So | {P}", f"B: No | {Q}", f"A: Fine, let it be so then. {YES} | {Q}", f"B: Good. {YES} | {Q}"),
    ),
    "reasons for what was given up are none for giving it up": (
        "capitulated",
        (f"A: {WHY} | {P}", f"B: No | {Q}", f"A: {YES} | {Q}", "B: Good."),
    ),
    "given up, taken back, given up": (
        "agreed",
        (f"A: So | {P}", f"B: No | {Q}", f"A: {YES} | {Q}", "B: Ah.", f"A: No | {P}", "B: Oh.", f"A: {YES} | {Q}"),
    ),
    "all given up at once, and why": ("agreed", (f"A: So | {P}", f"B: No | {Q}", f"A: {WHY} {YES} | {Q}", "B: Good.")),
    "all given up at once, and why afterwards": (
        "agreed",
        (f"A: So | {P}", f"B: No | {Q}", f"A: {YES} | {Q}", "B: Good.", f"A: {WHY}", "B: I see."),
    ),
    "all given up step by step": (
        "agreed",
        (f"A: So | {P}", f"B: No | {Q}", f"A: Well | {R}", f"B: No | {Q}", f"A: {YES} | {Q}", "B: Good."),
    ),
    "one contested clause goes to one side": (
        "agreed",
        (f"A: So | {P}", f"B: No | {R}", f"A: {YES} | {R}", "B: Good."),
    ),
    "who never held anything cannot give in": ("agreed", (f"A: So | {P}", f"B: {YES} | {P}")),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DIALOGUES))
def test_the_kinds(name: str) -> None:
    kind, turns = DIALOGUES[name]
    verdict = minutes(*turns)
    assert (verdict.kind, verdict.judge) == (kind, "rule") and verdict.why


def test_the_verdict_names_the_clauses_that_all_stand_for() -> None:
    assert minutes(f"A: So | {P}", f"B: {WHY} {YES}").plan == {"what": "tell", "when": "now"}
    assert minutes(f"A: So | {P}", f"B: No | {R}").plan == {"what": "tell"}
    assert minutes(f"A: So | {P}", "B: Hm.").plan == {}


def test_three_seats_agree_only_when_all_do() -> None:
    two = (f"A: So | {P}", f"B: {WHY} {YES}", f"C: No | {Q}")
    assert minutes(*two, seats="ABC").kind == "debating"
    late = ("A: Join us.", "B: Do.", f"C: {WHY} {YES} | {P}")
    assert minutes(*two, *late, seats="ABC").kind == "agreed"
    bare = (f"A: So | {P}", f"B: {YES} | {P}", f"C: No | {Q}", "A: Join us.", "B: Do.", f"C: {YES} | {P}")
    assert minutes(*bare, seats="ABC").kind == "agreed", "two had it first: no single seat took all"
    gave_in = (
        f"A: So | {P}",
        f"B: No | {Q}",
        f"C: No | {Q}",
        f"A: Hm | {P}",
        f"B: {YES} | {P}",
        f"C: {YES} | {P}",
    )
    assert minutes(*gave_in, seats="ABC").kind == "capitulated"
    one_says_why = (*gave_in[:-1], f"C: {WHY} {YES} | {P}")
    assert minutes(*one_says_why, seats="ABC").kind == "agreed", "not all the others gave in"


def test_a_mediators_plan_can_be_said_yes_to_but_a_mediator_is_no_seat() -> None:
    both = (f"A: So | {P}", f"B: No | {Q}", f"{MEDIATOR}: In between | {R}")
    assert minutes(*both).kind == "debating"
    assert minutes(*both, f"A: {YES} | {R}", f"B: {YES} | {R}").kind == "agreed"


def test_silence_is_missing_and_says_nothing() -> None:
    said = [utterance("A", f"Plan: {P}."), utterance("B", "", status="abstained")]
    assert judged(supper(), ("A", "B"), said, 1).kind == "debating"


def test_without_clauses_the_rule_cannot_tell_and_says_so() -> None:
    said = [utterance("A", YES, dilemma=words_alone())] * 2
    verdict = judged(words_alone(), ("A", "B"), said, 1)
    assert verdict.kind is None and verdict.agreed is None and "no clauses" in verdict.why


def case() -> Dilemma:
    return dilemma({n: {o: {} for o in "xy"} for n in ("p", "q", "r")})


clauses = st.lists(st.sampled_from(["p=x", "p=y", "q=x", "q=y", "r=x", "r=y"]), max_size=4).map("; ".join)
plans_ = st.sampled_from(["p=x; q=x; r=x", "p=y; q=y; r=y", "p=x; q=y; r=x"])
turns = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", MEDIATOR]),
        st.sampled_from(["", YES, WHY, "Let us agree to differ.", f"{WHY} {YES}", "plan: ", "I differ"]),
        st.one_of(st.none(), clauses, plans_),
    ),
    max_size=8,
)


def spelled(drawn: list[tuple[str, str, str | None]]) -> list[Utterance]:
    return [
        utterance(seat, words if plan is None else f"{words}\nPlan: {plan}.", 1 + k // 2, case())
        for k, (seat, words, plan) in enumerate(drawn)
    ]


@settings(max_examples=200, deadline=None)
@given(turns)
def test_yes_needs_one_whole_plan_that_all_stand_for(drawn: list[tuple[str, str, str | None]]) -> None:
    """Whatever is said, YES is never given to less, and every seat is weighed alike."""
    said = spelled(drawn)
    dialogue = Dialogue(case(), ("A", "B"), 4, tuple(said), 1)
    verdict = check_verdict(dialogue, asyncio.run(ReferenceSpeaker().judge(dialogue)))
    assert judged(case(), ("B", "A"), said, 4).kind == verdict.kind, "the order of seats decides nothing"
    if verdict.agreed:
        read_ = read(said)
        for seat in "AB":
            at = standing(read_, seat)
            assert at is not None and read_[at].plan == verdict.plan
            assert not [r for r in read_ if r.seat == seat][-1].parts
        assert whole(verdict.plan, case()) and any(u.consents for u in said)


@settings(max_examples=100, deadline=None)
@given(turns, st.sampled_from(["Hm.", "I see what you mean, and I shall think about it for a while."]))
def test_words_without_clauses_take_no_agreement_back(
    drawn: list[tuple[str, str, str | None]], words: str
) -> None:
    said = spelled(drawn)
    before = judged(case(), ("A", "B"), said, 4)
    after = judged(case(), ("A", "B"), [*said, utterance("A", words, 5, case())], 5)
    assert not before.agreed or after.agreed
