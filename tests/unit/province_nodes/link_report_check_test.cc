// What a node signs, where a closed link is shown, and who the test person is.
#include <functional>

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/envelope.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/link_suite.h"
#include "protos/contract/resident.h"
#include "province_nodes/linktest/closed_link.h"
#include "province_nodes/linktest/link_case.h"
#include "province_nodes/linktest/report_check.h"
#include "province_nodes/linktest/test_person.h"
#include "province_nodes/linktest/test_portrait.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"

namespace yizhan::node {
namespace {

using contract::ProvinceCode;
using contract::ReasonOf;
using ::testing::HasSubstr;

class ReportCheckTest : public ::testing::Test {
 protected:
  ReportCheckTest() {
    policy_.set_schema("yizhan-policy-1");
    deps_.province = ProvinceCode(32);
    deps_.algorithms = lab_.algorithms();
    deps_.signer = &lab_.signer(32);
    deps_.policy = &policy_;
    deps_.build = "node 1";
    deps_.fingerprints = {std::string(32, 'f')};
    run_.set_run_id(std::string(16, 'r'));
    run_.set_initiator(32);
    run_.set_counterpart(34);
    v1::LinkReport* report = entry_.mutable_link_report();
    entry_.set_network_genesis(lab_.genesis_digest().str());
    report->set_run_id(run_.run_id());
    report->set_suite_version(contract::kLinkSuiteVersion);
    report->set_initiator(32);
    report->set_counterpart(34);
    AddRoute(32, 34);
    AddRoute(34, 32);
    for (const contract::LinkCase& one : contract::kLinkSuite) {
      AddVerdict(one, 32, 34);
      AddVerdict(one, 34, 32);
    }
    report->set_ended_unix_us(absl::ToUnixMicros(now_));
    report->set_certified_until_unix_us(absl::ToUnixMicros(now_ + contract::kCertificationLife));
    report->set_initiator_build("node 1");
    report->set_policy_schema("yizhan-policy-1");
    report->add_fingerprints(deps_.fingerprints[0]);
  }
  void AddRoute(std::uint32_t accepting, std::uint32_t home) {
    v1::RouteCertification* route = report().add_routes();
    route->set_accepting(accepting);
    route->set_home(home);
    route->set_version(1);
  }
  void AddVerdict(const contract::LinkCase& one, std::uint32_t from, std::uint32_t to) {
    v1::CaseVerdict verdict;
    verdict.set_case_id(std::string(one.id));
    verdict.set_from(from);
    verdict.set_to(to);
    verdict.set_judge(one.judge);
    verdict.set_verdict(v1::VERDICT_PASS);
    if (from == 32) own_.push_back(verdict);
    verdict.set_attested_by_one_side(!one.broker_can_show);
    *report().add_verdicts() = verdict;
  }
  v1::LinkReport& report() { return *entry_.mutable_link_report(); }
  absl::Status Check() {
    run_.set_report_entry(entry_.SerializeAsString());
    return CheckReport(deps_, lab_.state(), run_, own_, now_);
  }

  const absl::Time start_ = absl::FromUnixSeconds(1'772'413'200);
  const absl::Time now_ = start_ + absl::Minutes(5);
  testing::LabDirectory lab_{{32, 34, 41}, start_};
  v1::Policy policy_;
  LinkTestDeps deps_;
  v1::LinkRun run_;
  v1::DirectoryEntry entry_;
  std::vector<v1::CaseVerdict> own_;
};

TEST_F(ReportCheckTest, ReportSaysWhatTheNodeSaw_IsSigned) {
  const absl::Status checked = Check();
  EXPECT_TRUE(checked.ok()) << checked;
}

// Each change of the report by the broker must stop the signature.
TEST_F(ReportCheckTest, ReportDiffersFromWhatTheNodeKnows_IsNotSigned) {
  const v1::DirectoryEntry good = entry_;
  const std::pair<const char*, std::function<void()>> changes[] = {
      {"other run", [&] { report().set_run_id(std::string(16, 'x')); }},
      {"other counterpart", [&] { report().set_counterpart(41); }},
      {"other suite", [&] { report().set_suite_version(2); }},
      {"other network", [&] { entry_.set_network_genesis(std::string(32, 'g')); }},
      {"a third route", [&] { AddRoute(32, 41); }},
      {"one route only", [&] { report().mutable_routes()->RemoveLast(); }},
      {"route version skipped", [&] { report().mutable_routes(0)->set_version(2); }},
      {"a verdict missing", [&] { report().mutable_verdicts()->RemoveLast(); }},
      {"a verdict twice", [&] { *report().mutable_verdicts(9) = report().verdicts(7); }},
      {"own verdict altered",
       [&] { report().mutable_verdicts(0)->set_evidence_digest(std::string(32, 'e')); }},
      {"a verdict that failed",
       [&] { report().mutable_verdicts(1)->set_verdict(v1::VERDICT_FAIL); }},
      {"opens later", [&] { report().set_open_at_unix_us(absl::ToUnixMicros(now_) + 1); }},
      {"certified for two years",
       [&] {
         report().set_certified_until_unix_us(
             absl::ToUnixMicros(now_ + 2 * contract::kCertificationLife));
       }},
      {"other build", [&] { report().set_initiator_build("node 2"); }},
      {"other policy", [&] { report().set_policy_schema("other"); }},
      {"own fingerprint missing", [&] { report().clear_fingerprints(); }},
      {"not a fast run", [&] { report().set_fast(true); }},
  };
  for (const auto& [what, change] : changes) {
    entry_ = good;
    change();
    EXPECT_EQ(ReasonOf(Check()), v1::REPORT_REFUSED) << what;
  }
}

TEST_F(ReportCheckTest, OwnSystemsAreDoublesAndTheReportHidesIt_IsNotSigned) {
  deps_.doubles = true;
  EXPECT_THAT(std::string(Check().message()), HasSubstr("doubles"));
  report().set_doubles(true);
  EXPECT_TRUE(Check().ok());
}

TEST_F(ReportCheckTest, ClosedLink_IsShownAtThePeerUntilItsRouteIsOpen) {
  const auto destination = [&] {
    return ClosedDestination(lab_.state(), ProvinceCode(32), ProvinceCode(34), now_).value();
  };
  EXPECT_EQ(destination(), 34u);
  lab_.OpenRoutes(32, 34);
  EXPECT_EQ(destination(), 41u);
  lab_.OpenRoutes(32, 41);
  EXPECT_EQ(destination(), 99u);
}

TEST_F(ReportCheckTest, ClosedLinkQuery_IsAProperEnvelopeOfTheNode) {
  platform::SeededRandom random(3);
  absl::StatusOr<v1::Envelope> envelope =
      ClosedLinkQuery(deps_, lab_.state(), ProvinceCode(34), ProvinceCode(34), random, now_);
  ASSERT_TRUE(envelope.ok()) << envelope.status();
  const contract::Hasher& hasher = *lab_.algorithms().hasher;
  absl::StatusOr<contract::ParsedEnvelope> parsed = contract::ParseEnvelope(hasher, *envelope);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->header.lane(), v1::LANE_BUSINESS);
  EXPECT_EQ(parsed->header.kind(), v1::ELIGIBILITY_QUERY);
  EXPECT_TRUE(contract::CheckBodyDigest(hasher, *envelope, *parsed).ok());
  EXPECT_TRUE(contract::CheckTimes(*parsed, now_).ok());
  contract::SignatureChecker checker(&hasher, lab_.algorithms().verifier);
  const absl::string_view parts[] = {envelope->header(), envelope->seal()};
  EXPECT_TRUE(checker
                  .Check(*lab_.state().FindKey(lab_.signer(32).key_id()), envelope->signature(),
                         contract::kEnvelopeType, parts)
                  .ok());
}

TEST(TestPerson, IsWellFormedForEveryProvince) {
  for (std::uint32_t province : {11, 32, 34, 51, 65}) {
    const v1::Person person = TestPerson(ProvinceCode(province));
    const auto id = contract::IdNumber::Parse(person.id_number());
    ASSERT_TRUE(id.has_value()) << person.id_number();
    EXPECT_EQ(id->sex(), absl::string_view(person.sex()));
    EXPECT_EQ(contract::FormatDate(id->birth_date()), person.birth_date());
    EXPECT_EQ(ProvinceCode::OfDivision(person.home_division()), ProvinceCode(province));
  }
}

TEST(TestPerson, FingerprintsHaveTheirSizeAndDifferByRun) {
  const contract::Hasher& hasher = *platform::SmSuite().hasher;
  const auto one = TestFingerprints(hasher, *contract::RunId::From(std::string(16, '1')));
  const auto other = TestFingerprints(hasher, *contract::RunId::From(std::string(16, '2')));
  ASSERT_EQ(one.size(), 2u);
  EXPECT_TRUE(contract::CheckFingerprints(one).ok());
  EXPECT_NE(one[0], one[1]);
  EXPECT_NE(one, other);
}

TEST(LinkSuite, ListsTheMandatoryCasesOnceEachWithTitlesAndSteps) {
  const auto suite = MakeLinkTestSuite();
  std::vector<absl::string_view> ids;
  for (const auto& one : suite) {
    ids.push_back(one->describe().id);
    EXPECT_FALSE(one->steps().empty()) << one->describe().id;
    EXPECT_FALSE(one->describe().title_zh.empty());
    EXPECT_FALSE(one->describe().title_en.empty());
    EXPECT_FALSE(one->describe().proves.empty());
  }
  EXPECT_THAT(ids, ::testing::UnorderedElementsAreArray(
                       contract::MandatoryCases(contract::kLinkSuiteVersion)));
}

TEST(CaseOutcome, FirstFailureCountsAndEvidenceHasTheDigestOfItsVerdict) {
  CaseOutcome outcome("M01", ProvinceCode(32), ProvinceCode(34));
  outcome.Message(std::string(32, 'h'));
  outcome.Fail(FailedSide::kNetwork, "line down", "check the line");
  outcome.Fail(FailedSide::kMine, "later", "never");
  std::string evidence;
  const contract::Hasher& hasher = *platform::SmSuite().hasher;
  const v1::CaseVerdict verdict =
      outcome.Verdict(hasher, v1::JUDGE_ACCEPTING, absl::UnixEpoch(), absl::UnixEpoch(), &evidence);
  EXPECT_EQ(verdict.verdict(), v1::VERDICT_FAIL);
  EXPECT_EQ(verdict.side(), "network");
  EXPECT_EQ(verdict.cause(), "line down");
  EXPECT_EQ(verdict.evidence_digest(), hasher.Hash(evidence).str());
}

}  // namespace
}  // namespace yizhan::node
