#include "province_nodes/gateway/gateway_rpc.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/log/log.h"
#include "adapters/platform/rpc/status.h"
#include "grpcpp/server_context.h"
#include "protos/contract/errors.h"
#include "province_nodes/gateway/watch.h"
#include "yizhan/v1/gateway.grpc.pb.h"

namespace yizhan::node {
namespace {

constexpr std::size_t kWatchBatch = 256;
// How often a watching stream looks whether its client has gone.
constexpr absl::Duration kWatchPoll = absl::Milliseconds(200);

class GatewayRpcImpl final : public GatewayRpc, public v1::Gateway::Service {
 public:
  explicit GatewayRpcImpl(Deps deps) : deps_(std::move(deps)) {}
  grpc::Service* service() override { return this; }
  void StopWatching() override { stopped_ = true; }

  using Context = grpc::ServerContext;
  grpc::Status Apply(Context* context, const v1::ApplyRequest* request,
                     v1::ApplyResponse* response) override {
    const absl::Status room = deps_.room_for_new ? deps_.room_for_new() : absl::OkStatus();
    if (!room.ok() && CallerOf(context).ok()) return Answer("Apply", room);
    return Command(context, "Apply", *request, response, &CaseService::Apply);
  }
  grpc::Status RecordReview(Context* context, const v1::RecordReviewRequest* request,
                            v1::RecordReviewResponse* response) override {
    return Command(context, "RecordReview", *request, response, &CaseService::RecordReview);
  }
  grpc::Status RecordQualityFeedback(Context* context,
                                     const v1::RecordQualityFeedbackRequest* request,
                                     v1::RecordQualityFeedbackResponse* response) override {
    return Command(context, "RecordQualityFeedback", *request, response,
                   &CaseService::RecordQualityFeedback);
  }
  grpc::Status RecordRetake(Context* context, const v1::RecordRetakeRequest* request,
                            v1::RecordRetakeResponse* response) override {
    return Command(context, "RecordRetake", *request, response, &CaseService::RecordRetake);
  }
  grpc::Status RecordProduction(Context* context, const v1::RecordProductionRequest* request,
                                v1::RecordProductionResponse* response) override {
    return Command(context, "RecordProduction", *request, response, &CaseService::RecordProduction);
  }
  grpc::Status RecordReady(Context* context, const v1::RecordReadyRequest* request,
                           v1::RecordReadyResponse* response) override {
    return Command(context, "RecordReady", *request, response, &CaseService::RecordReady);
  }
  grpc::Status RecordHandOver(Context* context, const v1::RecordHandOverRequest* request,
                              v1::RecordHandOverResponse* response) override {
    return Command(context, "RecordHandOver", *request, response, &CaseService::RecordHandOver);
  }
  grpc::Status RecordInformed(Context* context, const v1::RecordInformedRequest* request,
                              v1::RecordInformedResponse* response) override {
    return Command(context, "RecordInformed", *request, response, &CaseService::RecordInformed);
  }
  grpc::Status RecordRefunded(Context* context, const v1::RecordRefundedRequest* request,
                              v1::RecordRefundedResponse* response) override {
    return Command(context, "RecordRefunded", *request, response, &CaseService::RecordRefunded);
  }
  grpc::Status RecordSystemOutcome(Context* context, const v1::RecordSystemOutcomeRequest* request,
                                   v1::RecordSystemOutcomeResponse* response) override {
    return Command(context, "RecordSystemOutcome", *request, response,
                   &CaseService::RecordSystemOutcome);
  }

  grpc::Status GetCase(Context* context, const v1::GetCaseRequest* request,
                       v1::GetCaseResponse* response) override {
    v1::GetCaseRequest asked = *request;
    if (asked.as_of_unix_us() == 0) asked.set_as_of_unix_us(NowMicros());
    return Query(context, "GetCase", asked, response->mutable_case_(), &CaseService::GetCase);
  }
  grpc::Status ListCases(Context* context, const v1::ListCasesRequest* request,
                         v1::ListCasesResponse* response) override {
    v1::ListCasesRequest asked = *request;
    if (asked.as_of_unix_us() == 0) asked.set_as_of_unix_us(NowMicros());
    return Query(context, "ListCases", asked, response, &CaseService::ListCases);
  }
  grpc::Status ListWork(Context* context, const v1::ListWorkRequest* request,
                        v1::ListWorkResponse* response) override {
    return Query(context, "ListWork", *request, response, &CaseService::ListWork);
  }
  grpc::Status WatchCases(Context* context, const v1::WatchCasesRequest* request,
                          grpc::ServerWriter<v1::WatchCasesResponse>* writer) override;

 private:
  template <typename Request>
  using CommandMethod = absl::StatusOr<v1::CaseView> (CaseService::*)(platform::Transaction&,
                                                                      const Caller&, const Request&,
                                                                      CaseEffects&);
  template <typename Request, typename Answer>
  using QueryMethod = absl::StatusOr<Answer> (CaseService::*)(const platform::Transaction&,
                                                              const Caller&, const Request&);

  absl::StatusOr<const Caller*> CallerOf(Context* context) const {
    const auto fingerprint = deps_.peer(*context);
    if (!fingerprint.ok()) return fingerprint.status();
    return deps_.callers->Find(*fingerprint);
  }

  template <typename Request, typename Response>
  grpc::Status Command(Context* context, absl::string_view call, const Request& request,
                       Response* response, CommandMethod<Request> method) {
    const absl::StatusOr<const Caller*> caller = CallerOf(context);
    absl::Status status = caller.status();
    if (status.ok()) {
      status = deps_.runner->Run(
          [&](platform::Transaction& txn, CaseService& cases, CaseEffects& effects) {
            absl::StatusOr<v1::CaseView> view = (cases.*method)(txn, **caller, request, effects);
            if (!view.ok()) return view.status();
            *response->mutable_case_() = *std::move(view);
            return absl::OkStatus();
          });
    }
    LogCommand(call, caller.ok() ? (*caller)->name : "unknown", request.context().officer(),
               response->case_().case_handle(), status);
    return Answer(call, status);
  }

  template <typename Request, typename Response>
  grpc::Status Query(Context* context, absl::string_view call, const Request& request,
                     Response* response, QueryMethod<Request, Response> method) {
    const absl::StatusOr<const Caller*> caller = CallerOf(context);
    absl::Status status = caller.status();
    if (status.ok()) {
      status = deps_.runner->Read([&](const platform::Transaction& txn, CaseService& cases) {
        absl::StatusOr<Response> answer = (cases.*method)(txn, **caller, request);
        if (!answer.ok()) return answer.status();
        *response = *std::move(answer);
        return absl::OkStatus();
      });
    }
    return Answer(call, status);
  }

  // Who did what, and who was refused. Case handles, never persons.
  static void LogCommand(absl::string_view call, const std::string& caller,
                         const v1::Officer& officer, const std::string& handle,
                         const absl::Status& status) {
    const v1::ErrorReason reason = contract::ReasonOf(status);
    const bool refused = reason == v1::CALLER_NOT_ALLOWED || reason == v1::CALLER_UNKNOWN;
    platform::Log(refused ? platform::LogLevel::kWarning : platform::LogLevel::kInfo,
                  "node.gateway", refused ? "call refused" : "call",
                  {{"call", call},
                   {"caller", caller},
                   {"officer", officer.number()},
                   {"unit", officer.unit()},
                   {"case", absl::BytesToHexString(handle)},
                   {"reason", status.ok() ? "" : v1::ErrorReason_Name(reason)}});
  }

  grpc::Status Answer(absl::string_view call, const absl::Status& status) const {
    if (deps_.on_answered) deps_.on_answered(call, contract::ReasonOf(status));
    return platform::ToGrpc(status);
  }
  std::int64_t NowMicros() const { return absl::ToUnixMicros(deps_.clock->Now()); }
  absl::StatusOr<std::vector<v1::CaseView>> ReadChanges(const Caller& caller,
                                                        std::uint64_t revision) const {
    std::vector<v1::CaseView> changes;
    const absl::Status status =
        deps_.runner->Read([&](const platform::Transaction& txn, CaseService& cases) {
          auto found = cases.ChangesAfter(txn, caller, revision, kWatchBatch);
          if (!found.ok()) return found.status();
          changes = *std::move(found);
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    return changes;
  }
  absl::Status Watch(Context* context, const Caller& caller, std::uint64_t revision,
                     grpc::ServerWriter<v1::WatchCasesResponse>* writer);

  const Deps deps_;
  std::atomic<bool> stopped_{false};
  std::atomic<int> watchers_{0};
};

absl::Status GatewayRpcImpl::Watch(Context* context, const Caller& caller, std::uint64_t revision,
                                   grpc::ServerWriter<v1::WatchCasesResponse>* writer) {
  ChangeSignal signal(deps_.runner);
  bool look = true;  // at first: what was committed before the signal
  while (!context->IsCancelled()) {
    if (stopped_) {
      return contract::MakeError(v1::SHUTTING_DOWN, v1::SIDE_MINE, "the node is shutting down",
                                 "Watch again from the last revision that you have.");
    }
    const std::uint64_t latest = signal.Latest();
    if (look || latest > revision) {
      const auto changes = ReadChanges(caller, revision);
      if (!changes.ok()) return changes.status();
      for (const v1::CaseView& view : *changes) {
        revision = view.revision();
        v1::WatchCasesResponse response;
        *response.mutable_case_() = view;
        if (!writer->Write(response)) return absl::OkStatus();  // the client has gone
      }
      look = changes->size() == kWatchBatch;
      // What the caller may not see is behind it, too.
      if (!look) revision = std::max(revision, latest);
      continue;
    }
    signal.WaitBeyond(revision, kWatchPoll);
  }
  return absl::OkStatus();
}

grpc::Status GatewayRpcImpl::WatchCases(Context* context, const v1::WatchCasesRequest* request,
                                        grpc::ServerWriter<v1::WatchCasesResponse>* writer) {
  const absl::StatusOr<const Caller*> caller = CallerOf(context);
  if (!caller.ok()) return Answer("WatchCases", caller.status());
  absl::Status status;
  if (++watchers_ > deps_.max_watchers) {
    status = contract::MakeError(
        v1::QUOTA_EXCEEDED, v1::SIDE_MINE,
        absl::StrCat("this node has ", deps_.max_watchers, " watching streams already"),
        "Close streams that nobody reads, and watch again.");
  } else {
    status = Watch(context, **caller, request->after_revision(), writer);
  }
  --watchers_;
  return Answer("WatchCases", status);
}

}  // namespace

std::unique_ptr<GatewayRpc> GatewayRpc::Create(Deps deps) {
  return std::make_unique<GatewayRpcImpl>(std::move(deps));
}

}  // namespace yizhan::node
