#include "tests/unit/broker/link_runs_fixture.h"

namespace yizhan::broker {

void LinkRunsTest::RestartBroker() {
  runs_.reset();
  txn_ = std::make_unique<platform::Transaction>(&store_);
  runs_ = std::make_unique<LinkRuns>(LinkRuns::Deps{txn_.get(), lab_.algorithms().hasher, &random_,
                                                    &lab_.broker_signer(), &checker_, &host_, "L"});
}

v1::SignedArming LinkRunsTest::Statement(std::uint32_t province, std::uint32_t peer,
                                         absl::Duration window, const contract::Signer* signer) {
  v1::ArmingStatement statement;
  statement.set_province(province);
  statement.set_peer(peer);
  statement.set_from_unix_us(absl::ToUnixMicros(now_));
  statement.set_until_unix_us(absl::ToUnixMicros(now_ + window));
  statement.set_random(random_.Bytes(16));
  statement.mutable_engineer()->set_number("P00001");
  statement.mutable_engineer()->set_unit("data centre");
  v1::SignedArming out;
  out.set_statement(statement.SerializeAsString());
  const absl::string_view parts[] = {out.statement()};
  *out.mutable_signature() =
      *contract::SignOne(signer != nullptr ? *signer : lab_.signer(province),
                         *lab_.algorithms().hasher, contract::kLinkArmType, parts);
  return out;
}

absl::Status LinkRunsTest::Arm(std::uint32_t province, std::uint32_t peer, absl::Duration window) {
  v1::ArmRequest request;
  *request.mutable_arming() = Statement(province, peer, window);
  return runs_->Arm(ProvinceCode(province), request, now_).status();
}

absl::StatusOr<v1::LinkRun> LinkRunsTest::Start(std::uint32_t province, std::uint32_t peer) {
  v1::StartRunRequest request;
  request.set_peer(peer);
  request.set_build("test 1");
  *request.mutable_consent() = Statement(province, peer, absl::Hours(1));
  absl::StatusOr<v1::StartRunResponse> started =
      runs_->StartRun(ProvinceCode(province), request, now_);
  if (!started.ok()) return started.status();
  return started->run();
}

v1::LinkRun LinkRunsTest::ArmedRun() {
  EXPECT_TRUE(Arm(34, 32).ok());
  absl::StatusOr<v1::LinkRun> run = Start(32, 34);
  EXPECT_TRUE(run.ok()) << run.status();
  return *run;
}

v1::LinkRun LinkRunsTest::Now(const v1::LinkRun& run) {
  v1::GetRunRequest request;
  request.set_run_id(run.run_id());
  return runs_->GetRun(ProvinceCode(run.initiator()), request)->run();
}

v1::TraceStep LinkRunsTest::Step(const v1::LinkRun& run, v1::TraceEvent event, v1::MessageKind kind,
                                 std::uint32_t source, std::uint32_t destination) {
  v1::TraceStep step;
  step.set_event(event);
  step.set_at_unix_us(absl::ToUnixMicros(now_));
  step.set_kind(kind);
  step.mutable_message()->set_lane(v1::LANE_TEST);
  step.mutable_message()->set_test_run_id(run.run_id());
  step.mutable_message()->set_source(source);
  step.mutable_message()->set_destination(destination);
  return step;
}

Digest LinkRunsTest::Flow(const v1::LinkRun& run, v1::MessageKind kind, std::uint32_t source,
                          std::uint32_t destination) {
  const Digest header = contract::RandomFixed<Digest>(random_);
  host_.log[header].push_back(Step(run, v1::TRACE_ACCEPTED, kind, source, destination));
  host_.log[header].push_back(Step(run, v1::TRACE_DELIVERED, kind, source, destination));
  return header;
}

Digest LinkRunsTest::FlowAfterAlteredBody(const v1::LinkRun& run, std::uint32_t from,
                                          std::uint32_t to) {
  const Digest header = Flow(run, v1::TEST_MESSAGE, from, to);
  v1::TraceStep refused = Step(run, v1::TRACE_REFUSED, v1::TEST_MESSAGE, from, to);
  refused.set_reason(v1::BODY_DIGEST_MISMATCH);
  host_.log[header].insert(host_.log[header].begin(), refused);
  return header;
}

Digest LinkRunsTest::RefusedForLink(const v1::LinkRun& run, std::uint32_t from, std::uint32_t to) {
  const Digest header = contract::RandomFixed<Digest>(random_);
  v1::TraceStep refused = Step(run, v1::TRACE_REFUSED, v1::ELIGIBILITY_QUERY, from, to);
  refused.set_reason(v1::ENVELOPE_LINK_NOT_OPEN);
  refused.mutable_message()->set_lane(v1::LANE_BUSINESS);
  refused.mutable_message()->clear_test_run_id();
  host_.log[header].push_back(refused);
  return header;
}

void LinkRunsTest::AddVerdict(v1::PostVerdictsRequest& request, const contract::Hasher& hasher,
                              const std::string& case_id, std::uint32_t from, std::uint32_t to,
                              const std::vector<Digest>& headers) {
  v1::CaseEvidence evidence;
  evidence.set_case_id(case_id);
  evidence.set_from(from);
  evidence.set_to(to);
  for (const Digest& header : headers) evidence.add_header_digests(header.str());
  request.add_evidence(evidence.SerializeAsString());
  v1::CaseVerdict* verdict = request.add_verdicts();
  verdict->set_case_id(case_id);
  verdict->set_from(from);
  verdict->set_to(to);
  verdict->set_judge(v1::JUDGE_ACCEPTING);
  verdict->set_verdict(v1::VERDICT_PASS);
  verdict->set_evidence_digest(hasher.Hash(request.evidence().rbegin()[0]).str());
}

v1::PostVerdictsRequest LinkRunsTest::PartyOf(const v1::LinkRun& run) {
  v1::PostVerdictsRequest request;
  request.set_run_id(run.run_id());
  request.set_build("test 1");
  request.set_policy_schema("yizhan-policy-1");
  return request;
}

v1::PostVerdictsRequest LinkRunsTest::AllPassed(const v1::LinkRun& run, std::uint32_t from,
                                                std::uint32_t to) {
  const contract::Hasher& hasher = *lab_.algorithms().hasher;
  v1::PostVerdictsRequest request = PartyOf(run);
  AddVerdict(request, hasher, "M01", from, to, {Flow(run, v1::TEST_MESSAGE, from, to)});
  AddVerdict(
      request, hasher, "M03", from, to,
      {Flow(run, v1::ELIGIBILITY_QUERY, from, to), Flow(run, v1::ELIGIBILITY_ANSWER, to, from),
       Flow(run, v1::ACCEPTANCE, from, to), Flow(run, v1::REVIEW_DECISION, to, from)});
  AddVerdict(request, hasher, "S01", from, to, {FlowAfterAlteredBody(run, from, to)});
  AddVerdict(request, hasher, "R01", from, to, {Flow(run, v1::TEST_MESSAGE, from, to)});
  AddVerdict(request, hasher, "L04", from, to, {RefusedForLink(run, from, to)});
  return request;
}

absl::StatusOr<v1::LinkRun> LinkRunsTest::Post(std::uint32_t province,
                                               const v1::PostVerdictsRequest& request) {
  const platform::Transaction::Mark mark = txn_->SetMark();
  absl::StatusOr<v1::PostVerdictsResponse> posted =
      runs_->PostVerdicts(ProvinceCode(province), request, now_);
  if (!posted.ok()) {
    txn_->RollBackTo(mark);
    return posted.status();
  }
  return posted->run();
}

v1::LinkRun LinkRunsTest::RunInSigning() {
  v1::LinkRun run = ArmedRun();
  EXPECT_TRUE(Post(32, AllPassed(run, 32, 34)).ok());
  absl::StatusOr<v1::LinkRun> complete = Post(34, AllPassed(run, 34, 32));
  EXPECT_TRUE(complete.ok()) << complete.status();
  EXPECT_EQ(complete->state(), v1::RUN_SIGNING) << complete->failure();
  return *complete;
}

absl::StatusOr<v1::LinkRun> LinkRunsTest::Sign(std::uint32_t province, const v1::LinkRun& run,
                                               const contract::Signer* signer,
                                               const std::string* other_bytes) {
  v1::SignReportRequest request;
  request.set_run_id(run.run_id());
  const absl::string_view parts[] = {other_bytes != nullptr ? *other_bytes : run.report_entry()};
  *request.mutable_signature() =
      *contract::SignOne(signer != nullptr ? *signer : lab_.signer(province),
                         *lab_.algorithms().hasher, contract::kDirectoryEntryType, parts);
  absl::StatusOr<v1::SignReportResponse> signed_report =
      runs_->SignReport(ProvinceCode(province), request, Moment{now_, absl::ZeroDuration()});
  if (!signed_report.ok()) return signed_report.status();
  return signed_report->run();
}

int LinkRunsTest::OpenRoutes() const {
  int open = 0;
  for (const auto& [key, route] : host_.state_.routes()) {
    open += host_.state_.Route(key, now_).state == v1::ROUTE_OPEN ? 1 : 0;
  }
  return open;
}

}  // namespace yizhan::broker
