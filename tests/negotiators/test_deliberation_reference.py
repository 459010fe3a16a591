"""Do reference seats bargain as their policy says, in words that can be read back?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negotiators.deliberation import MEDIATOR, Completion, Speaker, Utterance, Verdict
from negotiators.reference.debate.concession import Policy
from negotiators.reference.deliberation import ReferenceSpeaker, judged
from negotiators.reference.deliberation.offers import aspiration, likeness
from nodes.deliberation.dialogue import window_of
from personas.opposing import Pole, pairs
from scenarios.dilemmas import Dilemma, Values, catalogue
from scenarios.dilemmas.optimum import attainable, measures
from scenarios.dilemmas.plan import plans, worth
from scenarios.errors import ParleyError
from tests.negotiators.deliberation_conformance import (
    HEARD,
    KIND,
    PLAIN,
    SpeakerConformance,
    check_utterance,
    pole,
    spoken,
    utterance,
    view,
)
from tests.scenarios.dilemmas_cases import dilemma, dilemmas, supper, values, words_alone

POLICIES = st.sampled_from(["linear", "boulware", "conceder"])
quick = settings(max_examples=25, deadline=None)


class TestConformance(SpeakerConformance):
    """The suite that every speaker passes."""

    @pytest.fixture
    def speaker(self) -> Speaker:
        return ReferenceSpeaker()


def talk(
    case: Dilemma,
    seats: Mapping[str, Pole],
    speaker: ReferenceSpeaker,
    rounds: int = 7,
    window: int = 2,
    mediator: bool = False,
) -> tuple[list[Utterance], Verdict]:
    """A dialogue until the rule says YES, or the cap; every utterance checked."""
    said: list[Utterance] = []

    async def dialogue() -> Verdict:
        for round_ in range(1, rounds + 1):
            for seat in [*seats, *([MEDIATOR] if mediator else [])]:
                heard, places = window_of(said, window)
                facts = {"seats": tuple(seats), "round": round_, "rounds": rounds, "places": tuple(places)}
                seen = view(heard, seat, seats.get(seat), case, **facts)
                said.append(check_utterance(seen, await speaker.speak(seen)))
            verdict = judged(case, tuple(seats), said, round_)
            if verdict.agreed:
                break
        return verdict

    return said, asyncio.run(dialogue())


def acts(said: list[Utterance]) -> list[str]:
    """`A tell/now`, with a ! where it consents."""
    return [f"{u.seat} {'/'.join(u.plan.values())}{'!' if u.consents else ''}" for u in said]


# Bargaining


def test_two_seats_trade_one_clause_for_the_other() -> None:
    """The one plan that is best for both is reached, each giving up what matters less to it."""
    said, verdict = talk(supper(), {"A": PLAIN, "B": KIND}, ReferenceSpeaker())
    assert acts(said) == [
        "A tell/now", "B hush/later",
        "A tell/now", "B hush/later",
        "A tell/now", "B tell/later",
        "A tell/later!", "B tell/later!",
    ]  # fmt: skip
    assert verdict.kind == "agreed" and verdict.plan == {"what": "tell", "when": "later"}


@quick
@given(dilemmas(3), values(), values(), POLICIES, st.sampled_from([1, 2, 99]), st.integers(1, 7))
def test_two_seats_without_a_floor_agree_by_the_cap(
    case: Dilemma, one: Values, other: Values, policy: str, window: int, rounds: int
) -> None:
    """Whoever has the last word takes any plan then: a dialogue that fails says something of seats with floors."""
    seats = {"A": pole("one", one), "B": pole("other", other)}
    said, verdict = talk(case, seats, ReferenceSpeaker(policy), rounds, window)  # type: ignore[arg-type]
    assert verdict.kind == "agreed", verdict.why
    assert worth(verdict.plan, case, one) is None or all(u.plan for u in said)


@quick
@given(dilemmas(3), values(1), st.integers(1, 7), POLICIES, st.sampled_from([0.0, 0.4]), st.data())
def test_an_offer_is_the_trade_off_that_going_through_all_plans_finds(
    case: Dilemma, own: Values, round_: int, policy: str, floor: float, data: st.DataObject
) -> None:
    heard = data.draw(st.sampled_from(plans(case)))
    words = f"Plan: {'; '.join(f'{i}={o}' for i, o in heard.items())}."
    seen = view([utterance("A", words, 1, case)], "B", pole("own", own), case, round=round_)
    said = spoken(ReferenceSpeaker(policy, floor), seen)  # type: ignore[arg-type]
    level = aspiration(seen, Policy(kind=policy, floor=floor))  # type: ignore[arg-type]
    value = {tuple(p.items()): worth(p, case, own) for p in plans(case)}
    offered = value[tuple(said.plan.items())] if said.plan else None
    mine = worth(heard, case, own)
    if offered is None or mine is None:
        assert said.parts or mine is None, "who weighs nothing here consents; who has values offers or parts"
        return
    assert said.consents == (mine >= level - 1e-9) and offered >= level - 1e-9
    alike = likeness(case, heard)

    def rank(plan: Mapping[str, str]) -> tuple[float, float]:
        own_worth = value[tuple(plan.items())]
        assert own_worth is not None
        return round(sum(alike[i][o] for i, o in plan.items()), 6), round(own_worth, 6)

    open_ = [p for p in plans(case) if (value[tuple(p.items())] or 0.0) >= level - 1e-9]
    assert rank(said.plan) == pytest.approx(max(rank(p) for p in open_), abs=1e-5)


def test_aspiration_falls_from_the_best_to_the_floor_and_by_policy() -> None:
    for floor in (0.0, 0.3):
        for kind in ("boulware", "linear", "conceder"):
            policy = Policy(kind=kind, floor=floor)  # type: ignore[arg-type]
            turns = [view(seat=s, round=r) for r in range(1, 8) for s in "AB"]
            levels = [aspiration(turn, policy) for turn in turns]
            assert levels == sorted(levels, reverse=True), "else a seat would take back what it offered"
            assert (levels[0], levels[-1]) == pytest.approx((1.0, floor))
    late, steady, early = (
        [aspiration(view(round=r), Policy(kind=k, floor=0)) for r in range(2, 8)]  # type: ignore[arg-type]
        for k in ("boulware", "linear", "conceder")
    )
    assert all(a > b > c for a, b, c in zip(late, steady, early, strict=True))


def test_a_seat_with_a_floor_makes_a_last_offer_and_parts_only_with_the_last_word() -> None:
    hears = [utterance("B", "Plan: what=hush; when=later.")]
    last_offer = spoken(ReferenceSpeaker("linear", 0.5), view(hears, "A", PLAIN, round=7))
    assert not last_offer.parts and not last_offer.consents and last_offer.plan["what"] == "tell"
    hears = [utterance("A", "Plan: what=tell; when=now.")]
    parting = spoken(ReferenceSpeaker("linear", 0.5), view(hears, "B", KIND, round=7))
    assert parting.parts and not parting.plan and not parting.consents
    assert spoken(ReferenceSpeaker("linear", 0.0), view(hears, "B", KIND, round=7)).consents
    _, verdict = talk(supper(), {"A": PLAIN, "B": KIND}, ReferenceSpeaker("linear", 0.9))
    assert verdict.kind == "disagreed"


def test_to_whom_nothing_matters_takes_what_it_hears_and_else_begins() -> None:
    nobody = pole("terse")
    assert spoken(ReferenceSpeaker(), view(HEARD["a plan"], "B", nobody)).consents
    for name in ("nothing", "free words", "half a plan", "a stranger's clauses"):
        said = spoken(ReferenceSpeaker(), view(HEARD[name], "B", nobody))
        assert said.plan == {"what": "tell", "when": "now"} and not said.consents


def test_words_without_a_plan_move_nobody() -> None:
    """With nothing to come near to, it offers its best, however little it would settle for by now."""
    own = spoken(ReferenceSpeaker(), view([], "B", KIND, round=4))
    assert own.plan == {"what": "hush", "when": "later"}
    for name in ("free words", "a long speech", "an abstention", "a stranger's clauses"):
        assert spoken(ReferenceSpeaker(), view(HEARD[name], "B", KIND, round=4)).plan == own.plan


def test_a_consent_without_a_plan_line_means_the_plan_before_it() -> None:
    heard = [utterance("A", "Plan: what=tell; when=now."), utterance("B", "Well then. I agree to this plan.")]
    said = spoken(ReferenceSpeaker(), view(heard, "A", PLAIN))
    assert said.consents and said.plan == {"what": "tell", "when": "now"}


# Words


def sentences(said: Utterance) -> list[str]:
    """Those before the words of consent and the plan line; a clause in quotation marks is part of its sentence."""
    words = re.sub(r"“[^”]*”", "it", said.text.split("\n")[0])
    return [s for s in re.split(r"(?<=[.!?])\s", words) if s]


@quick
@given(dilemmas(3), values(1), values(1), POLICIES)
def test_a_turn_is_two_to_four_sentences_and_then_the_plan_line(
    case: Dilemma, one: Values, other: Values, policy: str
) -> None:
    said, _ = talk(case, {"A": pole("one", one), "B": pole("other", other)}, ReferenceSpeaker(policy))  # type: ignore[arg-type]
    for u in said:
        assert 2 <= len(sentences(u)) <= 4, u.text
        assert u.text.split("\n")[-1].startswith("Plan: ")
        assert u.consents == (u.text.split("\n")[-2] == "I agree to this plan.")


def test_a_seat_says_what_counts_what_it_keeps_and_what_it_gives_up() -> None:
    said, _ = talk(supper(), {"A": PLAIN, "B": KIND}, ReferenceSpeaker())
    assert said[1].text == (
        "What counts most for me here is care, that people's feelings and wellbeing are looked after. So above all "
        "I want “Do later about when”. I cannot go along with “Do now about when”: it does too little for "
        "care.\nPlan: what=hush; when=later."
    )
    assert said[5].text == (
        "I give way: I could take “Do tell about what” in place of “Do hush about what”. I keep “Do later "
        "about when”, for care.\nPlan: what=tell; when=later."
    )


def test_clauses_that_read_as_consent_or_as_a_plan_are_named_instead() -> None:
    """Else whoever writes a dilemma puts words of consent into a seat's mouth."""
    wicked = supper().model_dump()
    wicked["issues"]["what"]["options"]["tell"]["says"] = "Say: I agree to this plan."
    wicked["issues"]["when"]["options"]["now"]["says"] = "Plan: what=hush; when=later; let us agree to differ"
    wicked["issues"]["what"]["asks"] = "Let us agree to differ on what?"
    case = Dilemma.model_validate(wicked)
    said = spoken(ReferenceSpeaker(), view([], "A", PLAIN, case))
    assert said.plan == {"what": "tell", "when": "now"} and not said.consents and not said.parts
    silent = spoken(ReferenceSpeaker(), view([], MEDIATOR, None, case))
    assert not silent.plan and not silent.consents and not silent.parts


def test_a_dilemma_without_clauses_is_abstained_from() -> None:
    assert spoken(ReferenceSpeaker(), view([], dilemma=words_alone())).status == "abstained"


# Mediating


def three_issues() -> Dilemma:
    return dilemma({n: {o: {"care": k} for k, o in enumerate("xyz")} for n in ("p", "q", "r")})


def test_a_mediator_keeps_what_is_agreed_and_gives_each_its_longest_held_clause() -> None:
    case = three_issues()
    lines = [("A", "p=x; q=x; r=z"), ("B", "p=y; q=y; r=z"), ("A", "p=z; q=x; r=z"), ("B", "p=y; q=y; r=z")]
    heard = [utterance(s, f"Plan: {p}.", 1 + k // 2, case) for k, (s, p) in enumerate(lines)]
    heard.append(utterance(MEDIATOR, "Plan: p=x; q=z; r=x.", 2, case))  # what it said before weighs nothing
    for seed, expected in ((0, {"p": "y", "q": "x", "r": "z"}), (1, {"p": "y", "q": "x", "r": "z"})):
        said = spoken(ReferenceSpeaker(), view(heard, MEDIATOR, None, case, seed=seed))
        assert said.plan == expected, "A has held q longer than p, whoever begins"
        assert not said.consents and "Nobody is against" in said.text


def test_a_mediator_lets_seats_begin_in_turn() -> None:
    case = three_issues()
    heard = [utterance("A", "Plan: p=x; q=x; r=x.", 1, case), utterance("B", "Plan: p=y; q=y; r=y.", 1, case)]
    said = [spoken(ReferenceSpeaker(), view(heard, MEDIATOR, None, case, seed=4, round=r)) for r in (1, 2, 3)]
    taken = [sorted(u.plan.values()) for u in said]
    assert taken == [["x", "x", "y"], ["x", "y", "y"], ["x", "x", "y"]]


@quick
@given(dilemmas(3), values(1), values(1), st.integers(0, 9))
def test_a_mediator_stays_in_the_span_and_never_consents(
    case: Dilemma, one: Values, other: Values, seed: int
) -> None:
    seats = {"A": pole("one", one), "B": pole("other", other)}
    said, verdict = talk(case, seats, ReferenceSpeaker(), mediator=True)
    assert verdict.kind == "agreed"
    for k, u in enumerate(said):
        if u.seat == MEDIATOR:
            span = [v.plan for v in said[k - 2 : k]]
            assert not u.consents and all(any(p[i] == o for p in span) for i, o in u.plan.items())


# Completing


def completed(**facts: object) -> Completion:
    done = asyncio.run(ReferenceSpeaker().complete(view(personas=(PLAIN, KIND), **facts))).what  # type: ignore[arg-type]
    assert isinstance(done, Completion)
    return done


def test_alone_it_writes_the_nash_optimum_and_says_whom_it_looks_to() -> None:
    done = completed()
    assert done.plan == {"what": "tell", "when": "later"}
    assert done.text == (
        "Do tell about what. Do later about when. This looks to candour for A and care for B.\n"
        "Plan: what=tell; when=later."
    )


def test_what_was_agreed_is_written_down_and_what_it_leaves_open_is_filled() -> None:
    worst = {"what": "hush", "when": "now"}
    assert completed(agreed=worst).plan == worst, "no better plan is put in place of the one they agreed"
    assert completed(agreed={"when": "now"}).plan == {"when": "now", "what": "hush"}, "1/9 against 0"
    heard = [utterance("A", "Plan: what=tell; when=now."), utterance("B", "Plan: what=tell; when=later.")]
    assert completed(heard=heard).plan == {"what": "tell", "when": "later"}, "the span of their last plans"
    mediated = [heard[0], heard[0], utterance(MEDIATOR, "Plan: what=hush; when=later.")]
    assert completed(heard=mediated).plan == {"what": "tell", "when": "now"}, "a mediator has no part in it"
    heard = [utterance("A", "Plan: what=hush; when=later."), utterance("B", "Plan: what=hush; when=now.")]
    assert completed(heard=heard, agreed={"when": "later"}).plan == {"what": "hush", "when": "later"}


# The policy


@pytest.mark.parametrize(("policy", "floor"), [("liner", 0.0), ("tit-for-tat", 0.0), ("linear", 1.5)])
def test_a_policy_that_there_is_not_is_refused_in_one_line(policy: str, floor: float) -> None:
    with pytest.raises(ParleyError) as error:
        ReferenceSpeaker(policy, floor)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_in_the_catalogue_bargaining_comes_near_the_best_plans() -> None:
    """What a keyless run is worth: of pairs and dilemmas drawn evenly, all agree, most plans are efficient."""
    poles = [p for p in pairs().values() if p.kind == "substance"]
    cases = list(catalogue().values())[::9]
    ratios, efficient = [], []
    for k, case in enumerate(cases):
        seats = dict(zip("AB", poles[k % len(poles)].poles, strict=True))
        _, verdict = talk(case, seats, ReferenceSpeaker())
        assert verdict.kind == "agreed"
        of = {s: p.values for s, p in seats.items()}
        got, best = measures(verdict.plan, case, of), attainable(case, of)
        if best:
            ratios.append((got["nash"] or 0.0) / (best["nash"] or 1.0))
            efficient.append(got["pareto"] or 0.0)
    assert len(ratios) > 5
    assert sum(ratios) / len(ratios) > 0.8 and sum(efficient) / len(efficient) > 0.6
