"""Is exactly what reference seats said taught, laid out as the policy itself would have said it?"""

from __future__ import annotations

import pytest

from scenarios.dilemmas.plan import AGREE, read_plan, whole
from tests.training.playing import Letters, case
from training.rules import Rules
from training.tokens import Template
from training.warmup import phrases, played, reference_rows, texts_of

RULES = Rules(window="full", rounds=4)


def _taught(row: object) -> str:
    ids = [i for i, m in zip(row.completion_ids, row.mask, strict=True) if m]  # type: ignore[attr-defined]
    return "".join("|" if i == 2 else "th" if i == 3 else chr(i) for i in ids)


@pytest.mark.parametrize("window", ["full", 2])
def test_what_trains_is_what_the_seats_said_with_their_ends_of_turn(window: int | str) -> None:
    rules = RULES.model_copy(update={"window": window})
    (rollout,) = played([case()], rules, Template(Letters()), 1)
    rows = reference_rows([case()], rules, Template(Letters()), 1)
    said = [f"{u.text}|" for u in rollout.utterances]
    if window == "full":
        assert _taught(rows[0]) == "".join(said[0::2])
        assert _taught(rows[1]) == "".join(said[1::2])
    else:
        assert [_taught(row) for row in rows[:-1]] == said
    assert rollout.agreed
    assert _taught(rows[-1]) == f"{rollout.completion}|"


def test_lines_alone_lead_to_the_same_plan_as_words() -> None:
    words, lines = (played([case()], RULES, Template(Letters()), 1, said=s)[0] for s in ("words", "lines"))  # type: ignore[arg-type]
    assert [u.plan for u in words.utterances] == [u.plan for u in lines.utterances]
    assert all(set(u.text.splitlines()) <= {AGREE, u.text.splitlines()[-1]} for u in lines.utterances)
    assert lines.completion is not None
    assert whole(read_plan(lines.completion, case().dilemma), case().dilemma)


def test_of_some_dialogues_alone_the_plan_is_taught() -> None:
    every = reference_rows([case()] * 4, RULES, Template(Letters()), 1)
    some = reference_rows([case()] * 4, RULES, Template(Letters()), 1, plans=4)
    assert len(every) - len(some) == 3


def test_one_agent_alone_is_taught_its_plan() -> None:
    rows = reference_rows([case()], RULES.model_copy(update={"alone": True}), Template(Letters()), 1)
    assert len(rows) == 1
    assert whole(read_plan(_taught(rows[0]), case().dilemma), case().dilemma)


def test_a_tokenizer_hears_of_every_clause() -> None:
    known = phrases([case().dilemma], case().poles)
    assert {"when", "wait", "go", "you wait", AGREE} <= set(known)
    assert known == sorted(known, key=lambda row: (-len(row), row))
    assert any("when=wait" in text for text in texts_of([case().dilemma], case().poles))
