#include "tools/demo/outcome.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tools/demo/comparison.h"
#include "tools/demo/message_counts.h"
#include "yizhan/v1/node_admin.pb.h"

namespace yizhan::tools {
namespace {

using contract::ProvinceCode;
using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::CaseView View(v1::CaseState state) {
  v1::CaseView view;
  view.set_state(state);
  view.set_fee_fen(2000);
  view.set_validity_known(true);
  view.set_validity_years(20);
  return view;
}

TEST(OutcomeLine, HasExactlyTheFieldsOfExpected) {
  EXPECT_EQ(OutcomeLine(OutcomeOf("P\"1", View(v1::CASE_HANDED_OVER))),
            R"({"ref":"P\"1","final_state":"HANDED_OVER","reason":"","fee_fen":2000,)"
            R"("refund_fen":0,"validity_years":20})");
  EXPECT_EQ(OutcomeLine(InvalidOutcome(std::nullopt, v1::LINE_UNREADABLE)),
            R"({"ref":null,"final_state":"INVALID","reason":"LINE_UNREADABLE","fee_fen":0,)"
            R"("refund_fen":0,"validity_years":null})");
}

TEST(OutcomeOf, NoCard_HasNoValidity) {
  EXPECT_EQ(OutcomeOf("P", View(v1::CASE_SIGNED)).validity_years, std::nullopt);
  EXPECT_EQ(OutcomeOf("P", View(v1::CASE_CLOSED_REFUSED)).validity_years, std::nullopt);
  v1::CaseView long_term = View(v1::CASE_READY);
  long_term.set_validity_years(0);
  long_term.set_reason(v1::OLD_CARD_NOT_SURRENDERED);
  EXPECT_EQ(OutcomeOf("P", long_term).validity_years, 0u);
  EXPECT_EQ(OutcomeOf("P", long_term).reason, "OLD_CARD_NOT_SURRENDERED");
}

LineResult Line(const std::string& state, std::uint32_t accepting, std::uint32_t home) {
  LineResult line;
  line.outcome.ref = "P";
  line.outcome.final_state = state;
  line.accepting = ProvinceCode(accepting);
  line.home = ProvinceCode(home);
  return line;
}

ComparisonScope WholeNetwork() {
  ComparisonScope scope;
  scope.standard.insert(StandardProvinces().begin(), StandardProvinces().end());
  scope.running = scope.standard;
  return scope;
}

TEST(Compare, OtherOutcome_IsUnexpected) {
  const std::vector<LineResult> lines = {Line("A", 32, 34), Line("B", 32, 34)};
  const std::vector<Outcome> expected = {lines[0].outcome, lines[0].outcome};
  const Comparison comparison = Compare(lines, expected, WholeNetwork());
  EXPECT_EQ(comparison.as_expected, 1u);
  EXPECT_THAT(comparison.unexpected, SizeIs(1));
  EXPECT_FALSE(comparison.lengths_differ);
}

TEST(Compare, LinesOfMissingNodes_AreNotComparable) {
  ComparisonScope scope = WholeNetwork();
  scope.running = {ProvinceCode(32), ProvinceCode(34)};
  const Outcome other = Line("X", 0, 0).outcome;
  const std::vector<LineResult> lines = {Line("A", 31, 32), Line("A", 32, 31), Line("A", 32, 34),
                                         Line("A", 32, 45)};
  const Comparison comparison = Compare(lines, {other, other, other, other}, scope);
  EXPECT_EQ(comparison.other_network, 2u);
  EXPECT_THAT(comparison.unexpected, SizeIs(2));
}

TEST(Compare, ClosedLinks_LeaveCasesWithinAProvinceComparable) {
  ComparisonScope scope = WholeNetwork();
  scope.links_open = false;
  const Outcome other = Line("X", 0, 0).outcome;
  const Comparison comparison =
      Compare({Line("A", 32, 34), Line("A", 32, 32)}, {other, other}, scope);
  EXPECT_EQ(comparison.other_network, 1u);
  EXPECT_THAT(comparison.unexpected, SizeIs(1));
}

TEST(Compare, MissingLines_AreNoticed) {
  EXPECT_TRUE(Compare({Line("A", 32, 34)}, {}, WholeNetwork()).lengths_differ);
}

v1::MessageCount Count(std::uint32_t source, std::uint32_t destination, std::uint64_t accepted,
                       std::uint64_t delivered) {
  v1::MessageCount count;
  count.set_lane(v1::LANE_BUSINESS);
  count.set_kind(v1::ACCEPTANCE);
  count.set_source(source);
  count.set_destination(destination);
  count.set_accepted(accepted);
  count.set_delivered(delivered);
  return count;
}

Flows Told(const v1::MessageCount& broker, const v1::MessageCount& sender,
           const v1::MessageCount& recipient) {
  Flows flows;
  v1::CountMessagesResponse of_broker;
  *of_broker.add_counts() = broker;
  AddBrokerCounts(of_broker, flows);
  v1::CountNodeMessagesResponse node;
  *node.add_counts() = sender;
  AddNodeCounts(ProvinceCode(32), node.counts(), flows);
  *node.mutable_counts(0) = recipient;
  AddNodeCounts(ProvinceCode(34), node.counts(), flows);
  return flows;
}

TEST(MessageCounts, AllTellTheSame_NoDifference) {
  Flows flows = Told(Count(32, 34, 5, 4), Count(32, 34, 5, 4), Count(32, 34, 0, 4));
  MarkKnown({ProvinceCode(32), ProvinceCode(34)}, flows);
  EXPECT_THAT(Differences(flows), IsEmpty());
}

TEST(MessageCounts, AnyOtherTelling_IsShown) {
  const std::set<ProvinceCode> both = {ProvinceCode(32), ProvinceCode(34)};
  Flows more_sent = Told(Count(32, 34, 5, 4), Count(32, 34, 6, 4), Count(32, 34, 0, 4));
  Flows less_applied = Told(Count(32, 34, 5, 4), Count(32, 34, 5, 4), Count(32, 34, 0, 3));
  MarkKnown(both, more_sent);
  MarkKnown(both, less_applied);
  EXPECT_THAT(Differences(more_sent), SizeIs(1));
  EXPECT_THAT(Differences(less_applied), SizeIs(1));
}

TEST(MessageCounts, StoppedNode_IsNotAsked) {
  Flows flows = Told(Count(32, 34, 5, 0), Count(32, 34, 5, 0), Count(34, 34, 9, 9));
  MarkKnown({ProvinceCode(32)}, flows);
  EXPECT_THAT(Differences(flows), IsEmpty());
  EXPECT_THAT(flows, SizeIs(1));
}

}  // namespace
}  // namespace yizhan::tools
