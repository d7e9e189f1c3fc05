// Losses against values computed by hand, and their gradients against finite differences.
#include <cmath>
#include <functional>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include "engine/training/losses.h"
#include "engine/training/losses/hidden.h"
#include "tests/catch.h"

using namespace fastc;

namespace {

at::Tensor numbers(std::initializer_list<double> values, std::initializer_list<int64_t> shape) {
  return at::tensor(at::ArrayRef<double>(values.begin(), values.size())).reshape(at::IntArrayRef(shape.begin(), shape.size()));
}

at::Tensor scores() { return numbers({1, 2, 3, 0, 0, 0}, {2, 3}); }

using Teachers = std::vector<std::vector<at::Tensor>>;

Result<at::Tensor> loss_at(const Loss& loss, const at::Tensor& y, const Teachers& teachers, const at::Tensor& labels) {
  const std::vector<at::Tensor> outputs{y};
  LossInput input{.outputs = outputs, .teacher = {}, .labels = labels};
  if (!teachers.empty()) input.teacher = teachers[0], input.more_teachers = std::span(teachers).subspan(1);
  return loss(input);
}

double value(const Loss& loss, const at::Tensor& y, const Teachers& teachers, const at::Tensor& labels) {
  const auto result = loss_at(loss, y, teachers, labels);
  if (!result) FAIL(result.error().message);
  return result->item<double>();
}

// d function / d at, by autograd and by central differences in double.
void check_gradient(const std::function<at::Tensor(const at::Tensor&)>& function, const at::Tensor& where) {
  const c10::AutoGradMode gradients(true);
  at::Tensor leaf = where.detach().clone().set_requires_grad(true);
  function(leaf).backward();
  const at::Tensor found = leaf.grad().contiguous();
  const double step = 1e-5;
  for (int64_t i = 0; i < where.numel(); ++i) {
    const auto moved = [&](double by) {
      at::Tensor x = where.detach().clone();
      x.view({-1})[i].add_(by);
      return function(x).item<double>();
    };
    CAPTURE(i);
    CHECK(found.view({-1})[i].item<double>() == Approx((moved(step) - moved(-step)) / (2 * step)).epsilon(1e-5).margin(1e-8));
  }
}

const at::Tensor kLabels = at::tensor(at::ArrayRef<int64_t>({2, 0}));

}  // namespace

TEST_CASE("losses of the labels") {
  const double row0 = std::log(std::exp(-2.0) + std::exp(-1.0) + 1), row1 = std::log(3.0);
  CHECK(value(*cross_entropy(), scores(), {}, kLabels) == Approx((row0 + row1) / 2));
  // −log σ(0) = log 2; −log(1 − σ(log 3)) = log 4.
  const at::Tensor y = numbers({0, std::log(3.0)}, {2, 1});
  CHECK(value(*binary_cross_entropy(), y, {}, at::tensor(at::ArrayRef<int64_t>({1, 0}))) == Approx((std::log(2.0) + std::log(4.0)) / 2));
  CHECK(value(*binary_cross_entropy(), y, {}, numbers({1, 0}, {2, 1})) == Approx((std::log(2.0) + std::log(4.0)) / 2));
  CHECK(value(*mean_squared_error(), numbers({1, 2}, {2, 1}), {}, numbers({0, 4}, {2})) == Approx(2.5));
}

TEST_CASE("losses of a teacher's answers") {
  // Teacher: uniform. KL(uniform ‖ p) at T = 2, row 0: −log 3 − mean(log p).
  const double norm = std::log(std::exp(0.5) + std::exp(1.0) + std::exp(1.5));
  const double kl = -std::log(3.0) + norm - 1.0;
  const at::Tensor uniform = numbers({0, 0, 0, 0, 0, 0}, {2, 3});
  CHECK(value(*soft_kl(2), scores(), {{uniform}}, {}) == Approx(4 * kl / 2));
  CHECK(value(*distillation(1, 2), scores(), {{uniform}}, {}) == Approx(4 * kl / 2));
  CHECK(value(*distillation(0.25, 2), scores(), {{uniform}}, kLabels) == Approx(0.25 * 2 * kl + 0.75 * value(*cross_entropy(), scores(), {}, kLabels)));
  CHECK(value(*soft_kl(3), scores(), {{scores()}}, {}) == Approx(0).margin(1e-12));
  CHECK(value(*logits_mse(), numbers({1, 2}, {1, 2}), {{numbers({1, 4}, {1, 2})}}, {}) == Approx(2));
  CHECK(value(*match_outputs(), numbers({1, 2}, {2}), {{numbers({1, 4}, {2})}}, {}) == Approx(2 / 8.5));
}

TEST_CASE("of several teachers the softened answers are averaged") {
  const double l3 = std::log(3.0);
  const Teachers two{{numbers({l3, 0}, {1, 2})}, {numbers({0, l3}, {1, 2})}};  // (¾, ¼) and (¼, ¾): together (½, ½)
  CHECK(value(*soft_kl(1), numbers({0, 0}, {1, 2}), two, {}) == Approx(0).margin(1e-12));
  CHECK(value(*soft_kl(1), numbers({l3, 0}, {1, 2}), two, {}) == Approx(0.5 * std::log(4.0 / 3)));
  CHECK(value(*logits_mse(), numbers({l3 / 2, l3 / 2}, {1, 2}), two, {}) == Approx(0).margin(1e-12));
  CHECK(value(*match_outputs(), numbers({l3 / 2, l3 / 2}, {1, 2}), two, {}) == Approx(0).margin(1e-12));
  // A probability that is 0 in single precision, in both: still finite.
  const Teachers sure{{numbers({1000, 0}, {1, 2})}, {numbers({1000, 0}, {1, 2})}};
  CHECK(std::isfinite(value(*soft_kl(1), numbers({0, 0}, {1, 2}), sure, {})));
}

TEST_CASE("a list of losses is added up, and asks for what its parts ask") {
  const std::vector<LossOptions> list{{"logits_mse", 2}, {"cross_entropy", 0.5}, {"mse", 0}};
  const auto sum = weighted_sum(list);
  const at::Tensor t = numbers({0, 2, 3, 0, 0, 0}, {2, 3});
  CHECK(value(*sum, scores(), {{t}}, kLabels) == Approx(2.0 / 6 + 0.5 * value(*cross_entropy(), scores(), {}, kLabels)));
  CHECK((sum->needs_labels() && sum->needs_teacher()));
  CHECK(sum->name() == "2 logits_mse + 0.5 cross_entropy");
  CHECK(weighted_sum(std::vector<LossOptions>{{"mse", 0}}) == nullptr);
  CHECK_FALSE(distillation(0, 4)->needs_teacher());
  CHECK_FALSE(distillation(1, 4)->needs_labels());
}

TEST_CASE("losses of hidden values") {
  using namespace losses;
  CHECK(hidden_mse(numbers({1, 2}, {1, 2}), numbers({1, 4}, {1, 2})).item<double>() == Approx(2 / 8.5));
  // Sample 0 at a right angle, sample 1 the same direction at another length.
  CHECK(hidden_cosine(numbers({1, 0, 1, 1}, {2, 2}), numbers({0, 1, 3, 3}, {2, 2})).item<double>() == Approx(0.5));
  // [N,T,C]: channels are the last axis. Two positions.
  CHECK(hidden_cosine(numbers({1, 0, 1, 1}, {1, 2, 2}), numbers({0, 1, 3, 3}, {1, 2, 2})).item<double>() == Approx(0.5));
  // Two channels look at position 0, the teacher's three at position 1: maps (1, 0) and (0, 1).
  const at::Tensor left = numbers({1, 0, 2, 0}, {1, 2, 1, 2}), right = numbers({0, 1, 0, 1, 0, 1}, {1, 3, 1, 2});
  CHECK(attention_map(left, right).item<double>() == Approx(2));
  CHECK(attention_map(left, left.mul(3)).item<double>() == Approx(0).margin(1e-12));
  // Unlike samples against samples that are all alike: rows (1, 0), (0, 1) and (1, 1)/√2 twice.
  const double r = std::sqrt(0.5);
  CHECK(similarity(numbers({1, 0, 0, 1}, {2, 2}), numbers({1, 0, 0, 1, 0, 0}, {2, 3})).item<double>() == Approx((2 * (1 - r) * (1 - r) + 2 * r * r) / 4));
}

TEST_CASE("hidden values that are all zero have a loss and a gradient that are finite") {
  const c10::AutoGradMode gradients(true);
  const at::Tensor t = numbers({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 1, 2});
  for (const char* name : {"mse", "cosine", "attention_map", "similarity"}) {
    CAPTURE(name);
    for (const bool teacher_is_zero : {false, true}) {
      at::Tensor s = at::zeros_like(t).set_requires_grad(true);
      const at::Tensor loss = losses::find_hidden_loss(name).compare(s, teacher_is_zero ? at::zeros_like(t) : t);
      CHECK(std::isfinite(loss.item<double>()));
      loss.backward();
      CHECK(std::isfinite(s.grad().sum().item<double>()));
    }
  }
}

TEST_CASE("gradients of every loss agree with finite differences") {
  const at::Tensor y = numbers({1, -2, 0.5, 0.3, 0.2, -1}, {2, 3}), t = numbers({0.5, -1, 1, 2, 0, 0.1}, {2, 3}), u = numbers({0, 1, -1, 1, 1, 0}, {2, 3});
  const at::Tensor multi = numbers({1, 0, 1, 0, 0, 1}, {2, 3});
  const auto check = [&](const Loss& loss, const Teachers& teachers, const at::Tensor& labels) {
    CAPTURE(loss.name());
    check_gradient([&](const at::Tensor& x) { return *loss_at(loss, x, teachers, labels); }, y);
  };
  check(*cross_entropy(), {}, kLabels);
  check(*binary_cross_entropy(), {}, multi);
  check(*mean_squared_error(), {}, multi);
  check(*soft_kl(2), {{t}}, {});
  check(*soft_kl(2), {{t}, {u}}, {});
  check(*logits_mse(), {{t}, {u}}, {});
  check(*match_outputs(), {{t}}, {});
  const at::Tensor s4 = numbers({1, -2, 0.5, 0.3, 0.2, -1, 0.7, 1.1}, {2, 2, 1, 2}), t4 = numbers({0.5, -1, 1, 2, 0.4, 0.1, -0.3, 0.9}, {2, 2, 1, 2});
  for (const char* name : {"mse", "cosine", "attention_map", "similarity"}) {
    CAPTURE(name);
    check_gradient([&](const at::Tensor& x) { return losses::find_hidden_loss(name).compare(x, t4); }, s4);
  }
}

TEST_CASE("levels of different widths are compared through a projection that learns too") {
  const c10::AutoGradMode gradients(true);
  const auto loss = multi_level(nullptr, {"mse", 3, {{"a", "b", 1, 2}, {"c", "d", 2, 2}}}, 7);
  auto parameters = loss->parameters();
  REQUIRE(parameters.size() == 1);  // the second pair needs none
  at::Tensor w = parameters.at("projection_0");
  CHECK(w.sizes() == at::IntArrayRef({2, 1}));
  { const c10::AutoGradMode off(false); w.detach().copy_(at::tensor({1.f, 2.f}).reshape({2, 1})); }
  const auto f = [](std::initializer_list<double> v, std::initializer_list<int64_t> shape) { return numbers(v, shape).to(at::kFloat); };
  const std::vector<at::Tensor> hidden{f({1, 3}, {1, 1, 1, 2}), f({1, 1}, {1, 2})}, taught{f({1, 3, 2, 2}, {1, 2, 1, 2}), f({1, 1}, {1, 2})};
  const std::vector<at::Tensor> none{f({0}, {1, 1})};
  const auto found = (*loss)({.outputs = none, .teacher = none, .labels = {}, .more_teachers = {}, .hidden = hidden, .taught_hidden = taught});
  if (!found) FAIL(found.error().message);
  // Projected: (1, 3), (2, 6). Differences 0, 0, 0, 4: 16/4 over (1 + 9 + 4 + 4)/4; the other level agrees; mean of two, times 3.
  CHECK(found->item<double>() == Approx(3 * (16.0 / 18) / 2));
  found->backward();
  CHECK(w.grad().defined());
}

TEST_CASE("the projection is one of channels, whatever the number of axes") {
  for (const std::vector<int64_t>& places : {std::vector<int64_t>{}, {3}, {2, 2}, {2, 1, 2}}) {
    const auto loss = multi_level(nullptr, {"mse", 1, {{"a", "b", 2, 1}}}, 7);
    at::Tensor w = loss->parameters().at("projection_0");
    { const c10::AutoGradMode off(false); w.detach().fill_(1); }
    std::vector<int64_t> student{1, 2}, teacher{1, 1};
    student.insert(student.end(), places.begin(), places.end()), teacher.insert(teacher.end(), places.begin(), places.end());
    if (places.size() == 1) std::swap(student[1], student[2]), std::swap(teacher[1], teacher[2]);  // sequences have channels last
    const std::vector<at::Tensor> hidden{at::tensor({1.f}).expand(student)}, taught{at::tensor({4.f}).expand(teacher)}, none{at::tensor({0.f})};
    const auto found = (*loss)({.outputs = none, .teacher = none, .labels = {}, .more_teachers = {}, .hidden = hidden, .taught_hidden = taught});
    if (!found) FAIL(found.error().message);
    CHECK(found->item<double>() == Approx(4.0 / 16));  // 1 + 1 against 4
  }
}

TEST_CASE("losses name what does not fit") {
  const Teachers two{{numbers({0, 0}, {1, 2})}};
  const auto message = [&](const Loss& loss, const at::Tensor& labels) { return loss_at(loss, scores(), two, labels).error().message; };
  CHECK(message(*cross_entropy(), at::tensor(at::ArrayRef<int64_t>({0, 3}))) == "expected labels in 0..2 (the network has 3 classes), found 3");
  CHECK(message(*cross_entropy(), at::tensor(at::ArrayRef<int64_t>({0}))) == "expected one i64 label for each of 2 score rows, found 1");
  CHECK(message(*cross_entropy(), {}) == "the loss needs labels, and the training data has none");
  CHECK(message(*distillation(1, 2), {}) == "expected teacher and student scores of one shape, found 2 and 3 classes");
  CHECK(message(*logits_mse(), {}) == "expected output 0 of teacher and student of one shape, found [1,2] and [2,3]");
  CHECK(message(*mean_squared_error(), numbers({1, 2}, {2})) == "expected labels of the output's shape [2,3], found [2]");
  const auto of_rows = loss_at(*soft_kl(2), numbers({1, 2}, {2}), {{numbers({1, 2}, {2})}}, {});
  REQUIRE_FALSE(of_rows.has_value());
  CHECK(of_rows.error().message == "the loss needs class scores with two axes or more as output 0, found [2]; numbers of any shape are what \"logits_mse\" compares with a teacher's and "
                                   "\"mse\" with labels");
  CHECK(loss_at(*logits_mse(), numbers({1, 2}, {2}), {{numbers({1, 4}, {2})}}, {})->item<double>() == 2);
  CHECK(message(*binary_cross_entropy(), numbers({1, 2, 0, 0, 0, 0}, {2, 3})) == "expected labels from 0 to 1, found 0 to 2");
}
