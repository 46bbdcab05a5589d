// A small layer over the HDF5 C library: handles that close themselves, errors as exceptions, and nothing hidden.
// The library is not thread-safe: hold library_lock() around every use.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/results/types.h"

namespace frugal::results::h5 {

std::unique_lock<std::recursive_mutex> library_lock();

// Throws Error(kind) with the library's own words. doing: "write /metrics".
[[noreturn]] void fail(ErrorKind kind, std::string_view doing);

class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  // Throws Error(environment, "hdf5_failed") for a negative id.
  Handle(hid_t id, Close close, std::string_view doing, ErrorKind kind = ErrorKind::kEnvironment);
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

void check(herr_t status, std::string_view doing, ErrorKind kind = ErrorKind::kEnvironment);

Handle create_file(const std::filesystem::path& path);  // earliest format; the file must not exist
Handle open_file(const std::filesystem::path& path);    // to read; Error(bad_data, "damaged_hdf5")
Handle create_group(hid_t parent, const std::string& name);

std::vector<std::string> link_names(hid_t group);  // in the order of the names; Error(bad_data)

Handle string_type(std::size_t bytes);  // fixed length, UTF-8, padded with NULs; bytes >= 1
Handle bool_type();                     // the enum that h5py shows as bool
Handle enum_type(const std::vector<std::string>& labels);
Handle element_type(DType dtype);

void set_attribute(hid_t object, const char* name, std::string_view text);
void set_attribute(hid_t object, const char* name, std::int64_t value);

// Throws Error(bad_data, "damaged_hdf5") where a data set claims more bytes than what the file stores of it can unpack
// to (deflate gains a factor of 1032 at most): reading it would fill memory with nothing.
void check_plausible(hid_t dataset, std::uint64_t bytes, const std::string& name);

// Chunked, shuffle + deflate + fletcher32, no times. Every extent of `chunk` is positive.
Handle chunked_properties(const std::vector<hsize_t>& chunk);
// A dataset of a single text. sha256 of the text stands beside it, since single values cannot be checksummed by HDF5.
void write_text(hid_t parent, const std::string& name, std::string_view text, std::string_view description);

}  // namespace frugal::results::h5
