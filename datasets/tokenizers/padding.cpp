#include <algorithm>

#include "core/error.h"
#include "datasets/tokenizers/tokenizer.h"

namespace frugal::tokenizers {

PaddedBatch pad_batch(std::span<const Encoding> encodings, const PadOptions& options) {
  if (options.pad_to_multiple_of == 0)
    throw Error(ErrorKind::kUsage, "pad_options", "pad_to_multiple_of must be at least 1");
  PaddedBatch batch;
  batch.rows = encodings.size();
  if (encodings.empty()) return batch;
  batch.columns = options.least_columns;
  for (const auto& encoding : encodings) batch.columns = std::max(batch.columns, encoding.ids.size());
  const auto multiple = options.pad_to_multiple_of;
  batch.columns = (batch.columns + multiple - 1) / multiple * multiple;

  const auto size = batch.rows * batch.columns;
  batch.input_ids.assign(size, options.pad_id);
  batch.token_type_ids.assign(size, 0);
  batch.attention_mask.assign(size, 0);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const auto begin = static_cast<std::ptrdiff_t>(row * batch.columns);
    std::copy(encodings[row].ids.begin(), encodings[row].ids.end(), batch.input_ids.begin() + begin);
    std::copy(encodings[row].type_ids.begin(), encodings[row].type_ids.end(), batch.token_type_ids.begin() + begin);
    std::copy(encodings[row].attention_mask.begin(), encodings[row].attention_mask.end(),
              batch.attention_mask.begin() + begin);
  }
  return batch;
}

}  // namespace frugal::tokenizers
