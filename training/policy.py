"""How does a model in training speak: a batch of prompts in, sampled token ids and their log-probabilities out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any, Protocol, runtime_checkable

import numpy as np

from scenarios.errors import ParleyError
from training.tokens import Template


@dataclass(frozen=True)
class Sampled:
    """One turn as it was sampled. `logprobs` are of the softmax at the temperature over **all** tokens.

    The nucleus only bounds what is drawn: a loss cannot know it, so it is not in the numbers that a loss compares.
    """

    ids: tuple[int, ...]  # at least one; the token that ended it is the last
    logprobs: tuple[float, ...]
    ended: bool  # False: cut off at the most tokens


@runtime_checkable
class Policy(Protocol):
    """What samples turns. The same generator state and weights give the same ids."""

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        temperature: float,
        top_p: float,
        rng: np.random.Generator,
    ) -> list[Sampled]:
        """One turn for every prompt, in order. Temperature 0 takes the likeliest token."""
        ...


class TransformersPolicy:
    """A causal model of transformers, sampled in batches with a key-value cache. Changes nothing but its cache.

    Draws are numpy's, one uniform number a token, turned into a token by the inverse of the cumulated nucleus: so
    nothing touches torch's global generator and no logits are kept (`generate` would need both).
    """

    def __init__(
        self, model: Any, tokenizer: Any, *, batch: int = 64, template: Mapping[str, Any] | None = None
    ) -> None:
        self.model = model
        self.batch = batch
        self._template = Template(tokenizer, template)
        self._ends = sorted(self._template.ends | _declared_ends(model))
        inner = model.get_base_model() if hasattr(model, "peft_config") else model
        self._cache_name = "cache" if "cache" in signature(inner.forward).parameters else "past_key_values"

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        temperature: float,
        top_p: float,
        rng: np.random.Generator,
    ) -> list[Sampled]:
        """See `Policy`. Raises ParleyError where prompt and turn are longer than the model's context."""
        draws = rng.random((len(prompts), max_tokens))
        self._check(prompts, max_tokens)
        out: list[Sampled] = []
        for start in range(0, len(prompts), self.batch):
            part = slice(start, start + self.batch)
            out += self._drawn(prompts[part], draws[part], temperature, top_p)
        return out

    def frozen(self) -> TransformersPolicy:
        """A copy as it is now, that no later step changes: a past opponent, or what training is compared with."""
        from copy import deepcopy

        copy = deepcopy(self.model).requires_grad_(False).eval()
        for module in copy.modules():
            module.__dict__.pop("forward", None)  # a trainer's wrapper, which would still call the original
        other = TransformersPolicy(copy, self._template.tokenizer, batch=self.batch)
        other._template = self._template
        return other

    def _check(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> None:
        most = getattr(self.model.config, "max_position_embeddings", None)
        longest = max(map(len, prompts), default=0)
        if most is not None and longest + max_tokens > most:
            raise ParleyError(
                f"prompt: {longest} tokens and a turn of up to {max_tokens} are more than the model's {most}; "
                "take a smaller window, fewer rounds, or fewer max_tokens"
            )

    def _drawn(
        self, prompts: Sequence[Sequence[int]], draws: Any, temperature: float, top_p: float
    ) -> list[Sampled]:
        import torch
        from transformers import DynamicCache

        device = next(self.model.parameters()).device
        ids, attention = _left_padded(prompts, self._template.pad_id, device)
        position = (attention.cumsum(1) - 1).clamp(min=0)
        uniform = torch.as_tensor(draws, device=device)
        ends = torch.tensor(self._ends, device=device)
        done = torch.zeros(len(prompts), dtype=torch.bool, device=device)
        cache, chosen, scores = {self._cache_name: DynamicCache(config=self.model.config)}, [], []
        with torch.no_grad(), speaking(self.model):
            for step in range(uniform.shape[1]):
                out = self.model(
                    input_ids=ids,
                    attention_mask=attention,
                    position_ids=position,
                    use_cache=True,
                    logits_to_keep=1,
                    **cache,
                )
                ids, score = pick(out.logits[:, -1].float(), uniform[:, step], temperature, top_p)
                chosen.append(ids)
                scores.append(score)
                done |= torch.isin(ids, ends)
                if bool(done.all()):
                    break
                ids = ids[:, None]
                attention = torch.cat([attention, torch.ones_like(ids)], dim=1)
                position = position[:, -1:] + 1
        return _turns(torch.stack(chosen, 1).tolist(), torch.stack(scores, 1).tolist(), set(self._ends))


def pick(logits: Any, uniform: Any, temperature: float, top_p: float) -> tuple[Any, Any]:
    """One token a row (n,) and its log-probability (n,) from logits (n, V) and draws (n,) in [0, 1).

    Of the tokens by falling probability, the nucleus is the fewest whose sum reaches `top_p` (Holtzman et al.
    2020); a draw takes the token in whose part of the cumulated nucleus it falls.
    """
    import torch

    scores = torch.log_softmax(logits / temperature if temperature > 0 else logits, dim=-1)
    if temperature <= 0:
        ids = scores.argmax(dim=-1)
    else:
        falling, order = scores.exp().double().sort(dim=-1, descending=True, stable=True)
        before = falling.cumsum(-1) - falling
        nucleus = torch.where(before < top_p, falling, 0.0)
        nucleus[:, 0] = falling[:, 0]  # the likeliest is always in it
        upto = nucleus.cumsum(-1)
        place = torch.searchsorted(upto, (uniform.double() * upto[:, -1])[:, None], right=True)
        last = (nucleus > 0).sum(-1, keepdim=True) - 1
        ids = order.gather(1, torch.minimum(place, last))[:, 0]
    return ids, scores.gather(1, ids[:, None])[:, 0]


@contextmanager
def speaking(model: Any) -> Iterator[None]:
    """The model without dropout for as long as this lasts, and as it was afterwards."""
    was = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was)


def _left_padded(prompts: Sequence[Sequence[int]], pad_id: int, device: Any) -> tuple[Any, Any]:
    import torch

    width = max(map(len, prompts))
    ids = [[pad_id] * (width - len(p)) + list(p) for p in prompts]
    attention = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    return torch.tensor(ids, device=device), torch.tensor(attention, device=device)


def _turns(ids: list[list[int]], scores: list[list[float]], ends: set[int]) -> list[Sampled]:
    out = []
    for row, score in zip(ids, scores, strict=True):
        end = next((k for k, token in enumerate(row) if token in ends), None)
        length = len(row) if end is None else end + 1
        out.append(Sampled(tuple(row[:length]), tuple(score[:length]), end is not None))
    return out


def _declared_ends(model: Any) -> set[int]:
    """What the model itself says ends a turn; many declare more than their tokenizer."""
    declared = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    return set(declared) if isinstance(declared, list) else set() if declared is None else {int(declared)}


class VllmPolicy:
    """Turns sampled by vLLM through TRL's own `VLLMGeneration`, which keeps its weights in step with training.

    Needs a GPU and vLLM, so no test here runs it against either. vLLM draws by itself: `rng` is not used, and two
    runs of one seed differ. `sync` after every step, or it speaks with old weights.
    """

    def __init__(self, generation: Any, template: Template) -> None:
        self._generation = generation
        self._ends = template.ends

    @classmethod
    def colocated(
        cls,
        model: Any,
        tokenizer: Any,
        accelerator: Any,
        *,
        longest: int,
        memory_share: float = 0.3,
        template: Mapping[str, Any] | None = None,
    ) -> VllmPolicy:
        """vLLM on the GPU that trains, with `memory_share` of its memory and a context of `longest` tokens."""
        from importlib.util import find_spec

        if find_spec("vllm") is None:
            raise ParleyError("generation by vllm: vllm is not installed; pip install vllm, on a GPU machine")
        from trl.generation.vllm_generation import VLLMGeneration

        generation = VLLMGeneration(
            model=model,
            accelerator=accelerator,
            processing_class=tokenizer,
            mode="colocate",
            gpu_memory_utilization=memory_share,
            max_model_length=longest,
            logprobs=0,
        )
        return cls(generation, Template(tokenizer, template))

    def sync(self) -> None:
        """Hand the weights of the model in training to vLLM."""
        self._generation.sync_weights()

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        temperature: float,
        top_p: float,
        rng: np.random.Generator,
    ) -> list[Sampled]:
        """See `Policy`, but that `rng` is not used."""
        made = self._generation
        made.temperature, made.top_p, made.max_completion_length = temperature, top_p, max_tokens
        _, ids, scores, _ = made.generate([list(p) for p in prompts], images=None, num_generations=1)
        return [
            Sampled(
                tuple(row),
                tuple(float("nan") if of[0] is None else float(of[0]) for of in score),
                row[-1] in self._ends,
            )
            for row, score in zip(ids, scores, strict=True)
        ]
