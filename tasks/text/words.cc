// Text → words: BERT's BasicTokenizer (Devlin et al. 2018; google-research/bert, tokenization.py), in the order in which Hugging
// Face's tokenizers has it: clean, ideographs apart, accents off, lower case, then the cut.
#include "tasks/text/tokenizer.h"
#include "tasks/text/unicode.h"

namespace fastc {
namespace {

std::u32string clean(std::u32string_view text, bool basic) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    if (c == 0 || c == 0xFFFD || is_control(c)) {
      continue;  // U+0085 too, which is also white space
    } else if (is_whitespace(c)) {
      out += U' ';
    } else if (basic && is_cjk(c)) {
      out += {U' ', c, U' '};
    } else {
      out += c;
    }
  }
  return out;
}

std::u32string without_accents(std::u32string_view text) {
  std::u32string out = decompose(text);
  std::erase_if(out, is_nonspacing_mark);
  return out;
}

}  // namespace

std::vector<std::u32string> words_of(std::string_view text, bool basic, bool lowercase, bool strip_accents) {
  std::u32string all = clean(decode_utf8(text), basic);
  if (strip_accents) all = without_accents(all);
  if (lowercase) all = lower_case(all);
  std::vector<std::u32string> words;
  bool open = false;  // the last word goes on
  for (const char32_t c : all) {
    const bool alone = basic && is_punctuation(c);
    if (is_whitespace(c)) {
      open = false;
    } else if (open && !alone) {
      words.back() += c;
    } else {
      words.emplace_back(1, c);
      open = !alone;
    }
  }
  return words;
}

}  // namespace fastc
