// The outputs a student is compared with. Of samples that look the same again they are computed once, all of them before the first is used, in the order of
// the data set and in batches of their own: so they are the same bits in every epoch and every run, whatever batches the student sees, and whether they
// were computed, kept, or read from an earlier run's file.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/autograd.h"
#include "engine/train.h"
#include "engine/training/answer_store.h"
#include "engine/training/fixed_samples.h"

namespace fastc::engine {

struct TeacherSettings {
  std::string cache_folder;  // empty: none
  int64_t folder_bytes = 0;  // most that lies in it
  int64_t max_bytes = 0;     // most that one teacher keeps, in memory
  int64_t rows = 0;          // samples that it will keep answers to, of all FixedSamples together
  int64_t batch_size = 1;    // of the run: the teacher's own batches are not larger
  int threads = 1;
  Progress* progress = nullptr;
};

class Teacher {
 public:
  // `watched`: nodes whose first results are wanted too. The module must outlive this.
  static Result<Teacher> prepare(const Module& module, std::vector<NodeId> watched, TeacherSettings settings);
  // Outputs, then the watched nodes' results, of `inputs`, which are these samples. `samples` must outlive this; null: they look like this but once.
  Result<std::vector<at::Tensor>> answers(const FixedSamples* samples, std::span<const int64_t> indices, std::span<const at::Tensor> inputs);
  const TeacherUse& use() const { return use_; }

 private:
  Teacher(Plan plan, std::vector<NodeId> watched, TeacherSettings settings);
  Result<std::vector<at::Tensor>> compute(std::span<const at::Tensor> inputs);
  Result<std::vector<at::Tensor>> compute_batch(const FixedSamples& samples, size_t begin);
  Result<std::vector<at::Tensor>> all_answers(const FixedSamples& samples);  // empty: they cannot be kept, and use_ says why
  std::string why_not_kept(const std::vector<at::Tensor>& first, int64_t samples) const;
  Result<std::string> key_for(const FixedSamples& samples);
  Plan plan_;
  std::vector<NodeId> watched_;
  TeacherSettings settings_;
  AnswerStore store_;
  size_t batch_;                                                    // its own
  std::string identity_;                                            // hash of what answers; made when it is first asked for
  std::map<const FixedSamples*, std::vector<at::Tensor>> kept_;     // by output: [members, …]
  TeacherUse use_;
};

}  // namespace fastc::engine
