"""How is a small model made from scratch: its own byte-level tokenizer, a chat template and random weights, by seed?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from scenarios.errors import ParleyError

PAD, BEGIN, END = "<|pad|>", "<|im_start|>", "<|im_end|>"

CHAT = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML, which Qwen and others are trained on."""


@dataclass(frozen=True)
class Size:
    """The shape of a model; parameters are counted with the whole vocabulary, and embeddings tied."""

    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int


SIZES: dict[str, Size] = {
    "0.1M": Size(vocabulary=512, hidden=48, inner=128, layers=2, heads=4),  # for tests of the machinery
    "1M": Size(vocabulary=700, hidden=128, inner=384, layers=4, heads=4),
    "2.7M": Size(vocabulary=1600, hidden=192, inner=576, layers=5, heads=6),
    "50M": Size(vocabulary=8192, hidden=512, inner=1408, layers=14, heads=8),
    "100M": Size(vocabulary=16384, hidden=768, inner=2048, layers=12, heads=12),
}
"""Name -> shape. The smaller ones are checks of the pipeline, not negotiators."""

CONTEXT = 4096

WORD = re.compile(r"[\w-]+")
"""A phrase of this shape is a token only where it stands alone, never inside another word."""


def build(
    size: str, texts: Iterable[str], seed: int, *, phrases: Sequence[str] = (), context: int = CONTEXT
) -> tuple[Any, Any]:
    """A Llama-shaped model with random weights and a tokenizer trained on `texts`: (model, tokenizer).

    The vocabulary is at most the size's, less where the texts have fewer pairs to merge; each of `phrases`, such
    as the sentences that stand in every prompt, is one token more. The same arguments give the same ids and
    weights. Raises ParleyError, in one line, for a size that there is not.
    """
    if size not in SIZES:
        near = get_close_matches(size, SIZES, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(SIZES)}"
        raise ParleyError(f"model tiny:{size}: there is no such size; {hint}")
    from tokenizers import AddedToken

    shape = SIZES[size]
    tokenizer = tokenizer_of(texts, shape.vocabulary, context)
    tokenizer.add_tokens(
        [AddedToken(p, normalized=False, single_word=bool(WORD.fullmatch(p))) for p in phrases]
    )
    return _model(shape, tokenizer, seed, context), tokenizer


def tokenizer_of(texts: Iterable[str], vocabulary: int, context: int = CONTEXT) -> Any:
    """A byte-level BPE tokenizer (Sennrich et al. 2016) with ChatML's tokens: there is no text it cannot say."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[BEGIN],
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    tokenizer.chat_template = CHAT
    return tokenizer


def _model(shape: Size, tokenizer: Any, seed: int, context: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        use_cache=True,
    )
    with torch.random.fork_rng(
        devices=[]
    ):  # weights are drawn from torch's global generator: leave it as it was
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)
