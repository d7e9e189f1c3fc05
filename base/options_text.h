// What an option expects, in words: shared by error messages (options.cc) and by help (options_doc.cc). Not a public header.
#pragma once

#include <string>

#include "base/options.h"

namespace fastc {

// "a number from 0 to 1", "one of \"l1\" and \"taylor\"". The limits of the member's C++ type are nobody's concern unless broken.
std::string expected_text(const OptionField& field, bool with_type_limits = false);
Range told_range(Range range);  // without those limits

}  // namespace fastc
