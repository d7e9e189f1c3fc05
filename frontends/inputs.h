// Which shape and type each input of the module gets: options first, then the file, then the fallback.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "frontends/frontend.h"

namespace fastc {

struct ResolvedInputs {
  std::vector<Type> types;                   // as many as inputs
  std::map<std::string, Dim> substitutions;  // symbol of the file → what it is called or fixed to
  std::vector<Symbol> symbols;               // of the module, in order of first use
};

// `file_symbols` are the ranges the file declares. Symbols of the file that are the first axis of an input are called N (the
// batch) unless the options name them, so that a traced and an exported model read alike.
Result<ResolvedInputs> resolve_inputs(std::string_view what, std::span<const InputInfo> inputs, std::span<const Symbol> file_symbols,
                                      const ImportOptions& options);

// Every symbol of the file replaced.
Dim substitute_all(Dim dim, const std::map<std::string, Dim>& substitutions);
Shape substitute_all(Shape shape, const std::map<std::string, Dim>& substitutions);

}  // namespace fastc
