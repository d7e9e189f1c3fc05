// Texts → numbers of a vocabulary, as the graph's inputs ask: ids, attention mask, token types, all of one length.
//
//   "wordpiece"  Wu et al. 2016, as BERT has it: words (below), each cut into the longest pieces that the vocabulary holds, from
//                the left; a piece that continues a word is written "##piece". A word with a part that is not there, or of more
//                than 100 characters, is the unknown token.
//   "word"       a word is one token, or unknown.
//
// Words: control characters go, white space separates. With "split" "basic" (BERT's BasicTokenizer) every CJK ideograph and every
// punctuation character is a word of its own; with "space" white space alone separates. "lowercase", and without "accents" (NFD,
// then no nonspacing marks), come before the cut.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"
#include "tasks/text/vocabulary.h"

namespace fastc {

struct TokenizerOptions {
  std::string type = "wordpiece";
  std::string vocabulary;
  std::string split = "auto";          // "basic" for wordpiece, "space" for word
  bool lowercase = true;
  std::string accents = "auto";        // "strip", "keep"; auto: stripped where letters become small ones
  std::optional<int64_t> max_length;   // absent: what the network takes, or 128
  std::string enclose = "auto";        // "yes" for wordpiece, "no" for word
  std::string unknown = "[UNK]", padding = "[PAD]", begin = "[CLS]", end = "[SEP]";
};
const OptionSet<TokenizerOptions>& tokenizer_options();

struct Tokens {
  std::vector<int32_t> ids;
  std::vector<uint8_t> mask;   // 1 for tokens of the text, 0 for padding
  std::vector<int32_t> types;  // 0 for the first text, 1 for the second
};

class Tokenizer {
 public:
  // `length`: of every sample; at least what the enclosing tokens take. Relative paths are relative to `folder`.
  static Result<Tokenizer> make(const TokenizerOptions& options, const std::filesystem::path& folder, int64_t length, std::string_view place);

  // One text, or a pair: [begin] a [end] b [end]. What is too long is cut at its end, of a pair the longer text first.
  Tokens encode(std::span<const std::string> texts) const;
  std::vector<int32_t> tokens(std::string_view text) const;  // of one text, neither enclosed nor cut
  int64_t length() const { return length_; }
  int64_t vocabulary_size() const { return vocabulary_.size(); }

 private:
  explicit Tokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  void add_word(std::u32string_view word, std::vector<int32_t>& out) const;
  void add_pieces(std::string_view word, std::vector<int32_t>& out) const;

  Vocabulary vocabulary_;
  bool pieces_ = true, basic_ = true, lowercase_ = true, strip_ = true, enclose_ = true;
  int32_t unknown_ = 0, padding_ = 0, begin_ = 0, end_ = 0;
  int64_t length_ = 0;
};

// The words of a text, as "split", "lowercase" and "accents" say.
std::vector<std::u32string> words_of(std::string_view text, bool basic, bool lowercase, bool strip_accents);

}  // namespace fastc
