#include "base/npy.h"

#include <cstring>

#include "tests/catch.h"

using namespace fastc;

namespace {

SharedBytes shared_copy(const std::string& text) {
  auto owner = std::make_shared<std::string>(text);
  return {as_bytes_of(*owner), owner};
}

// A .npy of the given version with this header text and data.
std::string npy(const std::string& header, const std::string& data, int major = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(major);
  out += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) out += static_cast<char>(header.size() >> (8 * i));
  return out + header + data;
}

const char kGood[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n";

}  // namespace

TEST_CASE("an array is written and read back") {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const auto dir = TempDir::make();
  const auto path = dir->path() / "x.npy";
  const auto array = make_npy("<f4", {2, 3}, std::as_bytes(std::span(values)));
  REQUIRE(write_npy(path, array));
  const auto back = read_npy(path);
  REQUIRE(back);
  CHECK(back->descr == "<f4");
  CHECK(back->shape == std::vector<int64_t>{2, 3});
  CHECK(back->elements() == 6);
  REQUIRE(back->data.bytes.size() == sizeof values);
  CHECK(std::memcmp(back->data.bytes.data(), values, sizeof values) == 0);
  CHECK(reinterpret_cast<uintptr_t>(back->data.bytes.data()) % 64 == 0);
}

TEST_CASE("the header is NumPy's own") {  // np.lib.format.header_data_from_array_1_0, byte by byte
  CHECK(npy_header("<f4", {2, 3}).substr(10, 61) == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  ");
  CHECK(npy_header("|u1", {3}).substr(10, 57) == "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }");
  CHECK(npy_header("<i8", {}).substr(10, 55) == "{'descr': '<i8', 'fortran_order': False, 'shape': (), }");
  CHECK(npy_header("<i8", {}).size() % 64 == 0);
  CHECK(npy_header("<i8", {}).back() == '\n');
}

TEST_CASE("versions 2 and 3, other key orders and a scalar are read") {
  CHECK(parse_npy(shared_copy(npy(kGood, std::string(8, '\0'), 2)), "x"));
  CHECK(parse_npy(shared_copy(npy(kGood, std::string(8, '\0'), 3)), "x"));
  const auto scalar = parse_npy(shared_copy(npy("{\"shape\":(),\"fortran_order\":False,\"descr\":\"<i8\"}", std::string(8, '\1'))), "x");
  REQUIRE(scalar);
  CHECK(scalar->elements() == 1);
  CHECK(parse_npy(shared_copy(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (3L,), }", "abc")), "x")->shape == std::vector<int64_t>{3});
  CHECK(parse_npy(shared_copy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4611686018427387904), }", "")), "x")->elements() == 0);
}

TEST_CASE("broken .npy files") {
  const std::string eight(8, '\0');
  const auto header = [](const std::string& descr, const std::string& order, const std::string& shape) {
    return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  };
  const struct {
    std::string file, message;
  } kCases[] = {
      {"", "x: expected a .npy file, found other bytes at its start"},
      {"PK\3\4 a zip archive", "x: expected a .npy file, found other bytes at its start"},
      {"\x93NUMPY", "x: expected a .npy header, found the end of the file"},
      {npy(kGood, eight, 4), "x: expected .npy version 1, 2 or 3, found 4"},
      {npy(kGood, eight).substr(0, 30), "x: expected a .npy header of 60 bytes, found the end of the file"},
      {npy(std::string(1 << 21, ' '), "", 2), "x: expected a .npy header of at most 1048576 bytes, found 2097152"},
      {npy("", ""), "x: expected '{' in the .npy header, found \"\""},
      {npy("{'descr': '<f4'", ""), "x: expected a key and ':' in the .npy header, found \"\""},
      {npy("{'descr': '<f4'}", ""), "x: expected descr, fortran_order and shape in the .npy header, found \"\""},
      {npy("{'colour': 'red'}", ""), "x: expected descr, fortran_order or shape in the .npy header, found \"'red'}\""},
      {npy(header("'>f4'", "False", "(1, 2)"), eight), "x: expected elements of <f4, <f8, <f2, <i8, <i4, <i2, |i1, |u1 or |b1, found >f4"},
      {npy(header("'|O'", "False", "(1, 2)"), eight), "x: expected elements of <f4, <f8, <f2, <i8, <i4, <i2, |i1, |u1 or |b1, found |O"},
      {npy(header("[('a', '<f4')]", "False", "(1, 2)"), eight), "x: expected a plain element type, found a structured one"},
      {npy(header("'<f4'", "maybe", "(1, 2)"), eight), "x: expected True or False in the .npy header, found \", 'shape': (1, 2), }\""},
      {npy(header("'<f4'", "True", "(1, 2)"), eight), "x: expected rows one after another (C order), found Fortran order; save numpy.ascontiguousarray(x)"},
      {npy(header("'<f4'", "False", "(-1, 2)"), eight), "x: expected a shape of at most 32 sizes in the .npy header, found \"-1, 2), }\""},
      {npy(header("'<f4'", "False", "(99999999999999999999,)"), eight), "x: expected a shape of at most 32 sizes in the .npy header, found \"99,), }\""},
      {npy(header("'<f4'", "False", "(4611686018427387904, 4)"), eight), "x: its shape has more elements than memory can hold"},
      {npy(kGood, "1234567"), "x: expected 8 bytes of data, found 7"},
      {npy(kGood, "123456789"), "x: expected 8 bytes of data, found 9"},
  };
  for (const auto& c : kCases) {
    const auto array = parse_npy(shared_copy(c.file), "x");
    REQUIRE_FALSE(array);
    CHECK(array.error().message == c.message);
    CHECK(array.error().cls == ErrorClass::kInput);
  }
}

TEST_CASE("an .npz is written and read by name") {
  const int64_t labels[] = {3, 1};
  const uint8_t pixels[] = {1, 2, 3, 4};
  const auto dir = TempDir::make();
  const auto path = dir->path() / "x.npz";
  REQUIRE(write_npz(path, {{"images", make_npy("|u1", {2, 2}, std::as_bytes(std::span(pixels)))},
                           {"labels", make_npy("<i8", {2}, std::as_bytes(std::span(labels)))}}));
  const auto npz = NpzReader::open(path);
  REQUIRE(npz);
  CHECK(npz->names() == std::vector<std::string>{"images", "labels"});
  CHECK(npz->has("labels"));
  const auto back = npz->read("labels");
  REQUIRE(back);
  CHECK(back->shape == std::vector<int64_t>{2});
  CHECK(std::memcmp(back->data.bytes.data(), labels, sizeof labels) == 0);
  CHECK(npz->read("lables").error().message == path.string() + ": expected an array \"lables\", found images and labels");
}

TEST_CASE("NumPy's own archives are read") {
  const auto path = test::test_data("zoo/resnet18.npz");
  if (!path) return;
  const auto npz = NpzReader::open(*path);
  REQUIRE(npz);
  const auto input = npz->read("input_0");
  REQUIRE(input);
  CHECK(input->descr == "<f4");
  CHECK(npz->read("batch3_input_0")->shape[0] == input->shape[0] + 1);
}
