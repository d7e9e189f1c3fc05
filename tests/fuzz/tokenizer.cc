// Any bytes as a text: tokens of the vocabulary, in samples of the right length whose mask and types fit.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/files.h"
#include "tasks/text/tokenizer.h"
#include "tasks/text/unicode.h"

namespace {

using namespace fastc;

Tokenizer make(const char* type) {
  static const auto folder = TempDir::make();
  if (!folder || !write_atomic(folder->path() / "v", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##a\nab\n##b\n\u00e9\n\u5929\n!\n")) std::abort();
  TokenizerOptions options;
  options.type = type, options.vocabulary = "v", options.accents = "keep";
  auto made = Tokenizer::make(options, folder->path(), 16, "");
  if (!made) std::abort();
  return std::move(*made);
}

void check(const Tokenizer& tokenizer, const std::string& first, const std::string& second) {
  const std::string pair[] = {first, second};
  for (const size_t texts : {1, 2}) {
    const Tokens tokens = tokenizer.encode(std::span(pair).first(texts));
    if (tokens.ids.size() != 16 || tokens.mask.size() != 16 || tokens.types.size() != 16) std::abort();
    for (size_t i = 0; i < 16; ++i) {
      if (tokens.ids[i] < 0 || tokens.ids[i] >= tokenizer.vocabulary_size() || (tokens.mask[i] == 0 && tokens.ids[i] != 0)) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Tokenizer kPieces = make("wordpiece"), kWords = make("word");
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (first_bad_utf8(encode_utf8(decode_utf8(text)))) std::abort();
  check(kPieces, text, text.substr(size / 2));
  check(kWords, text, text.substr(size / 3));
  return 0;
}
