"""How is a training run kept, so that it goes on exactly where it stood: whole or not at all?"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from scenarios.errors import ParleyError

STATE, OPTIMISER = "training_state.json", "optimiser.pt"


def save(folder: Path, *, model: Any, tokenizer: Any, optimiser: Any, step: int) -> None:
    """Write a checkpoint: a folder that transformers (or peft, for adapters) reads, with what training needs besides.

    It is written beside its place and moved there in one step, so that a folder of this name is always whole.
    """
    import torch

    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    options = {"save_embedding_layers": False} if hasattr(model, "peft_config") else {}
    try:
        model.save_pretrained(aside, **options)
        tokenizer.save_pretrained(aside)
        torch.save({"optimiser": optimiser.state_dict(), "random": _random_state()}, aside / OPTIMISER)
        (aside / STATE).write_text(json.dumps({"step": step}) + "\n")
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    if folder.exists():
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        folder.rename(old)
        aside.rename(folder)
        shutil.rmtree(old)
    else:
        aside.rename(folder)


def load(folder: Path, *, model: Any, optimiser: Any) -> int:
    """Put a checkpoint's weights, optimiser state and random state back; the step it was saved after.

    Raises ParleyError, in one line, for a folder that is no checkpoint or is of another model.
    """
    import torch

    state = folder / STATE
    if not state.is_file() or not (folder / OPTIMISER).is_file():
        raise ParleyError(
            f"checkpoint {folder}: no {STATE} and {OPTIMISER} in it; name a folder that was saved"
        )
    kept = torch.load(folder / OPTIMISER, map_location="cpu", weights_only=True)
    try:
        _put_back(folder, model)
        optimiser.load_state_dict(kept["optimiser"])
    except (RuntimeError, ValueError, OSError) as error:
        first = str(error).strip().splitlines()[0][:160]
        raise ParleyError(
            f"checkpoint {folder}: is of another model ({first}); resume with the model it was made with"
        ) from None
    torch.set_rng_state(kept["random"]["cpu"])
    if torch.cuda.is_available() and kept["random"]["cuda"]:
        torch.cuda.set_rng_state_all(kept["random"]["cuda"])
    return int(json.loads(state.read_text())["step"])


def latest(folder: Path) -> Path | None:
    """The checkpoint of the most steps in a folder; None where there is none."""
    found = [(json.loads(p.read_text())["step"], p.parent) for p in folder.glob(f"[!.]*/{STATE}")]
    return max(found)[1] if found else None


def _put_back(folder: Path, model: Any) -> None:
    """The weights of a folder, once it is plain that all of them fit."""
    if hasattr(model, "peft_config"):
        from peft import get_peft_model_state_dict, load_peft_weights, set_peft_model_state_dict

        kept = load_peft_weights(str(folder), device="cpu")
        _check_fit(kept, get_peft_model_state_dict(model))
        set_peft_model_state_dict(model, kept)
    else:
        kept = type(model).from_pretrained(folder, dtype=model.dtype).state_dict()
        _check_fit(kept, model.state_dict())
        model.load_state_dict(kept)


def _check_fit(kept: Any, wanted: Any) -> None:
    """Raises ValueError where names or shapes differ: torch would put back what fits and then raise."""
    for name in sorted(kept.keys() | wanted.keys()):
        shapes = [tuple(part[name].shape) if name in part else None for part in (kept, wanted)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{name} is {shapes[0]} there and {shapes[1]} here")


def _random_state() -> dict[str, Any]:
    """Of torch: what dropout draws from. Dialogues draw from their own generators."""
    import torch

    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}
