"""How is a model read: from a folder of ours or of anybody's, whole or as an adapter, perhaps in four bits?"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.errors import ParleyError


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters (Hu et al. 2022): what trains instead of the weights. Rank and targets are ours."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] | str = "all-linear"


def load(
    spec: str | Path, *, four_bit: bool = False, dtype: str = "auto", device: str | None = None
) -> tuple[Any, Any]:
    """The model and tokenizer of a folder or a Hugging Face id: (model, tokenizer).

    A folder with an adapter is read with the model it was trained on, and the adapter goes on training.
    `four_bit` quantises the weights to NF4 (Dettmers et al. 2023), which needs a GPU and bitsandbytes. Raises
    ParleyError, in one line, where there is no such model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = Path(spec)
    adapter = folder / "adapter_config.json"
    base = json.loads(adapter.read_text())["base_model_name_or_path"] if adapter.is_file() else str(spec)
    options: dict[str, Any] = {"dtype": dtype}
    if four_bit:
        options["quantization_config"] = _four_bit()
    if device is not None:
        options["device_map"] = {"": device}
    try:
        model = AutoModelForCausalLM.from_pretrained(base, **options)
        tokenizer = AutoTokenizer.from_pretrained(str(spec) if folder.is_dir() else base)
    except (OSError, ValueError) as error:
        raise ParleyError(
            f"model '{base}': cannot be read ({_first_line(error)}); "
            "give a Hugging Face id, or a folder with config.json and weights"
        ) from None
    if adapter.is_file():
        from peft import PeftModel

        with older_names():
            model = PeftModel.from_pretrained(model, str(folder), is_trainable=True)
    return model, tokenizer


def with_lora(model: Any, lora: Lora) -> Any:
    """The model with fresh adapters, the only weights that train; before its first step it speaks as before."""
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if getattr(model, "is_loaded_in_4bit", False):
        with older_names():
            model = prepare_model_for_kbit_training(model)
    targets = lora.targets if isinstance(lora.targets, str) else list(lora.targets)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    with older_names():
        return get_peft_model(model, config)


def recompute(model: Any) -> None:
    """Recompute activations in the backward pass: less memory, more time. Adapters under frozen embeddings too."""
    how = {"use_reentrant": False}
    if hasattr(model, "activation_checkpointing_enable"):  # its name since transformers 5.24
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=how)
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=how)
    model.enable_input_require_grads()


@contextmanager
def older_names() -> Iterator[None]:
    """Without the notice that peft and TRL ask transformers for things by names that it has changed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing.* is deprecated")
        yield


def _four_bit() -> Any:
    from importlib.util import find_spec

    import torch

    if find_spec("bitsandbytes") is None or not torch.cuda.is_available():
        raise ParleyError(
            "model: four bits need a CUDA GPU and bitsandbytes; pip install bitsandbytes, or leave four_bit out"
        )
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
