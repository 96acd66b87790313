#include "tools/demo/rpc_desk.h"

#include <atomic>
#include <thread>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "tools/yizhan/rpc_call.h"

namespace yizhan::tools {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kFirstWait = absl::Milliseconds(100);
constexpr absl::Duration kLongestWait = absl::Seconds(2);

bool MayAnswerLater(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded;
}

constexpr v1::CallerRole kDeskRoles[] = {v1::CALLER_POINT, v1::CALLER_COUNTY, v1::CALLER_CENTRE,
                                         v1::CALLER_COLLECTION};

}  // namespace

absl::StatusOr<std::unique_ptr<RpcDesk>> RpcDesk::Connect(const Lab& lab,
                                                          const std::vector<Node>& nodes,
                                                          std::function<bool()> interrupted) {
  auto desk = absl::WrapUnique(new RpcDesk());
  desk->interrupted_ = std::move(interrupted);
  for (const Node node : nodes) {
    for (const v1::CallerRole role : kDeskRoles) {
      const auto channel = DialNode(lab, node, role);
      if (!channel.ok()) return channel.status();
      desk->stubs_[{node, role}] = v1::Gateway::NewStub(*channel);
    }
  }
  return desk;
}

template <typename Request, typename Method>
absl::StatusOr<v1::CaseView> RpcDesk::Send(Node node, v1::CallerRole role, Method method,
                                           const Request& request) {
  Stub& stub = *stubs_.at({node, role});
  const absl::Time give_up = absl::Now() + kPatience;
  absl::Duration wait = kFirstWait;
  while (true) {
    auto response = Call(stub, absl::StrCat("Node ", node.str()), method, request);
    if (response.ok()) return std::move(*response->mutable_case_());
    if (!MayAnswerLater(response.status()) || interrupted_() || absl::Now() > give_up) {
      return response.status();
    }
    absl::SleepFor(wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

using Base = v1::Gateway::StubInterface;

absl::StatusOr<v1::CaseView> RpcDesk::Apply(Node node, const v1::ApplyRequest& request) {
  return Send(node, v1::CALLER_POINT, &Base::Apply, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::Get(Node node, v1::CaseRole view,
                                          const std::string& case_handle) {
  v1::GetCaseRequest request;
  request.mutable_case_()->set_case_handle(case_handle);
  request.mutable_case_()->set_role(view);
  const bool home = view == v1::CASE_ROLE_HOME;
  return Send(node, home ? v1::CALLER_COUNTY : v1::CALLER_POINT, &Base::GetCase, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::Review(Node node, const v1::RecordReviewRequest& request) {
  return Send(node, v1::CALLER_COUNTY, &Base::RecordReview, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::QualityFeedback(
    Node node, const v1::RecordQualityFeedbackRequest& request) {
  return Send(node, v1::CALLER_COUNTY, &Base::RecordQualityFeedback, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::Retake(Node node, const v1::RecordRetakeRequest& request) {
  return Send(node, v1::CALLER_POINT, &Base::RecordRetake, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::Production(Node node,
                                                 const v1::RecordProductionRequest& request) {
  return Send(node, v1::CALLER_CENTRE, &Base::RecordProduction, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::Ready(Node node, const v1::RecordReadyRequest& request) {
  return Send(node, v1::CALLER_COLLECTION, &Base::RecordReady, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::HandOver(Node node,
                                               const v1::RecordHandOverRequest& request) {
  return Send(node, v1::CALLER_COLLECTION, &Base::RecordHandOver, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::Informed(Node node,
                                               const v1::RecordInformedRequest& request) {
  return Send(node, v1::CALLER_POINT, &Base::RecordInformed, request);
}

absl::StatusOr<v1::CaseView> RpcDesk::Refunded(Node node,
                                               const v1::RecordRefundedRequest& request) {
  return Send(node, v1::CALLER_POINT, &Base::RecordRefunded, request);
}

namespace {

// One node's stream, from a thread of its own.
class Watcher {
 public:
  Watcher(std::unique_ptr<v1::Gateway::Stub> stub, CaseBoard* board)
      : stub_(std::move(stub)), board_(board), thread_([this] { Run(); }) {}
  ~Watcher() {
    Stop();
    thread_.join();
  }

  void Stop() {
    const platform::MutexLock lock(&mutex_);
    stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
    wake_.NotifyAll();
  }

 private:
  void Run() {
    std::uint64_t revision = 0;
    while (true) {
      grpc::ClientContext context;
      if (!Begin(&context)) return;
      v1::WatchCasesRequest request;
      request.set_after_revision(revision);
      const auto reader = stub_->WatchCases(&context, request);
      v1::WatchCasesResponse response;
      while (reader->Read(&response)) {
        revision = std::max<std::uint64_t>(revision, response.case_().revision());
        board_->Put(response.case_());
      }
      (void)reader->Finish();  // a driver that hears nothing looks by itself
      if (!End()) return;
    }
  }
  bool Begin(grpc::ClientContext* context) {
    const platform::MutexLock lock(&mutex_);
    if (stopping_) return false;
    context_ = context;
    return true;
  }
  bool End() {
    const platform::MutexLock lock(&mutex_);
    context_ = nullptr;
    wake_.WaitFor(&mutex_, absl::Seconds(1),
                  [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; });
    return !stopping_;
  }

  const std::unique_ptr<v1::Gateway::Stub> stub_;
  CaseBoard* const board_;
  platform::Mutex mutex_;
  platform::CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;  // last: it uses what is above
};

class AllWatchers : public CaseWatchers {
 public:
  explicit AllWatchers(std::vector<std::unique_ptr<Watcher>> watchers)
      : watchers_(std::move(watchers)) {}
  ~AllWatchers() override {
    for (const auto& watcher : watchers_) watcher->Stop();
  }

 private:
  const std::vector<std::unique_ptr<Watcher>> watchers_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CaseWatchers>> CaseWatchers::Start(
    const Lab& lab, const std::vector<contract::ProvinceCode>& nodes, CaseBoard* board) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (const contract::ProvinceCode node : nodes) {
    const auto channel = DialNode(lab, node, v1::CALLER_OPERATOR);
    if (!channel.ok()) return channel.status();
    watchers.push_back(std::make_unique<Watcher>(v1::Gateway::NewStub(*channel), board));
  }
  return std::make_unique<AllWatchers>(std::move(watchers));
}

}  // namespace yizhan::tools
