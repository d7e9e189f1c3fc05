// MNIST, Fashion-MNIST and their kin: a file of images (rank 3: [count, height, width]; rank 4: [count, channels, height, width])
// and a file of labels, both IDX, plain or gzipped. Source: yann.lecun.com/exdb/mnist, "File formats".
#include "tasks/array_dataset.h"
#include "tasks/readers/idx_file.h"
#include "tasks/readers/reader.h"

namespace fastc {
namespace {

struct Options : SampleOptions {
  std::string images;
  std::optional<std::string> labels;
};

const OptionSet<Options>& options() {
  static const auto set = sample_options<Options>("idx", "MNIST's format: one file of images, one of labels, plain or .gz")
                              .text("images", &Options::images, "the file of images")
                              .required()
                              .text("labels", &Options::labels, "the file of labels");
  return set;
}

Result<std::unique_ptr<Dataset>> open(const Options& options, const ReaderContext& context) {
  FASTC_TRY(const std::string name, only_input(context, options.format));
  const auto path = context.resolve(options.images);
  FASTC_TRY(IdxFile images, read_idx(path, 0));
  if (images.shape.size() < 3)
    return input_error("{}: expected an IDX file of images (rank 3 or 4), found rank {}", path.string(), images.shape.size());
  std::vector<int64_t> sample(images.shape.begin() + 1, images.shape.end());
  if (sample.size() == 2) sample.insert(sample.begin(), 1);  // grey images have one channel
  const int64_t stride = sample[0] * sample[1] * sample[2];
  if (stride == 0) return input_error("{}: expected images of at least one pixel, found {}x{}", path.string(), sample[1], sample[2]);
  Column pixels{{{images.data.bytes.data(), images.shape[0], images.data.owner}}, Stored::kU8, sample, stride};
  std::optional<Column> labels;
  if (options.labels) {
    FASTC_TRY(IdxFile file, read_idx(context.resolve(*options.labels), 1));
    labels = Column{{{file.data.bytes.data(), file.shape[0], file.data.owner}}, Stored::kU8, {}, 1};
  }
  return make_array_dataset({{name, std::move(pixels), known_type(context, name)}}, std::move(labels), options, context);
}

FASTC_REGISTER_READER(idx, "idx", options, open);

}  // namespace
}  // namespace fastc
