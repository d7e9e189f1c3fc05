#include "tasks/tables/table.h"

#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

using Cells = std::vector<std::string>;
constexpr Delimited kCsv, kTsv{'\t', false, false};

Cells fields_of(const std::string& text, const Delimited& format = kCsv) {
  Cells fields;
  const auto taken = read_delimited(text, format, fields);
  if (!taken) return {"error: " + taken.error().message};
  fields.push_back("+" + std::to_string(*taken));
  return fields;
}

std::vector<Cells> rows_of(const Table& table) {
  std::vector<Cells> rows(static_cast<size_t>(table.rows()));
  for (size_t i = 0; i < rows.size(); ++i) REQUIRE(table.read(static_cast<int64_t>(i), rows[i]));
  return rows;
}

// Opens `bytes` as a file; the message without the folder.
template <typename Open>
std::string problem_of(const TempDir& dir, const std::string& bytes, Open open) {
  write(dir, "t", bytes);
  const auto table = open(dir.path() / "t");
  if (table) return "";
  std::string message = table.error().message;
  return message.erase(0, dir.path().string().size() + 1);
}

}  // namespace

TEST_CASE("rows of RFC 4180") {
  CHECK(fields_of("a,b\nc") == Cells{"a", "b", "+4"});
  CHECK(fields_of("a,b\r\nc") == Cells{"a", "b", "+5"});
  CHECK(fields_of("a,,") == Cells{"a", "", "", "+3"});
  CHECK(fields_of(R"("a","b ""c""",d)") == Cells{"a", "b \"c\"", "d", "+15"});
  CHECK(fields_of("\"a,b\nc\",d\nx") == Cells{"a,b\nc", "d", "+10"});
  CHECK(fields_of("\"\"\n") == Cells{"", "+3"});
  CHECK(fields_of(" a , b ") == Cells{" a ", " b ", "+7"});  // spaces are part of a field
  CHECK(fields_of("a\rb,c") == Cells{"a\rb", "c", "+5"});    // a line ends in LF or CRLF
  CHECK(fields_of("a;b,c", {';', true, true}) == Cells{"a", "b,c", "+5"});
  CHECK(fields_of("a \"b\"\tc", kTsv) == Cells{"a \"b\"", "c", "+7"});  // no quoting in TSV
  CHECK(fields_of("a\"b")[0] == "error: expected no quote inside a field that does not begin with one, found one at character 2; put the field in quotes and write \"\" for a quote");
  CHECK(fields_of("\"a\"b")[0] == "error: expected a separator or the line's end after a closing quote, found 'b'");
  CHECK(fields_of("\"a\n")[0] == "error: expected a closing quote, found the end of the file");
}

TEST_CASE("columns by name, by number, in any order and twice") {
  const auto dir = TempDir::make();
  write(*dir, "t", "\xEF\xBB\xBFtext,label,2\r\n\"x\ny\",1,p\r\n\r\nz,0,q\r\n");
  const auto table = open_delimited(dir->path() / "t", kCsv, {"label", "text", "2", "1", "text"}, {});
  REQUIRE(table);
  CHECK(rows_of(**table) == std::vector<Cells>{{"1", "x\ny", "p", "x\ny", "x\ny"}, {"0", "z", "q", "z", "z"}});  // the header's "2" goes before the number
  CHECK((*table)->where(0).ends_with("t, line 2"));
  CHECK((*table)->where(1).ends_with("t, line 5"));  // a row of two lines and a blank one before
  const auto limited = open_delimited(dir->path() / "t", kCsv, {"text"}, 1);
  REQUIRE(limited);
  CHECK((*limited)->rows() == 1);
  write(*dir, "t", "a\tb\t1\nc\td\n");
  const auto ragged = open_delimited(dir->path() / "t", kTsv, {"2"}, {});
  REQUIRE(ragged);
  CHECK(rows_of(**ragged) == std::vector<Cells>{{"b"}, {"d"}});  // TSV: what follows the columns asked for may be missing
}

TEST_CASE("broken CSV and TSV files") {
  const auto dir = TempDir::make();
  const std::string long_row(kLongestRow + 1, 'x');
  const struct {
    std::string bytes, column;
    bool header;
    std::string message;
  } kCases[] = {
      {"a,b\n1,2\n", "a", true, ""},
      {"", "a", true, "t: expected rows below a header, found none"},
      {"\n\n", "1", false, "t: expected rows, found none"},
      {"a,b\n", "a", true, "t: expected rows below a header, found none"},
      {"a,text\n1,2\n", "txt", true, "t, line 1: expected the column \"txt\" in the header, found a and text; did you mean \"text\"?"},
      {"a,a\n1,2\n", "a", true, "t, line 1: expected one column \"a\" in the header, found two"},
      {"a,b\n1,2\n", "3", false, "t, line 1: expected a column's number from 1 to 2, found \"3\""},
      {"a,b\n1,2\n", "0", false, "t, line 1: expected a column's number from 1 to 2, found \"0\""},
      {"a,b\n1\n", "a", true, "t, line 2: expected 2 fields, as in the first row, found 1"},
      {"a,b\n\"x\ny\",2\n1,2,3\n", "a", true, "t, line 4: expected 2 fields, as in the first row, found 3"},
      {"a,b\n1,\"2\n3,4\n", "a", true, "t, line 2: expected a closing quote, found the end of the file"},
      {"a\n\xff\n", "a", true, "t, line 2: expected UTF-8, found the byte 0xff at offset 2 of the file"},
      {"a\nb\n\xed\xa0\x80\n", "a", true, "t, line 3: expected UTF-8, found the byte 0xed at offset 4 of the file"},  // a surrogate
      {"a\n" + long_row + "\n", "a", true, "t, line 2: expected a row of at most 1048576 bytes, found a longer one; is a closing quote or a line's end missing?"},
      {"a\n\"" + long_row + "\n\"", "a", true, "t, line 2: expected a row of at most 1048576 bytes, found a longer one; is a closing quote or a line's end missing?"},
      {"a\n" + std::string(kMostFields, ',') + "\n", "a", true, "t, line 2: expected at most 65536 fields in a row, found more"},
  };
  for (const auto& c : kCases) {
    CHECK(problem_of(*dir, c.bytes, [&](const auto& path) { return open_delimited(path, {',', true, c.header}, {c.column}, {}); }) == c.message);
  }
  CHECK(problem_of(*dir, "a\tb\nc\n", [](const auto& path) { return open_delimited(path, kTsv, {"2"}, {}); }) ==
        "t, line 2: expected 2 fields, as the last column asked for, found 1");
  CHECK_FALSE(open_delimited(dir->path() / "none", kCsv, {"a"}, {}));
}

TEST_CASE("JSON lines: keys in any order, numbers and truth as they are written") {
  const auto dir = TempDir::make();
  write(*dir, "t", "{\"a\": \"x\\n\\u00e9\", \"b\": 2.5}\r\n\n{\"b\": true, \"a\": \"\", \"c\": [1]}");
  const auto table = open_json_lines(dir->path() / "t", {"a", "b"}, {});
  REQUIRE(table);
  CHECK(rows_of(**table) == std::vector<Cells>{{"x\n\u00e9", "2.5"}, {"", "true"}});
  CHECK((*table)->where(1).ends_with("t, line 3"));
}

TEST_CASE("broken JSON lines") {
  const auto dir = TempDir::make();
  const struct {
    std::string bytes, message;
  } kCases[] = {
      {"", "t: expected a JSON object on each line, found none"},
      {"{\"text\": \"x\"}\n[1]\n", "t, line 2: expected a JSON object, found a list of 1"},
      {"{\"text\": \"x\"}\n\n{\"txt\": 1}\n", "t, line 3: expected the key \"text\", found txt; did you mean \"txt\"?"},
      {"{}\n", "t, line 1: expected the key \"text\", found none"},
      {"{\"text\": null}\n", "t, line 1: expected a text or a number at \"text\", found null"},
      {"{\"text\": {}}\n", "t, line 1: expected a text or a number at \"text\", found an object"},
      {"{\"text\": \"" + std::string(kLongestRow, 'x') + "\"}\n", "t, line 1: expected a row of at most 1048576 bytes, found a longer one; is a closing quote or a line's end missing?"},
  };
  const auto open = [](const auto& path) { return open_json_lines(path, {"text"}, {}); };
  for (const auto& c : kCases) CHECK(problem_of(*dir, c.bytes, open) == c.message);
  for (const char* bytes : {"{\"text\": \"x\"\n", "{\"text\": \"\xff\"}\n", "{\"text\": 1, \"text\": 2}\n", "x\n"}) {
    CHECK(problem_of(*dir, bytes, open).starts_with("t, line 1: "));
  }
}
