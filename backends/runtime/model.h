// An opened artifact: the mapped file, its checked program, and the packed weights its sessions share. Immutable from outside.
#pragma once

#include <memory>

#include "isa.h"
#include "packs.h"
#include "reader.h"

namespace fastc::rt {

class Model {
 public:
  // Maps the file; it must not be truncated while the model is open (replacing it by rename is fine).
  static std::unique_ptr<Model> open_file(const char* path, Error& error);
  // `data` must stay as it is until the model is closed; it is copied only when it is not 64-byte aligned.
  static std::unique_ptr<Model> open_memory(const void* data, size_t bytes, Error& error);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Program& program() const { return program_; }
  const KernelChain& kernels() const { return *kernels_; }
  PackStore& packs() const { return packs_; }
  // As kernels read it: in the file, or decoded out of it when a session first asks. Null when there is no memory for that.
  const uint8_t* constant(uint32_t index) const;

 private:
  Model() = default;
  bool read(const void* data, size_t bytes, Error& error);

  void* mapping_ = nullptr;
  size_t mapped_bytes_ = 0;
  Block copy_;
  Program program_;
  const KernelChain* kernels_ = nullptr;
  mutable PackStore packs_;
};

}  // namespace fastc::rt
