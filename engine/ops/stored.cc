#include "engine/ops/stored.h"

namespace fastc::engine {

Result<at::Tensor> stored_weight(const Site& site, size_t operand) {
  if (!site.is_weight(operand) || site.out().dtype != DType::kF32 || site.integer()) return at::Tensor();
  const auto dynamic = site.node.attrs.find("dynamic");
  if (dynamic != site.node.attrs.end() && !std::get<std::string>(dynamic->second).empty()) return at::Tensor();
  const Weight& weight = site.weight(operand);
  if (site.encoded(operand)) {
    FASTC_TRY(const Tensor real, decode(weight));
    return wrap(real);
  }
  const bool half = weight.data.dtype() == DType::kF16 || weight.data.dtype() == DType::kBF16;
  return half ? wrap(weight.data).to(at::kFloat) : at::Tensor();
}

}  // namespace fastc::engine
