"""A whole decode step of a language model at its true sizes, random weights, bf16, greedy: frugal with the grouped cache and with
X-EcoMLA's latent cache, and PyTorch with transformers (static cache, SDPA), eager and, where it can be captured, as a CUDA graph.
Time of a step, tokens a second, bytes of the cache, peak memory.
usage: decode_step.py [--device cpu|cuda] [--shape llama1b|llama8b|tiny] [--cells 1x1024,32x8192] [--latents 128+64,256+64]
                      [--latent-cells 128x8192] [--steps 64] [--frugal PROGRAM] [--out FOLDER]
--latent-cells: batch x context of the latent caches alone, where the grouped one does not fit."""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import torch
import transformers

from timing import options, torch_provenance, write

SHAPES = {"llama1b": ("llama3_2_1b_random",
                      dict(vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
                           num_attention_heads=32, num_key_value_heads=8, head_dim=64, rope_theta=5e5,
                           max_position_embeddings=131072, tie_word_embeddings=True)),
          "llama8b": ("llama3_1_8b_random",
                      dict(vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32,
                           num_attention_heads=32, num_key_value_heads=8, head_dim=128, rope_theta=5e5,
                           max_position_embeddings=131072, tie_word_embeddings=False)),
          "tiny": ("tiny_llama", dict(vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
                                      num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
                                      tie_word_embeddings=True))}


def parsed(cells):
    return [tuple(map(int, cell.split("x"))) for cell in cells.split(",") if cell]


def by_frugal(arguments, cells, *method):
    """{(batch, context): figures}; one process for all batches that ask for the same contexts."""
    groups, found = {}, {}
    for batch in dict.fromkeys(b for b, _ in cells):
        groups.setdefault(tuple(c for b, c in cells if b == batch), []).append(batch)
    for contexts, batches in groups.items():
        with tempfile.TemporaryDirectory() as name:
            run = pathlib.Path(name) / "run"
            done = subprocess.run(
                [arguments.frugal, "run", "experiment=decode", f"model={SHAPES[arguments.shape][0]}", *method,
                 f"device={arguments.device}", f"device.threads={torch.get_num_threads()}", "experiment.modes=[decode]",
                 f"experiment.batch_sizes={batches}", f"experiment.lengths={list(contexts)}",
                 f"experiment.new_tokens={arguments.steps}", f"experiment.precision={arguments.precision}",
                 "experiment.time_limit=5", f"hydra.run.dir={run}"], capture_output=True, text=True)  # fmt: skip
            if done.returncode != 0:
                if "out_of_memory" not in done.stderr and "out of memory" not in done.stderr:
                    raise SystemExit(done.stderr)
                continue
            with h5py.File(run / "run.h5") as file:
                metrics = {row["name"].decode(): float(row["value"]) for row in file["metrics"][:]}
        for batch in batches:
            for context in contexts:
                of = lambda key: metrics[f"decode/b{batch}/s{context}/{key}"]  # noqa: E731
                found[batch, context] = {"step_ms": of("step"), "cache_bytes": of("cache_bytes"), "peak_mib": of("peak_memory"),
                                         "invalid": metrics.get("invalid_measurements", 0)}
    return found


def step_times(step, cuda, samples=20):
    """Seconds of a call, the median of so many."""
    times = []
    for _ in range(3 + samples):
        begin = time.perf_counter()
        step()
        if cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[3:])


@torch.no_grad()
def by_pytorch(arguments, cells):
    """({cell: eager}, {cell: captured}); a cell that does not fit is left out."""
    cuda = arguments.device == "cuda"
    narrow = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    config = transformers.LlamaConfig(**SHAPES[arguments.shape][1], attn_implementation="sdpa", dtype=narrow)
    with torch.device(arguments.device):
        torch.set_default_dtype(narrow)
        model = transformers.LlamaForCausalLM(config).eval()
        torch.set_default_dtype(torch.float32)
    eager, captured = {}, {}
    for batch, context in cells:
        try:
            if cuda:
                torch.cuda.reset_peak_memory_stats()
            cache = transformers.StaticCache(config=config, max_cache_len=context + arguments.steps)
            heads, width = config.num_key_value_heads, config.head_dim
            for layer in range(config.num_hidden_layers):
                fill = torch.randn(batch, heads, context, width, dtype=narrow, device=arguments.device)
                cache.update(fill, fill, layer)
            ids = torch.zeros(batch, 1, dtype=torch.long, device=arguments.device)
            position = torch.tensor([context], device=arguments.device)

            def step():
                logits = model(ids, past_key_values=cache, use_cache=True, position_ids=position.expand(batch, 1)).logits
                ids.copy_(logits[:, -1].argmax(-1, keepdim=True))

            def again():  # every sample at the same length, which is a tensor on the device
                for layer in cache.layers:
                    layer.cumulative_length.fill_(context)
                step()

            eager[batch, context] = {"step_ms": 1e3 * step_times(again, cuda),
                                     "peak_mib": torch.cuda.max_memory_allocated() / 2**20 if cuda else None}
            if not cuda:
                continue
            try:
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    again()
                captured[batch, context] = {"step_ms": 1e3 * step_times(graph.replay, cuda),
                                            "peak_mib": torch.cuda.max_memory_allocated() / 2**20}
            except RuntimeError as error:
                print(f"not captured at {batch} x {context}: {str(error).splitlines()[0]}")
            finally:
                graph = None
        except torch.OutOfMemoryError:
            print(f"out of memory at {batch} x {context}")
        finally:
            cache = None
            if cuda:
                torch.cuda.empty_cache()
    return eager, captured


def page_of(arguments, facts, cells, more, found):
    page = (f"# A decode step: {arguments.shape}, {arguments.precision}, random weights, {facts['device']}\n\n"
            "| batch x context | who | step, ms | tokens/s | cache, bytes | peak, MiB | against frugal's grouped cache |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n")
    grouped = found.get("frugal, grouped cache", {})
    for cell in dict.fromkeys(cells + more):
        for who, results in found.items():
            if cell not in results:
                if cell in cells and (arguments.device == "cuda" or "graph" not in who):
                    page += f"| {cell[0]} x {cell[1]} | {who} | none | | | | |\n"
                continue
            r = results[cell]
            speed = cell[0] / r["step_ms"] * 1e3
            cache = f"{int(r['cache_bytes']):,}" if "cache_bytes" in r else ""
            peak = "" if r["peak_mib"] is None else f"{r['peak_mib']:,.0f}"
            share = f"{grouped[cell]['step_ms'] / r['step_ms']:.2f}" if cell in grouped else ""
            page += f"| {cell[0]} x {cell[1]} | {who} | {r['step_ms']:.2f} | {speed:,.0f} | {cache} | {peak} | {share} |\n"
    return page + ("\nnone: out of memory, or not captured.\n`" + " ".join(
        ["python bench/decode_step.py", f"--device {arguments.device}", f"--shape {arguments.shape}",
         f"--cells {arguments.cells}", f"--latents {arguments.latents}",
         *([f"--latent-cells {arguments.latent_cells}"] if more else []), f"--steps {arguments.steps}"]) + "`\n")


def main():
    parser = options(__doc__, "bf16")
    parser.add_argument("--shape", default="llama1b", choices=SHAPES)
    parser.add_argument("--cells", default="1x1024,1x8192,32x1024,32x8192")
    parser.add_argument("--latents", default="128+32")
    parser.add_argument("--latent-cells", default="")
    parser.add_argument("--steps", type=int, default=64)
    arguments = parser.parse_args()
    facts = torch_provenance(arguments)
    cells, more = parsed(arguments.cells), parsed(arguments.latent_cells)
    found, begin = {}, time.perf_counter()

    def take(results):  # written at once: what ran on a borrowed machine is not lost with it
        found.update(results)
        print(f"{time.perf_counter() - begin:.0f} s: {', '.join(results)}", file=sys.stderr, flush=True)
        write(f"decode_step_{arguments.device}_{arguments.shape}",
              {"provenance": facts, "cells": {who: {f"{b}x{c}": r for (b, c), r in of.items()} for who, of in found.items()}},
              page_of(arguments, facts, cells, more, found), arguments.out)

    take({"frugal, grouped cache": by_frugal(arguments, cells)})
    for latent in arguments.latents.split(","):
        rank, rope = latent.split("+")
        take({f"frugal, latent {rank} + {rope}": by_frugal(arguments, cells + more, "method=x_ecomla_random",
                                                         f"method.r_kv={rank}", f"method.d_rope={rope}")})
    eager, captured = by_pytorch(arguments, cells)
    take({"PyTorch, transformers, SDPA, eager": eager, "PyTorch, transformers, SDPA, CUDA graph": captured})


if __name__ == "__main__":
    main()
