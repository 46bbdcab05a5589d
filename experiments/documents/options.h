// Keys of data sets of whole texts: `dataset=text`, `dataset=wikitext`. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/options.h"

namespace frugal {

struct DocumentDatasetOptions {
  std::string name = "text";
  std::vector<std::string> files, eval_files;
  double held_out = 0.02;
  std::string unit = "file";
  std::string text_column = "text", messages_column = "messages";
  std::optional<std::string> chat_template;
  bool empty_system = false;
  std::string variant = "wikitext-2", split = "test";
  std::optional<int64_t> limit;
};
const OptionTable<DocumentDatasetOptions>& document_dataset_options();

}  // namespace frugal
