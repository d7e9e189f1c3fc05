#include "tasks/text/tokenizer.h"

#include "tasks/text/unicode.h"
#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

using Ids = std::vector<int32_t>;

//                       0      1      2      3     4   5   6    7     8      9     10  11  12
const char* kTokens = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\nwant\n##want\n##ed\nwanted\nrunn\n##ing\n,\n\u5929\n";

Result<Tokenizer> tokenizer(const TempDir& dir, TokenizerOptions options = {}, int64_t length = 8, const std::string& vocabulary = kTokens) {
  write(dir, "v", vocabulary);
  options.vocabulary = "v";
  return Tokenizer::make(options, dir.path(), length, "/t");
}

std::vector<std::string> words(const std::string& text, bool basic = true, bool lowercase = true, bool strip = true) {
  std::vector<std::string> out;
  for (const auto& word : words_of(text, basic, lowercase, strip)) out.push_back(encode_utf8(word));
  return out;
}
using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("basic words: small letters without accents, punctuation and ideographs alone") {
  CHECK(words("Hello,World! \u00c9t\u00e9") == Words{"hello", ",", "world", "!", "ete"});
  CHECK(words("ah\u535a\u63a8zz") == Words{"ah", "\u535a", "\u63a8", "zz"});
  CHECK(words("\u00c4\u00f6\u00fc\u00df") == Words{"aou\u00df"});
  CHECK(words("e\u0301") == Words{"e"});  // an accent of its own
  CHECK(words("\u00c9", true, true, false) == Words{"\u00e9"});
  CHECK(words("\u00c9", true, false, false) == Words{"\u00c9"});
  CHECK(words("\u0130", true, true, false) == Words{"i\u0307"});
  CHECK(words("a\u00a0b\u3000c\td") == Words{"a", "b", "c", "d"});  // white space of all kinds
  CHECK(words("x\u0085y") == Words{"xy"});
  CHECK(words(std::string("a\0b\u200bc\u007f\ufffd", 11)) == Words{"abc"});  // controls, zero width, replacement
  CHECK(words("3$^`~+<|\u20ac\u300c\u2014") == Words{"3", "$", "^", "`", "~", "+", "<", "|", "\u20ac", "\u300c", "\u2014"});
  CHECK(words("\uc548\ub155")[0].size() == 18);  // Hangul comes apart under NFD, as in BERT
  CHECK(words("   ").empty());
  CHECK(words("").empty());
}

TEST_CASE("words by white space keep their punctuation") {
  CHECK(words("It 's  \u5929a", false) == Words{"it", "'s", "\u5929a"});
  CHECK(words("a\u00a0b\tc\n", false) == Words{"a", "b", "c"});
}

TEST_CASE("the longest piece wins, pieces continue with ##, a word with a missing part is unknown") {
  const auto dir = TempDir::make();
  const auto t = tokenizer(*dir);
  REQUIRE(t);
  CHECK(t->tokens("UNwanted,running") == Ids{4, 6, 7, 11, 9, 10});
  CHECK(t->tokens("wanted wante want") == Ids{8, 1, 5});
  CHECK(t->tokens("runn\u00e9\u00efng") == Ids{1});
  CHECK(t->tokens("unwantedX") == Ids{1});  // not un ##want ##ed [UNK]
  CHECK(t->tokens("\u5929\u5730") == Ids{12, 1});
  CHECK(t->tokens("[SEP]") == Ids{1, 1, 1});  // in a text the marks are text
  CHECK(t->tokens("").empty());
}

TEST_CASE("a word of more than 100 characters is unknown") {
  const auto dir = TempDir::make();
  const auto t = tokenizer(*dir, {}, 8, "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##a\n");
  REQUIRE(t);
  CHECK(t->tokens(std::string(100, 'a')).size() == 100);
  CHECK(t->tokens(std::string(101, 'a')) == Ids{1});
}

TEST_CASE("samples are enclosed, cut and padded to one length, with mask and types") {
  const auto dir = TempDir::make();
  const auto t = tokenizer(*dir);
  REQUIRE(t);
  const std::string one[] = {"want , want"}, pair[] = {"want", ", un"}, longer[] = {"want want want want want want", "un un un"}, none[] = {""};
  const Tokens single = t->encode(one);
  CHECK(single.ids == Ids{2, 5, 11, 5, 3, 0, 0, 0});
  CHECK(single.mask == std::vector<uint8_t>{1, 1, 1, 1, 1, 0, 0, 0});
  CHECK(single.types == Ids(8, 0));
  const Tokens both = t->encode(pair);
  CHECK(both.ids == Ids{2, 5, 3, 11, 4, 3, 0, 0});
  CHECK(both.types == Ids{0, 0, 0, 1, 1, 1, 0, 0});
  CHECK(t->encode(longer).ids == Ids{2, 5, 5, 5, 3, 4, 4, 3});  // five places for 6 and 3: the longer one has the odd one
  CHECK(t->encode(none).ids == Ids{2, 3, 0, 0, 0, 0, 0, 0});
  const auto shortest = tokenizer(*dir, {}, 3);
  REQUIRE(shortest);
  CHECK(shortest->encode(one).ids == Ids{2, 5, 3});
  CHECK(shortest->encode(longer).ids == Ids{2, 3, 3});
}

TEST_CASE("whole words, neither enclosed nor split at punctuation") {
  const auto dir = TempDir::make();
  TokenizerOptions options;
  options.type = "word";
  const auto t = tokenizer(*dir, options, 4, "[PAD]\n[UNK]\nit\n's\ngood.\n");
  REQUIRE(t);
  const std::string text[] = {"It 's bad good. good."};
  CHECK(t->encode(text).ids == Ids{2, 3, 1, 4});
}

TEST_CASE("vocabularies: lines are numbers, a token that stands twice has the later one") {
  const auto dir = TempDir::make();
  write(*dir, "v", "a\r\n\nb\na\n");
  const auto v = Vocabulary::read(dir->path() / "v");
  REQUIRE(v);
  CHECK(v->size() == 4);
  CHECK(v->find("a") == 3);
  CHECK(v->find("") == 1);
  CHECK(v->find("b") == 2);
  CHECK_FALSE(v->find("c"));
}

TEST_CASE("vocabularies and options that do not fit") {
  const auto dir = TempDir::make();
  const auto message = [&](const std::string& vocabulary, int64_t length = 8) {
    const auto t = tokenizer(*dir, {}, length, vocabulary);
    return t ? "" : t.error().message.substr(t.error().message.starts_with("/t/") ? 0 : dir->path().string().size() + 1);
  };
  CHECK(message(kTokens) == "");
  CHECK(message("") == "v: expected a token on each line, found an empty file");
  CHECK(message("a\n\xc3\x28\n") == "v, line 2: expected UTF-8, found the byte 0xc3");
  CHECK(message("[PAD]\nx\n") == "v: expected the token \"[UNK]\" (for what is unknown) among its 2, found none");
  CHECK(message("[PAD]\n[UNK]\n[CLS]\n") == "v: expected the token \"[SEP]\" (after a text) among its 3, found none");
  CHECK(message(kTokens, 2) == "/t/max_length: expected at least 3, as two or three tokens enclose the texts, found 2");
}

TEST_CASE("UTF-8: overlong forms, surrogates and what ends too early are not well-formed") {
  CHECK_FALSE(first_bad_utf8("a\u00e9\u5929\U0001F600"));
  CHECK(first_bad_utf8("a\xff") == 1);
  CHECK(first_bad_utf8("\xc0\x80") == 0);
  CHECK(first_bad_utf8("ab\xed\xa0\x80") == 2);
  CHECK(first_bad_utf8("\xe5\xa4") == 0);
  CHECK(first_bad_utf8("\xf4\x90\x80\x80") == 0);  // beyond U+10FFFF
  CHECK(encode_utf8(decode_utf8("x\u5929\U0001F600")) == "x\u5929\U0001F600");
}
