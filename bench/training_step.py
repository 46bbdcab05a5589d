"""One training step of a BERT encoder: frugal and transformers on PyTorch, in turns, on the same device.
usage: training_step.py [--device cpu|cuda] [--batch 32] [--length 128] [--rounds 3] [--precision fp32|bf16]
                        [--frugal PROGRAM] [--out FOLDER]"""
import json
import statistics
import subprocess
import tempfile
import time

import torch
import transformers

from timing import device_name, options, provenance, write

# all-MiniLM-L6-v2's config.json; random weights cost what real ones cost.
SHAPE = {"vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
         "intermediate_size": 1536, "max_position_embeddings": 512, "hidden_act": "gelu"}
SECONDS, WARMUP = 4, 5
METHODS = ("full", "checkpointing", "bitfit")


class PyTorchStep:
    """Forward, backward, clipping and fused AdamW at rate 0, dropout on, as frugal's train_step does."""

    def __init__(self, method, arguments, attention):
        torch.manual_seed(0)
        config = transformers.BertConfig(**SHAPE, num_labels=2, attn_implementation=attention)
        self.model = transformers.BertForSequenceClassification(config).to(arguments.device).train()
        if method == "checkpointing":
            self.model.gradient_checkpointing_enable({"use_reentrant": False})
        if method == "bitfit":
            for name, parameter in self.model.named_parameters():
                parameter.requires_grad = name.endswith("bias") or name.startswith("classifier")
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.trained = trained
        self.optimizer = torch.optim.AdamW(trained, lr=0.0, fused=True)
        shape = (arguments.batch, arguments.length)
        self.inputs = {"input_ids": torch.randint(SHAPE["vocab_size"], shape, device=arguments.device),
                       "attention_mask": torch.ones(shape, dtype=torch.long, device=arguments.device),
                       "labels": torch.randint(2, (arguments.batch,), device=arguments.device)}
        self.device, self.precision = arguments.device, arguments.precision

    def __call__(self):
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self.model(**self.inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def settle(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def median_ms(self):
        samples, begin = [], time.perf_counter()
        for n in range(10_000):
            self.settle()
            start = time.perf_counter()
            self()
            self.settle()
            if n >= WARMUP:
                samples.append((time.perf_counter() - start) * 1e3)
            if n > WARMUP + 5 and time.perf_counter() - begin > SECONDS:
                break
        return statistics.median(samples)


def frugal_ms(method, arguments):
    with tempfile.TemporaryDirectory() as folder:
        run = [arguments.frugal, "run", "experiment=profile", "model=tiny_bert", f"device={arguments.device}",
               f"device.threads={torch.get_num_threads()}", f"method={method}", "experiment.modes=[train_step]",
               f"experiment.batch_sizes=[{arguments.batch}]", f"experiment.lengths=[{arguments.length}]",
               f"experiment.precision={arguments.precision}", f"experiment.time_limit={SECONDS}",
               f"hydra.run.dir={folder}/run", *(f"model.config.{key}={value}" for key, value in SHAPE.items())]
        done = subprocess.run(run, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        shown = subprocess.run([arguments.frugal, "results", "export", f"{folder}/run", "--format", "json"],
                               capture_output=True, text=True, check=True)
        return json.loads(shown.stdout)[0][f"train_step/b{arguments.batch}/s{arguments.length}/median"]


def device_line(device):
    return device_name(device) + (f", CUDA {torch.version.cuda}" if device == "cuda" else f", {torch.get_num_threads()} threads")


def main():
    parser = options(__doc__, "fp32")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    peers = {"transformers, eager attention": "eager", "transformers, SDPA": "sdpa"}
    result = {"provenance": provenance(arguments.frugal.parent), "device": device_line(arguments.device), "batch": arguments.batch,
              "length": arguments.length, "precision": arguments.precision, "torch": torch.__version__,
              "transformers": transformers.__version__,
              "ms": {method: {name: [] for name in (*peers, "frugal")} for method in METHODS}}
    for _ in range(arguments.rounds):
        for method in METHODS:
            samples = result["ms"][method]
            for name, attention in peers.items():
                samples[name].append(PyTorchStep(method, arguments, attention).median_ms())
            samples["frugal"].append(frugal_ms(method, arguments))
    rows = ""
    for method in METHODS:
        for name, samples in result["ms"][method].items():
            best_peer = min(statistics.median(result["ms"][method][peer]) for peer in peers)
            middle = statistics.median(samples)
            rows += (f"| {method} | {name} | {middle:.2f} | {min(samples):.2f} - {max(samples):.2f} | "
                     f"{best_peer / middle:.2f} |\n")
    write(f"training_step_{arguments.device}_{arguments.precision}_b{arguments.batch}_s{arguments.length}", result,
          f"# One training step of MiniLM-L6's shape, {arguments.precision}, batch {arguments.batch}, length "
          f"{arguments.length}\n\nForward, backward, clipping, fused AdamW; dropout 0.1. Median of the step in a process of "
          f"its own, then of {arguments.rounds} rounds taken in turns. {result['device']}; PyTorch {torch.__version__}, "
          f"transformers {transformers.__version__}.\n\n| method | program | step, ms | range, ms | times as fast as the "
          f"best peer |\n| --- | --- | ---: | ---: | ---: |\n{rows}", arguments.out)


if __name__ == "__main__":
    main()
