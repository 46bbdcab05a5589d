"""The page of a decode_attention run. usage: decode_attention_page.py RESULT.json > RESULT.md"""
import json
import pathlib
import sys

OURS = {"latent": "latent_decode", "grouped": "grouped_decode"}


def microseconds(row, name):
    return row["contestants"][name]["us_a_layer"]["median"]


def peers(row):
    """The fastest of LibTorch's own ways, and its name."""
    names = [n for n in row["contestants"] if n not in (*OURS.values(), "read_roof")]
    return min((microseconds(row, n), n) for n in names)


def main():
    path = pathlib.Path(sys.argv[1])
    result = json.loads(path.read_text())
    print("# Attention of one decode step: our kernels, LibTorch and the bandwidth of reading\n")
    print(f"{result['device']}; {result['date']}, median of {result['rounds']} rounds in turns, bf16, every contestant a CUDA graph "
          "over layers whose caches together are many times the L2. Time and bytes are of one layer. Roof: a kernel that reads the "
          f"same bytes once, in the same run (8 GiB at once: {result['roof_8_gib']['tb_s']:.2f} TB/s). Peers: grouped, LibTorch's SDPA "
          "(`enable_gqa`); latent, the absorbed form in LibTorch operations. `bench/decode_attention.cpp`.\n")
    print("| model | cache | batch x context | MB a layer | ours, us | roof, us | of the roof | best peer, us | times as fast |\n"
          "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in result["rows"]:
        ours, roof, (peer, name) = microseconds(row, OURS[row["kind"]]), microseconds(row, "read_roof"), peers(row)
        cache = f"latent {row['r_kv']} + {row['d_r']}" if row["kind"] == "latent" else "keys and values, 8 heads"
        print(f"| {row['model']} | {cache} | {row['batch']} x {row['context']} | {row['bytes_a_layer'] / 1e6:.1f} | {ours:.1f} | "
              f"{roof:.1f} | {100 * roof / ours:.0f} % | {peer:.1f} ({name}) | {peer / ours:.2f} |")
    print(f"\nEvery figure: [{path.name}]({path.name}).")


main()
