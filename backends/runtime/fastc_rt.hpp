// The C ABI as two movable C++ types. Header-only; nothing here throws, a failed call says why through error().
//
//   fastc::Model model;
//   if (!model.open("model.fastc")) std::cerr << model.error();
//   fastc::Session session;
//   session.open(model, {{{nullptr, {8, 3, 32, 32}, 4, FASTC_RT_F32}}}, 1);   // largest shape it will see
//   session.run(inputs, outputs);                                            // spans of fastc_rt_tensor
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fastc_rt.h"

namespace fastc {

// A tensor over memory of the caller's, dense and row-major.
inline fastc_rt_tensor tensor(void* data, fastc_rt_dtype dtype, std::span<const int64_t> shape) {
  fastc_rt_tensor t{data, {}, static_cast<int32_t>(shape.size() < 8 ? shape.size() : 8), dtype};
  for (int32_t i = 0; i < t.rank; ++i) t.shape[i] = shape[static_cast<size_t>(i)];
  return t;
}

class Model {
 public:
  Model() = default;
  Model(Model&& other) noexcept : model_(std::exchange(other.model_, nullptr)), error_(std::move(other.error_)) {}
  Model& operator=(Model&& other) noexcept {
    std::swap(model_, other.model_);
    error_ = std::move(other.error_);
    return *this;
  }
  ~Model() { fastc_rt_close(model_); }

  bool open(const std::string& path) {
    close();
    return take([&](char* text, size_t bytes) { return fastc_rt_open(path.c_str(), &model_, text, bytes); });
  }
  // The bytes must stay as they are while the model is open.
  bool open(std::span<const std::byte> bytes) {
    close();
    return take([&](char* text, size_t size) { return fastc_rt_open_memory(bytes.data(), bytes.size(), &model_, text, size); });
  }
  void close() { fastc_rt_close(std::exchange(model_, nullptr)); }

  int input_count() const { return fastc_rt_input_count(model_); }
  int output_count() const { return fastc_rt_output_count(model_); }
  fastc_rt_value_info input(int index) const {
    fastc_rt_value_info info{};
    fastc_rt_input(model_, index, &info);
    return info;
  }
  fastc_rt_value_info output(int index) const {
    fastc_rt_value_info info{};
    fastc_rt_output(model_, index, &info);
    return info;
  }
  std::string metadata(const char* key) const {
    const char* value = fastc_rt_metadata(model_, key);
    return value == nullptr ? "" : value;
  }
  const fastc_rt_model* get() const { return model_; }
  const std::string& error() const { return error_; }

 private:
  template <typename Call>
  bool take(Call call) {
    char text[512] = "";
    const fastc_rt_status status = call(text, sizeof text);
    error_ = status == FASTC_RT_OK ? "" : text;
    return status == FASTC_RT_OK;
  }
  fastc_rt_model* model_ = nullptr;
  std::string error_;
};

// Belongs to one thread at a time; the model must outlive it.
class Session {
 public:
  Session() = default;
  Session(Session&& other) noexcept : session_(std::exchange(other.session_, nullptr)), error_(std::move(other.error_)) {}
  Session& operator=(Session&& other) noexcept {
    std::swap(session_, other.session_);
    error_ = std::move(other.error_);
    return *this;
  }
  ~Session() { fastc_rt_session_close(session_); }

  bool open(const Model& model, const std::vector<fastc_rt_tensor>& largest, int threads = 1) {
    fastc_rt_session_close(std::exchange(session_, nullptr));
    char text[512] = "";
    const auto status = fastc_rt_session_open(model.get(), largest.data(), static_cast<int32_t>(largest.size()), threads, &session_, text, sizeof text);
    error_ = text;
    return status == FASTC_RT_OK;
  }
  // Shape and type of output `index` for these inputs.
  bool output_shape(std::span<const fastc_rt_tensor> inputs, int index, fastc_rt_tensor& output) {
    const auto status = fastc_rt_output_shape(session_, inputs.data(), static_cast<int32_t>(inputs.size()), index, &output);
    if (status != FASTC_RT_OK) error_ = fastc_rt_message(status);
    return status == FASTC_RT_OK;
  }
  // outputs[i].data must have room for the shape that output_shape() tells. Allocates nothing.
  bool run(std::span<const fastc_rt_tensor> inputs, std::span<fastc_rt_tensor> outputs) {
    char text[512];
    const auto status = fastc_rt_run(session_, inputs.data(), static_cast<int32_t>(inputs.size()), outputs.data(), static_cast<int32_t>(outputs.size()), text, sizeof text);
    if (status != FASTC_RT_OK) error_ = text;
    return status == FASTC_RT_OK;
  }
  fastc_rt_session* get() const { return session_; }
  const std::string& error() const { return error_; }

 private:
  fastc_rt_session* session_ = nullptr;
  std::string error_;
};

}  // namespace fastc
