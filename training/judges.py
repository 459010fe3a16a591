"""Who judges a dialogue in training: a rule or a chat model says whether they agree, and what the plan is worth?"""

from __future__ import annotations

from negotiators.deliberation import Dialogue, Utterance, Verdict
from personas.opposing import Pole
from scenarios.dilemmas.dilemma import Dilemma
from scenarios.dilemmas.plan import read_plan
from scenarios.dilemmas.reward import clause_reward
from training.dialogue import Agree, Reward, judged_by


def agreement(judge: str, base_url: str | None = None) -> Agree:
    """Who says whether they agree: `rule`, the reference seats' own, or a chat model at temperature 0.

    Raises ParleyError for a model that cannot be built.
    """
    if judge == "rule":
        return by_rule
    from negotiators.chat.seat import Chat

    return judged_by(Chat(judge, base_url=base_url, temperature=0.0))


def worth(judge: str, base_url: str | None = None) -> Reward:
    """What a plan is worth, 0 to 5: by the rule from its clauses, or its collective agency as a model scores it.

    What a model gives no usable score is missing, and so is a plan that the rule's measure is undefined for.
    """
    if judge == "rule":
        return by_clauses
    from negotiators.chat.judging import Judge

    asked = Judge(judge, base_url=base_url, temperature=0.0)

    async def scored(
        dilemma: Dilemma, text: str, poles: tuple[Pole, Pole], dialogue: tuple[Utterance, ...]
    ) -> float | None:
        if not text.strip():
            return 0.0  # no words are no plan: the policy's doing, and nothing to ask a judge about
        score = (await asked.score("collective_agency", dilemma, text)).score
        return None if score is None else float(score)

    return scored


def by_rule(dialogue: Dialogue) -> Verdict:
    """The rule of `negotiators.reference.deliberation`, on what was said."""
    from negotiators.reference.deliberation import judged

    return judged(dialogue.dilemma, dialogue.seats, dialogue.utterances, dialogue.round)


def by_clauses(
    dilemma: Dilemma, text: str, poles: tuple[Pole, Pole], dialogue: tuple[Utterance, ...]
) -> float | None:
    """The reward of the plan line in a text, for what both personas value."""
    return clause_reward(read_plan(text, dilemma), dilemma, [pole.values for pole in poles])
