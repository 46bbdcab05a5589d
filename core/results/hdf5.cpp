#include "core/results/hdf5.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/results/utf8.h"

namespace frugal::results::h5 {
namespace {

herr_t append_reason(unsigned /*depth*/, const H5E_error2_t* error, void* text) {
  auto& reasons = *static_cast<std::string*>(text);
  if (error->desc != nullptr && reasons.size() < 500)
    reasons += (reasons.empty() ? "" : "; ") + std::string(error->desc);
  return 0;
}

std::string reasons() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, append_reason, &text);
  H5Eclear2(H5E_DEFAULT);
  return text;
}

// Our own locks guard the files; the library's would fail on file systems that refuse locks (Lustre, NFS).
Handle access_properties() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "set up a file");
  check(H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST), "choose the earliest format");
  check(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG), "set up a file");
  check(H5Pset_file_locking(access, 0, 1), "set up a file");
  return access;
}

}  // namespace

std::unique_lock<std::recursive_mutex> library_lock() {
  static std::recursive_mutex mutex;
  std::unique_lock lock(mutex);
  static const bool quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;  // we report errors ourselves
  (void)quiet;
  return lock;
}

void fail(ErrorKind kind, std::string_view doing) {
  throw Error(kind, kind == ErrorKind::kBadData ? "damaged_hdf5" : "hdf5_failed",
              cat("HDF5 cannot ", doing, ": ", reasons()));
}

Handle::Handle(hid_t id, Close close, std::string_view doing, ErrorKind kind) : id_(id), close_(close) {
  if (id < 0) fail(kind, doing);
}

void check(herr_t status, std::string_view doing, ErrorKind kind) {
  if (status < 0) fail(kind, doing);
}

Handle create_file(const std::filesystem::path& path) {
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "set up a file");
  check(H5Pset_obj_track_times(creation, false), "set up a file");
  return {H5Fcreate(path.c_str(), H5F_ACC_EXCL, creation, access_properties()), H5Fclose, "create " + path.string()};
}

Handle open_file(const std::filesystem::path& path) {
  return {H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_properties()), H5Fclose, "open " + path.string(),
          ErrorKind::kBadData};
}

Handle create_group(hid_t parent, const std::string& name) {
  const Handle creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, "set up a group");
  check(H5Pset_obj_track_times(creation, false), "set up a group");
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "set up a group");
  check(H5Pset_create_intermediate_group(links, 1), "set up a group");
  return {H5Gcreate2(parent, name.c_str(), links, creation, H5P_DEFAULT), H5Gclose, "create group " + name};
}

std::vector<std::string> link_names(hid_t group) {
  H5G_info_t info;
  check(H5Gget_info(group, &info), "list a group", ErrorKind::kBadData);
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    char name[512];
    const ssize_t size = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
    if (size < 0 || size >= static_cast<ssize_t>(sizeof name)) fail(ErrorKind::kBadData, "list a group");
    names.emplace_back(name, static_cast<std::size_t>(size));
  }
  return names;
}

Handle string_type(std::size_t bytes) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "make a text type");
  check(H5Tset_size(type, bytes == 0 ? 1 : bytes), "size a text type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "make a text type");
  check(H5Tset_strpad(type, H5T_STR_NULLPAD), "make a text type");
  return type;
}

Handle enum_type(const std::vector<std::string>& labels) {
  Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose, "make an enum");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto value = static_cast<std::int8_t>(i);
    check(H5Tenum_insert(type, labels[i].c_str(), &value), "name a value of an enum");
  }
  return type;
}

Handle bool_type() {
  return enum_type({"FALSE", "TRUE"});
}

Handle element_type(DType dtype) {
  const auto copy = [](hid_t type) { return Handle(H5Tcopy(type), H5Tclose, "copy a type"); };
  switch (dtype) {
    case DType::kFloat64:
      return copy(H5T_IEEE_F64LE);
    case DType::kFloat32:
      return copy(H5T_IEEE_F32LE);
    case DType::kInt64:
      return copy(H5T_STD_I64LE);
    case DType::kInt32:
      return copy(H5T_STD_I32LE);
    case DType::kInt16:
      return copy(H5T_STD_I16LE);
    case DType::kInt8:
      return copy(H5T_STD_I8LE);
    case DType::kUInt8:
      return copy(H5T_STD_U8LE);
    case DType::kBool:
      return bool_type();
  }
  fail(ErrorKind::kEnvironment, "find a type");
}

namespace {

void write_attribute(hid_t object, const char* name, hid_t type, const void* value) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, "make a space");
  const Handle attribute(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                         cat("create attribute ", name));
  check(H5Awrite(attribute, type, value), cat("write attribute ", name));
}

}  // namespace

// Of variable length, which h5py and xarray give as str; the text lies in a heap of its own, so its length has no
// limit.
void set_attribute(hid_t object, const char* name, std::string_view text) {
  const std::string clean = clean_utf8(text);
  const char* const pointer = clean.c_str();
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "make a text type");
  check(H5Tset_size(type, H5T_VARIABLE), "size a text type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "make a text type");
  write_attribute(object, name, type, &pointer);
}

void set_attribute(hid_t object, const char* name, std::int64_t value) {
  write_attribute(object, name, H5T_NATIVE_INT64, &value);
}

void check_plausible(hid_t dataset, std::uint64_t bytes, const std::string& name) {
  constexpr std::uint64_t kAlwaysFine = 4U << 20U;
  constexpr std::uint64_t kMostGain = 1040;
  const Handle file(H5Iget_file_id(dataset), H5Fclose, "find the file", ErrorKind::kBadData);
  hsize_t file_bytes = 0;
  check(H5Fget_filesize(file, &file_bytes), "find the size of the file", ErrorKind::kBadData);
  const std::uint64_t stored = std::min<std::uint64_t>(H5Dget_storage_size(dataset), file_bytes);
  if (bytes > kAlwaysFine && bytes / kMostGain > stored)
    throw Error(ErrorKind::kBadData, "damaged_hdf5",
                cat(name, " claims ", bytes, " bytes, and the file holds ", stored, " for it"));
}

Handle chunked_properties(const std::vector<hsize_t>& chunk) {
  Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "set up a data set");
  check(H5Pset_obj_track_times(properties, false), "set up a data set");
  check(H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), "set up chunks");
  check(H5Pset_shuffle(properties), "set up shuffle");
  check(H5Pset_deflate(properties, 1), "set up deflate");
  check(H5Pset_fletcher32(properties), "set up checksums");
  return properties;
}

void write_text(hid_t parent, const std::string& name, std::string_view text, std::string_view description) {
  std::string clean = clean_utf8(text);
  const Handle type = string_type(clean.size());
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, "make a space");
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "set up a data set");
  check(H5Pset_obj_track_times(properties, false), "set up a data set");
  const Handle dataset(H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose,
                       "create " + name);
  set_attribute(dataset, "sha256", io::sha256(clean));
  set_attribute(dataset, "description", description);
  set_attribute(dataset, "encoding-type", "string");
  set_attribute(dataset, "encoding-version", "0.2.0");
  if (clean.empty()) clean.push_back('\0');
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, clean.data()), "write " + name);
}

}  // namespace frugal::results::h5
