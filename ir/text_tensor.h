// Numbers of a tensor as text: shared by the printer and the parser of ir/text.h.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "ir/tensor.h"

namespace fastc::text {

// `[[1, 2], [3, 4]]`, `0.5`, `[true, false]`: nested by axis; each number is the shortest text that reads back exactly.
std::string literal(const Tensor& tensor);

// One number of `tensor`, written where element `index` stands. Errors say what was expected of this dtype.
Status set_element(Tensor& tensor, int64_t index, std::string_view number);

}  // namespace fastc::text
