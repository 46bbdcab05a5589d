// SentencePiece's BPE (Kudo and Richardson 2018) in terms of ranked merges. Internal to the tokenizers.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "datasets/tokenizers/merge_table.h"
#include "datasets/tokenizers/vocabulary.h"

namespace frugal::tokenizers {

// SentencePiece merges the neighbours whose joined text is the piece of highest score, the leftmost of equal ones. That
// is a merge for every way to cut a piece in two pieces, ranked by the piece's score.
// scores and mergeable: beside the ids 0..n-1 of the vocabulary; pieces that are not mergeable (control tokens, single
// bytes) come from no merge. Error(kBadData, "tokenizer_vocab") for a mergeable piece of more than 256 bytes.
std::vector<Merge> merges_by_score(const Vocabulary& vocabulary, std::span<const double> scores,
                                   const std::vector<bool>& mergeable, const std::string& where);

}  // namespace frugal::tokenizers
