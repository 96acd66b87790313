// The catalogue of the bilateral connectivity test: which cases a run consists
// of, who judges each, and whose word its verdict is. Broker, nodes and tools
// read the same list; the steps are in province_nodes/linktest, the broker's
// checks in broker/service.
#ifndef YIZHAN_PROTOS_CONTRACT_LINK_SUITE_H_
#define YIZHAN_PROTOS_CONTRACT_LINK_SUITE_H_

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::contract {

// Grows with every change of the catalogue. A report names it.
inline constexpr std::uint32_t kLinkSuiteVersion = 1;

// One case; it is run in both directions (from -> to and to -> from). The
// accepting side of a direction is `from`, the home side is `to`.
struct LinkCase {
  absl::string_view id;
  absl::string_view title_zh;
  absl::string_view title_en;
  absl::string_view proves;
  v1::Judge judge;
  // False: part of the verdict is what a node alone saw (contents, its own
  // store), and the report marks it as attested by one side.
  bool broker_can_show;
};

inline constexpr std::array<LinkCase, 5> kLinkSuite = {{
    {"M01", "测试报文有回执，且不进业务收件箱",
     "Test message receipted, absent from business inbox",
     "the lanes are apart and the recipient signs for what it applied", v1::JUDGE_ACCEPTING, false},
    {"M03", "带相片和指纹的受理信息往返", "Acceptance with portrait and fingerprints, round trip",
     "both provinces run one case from query to review under the same rules", v1::JUDGE_ACCEPTING,
     false},
    {"S01", "密文改动一位即被拒绝", "One bit of the body flipped: refused, nothing delivered",
     "an altered body is refused before storage and the true one still passes", v1::JUDGE_ACCEPTING,
     true},
    {"R01", "重复发送只投递一次，回执相同", "Same message again: one delivery, same receipt",
     "repeating is harmless, so a sender may always send again", v1::JUDGE_ACCEPTING, true},
    {"L04", "链路未开通时业务报文被拒绝", "Closed pair: business message refused before storage",
     "no business message passes a route without a report", v1::JUDGE_ACCEPTING, true},
}};

inline constexpr std::uint32_t kLinkDirections = 2;
inline constexpr std::uint32_t kExpectedVerdicts =
    static_cast<std::uint32_t>(kLinkSuite.size()) * kLinkDirections;

// Null for an id that the suite does not have.
inline const LinkCase* FindLinkCase(absl::string_view id) {
  for (const LinkCase& one : kLinkSuite) {
    if (one.id == id) return &one;
  }
  return nullptr;
}

// Bounds of a run.
inline constexpr std::uint64_t kLinkRunMaxMessages = 2000;
inline constexpr std::uint64_t kLinkRunMaxBytes = std::uint64_t{16} << 20;
// Of one case's evidence.
inline constexpr int kMaxEvidenceDigests = 64;
inline constexpr int kMaxEvidenceNotes = 64;
inline constexpr std::size_t kMaxEvidenceBytes = 256 * 1024;

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_LINK_SUITE_H_
