"""Reads a run.h5 as docs/results.md says, and checks its layout. Argument: the run's folder."""

import os
import sys

import h5py
import numpy as np
import pandas as pd
import xarray as xr

os.chdir(sys.argv[1])

# The lines of the documentation, as they stand.
f = h5py.File("run.h5")
metrics = pd.DataFrame(f["metrics"][:])
arrays = xr.open_dataset("run.h5", group="arrays", engine="h5netcdf")

assert list(metrics["name"]) == [b"psnr", b"latency"], metrics
assert list(metrics.columns)[:8] == ["name", "value", "unit", "ci_low", "ci_high", "stderr", "n", "direction"]
assert metrics["value"][0] == 31.25 and metrics["n"][0] == 1000 and metrics["n"][1] == -1
assert np.isnan(metrics["stderr"][1])

assert arrays["frames"].dims == ("frame", "height", "width", "channel"), arrays
assert arrays["frames"].shape == (4, 64, 96, 3)
assert list(arrays["frame"].values) == [0, 8, 16, 24], "a coordinate of its own"
assert arrays["mask"].dims == ("height_mask",), "same name, another length"
assert arrays["flags"].dtype == bool
assert float(arrays["scalar"]) == 2.5
assert arrays["nothing"].shape == (0, 3)
assert arrays["frames"].values.ravel()[250] == 250.0

assert f.attrs["format"] == "frugal-run" and f.attrs["format_version"] == 1
for name in ["run_id", "created", "finished", "status", "creator", "git_commit", "HDF5_version", "content_hash"]:
    assert name in f.attrs, name
assert f.attrs["default"] == "/metrics" and f.attrs["status"] == "done"
assert f["config"][()].decode().startswith("seed: 1") and len(f["config"].attrs["sha256"]) == 64

samples = pd.DataFrame(f["samples"][:])
assert len(samples) == 1000 and samples["correct"].dtype == bool
assert samples["score"][10] == 5.0 and samples["id"][3].decode() == "grüß \ufffd bad"
assert h5py.check_enum_dtype(f["samples"].dtype["prediction"]) == {"entailment": 0, "neutral": 1}
loglik = f["samples_loglik"][:]
assert loglik.shape == (1000, 3) and np.isnan(loglik[0]).all() and loglik[7, 2] == -1.75
meaning = pd.DataFrame(f["samples_columns"][:])
assert dict(zip(meaning["name"], meaning["units"]))[b"score"] == b"dB"

for path in ["samples", "samples_loglik", "metrics", "series/train/loss", "timing", "arrays/frames"]:
    data = f[path]
    assert data.chunks and data.shuffle and data.compression == "gzip" and data.fletcher32, path
    assert data.attrs["encoding-type"] and data.attrs["encoding-version"] and "description" in data.attrs, path
assert f["series/train/loss"].dtype.names == ("step", "time_ns", "value")
assert f["timing"].dtype.names == ("phase", "index", "ns", "cold", "throttled", "valid")
assert f["timing"].attrs["rule"] and f["timing"].attrs["stop_reason"] == "step: reached"
assert f["arrays/frames"].attrs["units"] == "1"
assert f["inputs"].dtype.names == ("role", "path", "bytes", "sha256", "licence")
assert dict(pd.DataFrame(f["provenance"][:]).values.tolist())[b"host"] == b"nowhere"
assert b"a line" in f["log"][()]

# The earliest format: version 0 of the superblock, and no object times.
with open("run.h5", "rb") as raw:
    assert raw.read(9) == b"\x89HDF\r\n\x1a\n\x00"
low = h5py.h5o.get_info(f["metrics"].id)
assert low.mtime == 0 and low.ctime == 0
