#include "tasks/text/tokenizer.h"

#include <algorithm>

#include "base/json.h"
#include "tasks/text/unicode.h"

namespace fastc {
namespace {

constexpr size_t kLongestWord = 100;  // characters; BERT's max_input_chars_per_word

// How many tokens of each text stay where `room` is too small for both: the longer one is cut first ("longest_first" of
// Hugging Face's tokenizers, whose rounding this is).
std::pair<size_t, size_t> cut_pair(size_t a, size_t b, size_t room) {
  if (a + b <= room) return {a, b};
  size_t shorter = std::min(a, b), longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) shorter = room / 2, longer = room - shorter;
  return a > b ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

}  // namespace

const OptionSet<TokenizerOptions>& tokenizer_options() {
  using T = TokenizerOptions;
  static const auto set =
      OptionSet<T>("How texts become numbers")
          .choice("type", &T::type, {"wordpiece", "word"}, "pieces of words (BERT), or whole words")
          .text("vocabulary", &T::vocabulary, "a file with one token on each line, numbered from 0")
          .required()
          .choice("split", &T::split, {"auto", "basic", "space"}, "basic: at white space, punctuation and ideographs (BERT); space: at white space; auto: basic for wordpiece, space for word")
          .flag("lowercase", &T::lowercase, "letters become small ones")
          .choice("accents", &T::accents, {"auto", "strip", "keep"}, "strip: é becomes e; auto: strip where `lowercase` is set")
          .integer("max_length", &T::max_length, "tokens of a sample: longer texts are cut, shorter ones padded; absent: what the network takes, or 128", range(1, 1 << 20))
          .choice("enclose", &T::enclose, {"auto", "yes", "no"}, "put `begin` before and `end` after a text; auto: for wordpiece")
          .text("unknown", &T::unknown, "stands for what the vocabulary does not hold")
          .text("padding", &T::padding, "fills a short sample")
          .text("begin", &T::begin, "before the first text")
          .text("end", &T::end, "after each text");
  return set;
}

Result<Tokenizer> Tokenizer::make(const TokenizerOptions& options, const std::filesystem::path& folder, int64_t length, std::string_view place) {
  FASTC_TRY(Vocabulary vocabulary, Vocabulary::read(folder / options.vocabulary));
  Tokenizer out(std::move(vocabulary));
  out.pieces_ = options.type == "wordpiece";
  out.basic_ = options.split == "auto" ? out.pieces_ : options.split == "basic";
  out.lowercase_ = options.lowercase;
  out.strip_ = options.accents == "auto" ? options.lowercase : options.accents == "strip";
  out.enclose_ = options.enclose == "auto" ? out.pieces_ : options.enclose == "yes";
  out.length_ = length;
  FASTC_TRY(out.unknown_, out.vocabulary_.need(options.unknown, "for what is unknown"));
  FASTC_TRY(out.padding_, out.vocabulary_.need(options.padding, "for padding"));
  if (out.enclose_) {
    FASTC_TRY(out.begin_, out.vocabulary_.need(options.begin, "before a text"));
    FASTC_TRY(out.end_, out.vocabulary_.need(options.end, "after a text"));
    if (length < 3) return usage_error("{}/max_length: expected at least 3, as two or three tokens enclose the texts, found {}", place, length);
  }
  return out;
}

std::vector<int32_t> Tokenizer::tokens(std::string_view text) const {
  std::vector<int32_t> out;
  for (const auto& word : words_of(text, basic_, lowercase_, strip_)) add_word(word, out);
  return out;
}

void Tokenizer::add_word(std::u32string_view word, std::vector<int32_t>& out) const {
  if (!pieces_) {
    out.push_back(vocabulary_.find(encode_utf8(word)).value_or(unknown_));
  } else if (word.size() > kLongestWord) {
    out.push_back(unknown_);
  } else {
    add_pieces(encode_utf8(word), out);
  }
}

void Tokenizer::add_pieces(std::string_view word, std::vector<int32_t>& out) const {
  const size_t before = out.size();
  const auto starts_character = [&](size_t at) { return at == word.size() || (static_cast<unsigned char>(word[at]) & 0xC0) != 0x80; };
  std::string piece;
  for (size_t at = 0; at < word.size();) {
    const std::string_view mark = at == 0 ? "" : "##";
    std::optional<int32_t> found;
    size_t end = std::min(word.size(), at + vocabulary_.longest());
    for (; end > at; --end) {
      if (!starts_character(end)) continue;
      piece.assign(mark).append(word.substr(at, end - at));
      found = vocabulary_.find(piece);
      if (found) break;
    }
    if (!found) {
      out.resize(before);
      out.push_back(unknown_);
      return;
    }
    out.push_back(*found);
    at = end;
  }
}

Tokens Tokenizer::encode(std::span<const std::string> texts) const {
  std::vector<int32_t> first = texts.empty() ? std::vector<int32_t>{} : tokens(texts[0]);
  std::vector<int32_t> second = texts.size() < 2 ? std::vector<int32_t>{} : tokens(texts[1]);
  const bool pair = texts.size() > 1;
  const auto room = static_cast<size_t>(length_ - (enclose_ ? (pair ? 3 : 2) : 0));
  const auto [a, b] = pair ? cut_pair(first.size(), second.size(), room) : std::pair(std::min(first.size(), room), size_t{0});
  Tokens out;
  const auto add = [&](int32_t id, int32_t type) { out.ids.push_back(id), out.types.push_back(type); };
  if (enclose_) add(begin_, 0);
  for (size_t i = 0; i < a; ++i) add(first[i], 0);
  if (enclose_) add(end_, 0);
  for (size_t i = 0; i < b; ++i) add(second[i], 1);
  if (enclose_ && pair) add(end_, 1);
  const auto length = static_cast<size_t>(length_);
  out.mask.assign(out.ids.size(), 1);
  out.ids.resize(length, padding_), out.types.resize(length, 0), out.mask.resize(length, 0);
  return out;
}

}  // namespace fastc
