"""Does a model sample what its probabilities say, the same by the same seed, and is its chat made ids rightly?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negotiators.deliberation import Verdict
from scenarios.errors import ParleyError
from tests.training.playing import DILEMMA, POLES, Terse, case, worth_of

WITHOUT = "the extra `train` is not installed: pip install torch, then pip install '.[train]'"
torch = pytest.importorskip("torch", reason=WITHOUT)
pytest.importorskip("transformers", reason=WITHOUT)
torch.set_num_threads(1)

from training.dialogue import Stage  # noqa: E402
from training.models import build, load  # noqa: E402
from training.policy import Policy, Sampled, TransformersPolicy, VllmPolicy, pick  # noqa: E402
from training.rules import Rules  # noqa: E402
from training.tokens import Template  # noqa: E402

Tiny = tuple[Any, Any]


def sample(policy: Policy, prompts: list[list[int]], seed: int = 0, **more: Any) -> list[Sampled]:
    options: dict[str, Any] = {"max_tokens": 6, "temperature": 0.7, "top_p": 0.95} | more
    return policy.sample(prompts, rng=np.random.default_rng(seed), **options)


PROMPTS = [[5, 6, 7, 8, 9, 10, 11], [12, 13], [5, 6, 7]]


def test_a_draw_takes_the_token_in_whose_part_of_the_nucleus_it_falls() -> None:
    """Of .5, .3, .2 with top_p .7 the nucleus is the first two: .625 and .375 of it."""
    logits = torch.tensor([[0.2, 0.5, 0.3]]).log().expand(5, 3)
    draws = torch.tensor([0.0, 0.62, 0.63, 0.99, 1 - 1e-12], dtype=torch.float64)
    ids, logprobs = pick(logits, draws, 1.0, 0.7)
    assert ids.tolist() == [1, 1, 2, 2, 2]
    assert logprobs.exp().tolist() == pytest.approx([0.5, 0.5, 0.3, 0.3, 0.3]), (
        "of the softmax over all tokens"
    )
    assert pick(logits, draws, 1.0, 1e-9)[0].tolist() == [1] * 5, "the likeliest is always in the nucleus"
    assert pick(logits, draws, 0.0, 1.0)[0].tolist() == [1] * 5


def test_sampled_shares_are_the_probabilities_at_the_temperature() -> None:
    logits = torch.tensor([[0.0, 1.0, -1.0, 2.0]])
    draws = torch.tensor((np.arange(4000) + 0.5) / 4000)
    ids, _ = pick(logits.expand(4000, 4), draws, 0.5, 1.0)
    shares = np.bincount(ids.numpy(), minlength=4) / 4000
    assert shares == pytest.approx(torch.softmax(logits[0] / 0.5, -1).numpy(), abs=1e-3)


def test_log_probabilities_are_those_that_the_loss_works_out_again(tiny: Tiny) -> None:
    """Padded on the left and with a cache, or in one pass: the ratio of a fresh policy to itself is 1."""
    from training.loss import collate, completion_logits, scores
    from training.rollout import Row

    model, tokenizer = tiny
    turns = sample(TransformersPolicy(model, tokenizer), PROMPTS)
    rows = [
        Row(tuple(p), t.ids, (1,) * len(t.ids), (0.0,) * len(t.ids), t.logprobs)
        for p, t in zip(PROMPTS, turns, strict=True)
    ]
    batch = collate(rows, tokenizer.pad_token_id, "cpu")
    with torch.no_grad():
        logprobs, _ = scores(completion_logits(model, batch, 0.7), batch)
    for k, turn in enumerate(turns):
        assert logprobs[k][: len(turn.ids)].tolist() == pytest.approx(turn.logprobs, abs=1e-5)


def test_one_seed_repeats_and_another_differs_and_nothing_global_is_touched(tiny: Tiny) -> None:
    policy = TransformersPolicy(*tiny)
    tiny[0].train()
    before = torch.get_rng_state()
    assert sample(policy, PROMPTS) == sample(policy, PROMPTS)
    assert sample(policy, PROMPTS) != sample(policy, PROMPTS, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert tiny[0].training, "it is in training still"


def test_a_turn_ends_with_the_token_that_ends_it(tiny: Tiny) -> None:
    model, tokenizer = tiny
    end = tokenizer.eos_token_id
    policy = TransformersPolicy(model, tokenizer)
    first = sample(policy, [PROMPTS[0]], temperature=0.0)[0]
    assert (len(first.ids), first.ended) == (6, False)
    policy._ends = [first.ids[2]]
    again = sample(policy, [PROMPTS[0]], temperature=0.0)[0]
    assert again.ids == first.ids[: first.ids.index(first.ids[2]) + 1]
    assert again.ended
    assert Template(tokenizer).ends == {end}


def test_a_turn_that_cannot_fit_is_refused_in_one_line(tiny: Tiny) -> None:
    with pytest.raises(ParleyError, match="more than the model's 4096"):
        sample(TransformersPolicy(*tiny), [[5] * 4095])


def test_a_frozen_copy_says_the_same_and_stays_as_it_was(tiny: Tiny) -> None:
    policy = TransformersPolicy(*tiny)
    frozen = policy.frozen()

    def ids(policy: Policy) -> list[tuple[int, ...]]:
        return [turn.ids for turn in sample(policy, PROMPTS)]

    said = ids(policy)
    assert ids(frozen) == said
    with torch.no_grad():
        for p in tiny[0].parameters():
            p.add_(0.3 * torch.sin(torch.arange(p.numel(), dtype=torch.float32)).reshape(p.shape))
    assert ids(frozen) == said
    assert ids(policy) != said


def test_a_real_model_plays_whole_dialogues_and_its_rows_hold_what_it_sampled(tiny: Tiny) -> None:
    rules = Rules(window="full", rounds=2, max_tokens=5, completion_tokens=5, train_roles="both")
    judge = lambda d: Verdict(round=d.round, kind="debating" if d.round == 1 else "agreed", judge="s")  # noqa: E731
    played = []
    for seed in (0, 0, 1):
        with Stage(
            TransformersPolicy(*tiny), tiny[1], rules, agree=judge, reward=worth_of(), words=Terse()
        ) as stage:
            played.append(stage.play([case()] * 3, np.random.default_rng(seed)))
    assert played[0] == played[1] != played[2]
    for rollout in played[0]:
        for view in rollout.views:
            mine = [u for u in rollout.utterances if u.seat == view.seat]
            texts = [
                tiny[1].decode(
                    [i for i, t in zip(view.completion_ids, view.turns, strict=True) if t == turn],
                    skip_special_tokens=True,
                )
                for turn in sorted({t for t in view.turns if t >= 0})
            ]
            assert len(texts) == len(mine)
            known = [p for p, m in zip(view.logprobs, view.mask, strict=True) if m]
            assert np.isfinite(known).all()


STRIPS_THOUGHTS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and not loop.last %}{{ m.content.split('</think>')[-1] }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if quick %}<think></think>{% endif %}{% endif %}"
)
REFUSES_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
NO_END = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)


def template(tiny: Tiny, text: str, **options: Any) -> Template:
    from copy import deepcopy

    tokenizer = deepcopy(tiny[1])
    tokenizer.chat_template = text
    return Template(tokenizer, options)


def shown(made: Template, ids: list[int]) -> str:
    return str(made.tokenizer.decode(ids, skip_special_tokens=False))


def test_what_follows_an_own_turn_is_the_templates_whatever_it_does_to_earlier_ones(tiny: Tiny) -> None:
    made = template(tiny, STRIPS_THOUGHTS, quick=True)
    heard = [{"role": "user", "content": "no parleyturnendshere"}]
    assert shown(made, made.between(heard)) == (
        "<|im_end|>\n<|im_start|>user\nno parleyturnendshere<|im_end|>\n<|im_start|>assistant\n<think></think>"
    )
    assert made.end_of_turn == tiny[1].eos_token_id


def test_a_template_without_a_system_message_has_it_in_the_first_of_the_users(tiny: Tiny) -> None:
    made = template(tiny, REFUSES_SYSTEM)
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    assert shown(made, made.prompt(messages)) == "[user]S\n\nU<|im_end|>[assistant]"


def test_a_template_without_an_end_of_turn_is_left_with_the_end_of_text(tiny: Tiny) -> None:
    made = template(tiny, NO_END)
    assert made.end_of_turn is None
    assert made.ends == {tiny[1].eos_token_id}


def test_a_tokenizer_without_a_chat_template_is_refused(tiny: Tiny) -> None:
    with pytest.raises(ParleyError, match="no chat template"):
        template(tiny, "")


def test_a_small_model_is_the_same_by_its_seed_and_comes_back_from_a_folder(
    tiny: Tiny, tmp_path: Path
) -> None:
    texts = [DILEMMA.prompt, *(pole.says for pole in POLES)] * 3
    before = torch.get_rng_state()
    (same, tokens), (other, _) = build("0.1M", texts, 0), build("0.1M", texts, 1)
    assert torch.equal(before, torch.get_rng_state())
    assert tokens.get_vocab() == tiny[1].get_vocab()
    assert all(torch.equal(a, b) for a, b in zip(same.parameters(), tiny[0].parameters(), strict=True))
    assert not torch.equal(next(other.parameters()), next(same.parameters()))
    same.save_pretrained(tmp_path)
    tokens.save_pretrained(tmp_path)
    again, tokens_again = load(tmp_path)
    assert sample(TransformersPolicy(again, tokens_again), PROMPTS) == sample(
        TransformersPolicy(*tiny), PROMPTS
    )
    messages = [{"role": "user", "content": "naïve – 列車 <|im_end|>"}]
    assert Template(tokens_again).prompt(messages) == Template(tiny[1]).prompt(messages)


@pytest.mark.parametrize(("size", "near"), [("27M", "2.7M"), ("huge", "there are 0.1M")])
def test_a_size_that_there_is_not_is_named_with_those_there_are(size: str, near: str) -> None:
    with pytest.raises(ParleyError, match=near):
        build(size, [], 0)


def test_a_model_that_is_nowhere_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="cannot be read") as error:
        load(tmp_path / "none")
    assert "\n" not in str(error.value)


def test_turns_of_vllm_are_read_as_they_come(tiny: Tiny) -> None:
    """A stand-in for TRL's VLLMGeneration, by its signature in TRL 1.16; vLLM itself needs a GPU."""

    class Generation:
        temperature = top_p = max_completion_length = None
        synced = 0

        def sync_weights(self) -> None:
            self.synced += 1

        def generate(self, prompts: Any, images: Any, num_generations: int, profiler: Any = None) -> Any:
            end = tiny[1].eos_token_id
            return prompts, [[7, end], [8, 9]], [[[-0.5], [-0.1]], [[None], [-0.2]]], None

    made = Generation()
    policy = VllmPolicy(made, Template(tiny[1]))
    policy.sync()
    first, second = sample(policy, PROMPTS[:2])
    assert (made.temperature, made.top_p, made.max_completion_length, made.synced) == (0.7, 0.95, 6, 1)
    assert (first.logprobs, first.ended) == ((-0.5, -0.1), True)
    assert np.isnan(second.logprobs[0]) and not second.ended
