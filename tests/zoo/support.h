// docs/support.md, made from what the tests see: which ops of the IR came out of which file format, ran in the runtime, took integers, lost
// channels. Nothing is entered by hand.
#pragma once

#include <map>
#include <set>
#include <string>

#include "ir/module.h"

namespace fastc::test {

class Support {
 public:
  void imported(const std::string& format, const Module& module);  // ".pt", ".pt2"
  void ran(const Module& module);                                   // engine and artifact agreed on it
  void changed(const std::string& pass, const Module& before, const Module& after);
  std::string markdown() const;

 private:
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> seen_;  // what was seen → ops
};

}  // namespace fastc::test
