#include "model.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "coding.h"

namespace fastc::rt {

bool Model::read(const void* data, size_t bytes, Error& error) {
  return active_kernels(kernels_, error) && read_program(data, bytes, program_, error);
}

std::unique_ptr<Model> Model::open_file(const char* path, Error& error) {
  std::unique_ptr<Model> model(new Model);
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    fail(error, FASTC_RT_IO, "cannot open %s: %s", path, std::strerror(errno));
    return nullptr;
  }
  struct stat status {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  if (regular && status.st_size > 0) {
    model->mapped_bytes_ = static_cast<size_t>(status.st_size);
    model->mapping_ = ::mmap(nullptr, model->mapped_bytes_, PROT_READ, MAP_PRIVATE, file, 0);
    if (model->mapping_ == MAP_FAILED) model->mapping_ = nullptr;
  }
  ::close(file);
  if (!regular || (model->mapping_ == nullptr && status.st_size > 0)) {
    fail(error, FASTC_RT_IO, "cannot read %s: %s", path, regular ? "it cannot be mapped into memory" : "it is not a file");
    return nullptr;
  }
  Error inner;
  if (model->read(model->mapping_, model->mapped_bytes_, inner)) return model;
  fail(error, inner.status, "%s: %.400s", path, inner.text);
  return nullptr;
}

std::unique_ptr<Model> Model::open_memory(const void* data, size_t bytes, Error& error) {
  std::unique_ptr<Model> model(new Model);
  if (reinterpret_cast<uintptr_t>(data) % kAlignment != 0) {
    if (!model->copy_.allocate(bytes)) {
      fail(error, FASTC_RT_OUT_OF_MEMORY, "no memory for an artifact of %zu bytes", bytes);
      return nullptr;
    }
    std::memcpy(model->copy_.data(), data, bytes);
    data = model->copy_.data();
  }
  return model->read(data, bytes, error) ? std::move(model) : nullptr;
}

const uint8_t* Model::constant(uint32_t index) const {
  static constexpr char kDecoded = 0;  // its address tells these from what kernels pack
  const ConstantRecord& c = program_.constants[index];
  const uint8_t* code = program_.file + c.offset;
  if (c.coding == static_cast<uint8_t>(Coding::kNone)) return code;
  return static_cast<const uint8_t*>(packs_.get({index, &kDecoded}, decoded_bytes(c), true, [&](void* to) { decode(c, code, static_cast<uint8_t*>(to)); }));
}

Model::~Model() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapped_bytes_);
}

}  // namespace fastc::rt
