"""How does a policy learn to speak before it negotiates: from dialogues of reference seats, as training rows?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from negotiators.chat.deliberation import prompting
from negotiators.reference.deliberation import ReferenceSpeaker
from negotiators.reference.deliberation.speaker import Concession
from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.dilemmas.plan import AGREE, DIFFER, LINE, written
from training.policy import Sampled
from training.rollout import Rollout, Row
from training.rules import SEATS, Case, Rules
from training.table import Table
from training.tokens import Template

Said = Literal["words", "lines"]
"""What is taught: turns as reference seats speak them, or the lines alone that a plan is read from."""

FIELD = re.compile(r"\$[a-z]+|\*\*")
SENTENCE = re.compile(r"(?<=[.?!]) ")

GLUE = (
    *("<option>", "\n\n", "\n- `", "\n  - `", "`: ", "Plan: ", "; ", "system\n", "user\n", "assistant\n"),
    *("<<<DATA ", ">>>\n> ", "\n> ", "\n<<<END ", ">>>", " seat A, round ", " seat B, round ", "\n\nRound "),
)
"""What stands between the sentences."""

TAUGHT = 13
"""What these draws are for, beside the seed."""


def reference_rows(
    cases: Sequence[Case],
    rules: Rules,
    template: Template,
    seed: int,
    *,
    said: Said = "words",
    plans: int = 1,
) -> list[Row]:
    """The rows of one dialogue of two reference seats for every case: exactly what a seat would have sampled trains.

    Each dialogue's way of conceding is drawn. One in `plans` dialogues teaches to write the plan down too: its
    prompt is the longest.
    """
    rollouts = played(cases, rules, template, seed, said=said)
    views = [
        view
        for k, rollout in enumerate(rollouts)
        for view in rollout.views
        if k % plans == 0 or rules.alone or max(view.turns) < len(rollout.utterances)
    ]
    return [Row(v.prompt_ids, v.completion_ids, v.mask, (0.0,) * len(v.mask), v.logprobs) for v in views]


def played(
    cases: Sequence[Case], rules: Rules, template: Template, seed: int, *, said: Said = "words"
) -> list[Rollout]:
    """Dialogues of reference seats, laid out by the engine as if the policy had sampled them: the same masks."""
    return asyncio.run(_played(cases, rules, template, seed, said))


def texts_of(dilemmas: Sequence[Dilemma], poles: Sequence[Pole]) -> list[str]:
    """The words of dilemmas, personas and prompts: what a tokenizer made from scratch is trained on."""
    out = list(prompting.PROMPTS.texts().values())
    out += [pole.says for pole in poles]
    for dilemma in dilemmas:
        out += [
            dilemma.prompt,
            *dilemma.principles.values(),
            written(dict.fromkeys(dilemma.issues, "<option>")),
        ]
        for name, issue in dilemma.issues.items():
            out.append(f"- `{name}`: {issue.asks}")
            out += [f"  - `{option}`: {o.says}" for option, o in issue.options.items()]
            out += [f"{written({name: option})} " * 3 for option in issue.options]
    return out


def phrases(dilemmas: Sequence[Dilemma], poles: Sequence[Pole]) -> list[str]:
    """The sentences of prompts, personas and dilemmas, and the names of clauses, longest first.

    In a tokenizer made from scratch each is one token: a model of two million weights reads a prompt as a handful
    of signs, and has better things to learn than English. What it makes of other words is another matter.
    """
    fixed = [row for text in prompting.PROMPTS.texts().values() for row in FIELD.split(text)]
    found = {piece for text in fixed for piece in text.split("\n") if len(piece.strip()) > 2}
    found |= {row for row in prompting.PROMPTS.rows("phrases").values() if "$" not in row}
    found |= {AGREE, DIFFER, *GLUE}
    written_ = [pole.says for pole in poles]
    for dilemma in dilemmas:
        written_ += [dilemma.prompt, *dilemma.principles.values()]
        for name, issue in dilemma.issues.items():
            written_ += [issue.asks, *(option.says for option in issue.options.values())]
            found |= {name, *issue.options}
    found |= {row for text in written_ for row in SENTENCE.split(" ".join(text.split())) if row}
    return sorted(found, key=lambda row: (-len(row), row))


async def _played(
    cases: Sequence[Case], rules: Rules, template: Template, seed: int, said: Said
) -> list[Rollout]:
    taught = rules.model_copy(update={"train_roles": "both", "train_final": True})
    return [
        await _dialogue(case, taught, template, np.random.default_rng([seed, TAUGHT, k]), said)
        for k, case in enumerate(cases)
    ]


async def _dialogue(
    case: Case, rules: Rules, template: Template, rng: np.random.Generator, said: Said
) -> Rollout:
    from negotiators.reference.deliberation.rule import judged

    kinds = get_args(Concession)
    speaker = ReferenceSpeaker(kinds[int(rng.integers(len(kinds)))])
    table = Table(case, rules, prompting, template, int(rng.integers(2**31)))
    for round_ in range(1, rules.rounds + 1):
        if table.over or rules.alone:
            break
        for seat in SEATS:
            table.prompt(seat, round_)
            spoken = (await speaker.speak(table.view(seat, round_))).what
            table.say(seat, round_, _sampled(_lines(spoken.text, said), template))  # type: ignore[union-attr]
        table.verdicts.append(judged(case.dilemma, SEATS, table.dialogue, round_))
    if rules.alone or table.agreed:
        table.plan_prompt()
        plan = (await speaker.complete(table.closing())).what
        table.write(_sampled(_lines(plan.text, said), template))  # type: ignore[union-attr]
    return table.rollout()


def _lines(text: str, said: Said) -> str:
    """A turn as it is taught: whole, or its plan line and the words that agree or part."""
    if said == "words":
        return text
    kept = [row for row in text.splitlines() if LINE.search(row) or row.strip() in (AGREE, DIFFER)]
    return "\n".join(kept) or text


def _sampled(text: str, template: Template) -> Sampled:
    """A text as if it had been sampled, with its end of turn."""
    ids = list(template.tokenizer(text, add_special_tokens=False)["input_ids"])
    end = template.end_of_turn
    ids += [template.tokenizer.eos_token_id if end is None else end]
    return Sampled(tuple(ids), (0.0,) * len(ids), True)
