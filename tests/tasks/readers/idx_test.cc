#include <zlib.h>

#include "tests/tasks/helpers.h"

using namespace fastc;
using namespace fastc::test;

namespace {

std::string sizes(std::initializer_list<uint32_t> values) {
  std::string out;
  for (const uint32_t value : values) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  }
  return out;
}

std::string idx(int rank, std::initializer_list<uint32_t> shape, const std::string& data, int type = 8) {
  return std::string("\0\0", 2) + static_cast<char>(type) + static_cast<char>(rank) + sizes(shape) + data;
}

std::string gzipped(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

const std::string kImages = idx(3, {2, 2, 3}, "abcdefABCDEF"), kLabels = idx(1, {2}, std::string("\5\2"));

}  // namespace

TEST_CASE("IDX images and labels, plain and gzipped, are the same") {
  const auto dir = TempDir::make();
  write(*dir, "images", kImages);
  write(*dir, "labels", kLabels);
  write(*dir, "images.gz", gzipped(kImages));
  write(*dir, "labels.gz", gzipped(kLabels));
  for (const char* recipe : {R"({"format": "idx", "images": "images", "labels": "labels", "scale": 1})",
                             R"({"format": "idx", "images": "images.gz", "labels": "labels.gz", "scale": 1})"}) {
    const auto data = open_text(*dir, recipe);
    REQUIRE(data);
    CHECK((*data)->size() == 2);
    CHECK(type_text((*data)->input_types()[0]) == "f32[N,1,2,3]");
    const int64_t indices[] = {1, 0};
    const auto batch = (*data)->batch(indices);
    CHECK(batch->inputs[0].values<float>()[0] == 'A');
    CHECK(batch->inputs[0].values<float>()[11] == 'f');
    CHECK(batch->labels.values<int64_t>()[0] == 2);
  }
}

TEST_CASE("grey images take the shape that the network wants, if it holds the same pixels") {
  const auto dir = TempDir::make();
  write(*dir, "images", kImages);
  const std::string recipe = R"({"format": "idx", "images": "images"})";
  for (const auto& sample : {std::vector<int64_t>{1, 2, 3}, {2, 3}, {6}}) {
    const auto data = open_text(*dir, recipe, {{"x", type_of_text(DType::kF32, sample)}});
    REQUIRE(data);
    const int64_t indices[] = {0};
    CHECK((*data)->batch(indices)->inputs[0].rank() == static_cast<int64_t>(sample.size()) + 1);
    CHECK((*data)->input_names()[0] == "x");
  }
  CHECK(problem(*dir, recipe, {{"x", type_of_text(DType::kF32, {3, 2})}}) ==
        "/task/train: expected samples for the network's input x of type f32[N,3,2], found 1x2x3");
}

TEST_CASE("broken IDX files") {
  const auto dir = TempDir::make();
  const std::string packed = gzipped(kImages);
  const struct {
    std::string images, labels, message;
  } kCases[] = {
      {kImages, kLabels, ""},
      {"", kLabels, "images: expected an IDX file, plain or gzipped, found other bytes at its start"},
      {"\x89PNG", kLabels, "images: expected an IDX file, plain or gzipped, found other bytes at its start"},
      {idx(3, {2, 2, 3}, "abcdefABCDEF", 13), kLabels, "images: expected unsigned bytes (IDX type 0x08), found type 0x0d"},
      {idx(7, {2, 2, 3}, ""), kLabels, "images: expected an IDX file of rank 1 to 4, found rank 7"},
      {kLabels, kLabels, "images: expected an IDX file of images (rank 3 or 4), found rank 1"},
      {kImages.substr(0, 12), kLabels, "images: expected 3 sizes in the IDX header, found the end of the file"},
      {kImages.substr(0, 20), kLabels, "images: expected 12 bytes of data, found 4"},
      {kImages + "x", kLabels, "images: expected 12 bytes of data, found 13"},
      {idx(4, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, ""), kLabels, "images: its sizes multiply to more than memory can hold"},
      {idx(3, {2, 0, 3}, ""), kLabels, "images: expected images of at least one pixel, found 0x3"},
      {idx(3, {0, 2, 3}, ""), idx(1, {0}, ""), "/task/train: expected samples, found none"},
      {kImages, kImages, "labels: expected an IDX file of rank 1, found rank 3"},
      {kImages, idx(1, {3}, "abc"), "/task/train: expected 2 labels, one a sample, found 3"},
      {gzipped(""), kLabels, "images: expected an IDX file, plain or gzipped, found other bytes at its start"},
      {gzipped(kImages.substr(0, 20)), kLabels, "images: expected 12 bytes of data, found the end or damage after 4"},
      {gzipped(kImages + "x"), kLabels, "images: expected the end after 12 bytes of data, found more, or a wrong checksum"},
      {packed.substr(0, packed.size() - 9), kLabels, "images: expected the end after 12 bytes of data, found more, or a wrong checksum"},
      {gzipped(idx(3, {60000, 2800, 2800}, "")), kLabels, "images: expected 470400000000 bytes of data, found a file of 33 packed bytes"},
  };
  for (const auto& c : kCases) {
    write(*dir, "images", c.images);
    write(*dir, "labels", c.labels);
    CHECK(problem(*dir, R"({"format": "idx", "images": "images", "labels": "labels"})") == c.message);
  }
}

TEST_CASE("Fashion-MNIST, where Debian's dataset-fashion-mnist is installed") {
  const std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(folder)) {
    std::cout << "skipped: dataset-fashion-mnist is not installed\n";
    return;
  }
  const auto data = open_dataset({{"format", "idx"}, {"images", "t10k-images-idx3-ubyte.gz"}, {"labels", "t10k-labels-idx1-ubyte.gz"}},
                                 {folder, {}, 1, "/task/evaluation"});
  REQUIRE(data);
  CHECK((*data)->size() == 10000);
  CHECK(type_text((*data)->input_types()[0]) == "f32[N,1,28,28]");
  const int64_t first[] = {0};
  CHECK((*data)->batch(first)->labels.values<int64_t>()[0] == 9);  // an ankle boot
}
