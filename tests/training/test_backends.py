"""Do both backends learn the same from the same dialogues, and does a resumed run go on as if it never ended?"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import ParleyError
from training.backends import Tuning
from training.rollout import Rollout

WITHOUT = "the extra `train` is not installed: pip install torch, then pip install '.[train]'"
torch = pytest.importorskip("torch", reason=WITHOUT)
pytest.importorskip("accelerate", reason=WITHOUT)
torch.set_num_threads(1)

from training.backends import checkpoint  # noqa: E402
from training.backends.reference import ReferenceBackend  # noqa: E402

Tiny = tuple[Any, Any]
Rollouts = Callable[..., list[Rollout]]

OPEN = Tuning(learning_rate=1e-3, max_grad_norm=1e9, micro_batch=3)


def reference(tiny: Tiny, tuning: Tuning = OPEN, rows: int = 2) -> ReferenceBackend:
    return ReferenceBackend(deepcopy(tiny[0]), tiny[1], tuning, rows)


def gradients(backend: Any) -> list[list[Any]]:
    """The gradient of every update from now on, as the optimiser sees it."""
    seen: list[list[Any]] = []
    optimiser = getattr(backend._optimiser, "optimizer", backend._optimiser)

    def keep(optimiser: Any, *_: Any) -> None:
        seen.append([p.grad.clone() for group in optimiser.param_groups for p in group["params"]])

    optimiser.register_step_pre_hook(keep)
    return seen


def weights(model: Any) -> list[Any]:
    return [p.detach().clone() for p in model.parameters()]


def far(first: list[Any], second: list[Any]) -> float:
    """The largest difference of two lists of tensors."""
    return max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))


def test_micro_batches_change_nothing_but_memory(tiny: Tiny, rollouts: Rollouts) -> None:
    one, many = reference(tiny, OPEN.model_copy(update={"micro_batch": 64})), reference(tiny)
    first, second = gradients(one), gradients(many)
    metrics = [b.step(rollouts()) for b in (one, many)]
    assert far(first[0], second[0]) < 1e-6
    assert metrics[0]["loss"] == pytest.approx(metrics[1]["loss"], abs=1e-6)
    assert metrics[0]["tokens"] == sum(
        sum(v.mask) for r in rollouts() if r.reward is not None for v in r.views
    )


@pytest.mark.parametrize("kl", [0.0, 0.1])
def test_padding_rows_change_nothing(tiny: Tiny, rollouts: Rollouts, kl: float) -> None:
    tuning = OPEN.model_copy(update={"kl": kl})
    bare, padded = reference(tiny, tuning, rows=2), reference(tiny, tuning, rows=9)
    first, second = gradients(bare), gradients(padded)
    bare.step(rollouts())
    padded.step(rollouts())
    assert far(first[0], second[0]) < 1e-7


def test_a_dialogue_whose_judge_failed_teaches_nothing(tiny: Tiny, rollouts: Rollouts) -> None:
    whole, without = reference(tiny), reference(tiny)
    first, second = gradients(whole), gradients(without)
    whole.step(rollouts())
    without.step([r for r in rollouts() if r.reward is not None])
    assert far(first[0], second[0]) < 1e-7
    assert max(float(g.abs().max()) for g in first[0]) > 1e-4


def test_a_batch_without_any_reward_moves_nothing(tiny: Tiny, rollouts: Rollouts) -> None:
    from dataclasses import replace

    backend = reference(tiny)
    before = weights(backend.inner)
    metrics = backend.step([replace(r, reward=None) for r in rollouts()])
    assert far(before, weights(backend.inner)) == 0.0
    assert metrics["loss"] == 0.0


def test_a_good_dialogue_becomes_likelier_and_a_bad_one_less(tiny: Tiny, rollouts: Rollouts) -> None:
    from training.loss import collate, completion_logits, scores
    from training.rollout import rows

    backend = reference(tiny)
    batch = rollouts(missing=False)
    from training.advantages import advantages

    lines = rows(batch, advantages(batch), 2, pad_id=0)

    def gained() -> float:
        rows_ = collate([r for r in lines if r.tokens], 0, "cpu")
        with torch.no_grad():
            logprobs, _ = scores(completion_logits(backend.inner, rows_, 0.7), rows_)
        return float((torch.where(rows_.mask, logprobs, 0.0) * rows_.advantages).sum())

    before = gained()
    backend.step(batch)
    assert gained() > before


def test_several_updates_on_one_batch_are_held_back_by_the_clip(tiny: Tiny, rollouts: Rollouts) -> None:
    tuning = OPEN.model_copy(update={"epochs": 6, "learning_rate": 1e-2})
    metrics = reference(tiny, tuning).step(rollouts())
    assert metrics["clip_fraction"] > 0
    assert reference(tiny).step(rollouts())["clip_fraction"] == 0.0


def test_the_divergence_is_0_where_training_begins_and_grows(tiny: Tiny, rollouts: Rollouts) -> None:
    backend = reference(tiny, OPEN.model_copy(update={"kl": 0.1}))
    divergences = [backend.step(rollouts(seed))["kl"] for seed in range(3)]
    assert divergences[0] == pytest.approx(0.0, abs=1e-9)
    assert divergences[2] > divergences[0]


def test_the_learning_rate_rises_over_the_warm_up(tiny: Tiny, rollouts: Rollouts) -> None:
    backend = reference(tiny, OPEN.model_copy(update={"warmup_steps": 4}))
    rates = [backend.step(rollouts())["learning_rate"] for _ in range(5)]
    assert rates == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3])


def test_supervised_steps_make_the_rows_likelier(tiny: Tiny, rollouts: Rollouts) -> None:
    from training.backends import prepared

    backend = reference(tiny)
    lines = prepared(rollouts(missing=False), OPEN, 2, 0)
    losses = [backend.teach(lines)["loss"] for _ in range(4)]
    assert losses == sorted(losses, reverse=True)


def test_a_checkpoint_resumes_to_the_same_weights_to_the_last_bit(
    tiny: Tiny, rollouts: Rollouts, tmp_path: Path
) -> None:
    tuning = OPEN.model_copy(update={"warmup_steps": 4, "kl": 0.05})
    unbroken = reference(tiny, tuning)
    for step in range(2):
        unbroken.step(rollouts(step))
    unbroken.save(tmp_path / "step-2")
    told = [unbroken.step(rollouts(step)) for step in range(2, 4)]
    resumed = reference(tiny, tuning)
    assert resumed.load(tmp_path / "step-2") == 2
    again = [resumed.step(rollouts(step)) for step in range(2, 4)]
    assert far(weights(unbroken.inner), weights(resumed.inner)) == 0.0
    assert [m | {"seconds": 0} for m in told] == [m | {"seconds": 0} for m in again]
    assert checkpoint.latest(tmp_path) == tmp_path / "step-2"


def test_a_checkpoint_is_whole_or_not_there(
    tiny: Tiny, rollouts: Rollouts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = reference(tiny)
    backend.save(tmp_path / "last")
    backend.step(rollouts())

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        with pytest.raises(OSError, match="no space"):
            backend.save(tmp_path / "last")
    assert backend.load(tmp_path / "last") == 0, "the old one still stands"
    backend.step(rollouts())
    backend.save(tmp_path / "last")
    assert [p.name for p in tmp_path.iterdir()] == ["last"], "nothing half-written is left"
    assert backend.load(tmp_path / "last") == 1


def test_what_is_no_checkpoint_or_of_another_model_is_refused_in_one_line(tiny: Tiny, tmp_path: Path) -> None:
    from training.models import build

    backend = reference(tiny)
    with pytest.raises(ParleyError, match="no training_state.json"):
        backend.load(tmp_path)
    ReferenceBackend(*build("0.1M", ["other words, so another vocabulary"], 0), OPEN, 2).save(
        tmp_path / "other"
    )
    before = weights(backend.inner)
    with pytest.raises(ParleyError, match="of another model") as error:
        backend.load(tmp_path / "other")
    assert "\n" not in str(error.value)
    assert far(before, weights(backend.inner)) == 0.0


@pytest.mark.slow
def test_adapters_alone_train_and_diverge_from_the_model_without_them(
    tiny: Tiny, rollouts: Rollouts, tmp_path: Path
) -> None:
    from training.models import Lora, load, with_lora

    model, tokenizer = deepcopy(tiny[0]), tiny[1]
    model.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    model, _ = load(tmp_path / "base")
    tuning = OPEN.model_copy(update={"kl": 0.1, "learning_rate": 1e-2})
    torch.manual_seed(0)
    backend = ReferenceBackend(with_lora(model, Lora(rank=2)), tokenizer, tuning, 2)
    frozen = {n: p.detach().clone() for n, p in backend.inner.named_parameters() if not p.requires_grad}
    divergences = [backend.step(rollouts(seed))["kl"] for seed in range(3)]
    assert divergences[0] == pytest.approx(0.0, abs=1e-9) and divergences[2] > 0
    assert all(torch.equal(p, frozen[n]) for n, p in backend.inner.named_parameters() if n in frozen)
    backend.save(tmp_path / "lora")
    again, _ = load(tmp_path / "lora")
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        assert torch.allclose(again.eval()(ids).logits, backend.inner.eval()(ids).logits, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "more"),
    [
        (2, {}),
        (4, {"kl": 0.2, "micro_batch": 8}),
        (2, {"credit": "turn", "epochs": 2, "warmup_steps": 3}),
    ],
)
def test_both_backends_have_the_same_gradient_on_the_same_dialogues(
    tiny: Tiny, rollouts: Rollouts, tmp_path: Path, rows: int, more: dict[str, Any]
) -> None:
    pytest.importorskip("trl", reason=WITHOUT)
    from training.backends.trl import TrlBackend

    tuning = OPEN.model_copy(update=more)
    ours = reference(tiny, tuning, rows)
    theirs = TrlBackend(deepcopy(tiny[0]), tiny[1], tuning, rows, dialogues=8, out=tmp_path)
    first, second = gradients(ours), gradients(theirs)
    told: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}

    def roll(step: int) -> list[Rollout]:
        return rollouts(step)

    ours.train(roll, steps=2, told=lambda _, m, __: told["ours"].append(m) or False)  # type: ignore[func-returns-value]
    theirs.train(roll, steps=2, told=lambda _, m, __: told["theirs"].append(m) or False)  # type: ignore[func-returns-value]
    assert len(first) == len(second) == 2 * tuning.epochs
    assert far(first[0], second[0]) < 1e-5
    assert max(float(g.abs().max()) for g in first[0]) > 1e-3
    for mine, other in zip(told["ours"], told["theirs"], strict=True):
        assert mine.keys() == other.keys()
        assert mine["learning_rate"] == pytest.approx(other["learning_rate"])
        for name in ("tokens", "entropy", "grad_norm", "kl"):
            assert mine[name] == pytest.approx(other[name], rel=2e-2, abs=1e-4, nan_ok=True), name


@pytest.mark.slow
def test_trl_stops_when_told_saves_and_refuses_another_number_of_dialogues(
    tiny: Tiny, rollouts: Rollouts, tmp_path: Path
) -> None:
    pytest.importorskip("trl", reason=WITHOUT)
    from training.backends.trl import TrlBackend

    backend = TrlBackend(deepcopy(tiny[0]), tiny[1], OPEN, 2, dialogues=8, out=tmp_path)
    steps: list[int] = []
    backend.train(rollouts, steps=5, told=lambda step, *_: steps.append(step) or step == 1)  # type: ignore[func-returns-value]
    assert steps == [0, 1]
    backend.save(tmp_path / "two")
    resumed = reference(tiny)
    assert resumed.load(tmp_path / "two") == 2, "either backend goes on from the other's checkpoint"
    assert far(weights(resumed.inner), weights(backend.model)) == 0.0
    past, ids = backend.policy().frozen(), torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        before = past.model(input_ids=ids).logits
        backend.model.lm_head.weight.mul_(-1.0)
        assert torch.equal(past.model(input_ids=ids).logits, before), "TRL's patch of forward went along"
    again = TrlBackend(deepcopy(tiny[0]), tiny[1], OPEN, 2, dialogues=7, out=tmp_path)
    with pytest.raises(ParleyError, match="8 dialogues were played where 7"):
        again.train(rollouts, steps=1, told=lambda *_: False)
