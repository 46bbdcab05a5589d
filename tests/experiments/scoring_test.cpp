// Scoring of continuations: what is computed once must not change what comes out.
#include "experiments/likelihood/scorer.h"

#include <gtest/gtest.h>

#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include <set>

#include "core/philox.h"
#include "experiments/distillation/pack.h"
#include "experiments/documents/load.h"
#include "experiments/likelihood/windows.h"
#include "experiments/multiple_choice/questions.h"
#include "experiments/preference/pairs.h"
#include "models/nn/pass.h"
#include "tests/models/tiny_llama.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

TokenIds draw(Philox& random, std::size_t count) {
  TokenIds ids(count);
  for (auto& id : ids) id = random.below(50);
  return ids;
}

// Three subjects with prefixes of 20, 17 and 3 tokens; 1 to 4 continuations of 1 to 5 tokens.
std::vector<ScoringItem> some_items() {
  Philox random(3);
  std::vector<ScoringItem> items;
  const std::size_t prefixes[] = {20, 17, 3};
  for (std::size_t group = 0; group < 3; ++group) {
    const TokenIds prefix = draw(random, prefixes[group]);
    for (int n = 0; n < 7; ++n) {
      ScoringItem item{.context = prefix, .group = group};
      const TokenIds own = draw(random, 1 + random.below(9));
      item.context.insert(item.context.end(), own.begin(), own.end());
      for (uint32_t c = 0; c < 1 + static_cast<uint32_t>(n) % 4; ++c)
        item.continuations.push_back(draw(random, 1 + random.below(5)));
      items.push_back(std::move(item));
    }
  }
  return items;
}

// By the whole sequence at once, from the definition.
ContinuationScore plain_score(LanguageModel& model, const TokenIds& context, const TokenIds& continuation) {
  TokenIds all = context;
  all.insert(all.end(), continuation.begin(), continuation.end());
  const at::Tensor ids = at::tensor(all, at::kLong).unsqueeze(0);
  const at::Tensor hidden = model.hidden_states({.input_ids = ids.slice(1, 0, -1)}, nullptr, Pass::evaluation());
  const at::Tensor log_p = at::log_softmax(model.logits(hidden), -1)[0];
  ContinuationScore score;
  for (std::size_t i = 0; i < continuation.size(); ++i) {
    const at::Tensor row = log_p[static_cast<int64_t>(context.size() - 1 + i)];
    score.log_likelihood += row[continuation[i]].item<double>();
    score.greedy = score.greedy && row.argmax().item<int64_t>() == continuation[i];
  }
  return score;
}

TEST(Scoring, SharedWorkGivesTheScoresOfTheDefinition) {
  const std::vector<ScoringItem> items = some_items();
  for (const char* architecture : {"llama", "mistral", "qwen2", "opt"}) {
    const auto model = frugal::testing::tiny_language_model(architecture);
    for (const PlanOptions& options :
         {PlanOptions{.batch_tokens = 40, .batch_rows = 9}, PlanOptions{},
          PlanOptions{.batch_tokens = 1, .batch_rows = 1}, PlanOptions{.least_prefix = 0}}) {
      const auto scores = score_items(*model, items, make_plan(items, options), at::kCPU);
      for (std::size_t i = 0; i < items.size(); ++i)
        for (std::size_t c = 0; c < items[i].continuations.size(); ++c) {
          const ContinuationScore wanted = plain_score(*model, items[i].context, items[i].continuations[c]);
          EXPECT_NEAR(scores[i][c].log_likelihood, wanted.log_likelihood, 1e-10)
              << architecture << " " << i << " " << c;
          EXPECT_EQ(scores[i][c].greedy, wanted.greedy) << architecture << " " << i << " " << c;
        }
    }
  }
}

TEST(Scoring, APlanComputesPrefixesOnceAndKeepsItsLimits) {
  const std::vector<ScoringItem> items = some_items();
  const PlanOptions options{.batch_tokens = 64, .batch_rows = 8};
  const ScoringPlan plan = make_plan(items, options);
  ASSERT_EQ(plan.groups.size(), 3U);  // the prefix of 3 is not worth it
  EXPECT_EQ(plan.groups[0].prefix, 20U);
  EXPECT_EQ(plan.groups[1].prefix, 17U);
  EXPECT_EQ(plan.groups[2].prefix, 0U);
  std::multiset<std::size_t> seen;
  for (const auto& group : plan.groups)
    for (const auto& batch : group.batches) {
      std::size_t rows = 0, widest = 0;
      for (const std::size_t i : batch) {
        seen.insert(i);
        rows += 1 + continuation_rows(items[i]);
        widest = std::max(widest, items[i].context.size() - group.prefix);
      }
      EXPECT_LE(rows, plan.rows);
      EXPECT_LE(rows, options.batch_rows);
    }
  EXPECT_EQ(seen.size(), items.size());
  EXPECT_EQ(std::set<std::size_t>(seen.begin(), seen.end()).size(), items.size());
  EXPECT_LT(plan.tokens, plan.tokens_alone / 2);
  const ScoringPlan alone = make_plan(items, {.least_prefix = 0});
  EXPECT_EQ(alone.groups.size(), 1U);
}

// Every character is a token; "ab" is one, so that joining texts can move a boundary. BOS is token 1.
class Letters final : public tokenizers::Tokenizer {
 public:
  tokenizers::Encoding encode(std::string_view text, std::optional<std::string_view>,
                              const tokenizers::EncodeOptions& options) const override {
    tokenizers::Encoding out;
    if (options.add_special_tokens) out.ids.push_back(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text.substr(i).starts_with("<s>")) {
        out.ids.push_back(1);
        i += 2;
      } else if (text.substr(i).starts_with("ab")) {
        out.ids.push_back(2);
        ++i;
      } else {
        out.ids.push_back(text[i]);
      }
    }
    return out;
  }
  std::string decode(std::span<const tokenizers::TokenId>, bool) const override { return {}; }
  const tokenizers::SpecialTokens& special_tokens() const override { return special_; }
  std::optional<tokenizers::TokenId> token_to_id(std::string_view) const override { return std::nullopt; }
  std::optional<std::string> id_to_token(tokenizers::TokenId id) const override {
    return id == 1 ? std::optional<std::string>("<s>") : std::nullopt;
  }
  std::size_t vocabulary_size() const override { return 256; }
  std::string_view algorithm() const override { return "letters"; }

 private:
  tokenizers::SpecialTokens special_{.bos = 1, .eos = 3};
};

TEST(Scoring, PairsAreEncodedTogetherAndSplitByTheContextsLength) {
  const Letters letters;
  const PairEncoder plain(letters, false), usual(letters, std::nullopt);
  const auto expect = [](const TokenPair& pair, const TokenIds& context, const TokenIds& continuation) {
    EXPECT_EQ(pair.context, context);
    EXPECT_EQ(pair.continuation, continuation);
  };
  expect(plain.encode_pair("x", " y"), {'x'}, {' ', 'y'});
  expect(plain.encode_pair("x  ", "y"), {'x'}, {' ', ' ', 'y'});  // trailing white space moves
  expect(plain.encode_pair("xa", "bc"), {'x', 'a'}, {'c'});       // "ab" is one token: the split is by count
  expect(usual.encode_pair("x", "y"), {1, 'x'}, {'y'});           // the template's BOS
  expect(usual.encode_pair("<s>x", "y"), {1, 'x'}, {'y'});        // no second one
  expect(usual.encode_pair("", "y"), {1}, {'y'});
  expect(usual.encode_pair("", "<s>y"), {1}, {'y'});
  EXPECT_ERROR(plain.encode_pair("xa", "b"), ErrorKind::kBadData, "empty_continuation");
  EXPECT_ERROR(plain.encode_pair("", ""), ErrorKind::kBadData, "empty_continuation");
}

TEST(Windows, PredictEveryTokenOnceWithTheContextAskedFor) {
  for (std::size_t count = 0; count < 30; ++count) {
    TokenIds tokens(count);
    for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<int64_t>(i);
    for (const auto& [length, context] : {std::pair<std::size_t, std::size_t>{7, 1}, {7, 7}, {8, 3}, {1, 1}}) {
      TokenIds predicted;
      for (const Window& window : rolling_windows(tokens, -1, length, context)) {
        EXPECT_EQ(window.scored, window.targets.size());
        EXPECT_LE(window.input.size(), length);
        // The input is what lies before the targets, without a gap: each target is its predictor's successor.
        for (std::size_t i = 0; i < window.scored; ++i)
          EXPECT_EQ(window.input[window.input.size() - window.scored + i], window.targets[i] - 1);
        if (window.input.front() != -1) {
          EXPECT_EQ(window.input.size(), length);
          EXPECT_GE(window.input.size() - window.scored + 1, context);
        }
        predicted.insert(predicted.end(), window.targets.begin(), window.targets.end());
      }
      EXPECT_EQ(predicted, tokens) << length << " " << context;
    }
  }
}

TEST(Windows, BatchesHoldEachOnceWithinTheirTokens) {
  std::vector<Window> windows(23);
  for (std::size_t i = 0; i < windows.size(); ++i) windows[i].input.resize(1 + i * 7 % 12);
  std::multiset<std::size_t> seen;
  for (const auto& batch : window_batches(windows, 24)) {
    std::size_t widest = 0;
    for (const std::size_t i : batch) {
      seen.insert(i);
      widest = std::max(widest, windows[i].input.size());
    }
    EXPECT_LE(widest * batch.size(), 24U);
  }
  EXPECT_EQ(seen.size(), windows.size());
  EXPECT_EQ(std::set<std::size_t>(seen.begin(), seen.end()).size(), windows.size());
  EXPECT_EQ(window_batches(windows, 1).size(), windows.size()) << "one that is longer is a batch alone";
}

TEST(Packing, JoinsDocumentsByEosAndCutsThem) {
  const Letters letters;
  std::vector<datasets::Document> documents;
  for (const char* text : {"xyz", "ab", "uvw"}) documents.push_back({.text = text});
  const PackedText packed = pack_documents(documents, letters, {.seq_len = 4, .special_tokens = false});
  EXPECT_EQ(packed.ids, (std::vector<int32_t>{'x', 'y', 'z', 3, 2, 3, 'u', 'v'}));  // "w" and its EOS fill nothing
  EXPECT_EQ(packed.stream, 10U);
  EXPECT_EQ(packed.sequences(), 2U);
  const PackedText with_bos = pack_documents(documents, letters, {.seq_len = 4});
  EXPECT_EQ(with_bos.ids.front(), 1);
  EXPECT_EQ(with_bos.stream, 13U);
  EXPECT_NE(packed.sha256, with_bos.sha256);
  for (int n = 0; n < 200; ++n) documents.push_back({.text = std::string(static_cast<std::size_t>(n % 17), 'k')});
  EXPECT_EQ(pack_documents(documents, letters, {.seq_len = 4, .threads = 5}).ids,
            pack_documents(documents, letters, {.seq_len = 4, .threads = 1}).ids);
}

TEST(Packing, HeldOutDocumentsAreNotTrainedOn) {
  datasets::DocumentSet all;
  for (int n = 0; n < 50; ++n) all.documents.push_back({.id = std::to_string(n), .text = "x"});
  const DocumentSplit split = hold_out(all, 0.1, 7);
  EXPECT_EQ(split.held_out.documents.size(), 5U);
  std::set<std::string> ids;
  for (const auto* part : {&split.train, &split.held_out})
    for (const auto& document : part->documents) ids.insert(document.id);
  EXPECT_EQ(ids.size(), 50U);
  EXPECT_EQ(hold_out(all, 0, 7).held_out.documents.size(), 1U) << "at least one";
  EXPECT_NE(hold_out(all, 0.1, 8).held_out.documents[0].id, split.held_out.documents[0].id);
  EXPECT_ERROR(hold_out({.documents = {{.id = "a"}}}, 0.5, 7), ErrorKind::kBadData, "no_documents");
}

TEST(Packing, PairsKeepTheEndOfThePromptAndTheBeginOfTheAnswers) {
  const Letters letters;
  const auto made = [&](const char* prompt, const char* chosen, const char* rejected, PairLimits limits) {
    return tokenize_pairs({{.prompt = prompt, .chosen = chosen, .rejected = rejected}}, letters, limits).front();
  };
  const TokenizedPair whole = made("xyz", "u", "vw", {.max_length = 7, .max_prompt_length = 2});
  EXPECT_EQ(whole.prompt, (TokenIds{1, 'x', 'y', 'z'}));
  EXPECT_EQ(whole.chosen, (TokenIds{'u', 3}));
  EXPECT_EQ(whole.rejected, (TokenIds{'v', 'w', 3}));
  const TokenizedPair cut = made("xyz", "u", "vw", {.max_length = 6, .max_prompt_length = 2});
  EXPECT_EQ(cut.prompt, (TokenIds{'y', 'z'}));
  EXPECT_EQ(cut.rejected, (TokenIds{'v', 'w', 3}));
  const TokenizedPair tight = made("xyz", "u", "vwxyz", {.max_length = 5, .max_prompt_length = 2});
  EXPECT_EQ(tight.prompt, (TokenIds{'y', 'z'}));
  EXPECT_EQ(tight.chosen, (TokenIds{'u', 3}));
  EXPECT_EQ(tight.rejected, (TokenIds{'v', 'w', 'x'}));
  EXPECT_ERROR(made("x", "u", "v", {.max_length = 2, .max_prompt_length = 2}), ErrorKind::kUsage, "bad_value");
}

TEST(Scoring, TruncationKeepsTheEnd) {
  TokenPair pair{.context = {1, 2, 3, 4}, .continuation = {5, 6}};
  EXPECT_EQ(truncate_left(pair, 5), 0U);
  EXPECT_EQ(truncate_left(pair, 3), 2U);
  EXPECT_EQ(pair.context, (TokenIds{3, 4}));
  EXPECT_EQ(truncate_left(pair, 2), 1U);
  EXPECT_EQ(pair.context, (TokenIds{4}));
  EXPECT_ERROR(truncate_left(pair, 1), ErrorKind::kBadData, "continuation_too_long");
}

TEST(Scoring, AnswersTakeTheFirstOfTheBestPlainAndByLength) {
  datasets::Question question;
  for (const char* text : {"ééé", "abcd", "ab"}) question.choices.push_back({.text = text});
  const Answer answer = answer_of(question, {-3.0, -3.9, -3.0});
  EXPECT_EQ(answer.plain, 0U);
  EXPECT_EQ(answer.by_characters, 1U);  // -1, -0.975, -1.5
  EXPECT_EQ(answer.by_bytes, 0U);       // -0.5, -0.975, -1.5
}

TEST(Scoring, ChoicesWithOneContextAreOneItem) {
  const Letters letters;
  const PairEncoder encoder(letters, false);
  datasets::MultipleChoiceDataset dataset;
  dataset.subjects.resize(1);
  dataset.questions.push_back({.choices = {{"q", " a", "a"}, {"q", " c", "c"}}});
  dataset.questions.push_back({.choices = {{"x one", " y", ""}, {"x two", " y", ""}}});
  const auto shared = prepare_questions(dataset, {"p"}, encoder, {.max_length = 8});
  EXPECT_EQ(shared.items.size(), 3U);
  EXPECT_EQ(shared.items[0].continuations.size(), 2U);
  EXPECT_EQ(shared.places[0][1].item, 0U);
  EXPECT_EQ(shared.places[1][1].item, 2U);
  EXPECT_EQ(shared.items[0].context, (TokenIds{'p', 'q'}));
  const auto alone = prepare_questions(dataset, {"p"}, encoder, {.max_length = 8, .share_contexts = false});
  EXPECT_EQ(alone.items.size(), 4U);
  EXPECT_EQ(alone.truncated, 0U);
  EXPECT_EQ(prepare_questions(dataset, {"p"}, encoder, {.max_length = 2}).truncated, 4U);
}

}  // namespace
}  // namespace frugal
