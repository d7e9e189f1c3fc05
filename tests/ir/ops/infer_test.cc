#include "tests/ir/ops/ops_test.h"

using namespace fastc;
using namespace fastc::test;

TEST_CASE("convolutions have the shape of PyTorch's formula") {
  check_types({
      {"%y = conv(%x, @w, @b6) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "f32[N,6,8,8]"},
      {"%y = conv(%x, @w) {stride=[2,2], padding=[1,1,1,1], dilation=[1,1]}", "f32[N,6,4,4]"},
      {"%y = conv(%x, @w) {stride=[1,2], padding=[0,1,2,1], dilation=[2,1]}", "f32[N,6,6,4]"},
      {"%y = conv(%x, @dw) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], groups=4}", "f32[N,8,8,8]"},
      {"%y = conv(%xq, @w8, @b32) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "f32[N,6,8,8]"},
      {"%y : q(0.25, 3) = conv(%xq, @w8, @b32) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "u8[N,6,8,8] q(0.25, 3)"},
      {R"(%y = conv(%x, @w8, @b6) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], dynamic="row"})", "f32[N,6,8,8]"},
      {"%y = conv(%x, @w8, @b6) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "f32[N,6,8,8]"},  // only kept as integers
      {"@u : f32[4,3,2,2] = zeros\n%y = conv_transpose(%x, @u) {stride=[2,2], padding=[0,0], output_padding=[1,0], dilation=[1,1]}", "f32[N,3,17,16]"},
  });
  check_refused({
      {"%y = conv(%t, @w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "attribute \"stride\": expected 1 entries, found 2"},
      {"%y = conv(%x, @dw) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "operand \"weight\": expected 4 input channels in 1 groups (\"x\" is f32[N,4,8,8]), found f32[8,1,3,3]"},
      {"%y = conv(%x, @w, @c4) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "operand \"bias\": expected the shape [6] (one per output channel), found f32[4]"},
      {"%y = conv(%x, @w) {stride=[0,1], padding=[1,1,1,1], dilation=[1,1]}", "entries from 1 to 2^31, found 0"},
      {"%y = conv(%x, @w) {stride=[1,1], padding=[0,0,0,0], dilation=[9,1]}", "window of 19 over 8 + 0"},
      {"%y = conv(%xq, @w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "operand \"weight\": expected s8 under a quantized x"},
      {"%y = conv(%x, @w8, @b32) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "operand \"bias\": expected f32"},
      {"%y = conv(%xq, @w8, @b6) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "operand \"bias\": expected i32"},
      {R"(%y = conv(%x, @w) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1], activation="rule"})", "expected one of none, relu"},
  });
}

TEST_CASE("windows over three axes") {
  const std::string video = "%v = reshape(%x) {shape=[N,4,2,4,8]}\n", w = "@w3 : f32[6,4,3,2,3] = zeros\n", dw = "@w3 : f32[8,1,2,3,3] = zeros\n";
  check_types({
      {video + w + "%y = conv(%v, @w3, @b6) {stride=[1,2,2], padding=[1,0,1,1,0,1], dilation=[1,1,1]}", "f32[N,6,2,2,4]"},
      {video + w + "%y = conv(%v, @w3) {stride=[1,1,1], padding=[2,0,0,1,1,0], dilation=[2,1,1]}", "f32[N,6,1,4,6]"},
      {video + dw + "%y = conv(%v, @w3) {stride=[1,1,1], padding=[0,1,1,0,1,1], dilation=[1,1,1], groups=4}", "f32[N,8,1,4,8]"},
      {video + "%y = max_pool(%v) {kernel=[1,2,2], stride=[1,2,2], padding=[0,0,0], dilation=[1,1,1]}", "f32[N,4,2,2,4]"},
      {video + "%y = avg_pool(%v) {kernel=[2,3,3], stride=[1,2,2], padding=[1,1,1], ceil_mode=true}", "f32[N,4,3,3,5]"},
      {video + "%y = adaptive_avg_pool(%v) {output_size=[1,2,3]}", "f32[N,4,1,2,3]"},
  });
  check_refused({
      {video + w + "%y = conv(%v, @w3) {stride=[1,1], padding=[1,1,1,1], dilation=[1,1]}", "attribute \"stride\": expected 3 entries, found 2"},
      {video + "%y = conv(%v, @w) {stride=[1,1,1], padding=[1,1,1,1,1,1], dilation=[1,1,1]}", "operand \"weight\": expected rank 5 [O,C/groups,kernel]"},
      {video + w + "%y = conv_transpose(%v, @w3) {stride=[1,1,1], padding=[0,0,0], output_padding=[0,0,0], dilation=[1,1,1]}", "expected rank 3 [N,C,L] or 4 [N,C,H,W], found f32[N,4,2,4,8]"},
      {"%v = reshape(%x) {shape=[N,4,2,2,2,8]}\n%y = adaptive_avg_pool(%v) {output_size=[1]}", "expected rank 3 [N,C,L], 4 [N,C,H,W] or 5 [N,C,T,H,W]"},
  });
}

TEST_CASE("products and lookups have the shape of numpy's rules") {
  check_types({
      {"%y = linear(%t, @lin)", "f32[N,L,5]"},
      {"%y = matmul(%q, %k) {transpose_b=true}", "f32[N,2,L,L]"},
      {"%p = permute(%k) {perm=[0,1,3,2]}\n%y = matmul(%q, %p)", "f32[N,2,L,L]"},
      {"%y = embedding(@table, %i)", "f32[N,L,6]"},
      {"%y = attention(%q, %k, %k) {scale=0.35, causal=true}", "f32[N,2,L,8]"},
      {"%y, %h, %c = lstm(%t, _, _, @w_ih, @w_hh, @b_h, @b_h) {hidden=3, batch_first=true}", "f32[N,L,3]"},
      {"%y = index_select(%t, %i) {axis=2}", "f32[N,L,N,L]"},
      {"%y = gather(%i, %i) {axis=1}", "i64[N,L]"},
      {"%y = iota() {length=L}", "i64[L]"},
      {"%y = argsort(%t) {descending=true}", "i64[N,L,6]"},
  });
  check_refused({
      {"%y = linear(%t, @table)\n%z = linear(%y, @lin)", "operand \"weight\": expected 10 input features on axis 1"},
      {"%y = matmul(%q, %k)", "operand \"b\": expected K = 8 on axis 2"},
      {"%y = embedding(@table, %t)", "operand \"indices\": expected i64 or i32, found f32[N,L,6]"},
      {"%y, %h, %c = lstm(%t, _, _, @w_ih, @w_hh) {hidden=3}", "expected 7 operands"},
      {"%y, %h, %c = lstm(%t, _, _, @w_hh, @w_hh) {hidden=3, has_bias=false}", "expected the shape [12,6]"},
      {"%y = softmax(%t) {axis=3}", "attribute \"axis\": expected an axis from 0 to 2, found 3"},
      {"@s : f32[] = 2\n%y = argsort(@s)", "operand \"x\": expected at least one axis"},
      {"%g = ge(%t, %t)\n%y = argsort(%g)", "operand \"x\": expected f32, f64, i64 or i32"},
      {"%y = where(%t, %t, %t)", "operand \"c\": expected bool"},
  });
}

TEST_CASE("elementwise ops broadcast and insist on equal types") {
  check_types({
      {"%y = add(%x, %x)", "f32[N,4,8,8]"},
      {"@s : f32[] = 2\n%y = mul(%x, @s)", "f32[N,4,8,8]"},
      {"@s : f32[4,1,1] = zeros\n%y = sub(@s, %x)", "f32[N,4,8,8]"},
      {"%y = ge(%t, %t)", "bool[N,L,6]"},
      {"%y = cast(%i) {dtype=\"f32\"}", "f32[N,L]"},
      {"%y = relu(%xq)", "u8[N,4,8,8] q(0.5, 10)"},
      {"%y : q(1, 0) = add(%xq, %xq)", "u8[N,4,8,8] q(1, 0)"},
      {"%y = where(%b, %i, %i)", "i64[N,L]"},
  });
  check_refused({
      {"%y = add(%t, %x)", "expected operands that broadcast"},
      {"%y = add(%t, %i)", "operand \"b\": expected f32 as \"a\" (insert a cast), found i64[N,L]"},
      {"%y = sigmoid(%xq)", "an unquantized value"},
      {"%y = add(%xq, %xq)", "expected quantization parameters declared"},
      {"%y = add(%xq, %x)", "operand \"b\": expected u8 as \"a\""},
      {"%y = exp(%i)", "a floating-point type"},
      {"%y = logical_not(%i)", "expected bool"},
      {"%y = clip(%x) {lo=1, hi=0}", "lo <= hi"},
  });
}

TEST_CASE("pools, reductions and resizing") {
  check_types({
      {"%y = max_pool(%x) {kernel=[3,3], stride=[2,2], padding=[1,1], dilation=[1,1]}", "f32[N,4,4,4]"},
      {"%y = max_pool(%x) {kernel=[3,3], stride=[2,2], padding=[0,0], dilation=[1,1], ceil_mode=true}", "f32[N,4,4,4]"},
      {"%y = avg_pool(%x) {kernel=[2,2], stride=[3,3], padding=[1,1], ceil_mode=true}", "f32[N,4,3,3]"},  // PyTorch drops the fourth window
      {"%y : q(0.5, 10) = adaptive_avg_pool(%xq) {output_size=[1,1]}", "u8[N,4,1,1] q(0.5, 10)"},
      {"%y = reduce_mean(%x) {axes=[2,3]}", "f32[N,4]"},
      {"%y = reduce_max(%x) {axes=[1], keep_dims=true}", "f32[N,1,8,8]"},
      {"%y = resize(%x) {size=[16,24], mode=\"bilinear\"}", "f32[N,4,16,24]"},
  });
  check_refused({
      {"%y = max_pool(%x) {kernel=[3,3], stride=[2,2], padding=[2,2], dilation=[1,1]}", "at most half the kernel (1)"},
      {"%y = reduce_sum(%x) {axes=[1,1]}", "different axes of a tensor of rank 4"},
      {"%y = max_pool(%t) {kernel=[3], stride=[4], padding=[1], dilation=[1]}\n%z = max_pool(%xq) {kernel=[9,9], stride=[1,1], padding=[0,0], dilation=[1,1]}", "no longer than the padded input"},
  });
}

TEST_CASE("ops that move data") {
  check_types({
      {"%y = reshape(%x) {shape=[N,256]}", "f32[N,256]"},
      {"%y = reshape(%t) {shape=[N*L,6]}", "f32[L*N,6]"},
      {"%y = reshape(%xq) {shape=[N,2,2,64]}", "u8[N,2,2,64] q(0.5, 10)"},
      {"%y = permute(%t) {perm=[2,0,1]}", "f32[6,N,L]"},
      {"%y = slice(%x) {axis=2, start=0, end=8, step=2}", "f32[N,4,4,8]"},
      {"%y = slice(%t) {axis=1, start=0, end=L, step=2}", "f32[N,floor((L + 1) / 2),6]"},
      {"%y = concat(%x, %x) {axis=1}", "f32[N,8,8,8]"},
      {"%y = concat(%t, %t) {axis=1}", "f32[N,2*L,6]"},
      {"%y = pad(%x) {padding=[0,2,0,0,0,2,0,1]}", "f32[N,8,8,9]"},
      {"@one : f32[1,6] = zeros\n%y = expand(@one) {shape=[L,6]}", "f32[L,6]"},
  });
  check_refused({
      {"%y = reshape(%x) {shape=[N,255]}", "expected 256*N elements"},
      {"%y = permute(%t) {perm=[0,0,1]}", "every axis of a tensor of rank 3 once"},
      {"%y = permute(%t) {perm=[0,1]}", "expected 3 entries, found 2"},
      {"%y = slice(%x) {axis=1, start=3, end=5}", "0 <= start <= end <= 4"},
      {"%y = concat(%x, %t) {axis=1}", "operand 1 (\"xs\"): expected the shape"},
      {"%y = pad(%x) {padding=[1,1]}", "expected 8 entries, found 2"},
      {"%y = expand(%x) {shape=[N,5,8,8]}", "a shape that [N,4,8,8] broadcasts to"},
  });
}

TEST_CASE("group norm and recurrent layers") {
  const std::string int8 = R"(@ih8 : s8[3,6] int8(axis 0, scales [1, 1, 1]) = zeros
@hh8 : s8[3,1] int8(axis 0, scales [1, 1, 1]) = zeros
)";
  check_types({
      {"%y = group_norm(%x, @c4) {groups=2}", "f32[N,4,8,8]"},
      {"%y, %h = gru(%t, _, @w_ih, @w_hh4, @b_h, @b_h) {hidden=4, batch_first=true} @w_hh4 : f32[12,4] = zeros", "f32[N,L,4]"},
      {"%y, %h = rnn(%t, _, @w_ih, @w_hh12) {hidden=12, has_bias=false} @w_hh12 : f32[12,12] = zeros", "f32[N,L,12]"},
      {int8 + R"(%y, %h = gru(%t, _, @ih8, @hh8) {hidden=1, has_bias=false, batch_first=true, dynamic="row"})", "f32[N,L,1]"},
  });
  check_refused({
      {"%y = group_norm(%x) {groups=3}", "a divisor of the 4 channels"},
      {"%y = group_norm(%x, @b6) {groups=2}", "one per channel"},
      {"%y, %h = gru(%t, _, @w_ih, @w_hh, @b_h, @b_h) {hidden=3, batch_first=true}", "gates in the order r, z, n"},
      {int8 + "%y, %h = gru(%t, _, @ih8, @hh8) {hidden=1, has_bias=false, batch_first=true}", "expected f32"},
      {int8 + R"(%y, %h = gru(%t, _, @ih8, @hh8) {hidden=1, has_bias=false, batch_first=true, dynamic="tensor"})", R"(attribute "dynamic": expected "" or "row", found tensor)"},
      {R"(%y, %h = gru(%t, _, @w_ih, @w_hh, @b_h, @b_h) {hidden=4, batch_first=true, dynamic="row"})", "expected s8 in an int8 encoding with one scale for each row (axis 0)"},
      {"%y, %h = gru(%t, _, @w_ih) {hidden=4}", "expected 6 operands (x, 1 states"},
      {"%y, %h = rnn(%t, _, @w_ih, @w_hh) {hidden=3, activation=\"gelu\"}", "tanh or relu"},
  });
}
