#include "tools/yizhan/link_client.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/rpc_call.h"
#include "tools/yizhan/text.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::tools {
namespace {

std::string Who(contract::ProvinceCode node) { return absl::StrCat("Node ", node.str()); }

// The officer whom a lab's commands name.
v1::Officer LabEngineer(contract::ProvinceCode province) {
  v1::Officer officer;
  officer.set_number(absl::StrCat(province.str(), "0001"));
  officer.set_unit("lab onboarding");
  return officer;
}

}  // namespace

absl::StatusOr<absl::Time> ArmLink(const Lab& lab, contract::ProvinceCode node,
                                   contract::ProvinceCode peer, absl::Duration window) {
  auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  v1::ArmLinkRequest request;
  request.set_peer(peer.value());
  request.set_window_ms(absl::ToInt64Milliseconds(window));
  *request.mutable_engineer() = LabEngineer(node);
  const auto response = Call(*stub, Who(node), &v1::NodeAdmin::StubInterface::ArmLink, request);
  if (!response.ok()) return response.status();
  return absl::FromUnixMicros(response->until_unix_us());
}

absl::StatusOr<v1::LinkRun> TestLink(const Lab& lab, contract::ProvinceCode node,
                                     contract::ProvinceCode peer, bool fast, absl::Duration timeout,
                                     const std::function<void(const v1::LinkRun&)>& on_run) {
  auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::NodeAdmin::NewStub(*channel);
  v1::TestLinkRequest request;
  request.set_peer(peer.value());
  request.set_fast(fast);
  *request.mutable_engineer() = LabEngineer(node);
  grpc::ClientContext context;
  SetDeadline(context, timeout);
  const auto reader = stub->TestLink(&context, request);
  v1::LinkRun run;
  v1::TestLinkResponse response;
  while (reader->Read(&response)) {
    run = std::move(*response.mutable_run());
    on_run(run);
  }
  if (const grpc::Status status = reader->Finish(); !status.ok()) return OfCall(Who(node), status);
  return run;
}

absl::Status JudgeRun(const v1::LinkRun& run) {
  if (run.state() == v1::RUN_CERTIFIED) return absl::OkStatus();
  for (const v1::CaseVerdict& verdict : run.verdicts()) {
    if (verdict.verdict() != v1::VERDICT_FAIL) continue;
    const v1::Side side = verdict.side() == "theirs"    ? v1::SIDE_THEIRS
                          : verdict.side() == "broker"  ? v1::SIDE_BROKER
                          : verdict.side() == "network" ? v1::SIDE_NETWORK
                                                        : v1::SIDE_MINE;
    return contract::MakeError(
        v1::REPORT_REFUSED, side,
        absl::StrCat("The test of ", run.initiator(), " and ", run.counterpart(), " failed in ",
                     verdict.case_id(), " from ", verdict.from(), " to ", verdict.to(), ": ",
                     verdict.cause()),
        verdict.next_step());
  }
  return contract::MakeError(
      v1::REPORT_REFUSED, v1::SIDE_NETWORK,
      absl::StrCat("The test of ", run.initiator(), " and ", run.counterpart(), " ended in ",
                   Shorten(v1::RunState_Name(run.state()), "RUN_"), " with ", run.verdicts_size(),
                   " of ", run.expected_verdicts(), " verdicts", run.failure().empty() ? "" : ": ",
                   run.failure(), "."),
      "See both nodes' logs, arm the link again and repeat the test.");
}

}  // namespace yizhan::tools
