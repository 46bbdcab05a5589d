#include "experiments/distillation/pack.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <span>
#include <thread>

#include "core/error.h"
#include "core/io/checksum.h"

namespace frugal {
namespace {

using TokenStreams = std::vector<std::vector<tokenizers::TokenId>>;

// Documents in parallel; the result does not depend on the threads.
TokenStreams encode_all(const std::vector<datasets::Document>& documents, const tokenizers::Tokenizer& tokenizer,
                        const PackOptions& options) {
  TokenStreams streams(documents.size());
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex guard;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < documents.size(); i = next++)
        streams[i] = tokenizer.encode(documents[i].text, {.add_special_tokens = options.special_tokens}).ids;
    } catch (...) {
      const std::lock_guard lock(guard);
      failure = std::current_exception();
      next = documents.size();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 1; t < options.threads; ++t) threads.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return streams;
}

}  // namespace

PackedText pack_documents(const std::vector<datasets::Document>& documents, const tokenizers::Tokenizer& tokenizer,
                          const PackOptions& options) {
  const auto eos = tokenizer.special_tokens().eos;
  if (!eos) throw Error(ErrorKind::kBadData, "no_eos_token", "the tokenizer has no EOS to put between documents");
  PackedText packed{.seq_len = options.seq_len};
  for (auto& stream : encode_all(documents, tokenizer, options)) {
    packed.ids.insert(packed.ids.end(), stream.begin(), stream.end());
    packed.ids.push_back(*eos);
    stream = {};
  }
  packed.stream = packed.ids.size();
  packed.ids.resize(packed.stream / options.seq_len * options.seq_len);
  packed.sha256 = io::sha256(std::as_bytes(std::span(packed.ids)));
  return packed;
}

}  // namespace frugal
