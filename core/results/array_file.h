// /arrays: tensors with dimension scales, as xr.open_dataset(file, group="arrays", engine="h5netcdf") reads them.
#pragma once

#include <filesystem>

#include "core/results/hdf5.h"
#include "core/results/run_data.h"

namespace frugal::results {

// Writes the group `arrays` into `file`. Elements that are not in the journal come from run_dir/run.arrays; their hash
// is checked. One that is missing or damaged is left out and named in the returned list.
std::vector<std::string> write_arrays(hid_t file, const RunData& data, const std::filesystem::path& run_dir);

// After a whole group was copied into another file: ties the copied arrays to the copied scales. (The ties are
// references inside attributes, which H5Ocopy leaves pointing to where the scales lay in the source.)
void tie_copied_scales(hid_t source_arrays, hid_t copied_arrays);

}  // namespace frugal::results
