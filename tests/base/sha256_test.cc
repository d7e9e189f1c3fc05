#include "base/sha256.h"

#include "base/files.h"
#include "tests/catch.h"

using namespace fastc;

TEST_CASE("SHA-256 of the FIPS 180-4 examples") {
  CHECK(sha256_hex(as_bytes_of("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex(as_bytes_of("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex(as_bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256_hex(as_bytes_of(std::string(1000000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 does not depend on how the bytes come") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (const size_t cut : {0, 1, 55, 56, 63, 64, 65, 127, 128, 300}) {
    Sha256 hash;
    hash.update(as_bytes_of(std::string_view(text).substr(0, cut)));
    (void)hash.hex();  // looking does not disturb
    hash.update(as_bytes_of(std::string_view(text).substr(cut)));
    CHECK(hash.hex() == sha256_hex(as_bytes_of(text)));
  }
}
