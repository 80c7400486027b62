"""Model packs and onnxruntime: verify, gate, pre-process, run, post-process, to findings."""
