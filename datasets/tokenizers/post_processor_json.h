// The post_processor of tokenizer.json: which special tokens stand around a text. Internal.
#pragma once

#include "datasets/tokenizers/json_node.h"
#include "datasets/tokenizers/sequence_template.h"

namespace frugal::tokenizers {

// TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel (which moves offsets only), one of them in a
// Sequence.
SequenceTemplates read_post_processor(const JsonNode& node);

}  // namespace frugal::tokenizers
