// Folders of pictures: a sub-folder is a class, classes are numbered in the order of the sub-folders' names (torchvision's
// ImageFolder), and the PNG and JPEG files anywhere below it are its samples, in the order of their paths. Pictures without
// sub-folders are samples without labels. Only names are read when the data set is opened; a picture is decoded when it is used.
#include <algorithm>
#include <cctype>

#include "base/files.h"
#include "base/json.h"
#include "tasks/array_dataset.h"
#include "tasks/images/image.h"
#include "tasks/readers/reader.h"

namespace fastc {
namespace {

namespace fs = std::filesystem;

struct Options : SampleOptions {
  std::string path;
  std::vector<int64_t> size;
  std::optional<int64_t> resize;
};

const OptionSet<Options>& options() {
  static const auto set =
      sample_options<Options>("images", "Folders of PNG and JPEG pictures: a sub-folder is a class, in the order of the names")
          .text("path", &Options::path, "the folder that holds the classes' folders")
          .required()
          .integers("size", &Options::size, "height and width that are cut out of the middle; absent: what the network takes", range(1, 16384))
          .integer("resize", &Options::resize, "what the shorter side is resized to before the cut; absent: as large as just covers `size`", range(1, 16384));
  return set;
}

// What a sample is: sizes of [channels, height, width].
struct Target {
  int64_t channels = 3, height = 0, width = 0;
};

// From the recipe, else from the network's input [N, C, H, W].
Result<Target> target_of(const Options& options, const std::optional<Type>& type, const std::string& place) {
  Target target;
  if (type && type->shape.size() == 4) {
    const auto constant = [&](size_t axis) { return type->shape[axis].is_constant() ? type->shape[axis].constant() : 0; };
    if (constant(1) != 0) target.channels = constant(1);
    target.height = constant(2), target.width = constant(3);
  }
  if (target.channels != 1 && target.channels != 3)
    return input_error("{}: pictures have 1 or 3 channels, and the network takes {}", place, target.channels);
  if (!options.size.empty()) {
    if (options.size.size() != 2) return usage_error("{}/size: expected height and width, found {} number(s)", place, options.size.size());
    target.height = options.size[0], target.width = options.size[1];
  }
  if (target.height < 1 || target.width < 1)
    return usage_error("{}: the network does not say how large its pictures are; add \"size\": [height, width]", place);
  if (options.resize && *options.resize < std::max(target.height, target.width))
    return usage_error("{}/resize: expected at least {}, as {}x{} is cut out, found {}", place, std::max(target.height, target.width), target.height,
                       target.width, *options.resize);
  return target;
}

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

struct Listing {
  std::vector<fs::path> files;
  std::vector<int64_t> labels;  // empty: the folder has no sub-folders
};

Result<std::vector<fs::path>> pictures_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code problem;
  for (fs::recursive_directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
    if (is_picture(at->path()) && at->is_regular_file(problem)) files.push_back(at->path());
  }
  if (problem) return input_error("{}: the folder cannot be read: {}", folder.string(), problem.message());
  std::sort(files.begin(), files.end());
  return files;
}

Result<Listing> list_pictures(const fs::path& folder) {
  std::error_code problem;
  if (!fs::is_directory(folder, problem)) return input_error("{}: expected a folder of pictures, found {}", folder.string(), fs::exists(folder, problem) ? "a file" : "nothing");
  std::vector<fs::path> classes;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(".") && at->is_directory(problem)) classes.push_back(at->path());
  }
  if (problem) return input_error("{}: the folder cannot be read: {}", folder.string(), problem.message());
  std::sort(classes.begin(), classes.end());
  Listing listing;
  if (classes.empty()) {
    FASTC_TRY(listing.files, pictures_below(folder));
  }
  for (size_t label = 0; label < classes.size(); ++label) {
    FASTC_TRY(const auto files, pictures_below(classes[label]));
    // An empty class would shift the meaning of nothing, but it is likely a mistake that costs accuracy silently.
    if (files.empty()) return input_error("{}: expected PNG or JPEG pictures in every class, found none", classes[label].string());
    listing.files.insert(listing.files.end(), files.begin(), files.end());
    listing.labels.insert(listing.labels.end(), files.size(), static_cast<int64_t>(label));
  }
  if (listing.files.empty()) return input_error("{}: expected PNG or JPEG pictures, found none", folder.string());
  return listing;
}

Status make_sample(const fs::path& path, const Target& target, std::optional<int64_t> resize, std::byte* out) {
  FASTC_TRY(const auto file, MappedFile::open(path));
  FASTC_TRY(Image image, decode_image(file->bytes(), target.channels, path.string()));
  // The smallest shorter side with which both sides still cover the cut.
  const int64_t shorter = std::min(image.height, image.width);
  const auto covering = [&](int64_t wanted, int64_t side) { return (wanted * shorter + side - 1) / side; };
  const int64_t side = resize.value_or(std::max(covering(target.height, image.height), covering(target.width, image.width)));
  const int64_t longer = side * std::max(image.height, image.width) / shorter;
  if (longer > kMostPixels / side)  // a strip, one pixel high
    return input_error("{}: resized to a shorter side of {} this picture of {}x{} would have more than {} pixels", path.string(), side, image.width, image.height, kMostPixels);
  image = resize_shorter(image, side);
  crop_planes(image, target.height, target.width, out);
  return {};
}

Result<std::unique_ptr<Dataset>> open(const Options& options, const ReaderContext& context) {
  FASTC_TRY(const std::string name, only_input(context, options.format));
  const auto type = known_type(context, name);
  FASTC_TRY(const Target target, target_of(options, type, context.place));
  FASTC_TRY(Listing listed, list_pictures(context.resolve(options.path)));
  const auto listing = std::make_shared<const Listing>(std::move(listed));
  const auto count = static_cast<int64_t>(listing->files.size());
  Column pixels{{}, Stored::kU8, {target.channels, target.height, target.width}};
  pixels.made = count;
  pixels.make = [listing, target, resize = options.resize](int64_t index, std::byte* out) {
    return make_sample(listing->files[static_cast<size_t>(index)], target, resize, out);
  };
  std::optional<Column> labels;
  if (!listing->labels.empty()) {
    const auto* values = reinterpret_cast<const std::byte*>(listing->labels.data());
    labels = Column{{{values, count, listing}}, Stored::kI64, {}, sizeof(int64_t)};
  }
  return make_array_dataset({{name, std::move(pixels), type}}, std::move(labels), options, context);
}

FASTC_REGISTER_READER(images, "images", options, open);

}  // namespace
}  // namespace fastc
