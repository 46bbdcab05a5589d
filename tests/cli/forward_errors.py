"""`frugal forward` refuses what it cannot do, and says why: bad weights, bad inputs, bad calls.
usage: forward_errors.py FRUGAL
"""

import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import torch
from transformers import BertConfig, BertForTokenClassification, BertModel

import bad_gguf

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
from forward_support import ODD_SIZES, Checks, call, edit_checkpoint, padded_batch, randomise, write_inputs  # noqa: E402

FRUGAL = sys.argv[1]
CHECKS = Checks()


class Errors:
    def __init__(self, root, model):
        self.root, self.model = root, model
        self.good = root / "good.h5"
        self.out = root / "kept.h5"
        self.out.write_text("a former file")
        write_inputs(self.good, padded_batch(model.config))

    def checkpoint(self, name, **edits):
        folder = self.root / name.replace(" ", "_")
        self.model.save_pretrained(folder)
        edit_checkpoint(folder, **edits)
        return folder

    def expect(self, name, exit_code, code, texts, *args):
        status, out, err = call(FRUGAL, "forward", *args)
        codes = (code,) if isinstance(code, str) else code
        CHECKS.that(name, status == exit_code and any(f"({c})" in err for c in codes), f"exit {status}: {err}")
        for text in texts:
            CHECKS.that(f"{name} says '{text}'", text in err, err)
        CHECKS.that(f"{name}: nothing on stdout", out == "", out)
        CHECKS.that(f"{name}: the former output stays", self.out.read_text() == "a former file")
        leftovers = [p.name for p in self.root.iterdir() if ".tmp." in p.name]
        CHECKS.that(f"{name}: no temporary files", not leftovers, leftovers)

    def model_error(self, name, code, texts, **edits):
        folder = self.checkpoint(name, **edits)
        self.expect(name, 3, code, [*texts, str(folder)], "model=auto", f"model.path={folder}", "--input", self.good,
                    "--output", self.out)  # fmt: skip

    def input_error(self, name, code, texts, arrays=None, file=None, exit_code=3):
        path = file or self.root / "bad.h5"
        if arrays is not None:
            write_inputs(path, arrays)
        self.expect(name, exit_code, code, texts, "model=auto", f"model.path={self.folder}", "--input", path,
                    "--output", self.out)  # fmt: skip


def set_value(name, index, value):
    def change(tensors):
        tensors[name][index] = value
        return tensors

    return change


def without(name):
    return lambda tensors: {k: v for k, v in tensors.items() if k != name}


def replaced(name, value):
    return lambda tensors: {**tensors, name: value}


def bad_models(e):
    dense = "encoder.layer.1.output.dense.weight"
    e.model_error("missing tensor", "missing_tensor", [dense, "[33, 71]"], tensors=without(dense))
    e.model_error("wrong shape", "wrong_shape", [dense, "[71, 33]", "[33, 71]"],
                  tensors=replaced(dense, torch.zeros(71, 33)))  # fmt: skip
    e.model_error("NaN", "not_finite", [dense], tensors=set_value(dense, (0, 0), float("nan")))
    e.model_error("infinity", "not_finite", [dense], tensors=set_value(dense, (32, 70), float("-inf")))
    e.model_error("unknown tensor", "unknown_tensor", ["encoder.layer.9.extra"],
                  tensors=replaced("encoder.layer.9.extra", torch.zeros(2)))  # fmt: skip
    e.model_error("too few words", "wrong_shape", ["word_embeddings", "[101, 33]", "[102, 33]"],
                  config=lambda c: c.update(vocab_size=102))  # fmt: skip
    e.model_error("integers as weights", "unsupported_dtype", [dense, "I8"],
                  tensors=replaced(dense, torch.zeros(33, 71, dtype=torch.int8)))  # fmt: skip
    e.model_error("relative positions", "unsupported_config", ["position_embedding_type", "relative_key"],
                  config=lambda c: c.update(position_embedding_type="relative_key"))  # fmt: skip
    e.model_error("decoder", "unsupported_config", ["is_decoder"], config=lambda c: c.update(is_decoder=True))
    e.model_error("heads", "bad_config", ["33", "5"], config=lambda c: c.update(num_attention_heads=5))
    e.model_error("activation", "bad_config", ["mish", "gelu_new"], config=lambda c: c.update(hidden_act="mish"))
    e.model_error("type in config", "bad_config", ["hidden_size"], config=lambda c: c.update(hidden_size="33"))
    folder = e.checkpoint("other architecture", config=lambda c: c.update(model_type="gpt2"))
    e.expect("other architecture", 3, "unknown_architecture", ["gpt2", "bert"], "model=auto", f"model.path={folder}",
             "--input", e.good, "--output", e.out)  # fmt: skip
    tokens = e.root / "tokens"
    BertForTokenClassification(BertConfig(**ODD_SIZES)).save_pretrained(tokens)
    e.expect("head of another task", 3, "unsupported_head", ["BertForTokenClassification"], "model=auto",
             f"model.path={tokens}", "--input", e.good, "--output", e.out)  # fmt: skip


def bad_gguf_checkpoints(e):
    ids, path = e.root / "ids.h5", e.root / "model.gguf"
    write_inputs(ids, {"input_ids": np.array([[1, 2, 3]])})
    for name, content, codes, texts in bad_gguf.bad_checkpoints():
        path.write_bytes(content)
        call_it = ("model=auto", f"model.path={path}", "--input", ids, "--output", e.out)
        if codes is None:
            status, _, err = call(FRUGAL, "forward", *call_it[:-1], e.root / "logits.h5")
            CHECKS.that(f"GGUF: {name}", status == 0, err)
            continue
        texts = [texts] if isinstance(texts, str) else texts
        e.expect(f"GGUF: {name}", 3, codes, [*texts, str(path)], *call_it)


def bad_inputs(e):
    good = padded_batch(e.model.config)

    def changed(name, index, value):
        arrays = {k: v.copy() for k, v in good.items()}
        arrays[name][index] = value
        return arrays

    e.input_error("id above the vocabulary", "input_value", ["input_ids[2, 7]", "101", "0 to 100"],
                  changed("input_ids", (2, 7), 101))  # fmt: skip
    e.input_error("negative id", "input_value", ["input_ids[0, 0]", "-1"], changed("input_ids", (0, 0), -1))
    huge = {"input_ids": np.full((1, 2), 2**64 - 1, np.uint64)}
    e.input_error("id of 64 bits", "input_value", ["input_ids[0, 0]"], huge)
    e.input_error("token type", "input_value", ["token_type_ids[1, 2]", "3", "0 to 2"],
                  changed("token_type_ids", (1, 2), 3))  # fmt: skip
    e.input_error("mask", "input_value", ["attention_mask[0, 1]", "2"], changed("attention_mask", (0, 1), 2))
    e.input_error("floats as ids", "input_dtype", ["input_ids", "float64", "integers"],
                  {"input_ids": np.ones((2, 3))})  # fmt: skip
    e.input_error("rank 1", "input_shape", ["input_ids", "[4]", "[B,S]"], {"input_ids": np.ones(4, int)})
    e.input_error("scalar", "input_shape", ["input_ids", "[]"], {"input_ids": np.int64(1)})
    e.input_error("empty", "input_shape", ["input_ids", "[0, 4]"], {"input_ids": np.ones((0, 4), int)})
    e.input_error("other shape", "input_shape", ["attention_mask", "[3, 10]", "[3, 11]"],
                  {**good, "attention_mask": good["attention_mask"][:, :10]})  # fmt: skip
    e.input_error("too long", "sequence_too_long", ["20", "19"], {"input_ids": np.ones((1, 20), int)})
    e.input_error("unknown name", "unknown_input", ["position_ids", "input_ids", "attention_mask", "token_type_ids"],
                  {**good, "position_ids": good["input_ids"]})  # fmt: skip
    e.input_error("misspelt name", "unknown_input", ["did you mean 'input_ids'"], {"input_id": good["input_ids"]})
    e.input_error("no ids", "missing_input", ["input_ids"], {"attention_mask": good["attention_mask"]})
    e.input_error("no data sets", "missing_input", ["input_ids"], {})


def bad_files(e):
    def made(name, fill):
        path = e.root / f"{name.replace(' ', '_')}.h5"
        with h5py.File(path, "w") as file:
            fill(file)
        return path

    ids = np.ones((2, 3), int)
    e.input_error("group", "unsupported_link", ["input_ids", "group"],
                  file=made("group", lambda f: f.create_group("input_ids")))  # fmt: skip
    e.input_error("soft link", "unsupported_link", ["input_ids", "link"],
                  file=made("soft", lambda f: f.__setitem__("input_ids", h5py.SoftLink("/elsewhere"))))  # fmt: skip
    outside = h5py.ExternalLink(str(e.good), "/input_ids")
    e.input_error("external link", "unsupported_link", ["input_ids", "link"],
                  file=made("external", lambda f: f.__setitem__("input_ids", outside)))  # fmt: skip
    secret = e.root / "secret.bin"
    secret.write_bytes(bytes(48))
    e.input_error("external storage", "unsupported_link", ["input_ids", "another file"],
                  file=made("storage", lambda f: f.create_dataset(
                      "input_ids", (2, 3), "i8", external=[(str(secret), 0, 48)])))  # fmt: skip
    layout = h5py.VirtualLayout((3, 11), "i8")
    layout[:] = h5py.VirtualSource(str(e.good), "input_ids", (3, 11))
    e.input_error("virtual", "unsupported_link", ["input_ids", "another file"],
                  file=made("virtual", lambda f: f.create_virtual_dataset("input_ids", layout)))  # fmt: skip
    e.input_error("text", "unsupported_dtype", ["input_ids"], file=made("text", lambda f: f.__setitem__("input_ids", "x")))
    pair = np.zeros((2, 3), [("a", "i8"), ("b", "f4")])
    e.input_error("compound", "unsupported_dtype", ["input_ids"],
                  file=made("compound", lambda f: f.__setitem__("input_ids", pair)))  # fmt: skip
    e.input_error("a bomb of zeros", "damaged_hdf5", ["input_ids"],
                  file=made("bomb", lambda f: f.create_dataset("input_ids", (2**20, 2**20), "i8", chunks=(64, 64))))  # fmt: skip
    noise = e.root / "noise.h5"
    noise.write_bytes(bytes(range(256)) * 8)
    e.input_error("no HDF5", "damaged_hdf5", [str(noise)], file=noise)
    cut = e.root / "cut.h5"
    cut.write_bytes(e.good.read_bytes()[:-200])
    e.input_error("cut", "damaged_hdf5", [str(cut)], file=cut)
    e.input_error("missing file", "missing_file", ["nowhere.h5"], file=e.root / "nowhere.h5", exit_code=2)


def bad_calls(e):
    model = ["model=auto", f"model.path={e.folder}"]
    files = ["--input", e.good, "--output", e.out]
    e.expect("no model", 2, "missing_choice", ["model"], *files)
    e.expect("model=auto without a path", 2, "missing_value", ["model.path"], "model=auto", *files)
    e.expect("no input", 2, "option_missing", ["--input"], *model, "--output", e.out)
    e.expect("no output", 2, "option_missing", ["--output"], *model, "--input", e.good)
    e.expect("output folder", 2, "missing_file", ["nowhere"], *model, "--input", e.good, "--output", e.root / "nowhere/o.h5")
    e.expect("output is input", 2, "output_is_input", [], *model, "--input", e.good, "--output", e.good)
    e.expect("unknown option", 2, "bad_option", ["--nonsense"], *model, *files, "--nonsense")
    e.expect("unknown key", 2, "unknown_key", ["model.pth"], *model, "+model.pth=3", *files)
    e.expect("unknown method key", 2, "unknown_key", ["method.bits"], *model, "method=lora", "+method.bits=3", *files)
    e.expect("no such folder", 2, "model_not_found", ["./nowhere"], "model=auto", "model.path=./nowhere", *files)
    e.expect("a method's bad value", 2, "bad_plan", [], *model, "method=meft1", "method.plan='rev:9'", *files)
    e.expect("unknown capture", 2, "unknown_capture", ["blok.1", "block[.0-2]"], *model, *files, "--capture", "blok.1")
    e.expect("layer too high", 2, "unknown_capture", ["block.3"], *model, *files, "--capture", "block.3")
    e.expect("not passed", 2, "unknown_capture", ["block.0", "attention.0"], *model, "method=meft1", *files,
             "--capture", "block.0")  # fmt: skip
    if not torch.cuda.is_available():  # never the CPU instead
        status, out, err = call(FRUGAL, "forward", *model, *files, "device=cuda")
        CHECKS.that("no GPU", status == 4 and ("(no_cuda)" in err or "(no_worker)" in err) and out == "", err)
    status, out, _ = call(FRUGAL, "forward", "--help")
    CHECKS.that("--help", status == 0 and "usage: frugal forward" in out and "block.L" in out, out)


def main():
    with tempfile.TemporaryDirectory() as folder:
        errors = Errors(Path(folder), randomise(BertModel(BertConfig(**ODD_SIZES)), 60))
        errors.folder = errors.checkpoint("good")
        bad_models(errors)
        bad_gguf_checkpoints(errors)
        bad_inputs(errors)
        bad_files(errors)
        bad_calls(errors)
    sys.exit(CHECKS.exit_code())


if __name__ == "__main__":
    main()
