#include "driver/report/gates.h"

#include "tests/catch.h"

using namespace fastc;

namespace {

Report measured() {
  Report report;
  report.primary = "accuracy";
  report.original.metrics = {{"accuracy", 0.90}};
  report.result.metrics = {{"accuracy", 0.88}};
  report.original.bytes = 1000, report.result.bytes = 250;
  report.speedups.push_back({"b1t1", 2.5, 2.4, 2.6, 15, "avx2"});
  report.result.latency_ms["b1t1"] = {0.4, 0.5};
  return report;
}

}  // namespace

TEST_CASE("each limit gives one row, judged on the report's figures") {
  RecipeGates gates;
  gates.accuracy = AccuracyGate{0.01, 0.8};
  gates.size = SizeGate{4.0, 200};
  gates.latency = LatencyGate{2.0, 0.3, 1, 1};
  const auto rows = judge_gates(gates, measured());
  REQUIRE(rows.size() == 6);
  CHECK_FALSE(rows[0].held);  // lost 0.02, allowed 0.01
  CHECK(rows[0].value == Approx(0.02));
  CHECK(rows[1].held);
  CHECK(rows[2].held);        // exactly 4 times smaller
  CHECK_FALSE(rows[3].held);  // 250 bytes, allowed 200
  CHECK(rows[4].held);
  CHECK_FALSE(rows[5].held);  // 0.4 ms, allowed 0.3
}

TEST_CASE("a latency gate that was not measured fails") {
  RecipeGates gates;
  gates.latency = LatencyGate{1.0, {}, 8, 2};
  const auto rows = judge_gates(gates, measured());
  REQUIRE(rows.size() == 1);
  CHECK_FALSE(rows[0].held);
}

TEST_CASE("no limits, no rows") { CHECK(judge_gates({}, measured()).empty()); }
