#include "ir/recurrent.h"

#include "ir/text.h"
#include "tests/catch.h"

using namespace fastc;

TEST_CASE("recurrent operands: the matrices of every cell, past the states and the biases") {
  const auto read = parse(R"(module m (%x : f32[2,1,3]) -> (%y, %g) {
    @w : f32[4,3] = zeros
    @u : f32[4,1] = zeros
    @b : f32[4] = zeros
    @v : f32[3,3] = zeros
    @r : f32[3,1] = zeros
    %y, %h, %c = lstm(%x, _, _, @w, @u, @b, @b) {hidden=1}
    %g, %s = gru(%x, _, @v, @r, @v, @r) {hidden=1, bidirectional=true, has_bias=false}
  })");
  if (!read) FAIL(read.error().message);
  const Node &lstm = *read->producer(read->find_value("y")), &gru = *read->producer(read->find_value("g"));
  CHECK(is_recurrent(lstm));
  CHECK(states_of(lstm) == 2);
  CHECK(states_of(gru) == 1);
  CHECK(matrices_of(lstm) == std::vector<size_t>{3, 4});
  CHECK(matrices_of(gru) == std::vector<size_t>{2, 3, 4, 5});
  CHECK_FALSE(is_matrix(lstm, 2));
  CHECK_FALSE(is_matrix(lstm, 5));
}
