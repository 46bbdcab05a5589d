"""SmolLM2 as transformers loads it from its GGUF file, for tests and benchmarks."""

import functools

import gguf
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

gguf.GGUFReader = functools.cache(gguf.GGUFReader)  # the vocabulary takes seconds to read, and is read twice


def load_reference(path):
    """The model, and the names that it misses and that it does not know. As from_pretrained(gguf_file=...) does, which wants
    accelerate for it: its reader, its config, its tensors."""
    config = LlamaConfig(**load_gguf_checkpoint(path)["config"])
    model = LlamaForCausalLM(config)
    tensors = load_gguf_checkpoint(path, return_tensors=True, model_to_load=model)["tensors"]
    missing, unexpected = model.load_state_dict({k: v.clone() for k, v in tensors.items()}, strict=False)
    model.tie_weights()
    return model.eval(), missing, unexpected
