// `bench_kernels ISA weights`: one linear layer with its weight kept in fewer bits, and with blocks of zeros, against the dense fp32 kernel.
#pragma once

#include "backends/runtime/kernels.h"

void bench_weights(const fastc::rt::KernelTable& table, double budget_us);
