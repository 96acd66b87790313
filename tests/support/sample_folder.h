// The shipped sample as test input: applications, what the county finds, and how
// each line must end.
#ifndef YIZHAN_TESTS_SUPPORT_SAMPLE_FOLDER_H_
#define YIZHAN_TESTS_SUPPORT_SAMPLE_FOLDER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "yizhan/v1/gateway.pb.h"

namespace yizhan::node {

struct SampleLine {
  bool readable = false;
  bool duplicate = false;
  std::string ref;
  v1::Application application;
  std::int64_t applied_us = 0;
  bool old_card_surrendered = false;
  int card_centre_failures = 0;
  std::string portrait_retake;  // bytes; empty: none that is usable
};

// As a line of expected.jsonl; validity -1 for no card.
struct SampleOutcome {
  std::string final_state;
  std::string reason;
  std::int64_t fee_fen = 0;
  std::int64_t refund_fen = 0;
  int validity_years = -1;
  friend bool operator==(const SampleOutcome&, const SampleOutcome&) = default;
};

struct SampleFolder {
  std::vector<SampleLine> lines;
  std::vector<SampleOutcome> expected;
  std::map<std::string, std::string> county_findings;  // by ID number
};

// Of `root`/applications.jsonl and so on; aborts the test where it is unreadable.
SampleFolder LoadSampleFolder(const std::string& root);

}  // namespace yizhan::node

#endif  // YIZHAN_TESTS_SUPPORT_SAMPLE_FOLDER_H_
