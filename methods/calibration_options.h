// Keys of methods that look at activations before they are applied. Links no LibTorch.
#pragma once

#include <cstdint>
#include <string>

#include "core/config/options.h"

namespace frugal {

struct CalibrationOptions {
  Json calibration_dataset;  // null | random | a data set's keys
  int64_t calibration_tokens = 32768, calibration_seq_len = 256, calibration_batch_size = 8;
};

// Adds them, below `calibration.`, to the table of a method whose options derive from the struct above.
template <typename Options>
OptionTable<Options>& add_calibration(OptionTable<Options>& table) {
  using O = CalibrationOptions;
  const auto of = []<typename Member>(Member O::* member) -> Member Options::* { return member; };
  return table
      .add("calibration.dataset", of(&O::calibration_dataset),
           {.help =
                "texts whose activations decide: dataset@method.calibration.dataset=wikitext_train; random: ids drawn "
                "at random, for speed and memory of random weights"})
      .add("calibration.tokens", of(&O::calibration_tokens),
           {.help = "at most, drawn by the seed", .unit = "tokens", .min = 1, .max = 1 << 30})
      .add("calibration.seq_len", of(&O::calibration_seq_len),
           {.help = "of a sequence", .unit = "tokens", .min = 1, .max = 1 << 20})
      .add("calibration.batch_size", of(&O::calibration_batch_size),
           {.help = "sequences a forward pass", .min = 1, .max = 1 << 20});
}

// The calibration keys of any method's node; the defaults where it has none.
CalibrationOptions calibration_of_method(const Json& method);

// What a method needs and was not given. Error(kUsage, "missing_value") naming method.calibration.dataset.
[[noreturn]] void no_calibration(const std::string& why);

}  // namespace frugal
