"""Reads runs/index.h5 and merged.h5 as docs/results.md says. Argument: the folder that holds both."""

import os
import sys

import h5py
import pandas as pd
import xarray as xr

os.chdir(os.path.join(sys.argv[1], "runs"))

# The line of the documentation, as it stands.
df = pd.DataFrame(h5py.File("index.h5")["runs"][:])
table = df.pivot_table("psnr", "method", "bits")

assert table.shape == (2, 2) and list(table.columns) == [4, 8], table
assert abs(table[8].iloc[0] - table[4].iloc[0] - 0.4) < 1e-9
assert list(df["status"]).count(b"done") == 4 and list(df["status"]).count(b"damaged") == 1
assert "hidden" not in df.columns, "the same everywhere: only in the column config"
assert b'"hidden":64' in df["config"].iloc[0]
index = h5py.File("index.h5")
assert index.attrs["default"] == "/runs"
assert index["files/2/run"].attrs["status"] == "done"
assert len(index["files/2/run/samples"]) == 200

merged = h5py.File("../merged.h5")
assert len(merged["runs"]) == 4 and len(merged["files"]) == 4
for run, file in zip(merged["runs"]["run_id"], merged["runs"]["file"]):
    assert file == b"files/" + run
    assert len(merged["files"][run.decode()]["samples"]) == 200
run = merged["runs"]["run_id"][0].decode()
arrays = xr.open_dataset("../merged.h5", group=f"files/{run}/arrays", engine="h5netcdf")
assert arrays["frames"].dims == ("frame", "pixel"), arrays
