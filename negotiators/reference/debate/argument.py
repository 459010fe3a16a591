"""What does a reference seat say for its move: plain sentences made of values, citations and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from negotiators.protocol import Passage
from personas.persona import Values
from scenarios.measures import MEASURES, counted_need_satisfaction, raw_measures
from scenarios.ward import Array, Ward

LONGEST = 1200
"""Characters; sources are quoted in full, so two citations take half of it."""

ACCEPTING = "I accept what is on the table: it gives me as much as I still hold out for."

PRAISE = {
    "survival": "the number of survivors gained",
    "worst_off": "what the worst-off patient is left with",
    "evenness": "needs being met to a like degree",
    "disadvantage_weighted_survival": "gains to the sickest, which count for more",
    "vulnerability_weighted_care": "care for the vulnerable and for those with dependants",
    "equality": "nobody having a larger share of their need met than another",
}


@dataclass(frozen=True)
class Case:
    """What a seat argues for and against whom. Groups stand in `values` only if it favours them openly."""

    ward: Ward
    x: Array
    values: Values  # what it appeals to, measures and groups that this ward defines
    cited: Sequence[Passage]
    target: Array | None  # the others' last offers, their mean; None before anyone has spoken
    previous: Array | None  # its own last offer
    concedes: Sequence[str]
    contests: Sequence[str]
    accepts: bool = False
    by_lot: bool = False


def argue(case: Case) -> str:
    """Two to five sentences: what counts, whose words these are, what it wants for whom, and what that does.

    Patients are named by their ids and nothing else about them; a protected attribute is named only by a seat
    that favours a group, and then openly.
    """
    said = [_stance(case.values), _openly(case.values), _citing(case.cited)]
    said += [ACCEPTING] if case.accepts else [_wanting(case), _yielding(case)]
    said += [_effect(case)]
    sentences = [s for s in said if s][:5]
    return _within(" ".join(sentences))


def _stance(values: Values) -> str:
    stated = sorted((k for k in values if k in MEASURES), key=lambda k: -values[k])
    matters = [PRAISE[k] for k in stated[:2] if values[k] >= 0.15 * max(values[s] for s in stated)]
    return f"What should decide here is {', then '.join(matters)}." if matters else ""


def _openly(values: Values) -> str:
    groups = [k.partition("=") for k in values if k not in MEASURES]
    favoured = [f"{attribute} {' or '.join(names.split(','))}" for attribute, _, names in groups]
    return f"I say openly that I put some patients before need: {'; '.join(favoured)}." if favoured else ""


def _citing(cited: Sequence[Passage]) -> str:
    quoted = [f"“{p.title}” ({p.source.rstrip('.')})" for p in cited]
    return f"I rest this on {' and on '.join(quoted)}." if quoted else ""


def _wanting(case: Case) -> str:
    """Before anyone has spoken, who gets what; then the cells it contests, the widest apart first."""
    if case.target is None:
        return _opening(case)
    cells = _widest(case, case.contests, case.target)[:3]
    if not cells:
        return ""
    moves = [_change(case, i, k, case.target) for i, k in cells]
    return f"Against what is on the table I would change {_list(moves)}."


def _yielding(case: Case) -> str:
    if case.previous is None or not case.concedes:
        return ""
    moves = [_change(case, i, k, case.previous) for i, k in _widest(case, case.concedes, case.previous)[:2]]
    return f"I give way on {_list(moves)}." if moves else ""


def _opening(case: Case) -> str:
    a = case.ward.arrays
    patients = [p.id for p, counts in zip(case.ward.patients, a.counted, strict=True) if counts]
    h = counted_need_satisfaction(case.ward, case.x)
    order = sorted(range(len(h)), key=lambda i: -round(float(h[i]), 4))
    served = [f"{patients[i]} ({_percent(h[i])} of need)" for i in order[:3] if h[i] > 0.005]
    without = [patients[i] for i in order if h[i] <= 0.005]
    lot = " A lot decided between equal claims." if case.by_lot else ""
    if not served:
        return "I would give nothing to anyone, since there is nothing to give."
    more = " and others" if len(without) > 3 else ""
    rest = f"; {_list(without[:3])}{more} would go without" if without else ""
    return f"I would serve first {_list(served)}{rest}.{lot}"


def _change(case: Case, i: int, k: int, since: Array) -> str:
    """`p3's icu_bed from 0.2 to 0.8 (care adds 40 points to their chance to survive)`."""
    patient, resource = case.ward.patients[i], list(case.ward.resources)[k]
    text = f"{patient.id}'s {resource} from {_amount(since[i, k])} to {_amount(case.x[i, k])}"
    if case.x[i, k] > since[i, k] and patient.survival_gain >= 0.005:
        text += f" (care adds {100 * patient.survival_gain:.0f} points to their chance to survive)"
    return text


def _effect(case: Case) -> str:
    """The numbers of the measure it values most, then that of the worst off."""
    stated = sorted((k for k in case.values if k in MEASURES), key=lambda k: -case.values[k])
    if not stated or not case.ward.arrays.counted.any():
        return ""
    raw = raw_measures(case.ward, case.x)
    words = {
        "survival": f"gains {raw['survival']:.2f} expected survivors"
        if case.ward.benefit == "survival"
        else f"scores {raw['survival']:.2f} in survival weighted by life-years",
        "worst_off": f"leaves nobody with less than {_percent(raw['worst_off'])} of their need",
        "evenness": f"keeps the variance of needs met at {raw['evenness']:.3f}",
        "disadvantage_weighted_survival": f"scores {raw['disadvantage_weighted_survival']:.2f} in survival "
        "weighted by severity",
        "vulnerability_weighted_care": f"scores {raw['vulnerability_weighted_care']:.2f} in care weighted by "
        "vulnerability",
        "equality": f"keeps the Gini of needs met at {raw['equality']:.2f}",
    }
    return f"This {' and '.join(words[k] for k in stated[:2])}."


def _widest(case: Case, cells: Sequence[str], since: Array) -> list[tuple[int, int]]:
    a = case.ward.arrays
    places = [(a.row[p], a.column[r]) for p, _, r in (cell.partition(".") for cell in cells)]
    return sorted(places, key=lambda ik: (-round(float(abs(case.x[ik] - since[ik]) / a.demand[ik]), 4), ik))


def _amount(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _list(items: Sequence[str]) -> str:
    return " and ".join(items) if len(items) < 3 else f"{', '.join(items[:-1])} and {items[-1]}"


def _within(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rsplit(' ', 1)[0]}…"
