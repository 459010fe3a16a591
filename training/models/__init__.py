"""What is trained: a model of transformers with its tokenizer, read from somewhere or made from scratch."""

from training.models.load import Lora, load, with_lora
from training.models.tiny import SIZES, build

__all__ = ["SIZES", "Lora", "build", "load", "with_lora"]
