"""What is a training run told: the model, the protocol, how it is moved, who judges; a file, each field checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from scenarios.dilemmas.reward import BEST
from scenarios.errors import ParleyError
from scenarios.model import Model
from training.backends import Tuning
from training.rules import Rules

TINY = "tiny:"


class Adapters(Model):
    """Low-rank adapters (Hu et al. 2022) that train in place of the weights."""

    rank: int = Field(default=16, ge=1, le=1024)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: list[str] | str = "all-linear"


class WarmUp(Model):
    """Supervised steps on dialogues of reference seats, before the first dialogue of its own."""

    steps: int = Field(default=200, ge=1)
    dialogues: int = Field(default=8, ge=1, description="reference dialogues a step")
    learning_rate: float = Field(default=1e-4, gt=0)
    rising_steps: int = Field(default=20, ge=0, description="over which the learning rate rises")
    said: Literal["words", "lines"] = "words"
    plans: int = Field(default=1, ge=1, description="of how many dialogues one teaches to write the plan too")


class Training(Model):
    """A training run. What a model is asked, and at which address, is never in a file: see `--base-url`."""

    model: str = Field(min_length=1, description="a Hugging Face id, a folder, or tiny:SIZE from scratch")
    four_bit: bool = Field(default=False, description="QLoRA: needs a GPU and bitsandbytes, and lora")
    lora: Adapters | None = Field(default=None, description="null: all weights train")
    template: dict[str, Any] = Field(default_factory=dict, description="options for the chat template")
    steps: int = Field(ge=0)
    group: int = Field(default=8, ge=2, description="dialogues of one dilemma and pair")
    batch: int = Field(default=16, ge=2, description="dialogues a step, of all processes together")
    seed: int = Field(default=1, ge=0)
    threads: int | None = Field(default=None, ge=1, description="of the CPU; null: as many as torch takes")
    dilemmas: list[str] = Field(default_factory=list, description="[]: all that are not held out")
    pairs: Literal["substance", "all"] = "substance"
    rules: Rules = Rules()
    tuning: Tuning = Tuning(reward_scale=BEST)
    opponent: str = Field(default="current", pattern=r"^(current|reference|past:[1-9][0-9]*)$")
    judge: str = Field(default="rule", description="who says whether they agree: rule, or openai:NAME")
    reward: str = Field(
        default="rule",
        description="what a plan is worth: rule, or openai:NAME for its collective agency, 0-5",
    )
    warm_up: WarmUp | None = None
    generation: Literal["transformers", "vllm"] = "transformers"
    generation_batch: int = Field(default=64, ge=1, description="prompts sampled at once")
    vllm_memory: float = Field(default=0.3, gt=0, lt=1, description="share of the GPU's memory for vLLM")
    save_every: int = Field(default=50, ge=1)
    keep: int = Field(default=2, ge=1, description="checkpoints kept, the newest")
    patience: int = Field(default=10, ge=1, description="steps without any signal after which it stops")

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, data: Any) -> Any:
        """The loss has the temperature that turns are drawn at; the greatest reward is the judges' scale's."""
        if isinstance(data, dict) and isinstance(data.get("tuning", {}), dict):
            rules = data.get("rules") or {}
            warm = rules.get("temperature") if isinstance(rules, dict) else None
            set_ = {"temperature": Rules().temperature if warm is None else warm, "reward_scale": BEST}
            return data | {"tuning": set_ | data.get("tuning", {})}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.batch % self.group:
            raise ValueError(
                f"batch: {self.batch} dialogues are no whole groups of {self.group}; give a multiple of group"
            )
        if self.tuning.temperature != self.rules.temperature:
            raise ValueError("tuning.temperature: differs from rules.temperature; leave it out")
        if self.four_bit and self.lora is None:
            raise ValueError("four_bit: weights in four bits do not train; give lora")
        if self.opponent != "current" and self.rules.train_roles == "both" and not self.rules.alone:
            raise ValueError("opponent: with rules.train_roles both there is none; leave it at current")
        if self.opponent.startswith("past:") and self.save_every % self.past:
            raise ValueError(
                f"save_every: must be a multiple of {self.past}, the steps of opponent, to resume exactly"
            )
        if self.tiny and (self.lora or self.four_bit):
            raise ValueError(
                "model: one from scratch has all its weights to learn; leave lora and four_bit out"
            )
        return self

    @property
    def tiny(self) -> bool:
        """Whether the model is made from scratch."""
        return self.model.startswith(TINY)

    @property
    def past(self) -> int:
        """Every how many steps a past opponent is renewed; 0: the opponent is no past one."""
        return int(self.opponent.partition(":")[2] or 0) if self.opponent.startswith("past:") else 0


def read_config(path: Path, set_: Sequence[str] = ()) -> Training:
    """The run that a file and `name=value` settings (`rules.rounds=3`) ask for; settings win.

    Raises ParleyError, in one line that names file and field, for what is wrong.
    """
    from scenarios.reading import read_data

    data = read_data(path, "training run")
    if not isinstance(data, dict):
        raise ParleyError(f"{path}: a training run is a mapping of model, steps, group, batch; write one")
    for setting in set_:
        _put(data, setting)
    return parse_config(data, str(path))


def parse_config(data: dict[str, Any], source: str) -> Training:
    """A run from plain data; `source` is the name that errors begin with."""
    from scenarios.reading import explained

    fields = [*Training.model_fields, *Rules.model_fields, *Tuning.model_fields, *WarmUp.model_fields]
    try:
        return Training.model_validate(data)
    except ValidationError as error:
        raise ParleyError(f"{source}: {explained(error, data, fields)}") from None


def _put(data: dict[str, Any], setting: str) -> None:
    """Set one `name=value`, its value read as YAML, in a tree of mappings."""
    import yaml

    name, equals, text = setting.partition("=")
    if not equals or not name:
        raise ParleyError(f"--set {setting}: write NAME=VALUE, such as rules.rounds=3")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ParleyError(f"--set {setting}: the value is no YAML; put it in quotes") from None
    *path, last = name.split(".")
    at = data
    for part in path:
        if at.get(part) is None:
            at[part] = {}
        at = at[part]
        if not isinstance(at, dict):
            raise ParleyError(f"--set {setting}: '{part}' holds no fields; see the fields of the file")
    at[last] = value
