#include "core/results/array_file.h"

#include <hdf5_hl.h>

#include <cstdio>
#include <set>

#include "core/io/checksum.h"
#include "core/io/file.h"
#include "core/io/mapped_file.h"
#include "core/log.h"
#include "core/results/journal.h"
#include "core/results/names.h"

namespace frugal::results {
namespace {

constexpr hsize_t kChunkBytes = 1U << 20U;

// The elements of an array, from the journal or mapped from their side file.
class Elements {
 public:
  Elements(const ArrayRecord& array, const std::filesystem::path& run_dir) {
    if (array.inlined) {
      bytes_ = io::as_bytes(array.data);
    } else {
      mapping_ = io::MappedFile::open(run_dir / kArrayFolder / array.sha256);
      bytes_ = mapping_.bytes();
    }
    if (bytes_.size() != byte_count(array.info) || io::sha256(bytes_) != array.sha256)
      throw Error(ErrorKind::kBadData, "damaged_array", "its elements are not those that were recorded");
  }
  const std::byte* data() const { return bytes_.data(); }

 private:
  io::MappedFile mapping_;
  std::span<const std::byte> bytes_;
};

// Whole trailing dimensions, as many as fit: a frame, a row of an activation.
std::vector<hsize_t> chunk_of(const std::vector<hsize_t>& shape, std::size_t element_bytes) {
  std::vector<hsize_t> chunk = shape;
  const auto bytes = [&] {
    hsize_t product = element_bytes;
    for (const auto extent : chunk) product *= extent;
    return product;
  };
  for (auto& extent : chunk) {
    const hsize_t rest = bytes() / extent;
    if (bytes() <= kChunkBytes) break;
    extent = std::max<hsize_t>(1, kChunkBytes / std::max<hsize_t>(rest, 1));
  }
  return chunk;
}

hid_t create_array(hid_t group, const ArrayInfo& info) {
  std::vector<hsize_t> shape(info.shape.begin(), info.shape.end());
  const h5::Handle type = h5::element_type(info.dtype);
  const bool chunked = !shape.empty() && byte_count(info) > 0;
  const h5::Handle space(
      shape.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
      H5Sclose, "make the shape of " + info.name);
  h5::Handle properties = chunked ? h5::chunked_properties(chunk_of(shape, size_of(info.dtype)))
                                  : h5::Handle(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "set up an array");
  h5::check(H5Pset_obj_track_times(properties, false), "set up an array");
  return H5Dcreate2(group, info.name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
}

// The names of the dimensions in the file. A name means one length throughout the group, and differs from every array
// but a coordinate (a one-dimensional array that is called as its only dimension).
class Dimensions {
 public:
  Dimensions(hid_t group, const RunData& data) : group_(group), data_(data) {}

  void attach(const ArrayInfo& info, hid_t dataset) {
    for (std::size_t i = 0; i < info.shape.size(); ++i) {
      const std::string wanted = info.dims.empty() ? cat(info.name, "_", i) : info.dims[i];
      if (info.shape.size() == 1 && wanted == info.name) {
        h5::check(H5DSset_scale(dataset, info.name.c_str()), "make a scale of " + info.name);
        continue;
      }
      const std::string name = free_name(wanted, info, i);
      const h5::Handle scale(H5Dopen2(group_, name.c_str(), H5P_DEFAULT), H5Dclose, "open scale " + name);
      h5::check(H5DSattach_scale(dataset, scale, static_cast<unsigned>(i)), "attach scale " + name);
    }
  }

 private:
  bool is_coordinate(const std::string& name, std::int64_t extent) const {
    const auto found = data_.arrays.find(name);
    return found != data_.arrays.end() && found->second.info.dims == std::vector<std::string>{name} &&
           found->second.info.shape == std::vector<std::int64_t>{extent};
  }
  std::string free_name(const std::string& wanted, const ArrayInfo& info, std::size_t i) {
    const std::int64_t extent = info.shape[i];
    if (is_coordinate(wanted, extent)) return wanted;
    for (const std::string& name :
         {wanted, wanted + "_" + info.name, cat(wanted, "_", info.name, "_", i), cat(wanted, ".", extent)}) {
      const auto [known, fresh] = extents_.emplace(name, extent);
      if (data_.arrays.contains(name)) continue;
      if (fresh) make_scale(name, extent);
      if (known->second == extent) return name;
    }
    throw Error(ErrorKind::kUsage, "bad_array", cat("no free name for dimension ", wanted, " of array ", info.name));
  }
  // As the NetCDF library marks a dimension that has a length and no coordinates.
  void make_scale(const std::string& name, std::int64_t extent) {
    const auto length = static_cast<hsize_t>(extent);
    const h5::Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose, "make a scale");
    const h5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make a scale");
    h5::check(H5Pset_obj_track_times(properties, false), "make a scale");
    const h5::Handle dataset(
        H5Dcreate2(group_, name.c_str(), H5T_IEEE_F32BE, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose,
        "create scale " + name);
    char label[96];
    std::snprintf(label, sizeof label, "This is a netCDF dimension but not a netCDF variable.%10lld",
                  static_cast<long long>(extent));
    h5::check(H5DSset_scale(dataset, label), "make scale " + name);
  }

  hid_t group_;
  const RunData& data_;
  std::map<std::string, std::int64_t> extents_;
};

void describe(hid_t dataset, const ArrayRecord& array) {
  h5::set_attribute(dataset, "units", array.info.unit);
  h5::set_attribute(dataset, "description", array.info.description);
  h5::set_attribute(dataset, "dtype", name(array.info.dtype));
  h5::set_attribute(dataset, "sha256", array.sha256);
  h5::set_attribute(dataset, "may_vary", array.info.repeat == Repeat::kMayVary ? 1 : 0);
  h5::set_attribute(dataset, "encoding-type", "array");
  h5::set_attribute(dataset, "encoding-version", "0.2.0");
}

void write_array(hid_t group, const ArrayRecord& array, const std::filesystem::path& run_dir) {
  const Elements elements(array, run_dir);
  const h5::Handle dataset(create_array(group, array.info), H5Dclose, "create array " + array.info.name);
  const h5::Handle type = h5::element_type(array.info.dtype);
  if (byte_count(array.info) > 0)
    h5::check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()),
              "write array " + array.info.name);
  describe(dataset, array);
}

}  // namespace

std::vector<std::string> write_arrays(hid_t file, const RunData& data, const std::filesystem::path& run_dir) {
  const h5::Handle group = h5::create_group(file, "arrays");
  h5::set_attribute(group, "description", "tensors; dimension scales give the names of their dimensions");
  std::vector<std::string> lost;
  for (const auto& [name, array] : data.arrays) {
    try {
      write_array(group, array, run_dir);
    } catch (const Error& error) {
      if (error.code() != "damaged_array" && error.code() != "file_not_found") throw;
      log::warning("array ", name, " is lost: ", error.what());
      lost.push_back(name);
    }
  }
  Dimensions dimensions(group, data);
  for (const auto& [name, array] : data.arrays) {
    if (std::find(lost.begin(), lost.end(), name) != lost.end()) continue;
    const h5::Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose, "open array " + name);
    dimensions.attach(array.info, dataset);
  }
  return lost;
}

namespace {

struct ScaleName {
  std::string name;
};

herr_t remember_scale(hid_t /*dataset*/, unsigned /*dim*/, hid_t scale, void* into) {
  char name[512];
  const ssize_t size = H5Iget_name(scale, name, sizeof name);
  if (size <= 0 || size >= static_cast<ssize_t>(sizeof name)) return -1;
  const std::string_view path(name, static_cast<std::size_t>(size));
  static_cast<ScaleName*>(into)->name = path.substr(path.rfind('/') + 1);
  return 1;  // one scale a dimension
}

void drop_attribute(hid_t dataset, const char* name) {
  if (H5Aexists(dataset, name) > 0) h5::check(H5Adelete(dataset, name), "untie a scale");
}

}  // namespace

void tie_copied_scales(hid_t source_arrays, hid_t copied_arrays) {
  const auto open = [](hid_t group, const std::string& name) {
    return h5::Handle(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose, "open array " + name, ErrorKind::kBadData);
  };
  const std::vector<std::string> names = h5::link_names(source_arrays);
  for (const auto& name : names) {
    const h5::Handle copied = open(copied_arrays, name);
    drop_attribute(copied, "DIMENSION_LIST");
    drop_attribute(copied, "REFERENCE_LIST");
  }
  for (const auto& name : names) {
    const h5::Handle source = open(source_arrays, name);
    const h5::Handle copied = open(copied_arrays, name);
    const h5::Handle space(H5Dget_space(source), H5Sclose, "read a shape", ErrorKind::kBadData);
    const int rank = H5DSis_scale(source) > 0 ? 0 : H5Sget_simple_extent_ndims(space);
    for (int dim = 0; dim < rank; ++dim) {
      ScaleName scale;
      h5::check(H5DSiterate_scales(source, static_cast<unsigned>(dim), nullptr, remember_scale, &scale), "find a scale",
                ErrorKind::kBadData);
      if (scale.name.empty()) continue;
      const h5::Handle copied_scale = open(copied_arrays, scale.name);
      h5::check(H5DSattach_scale(copied, copied_scale, static_cast<unsigned>(dim)), "attach scale " + scale.name);
    }
  }
}

}  // namespace frugal::results
