"""A model for language inference of our own: a SentencePiece vocabulary and an ONNX graph.

The graph adds up a row per token: words of denial in either sentence speak for a contradiction.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import onnx
import sentencepiece
from onnx import TensorProto, helper, numpy_helper

_SENTENCES = (
    "There is a right pleural effusion.", "No pleural effusion is seen.", "The lungs are clear.",
    "Nodule in the left upper lobe.", "No pulmonary nodule.", "There is no fracture of the ribs.",
    "Справа определяется выпот.", "Выпота не выявлено.", "Очаг в левом лёгком.", "Очагов нет.",
)  # fmt: skip
_DENIALS = ("▁no", "▁not", "▁не", "▁нет")


def write_tiny_nli(folder: Path) -> None:
    """Write ``model.onnx``, ``spm.model`` and ``nli.json`` into ``folder``."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.lower() for text in _SENTENCES * 4),
        model_writer=written, vocab_size=90, hard_vocab_limit=False, minloglevel=2,
        normalization_rule_name="nmt_nfkc_cf", user_defined_symbols=list(_DENIALS),
    )  # fmt: skip
    (folder / "spm.model").write_bytes(written.getvalue())
    tokens = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    rows = np.zeros((tokens.vocab_size() + 1, 3), np.float32)
    rows[:, 0] = 0.3  # every word speaks a little for "follows"
    for word in _DENIALS:
        rows[tokens.piece_to_id(word)] = (0.0, 0.0, 30.0)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["rows", "input_ids"], ["picked"], axis=0),
            helper.make_node("ReduceSum", ["picked", "axes"], ["logits"], keepdims=0),
        ],
        "tiny",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3])],
        [
            numpy_helper.from_array(rows, "rows"),
            numpy_helper.from_array(np.array([1], np.int64), "axes"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    form = {
        "cls": 1, "between": [2], "end": 2,
        "labels": ["entailment", "neutral", "contradiction"], "longest": 64,
    }  # fmt: skip
    (folder / "nli.json").write_text(json.dumps(form), encoding="utf-8")
    onnx.checker.check_model(model)
