// Text of strangers (a model's output) made fit for a UTF-8 column.
#pragma once

#include <string>
#include <string_view>

namespace frugal::results {

// Bytes that are no UTF-8, and NULs (which end an HDF5 string), become U+FFFD.
std::string clean_utf8(std::string_view text);

}  // namespace frugal::results
