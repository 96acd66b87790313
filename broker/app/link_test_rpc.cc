// Service LinkTest: connectivity tests, for members.
#include "broker/app/link_test_rpc.h"

#include <utility>

#include "broker/app/rpc_call.h"
#include "protos/contract/errors.h"
#include "yizhan/v1/linktest.grpc.pb.h"

namespace yizhan::broker {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;
using contract::ProvinceCode;

class LinkTestService final : public v1::LinkTest::CallbackService {
 public:
  explicit LinkTestService(CoreShell* shell) : shell_(shell) {}

  Reactor* Arm(Context* context, const v1::ArmRequest* request,
               v1::ArmResponse* response) override {
    return ForMembers(context, [=](const CoreAccess& at, ProvinceCode caller) {
      return Answer(at.link_runs.Arm(caller, *request, at.now.wall), response);
    });
  }
  Reactor* StartRun(Context* context, const v1::StartRunRequest* request,
                    v1::StartRunResponse* response) override {
    return ForMembers(context, [=](const CoreAccess& at, ProvinceCode caller) {
      return Answer(at.link_runs.StartRun(caller, *request, at.now.wall), response);
    });
  }
  Reactor* GetRun(Context* context, const v1::GetRunRequest* request,
                  v1::GetRunResponse* response) override {
    return ForMembers(context, [=](const CoreAccess& at, ProvinceCode caller) {
      return Answer(at.link_runs.GetRun(caller, *request), response);
    });
  }
  Reactor* ListRuns(Context* context, const v1::ListRunsRequest*,
                    v1::ListRunsResponse* response) override {
    return ForMembers(context, [=](const CoreAccess& at, ProvinceCode caller) {
      return Answer(at.link_runs.ListRuns(caller), response);
    });
  }
  Reactor* PostVerdicts(Context* context, const v1::PostVerdictsRequest* request,
                        v1::PostVerdictsResponse* response) override {
    return ForMembers(context, [=](const CoreAccess& at, ProvinceCode caller) {
      return Answer(at.link_runs.PostVerdicts(caller, *request, at.now.wall), response);
    });
  }
  Reactor* SignReport(Context* context, const v1::SignReportRequest* request,
                      v1::SignReportResponse* response) override {
    return ForMembers(context, [=](const CoreAccess& at, ProvinceCode caller) {
      return Answer(at.link_runs.SignReport(caller, *request, at.now), response);
    });
  }

 private:
  // What `work` changed is taken back where it fails.
  Reactor* ForMembers(Context* context,
                      std::function<absl::Status(const CoreAccess&, ProvinceCode)> work) {
    return CallCore(*shell_, context,
                    [work = std::move(work)](const CoreAccess& at, const BrokerCore::Caller& who) {
                      const std::optional<ProvinceCode> province = at.core.ProvinceOf(who);
                      if (!province) {
                        return contract::MakeError(
                            v1::CALLER_UNKNOWN, v1::SIDE_MINE,
                            "the caller's certificate is not that of an active member",
                            "use the certificate that the directory has for the province");
                      }
                      const platform::Transaction::Mark mark = at.core.transaction().SetMark();
                      absl::Status done = work(at, *province);
                      if (!done.ok()) at.core.transaction().RollBackTo(mark);
                      return done;
                    });
  }

  CoreShell* const shell_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeLinkTestService(CoreShell* shell) {
  return std::make_unique<LinkTestService>(shell);
}

}  // namespace yizhan::broker
