#include "core/results/tensor_file.h"

#include <unistd.h>

#include <iostream>
#include <new>

#include "core/error_json.h"
#include "core/io/child_process.h"
#include "core/io/file.h"
#include "core/io/unfinished_file.h"
#include "core/results/hdf5.h"
#include "core/results/sandbox.h"

namespace frugal::results {
namespace {

namespace fs = std::filesystem;
constexpr ErrorKind kBad = ErrorKind::kBadData;

[[noreturn]] void refuse(const char* code, const std::string& name, const std::string& why, const char* hint) {
  throw Error(kBad, code, cat("data set '", name, "' ", why), name, hint);
}

void refuse_what_lies_elsewhere(hid_t file, const std::string& name) {
  H5L_info_t link;
  h5::check(H5Lget_info(file, name.c_str(), &link, H5P_DEFAULT), "look at " + name, kBad);
  if (link.type != H5L_TYPE_HARD)
    refuse("unsupported_link", name, "is a link to another place", "copy the data set itself into the file");
}

void refuse_outside_storage(hid_t dataset, const std::string& name) {
  const h5::Handle creation(H5Dget_create_plist(dataset), H5Pclose, "look at " + name, kBad);
  if (H5Pget_external_count(creation) > 0 || H5Pget_layout(creation) == H5D_VIRTUAL)
    refuse("unsupported_link", name, "keeps its values in another file", "copy the data set itself into the file");
}

// What the elements become in memory.
DType memory_type(hid_t dataset, const std::string& name) {
  const h5::Handle type(H5Dget_type(dataset), H5Tclose, "read the type of " + name, kBad);
  const H5T_class_t kind = H5Tget_class(type);
  const std::size_t bytes = H5Tget_size(type);
  if (kind == H5T_INTEGER || kind == H5T_ENUM) return DType::kInt64;
  if (kind == H5T_FLOAT && bytes <= 4) return DType::kFloat32;
  if (kind == H5T_FLOAT && bytes == 8) return DType::kFloat64;
  refuse("unsupported_dtype", name, "holds neither integers nor floats of at most 64 bits",
         "store it as int64 or float32");
}

HostTensor read_dataset(hid_t file, const std::string& name) {
  refuse_what_lies_elsewhere(file, name);
  const h5::Handle object(H5Oopen(file, name.c_str(), H5P_DEFAULT), H5Oclose, "open " + name, kBad);
  if (H5Iget_type(object) != H5I_DATASET)
    refuse("unsupported_link", name, "is a group", "put the data sets into the root group");
  refuse_outside_storage(object, name);
  HostTensor tensor{.name = name, .dtype = memory_type(object, name)};
  const h5::Handle space(H5Dget_space(object), H5Sclose, "read the shape of " + name, kBad);
  const int rank = H5Sget_simple_extent_ndims(space);
  const hssize_t points = H5Sget_simple_extent_npoints(space);
  if (rank < 0 || points < 0) h5::fail(kBad, "read the shape of " + name);
  std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
  h5::check(H5Sget_simple_extent_dims(space, shape.data(), nullptr), "read the shape of " + name, kBad);
  tensor.shape.assign(shape.begin(), shape.end());
  const std::uint64_t width = size_of(tensor.dtype);
  if (static_cast<std::uint64_t>(points) > PTRDIFF_MAX / width) refuse("damaged_hdf5", name, "is too large", "");
  const std::uint64_t bytes = static_cast<std::uint64_t>(points) * width;
  // Narrow integers are widened: what the file must hold for it is counted in its own width.
  h5::check_plausible(object, bytes / 8, name);
  tensor.bytes.resize(bytes);
  const h5::Handle memory = h5::element_type(tensor.dtype);
  if (bytes > 0)
    h5::check(H5Dread(object, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.bytes.data()), "read " + name, kBad);
  return tensor;
}

void write_dataset(hid_t file, const HostTensor& tensor) {
  const std::vector<hsize_t> shape(tensor.shape.begin(), tensor.shape.end());
  const h5::Handle space(
      shape.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
      H5Sclose, "make the shape of " + tensor.name);
  const h5::Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "set up a data set");
  h5::check(H5Pset_obj_track_times(properties, false), "set up a data set");
  const h5::Handle type = h5::element_type(tensor.dtype);
  const h5::Handle dataset(H5Dcreate2(file, tensor.name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                           H5Dclose, "create " + tensor.name);
  if (!tensor.bytes.empty())
    h5::check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.bytes.data()), "write " + tensor.name);
}

}  // namespace

std::vector<HostTensor> read_tensor_file(const fs::path& path) {
  const auto lock = h5::library_lock();
  const h5::Handle file = h5::open_file(path);
  std::vector<HostTensor> tensors;
  for (const auto& name : h5::link_names(file)) tensors.push_back(read_dataset(file, name));
  return tensors;
}

int check_tensors_child(std::span<const std::string> args) {
  if (args.size() != 1) throw Error(ErrorKind::kUsage, "bad_call", "expected one file");
  io::limit_this_process({});
  const auto answer = [](const Error& error) {
    std::cout << error_json(error).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
  };
  try {
    read_tensor_file(args[0]);
  } catch (const Error& error) {
    answer(error);
  } catch (const std::bad_alloc&) {
    answer(Error(kBad, "damaged_hdf5", "reading it takes more memory than is allowed"));
  }
  return 0;
}

void check_tensor_file(const fs::path& path) {
  if (!fs::is_regular_file(path))
    throw Error(ErrorKind::kUsage, "missing_file", "there is no such file", path.string());
  const io::ChildResult child =
      io::run_child(reader_program(), {std::string(kCheckTensorsVerb), fs::absolute(path).string()});
  const std::string file = path.string();
  if (!child.failure.empty())
    throw Error(kBad, "damaged_hdf5", cat("damaged: reading it ended with ", child.failure), file);
  if (child.output.empty()) return;
  const Error error = error_from_json(nlohmann::json::parse(child.output));
  throw Error(kBad, error.code(), error.message(), error.where().empty() ? file : cat(file, ": ", error.where()),
              error.hint());
}

void write_tensor_file(const fs::path& path, const std::vector<HostTensor>& tensors, std::string_view config) {
  const io::UnfinishedFile temporary(path.string() + cat(".tmp.", ::getpid()));
  {
    const auto lock = h5::library_lock();
    const h5::Handle file = h5::create_file(temporary.path());
    h5::set_attribute(file, "format", "frugal-tensors");
    h5::set_attribute(file, "config", config);
    for (const auto& tensor : tensors) write_dataset(file, tensor);
    h5::check(H5Fflush(file, H5F_SCOPE_GLOBAL), "write " + path.string());
  }
  io::publish(temporary.path(), path);
}

}  // namespace frugal::results
