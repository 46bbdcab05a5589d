"""What we save, transformers loads as the same model. usage: language_round_trip.py FRUGAL LANGUAGE_PROBE"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from forward_support import TOLERANCE, Checks, edit_checkpoint, forward, randomise

FRUGAL, PROBE = sys.argv[1:3]
CHECKS = Checks()
SIZES = dict(vocab_size=97, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64)
GATED = dict(**SIZES, intermediate_size=40, num_key_value_heads=2)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, rope_theta=5e5,
              original_max_position_embeddings=32)  # fmt: skip


def models():
    yield "llama, untied", LlamaForCausalLM(LlamaConfig(**GATED))
    yield "llama3 rope, tied", LlamaForCausalLM(LlamaConfig(**GATED, rope_parameters=LLAMA3, tie_word_embeddings=True))
    yield "mistral", MistralForCausalLM(MistralConfig(**GATED, sliding_window=3))
    yield "qwen2", Qwen2ForCausalLM(Qwen2Config(**GATED, use_sliding_window=True, sliding_window=3, max_window_layers=1))
    yield "opt-350m", OPTForCausalLM(OPTConfig(**SIZES, ffn_dim=40, do_layer_norm_before=False, word_embed_proj_dim=16))


def logits(model, ids):
    with torch.no_grad():
        return model.eval()(torch.from_numpy(ids)).logits.float().numpy()


def reload(source, target, dtype="fp32", shard_bytes=1 << 30):
    subprocess.run([PROBE, source, target, dtype, str(shard_bytes)], check=True)
    model, info = AutoModelForCausalLM.from_pretrained(target, output_loading_info=True)
    CHECKS.that(f"{source}: every tensor found", not any(info[k] for k in info), info)
    return model


def main():
    torch.set_num_threads(2)
    ids = np.random.default_rng(1).integers(0, 97, (2, 13))
    with tempfile.TemporaryDirectory() as folder:
        for seed, (name, model) in enumerate(models()):
            source, target = Path(folder) / f"{seed}", Path(folder) / f"{seed}_ours"
            randomise(model, seed).save_pretrained(source)
            wanted = logits(model, ids)
            for shard_bytes in (1 << 30, 9000):
                again = reload(source, target, shard_bytes=shard_bytes)
                CHECKS.that(f"{name}: same class", type(again) is type(model), type(again))
                CHECKS.that(f"{name}: in fp32", again.dtype == torch.float32, again.dtype)
                CHECKS.that(f"{name}: same logits, bit for bit", np.array_equal(logits(again, ids), wanted))
                for key in ("tie_word_embeddings", "num_attention_heads", "max_position_embeddings", "vocab_size"):
                    CHECKS.that(f"{name}: {key}", getattr(again.config, key) == getattr(model.config, key))
            shards = len(list(target.glob("model-*.safetensors")))
            CHECKS.that(f"{name}: shards", shards > 1 and not (target / "model.safetensors").exists(), shards)
            half = reload(source, target, "bf16")
            CHECKS.that(f"{name}: in bf16", half.dtype == torch.bfloat16, half.dtype)
            same = all(torch.equal(a, b.bfloat16()) for a, b in zip(half.parameters(), model.parameters(), strict=True))
            CHECKS.that(f"{name}: rounded as PyTorch rounds", same)
        # Weights that have no file: a config of ours, saved, read by transformers.
        target = Path(folder) / "from_us"
        source = Path(folder) / "0"
        edit_checkpoint(source, config=lambda values: values.pop("architectures"))
        again = reload(source, target)
        found = forward(FRUGAL, folder, {"input_ids": ids}, "model=auto", f"model.path={target}")
        CHECKS.equal("without architectures", found["logits"], logits(again, ids), TOLERANCE["fp32"])
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
