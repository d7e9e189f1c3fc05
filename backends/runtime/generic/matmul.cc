// y[b] = op(a[b])·op(b[b]), fp32 sums in the order of k. A tile is one row of one batch.
#include "generic/generic.h"

namespace fastc::rt {
namespace {

int64_t tiles(const MatmulF32& p) { return p.batch * p.m; }

// The row of a is read with its stride; b's rows are added up scaled (row-major) or dotted (transposed).
void row_times_matrix(const MatmulF32& p, const float* a, int64_t a_step, const float* b, float* y) {
  for (int64_t j = 0; j < p.n; ++j) y[j] = 0;
  for (int64_t k = 0; k < p.k; ++k) {
    const float v = a[k * a_step];
    for (int64_t j = 0; j < p.n; ++j) y[j] += v * b[k * p.n + j];
  }
}

void row_times_transposed(const MatmulF32& p, const float* a, int64_t a_step, const float* b, float* y) {
  for (int64_t j = 0; j < p.n; ++j) {
    float sum = 0;
    for (int64_t k = 0; k < p.k; ++k) sum += a[k * a_step] * b[j * p.k + k];
    y[j] = sum;
  }
}

void run(const MatmulF32& p, const void*, int64_t begin, int64_t end, void*) {
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t batch = tile / p.m, i = tile % p.m;
    const float* a = p.a + batch * p.a_batch_stride + (p.transpose_a ? i : i * p.k);
    const float* b = p.b + batch * p.b_batch_stride;
    const int64_t a_step = p.transpose_a ? p.m : 1;
    (p.transpose_b ? row_times_transposed : row_times_matrix)(p, a, a_step, b, p.y + tile * p.n);
  }
}

}  // namespace

TiledKernel<MatmulF32> generic_matmul_f32() { return {.tiles = tiles, .run = run, .name = "generic"}; }

}  // namespace fastc::rt
