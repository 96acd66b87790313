// Services Directory and BrokerAdmin.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "broker/app/rpc_call.h"
#include "broker/app/services.h"
#include "protos/contract/errors.h"
#include "yizhan/v1/broker_admin.grpc.pb.h"
#include "yizhan/v1/directory.grpc.pb.h"

namespace yizhan::broker {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

// Of an entry that a stranger adds; one of a member with all its keys has a tenth.
constexpr std::size_t kMaxMemberEntryBytes = 64 * 1024;

class DirectoryService final : public v1::Directory::CallbackService {
 public:
  DirectoryService(CoreShell* shell, const Operators* operators)
      : shell_(shell), operators_(operators) {}

  Reactor* FetchEntries(Context* context, const v1::FetchEntriesRequest* request,
                        v1::FetchEntriesResponse* response) override {
    return CallCore(*shell_, context,
                    [this, request, response](const CoreAccess& at, const BrokerCore::Caller& who) {
                      if (absl::Status s = CheckCaller(at, who); !s.ok()) return s;
                      return Answer(at.core.FetchEntries(*request), response);
                    });
  }

  Reactor* AppendEntry(Context* context, const v1::AppendEntryRequest* request,
                       v1::AppendEntryResponse* response) override {
    return CallCore(*shell_, context,
                    [this, request, response](const CoreAccess& at, const BrokerCore::Caller& who) {
                      absl::Status known = CheckCaller(at, who);
                      if (!known.ok() && !IsNamedIn(request->entry(), who)) return known;
                      return Answer(at.core.AppendEntry(request->entry(), at.now), response);
                    });
  }

  Reactor* ProposeChange(Context* context, const v1::ProposeChangeRequest* request,
                         v1::ProposeChangeResponse*) override {
    return CallCore(*shell_, context,
                    [request](const CoreAccess& at, const BrokerCore::Caller& who) {
                      const auto province = MemberOf(at, who);
                      if (!province.ok()) return province.status();
                      return at.core.ProposeChange(*province, request->entry(), at.now);
                    });
  }

  Reactor* ListProposals(Context* context, const v1::ListProposalsRequest*,
                         v1::ListProposalsResponse* response) override {
    return CallCore(*shell_, context,
                    [response](const CoreAccess& at, const BrokerCore::Caller& who) {
                      const auto province = MemberOf(at, who);
                      if (province.ok()) *response = at.core.ListProposals(*province, at.now);
                      return province.status();
                    });
  }

 private:
  static absl::StatusOr<contract::ProvinceCode> MemberOf(const CoreAccess& at,
                                                         const BrokerCore::Caller& caller) {
    if (const auto province = at.core.ProvinceOf(caller)) return *province;
    return contract::MakeError(v1::CALLER_UNKNOWN, v1::SIDE_MINE,
                               "the caller's certificate is not that of an active member",
                               "Use the certificate that the directory has for the province.");
  }

  // A newcomer adds the very entry that names its certificate. Whether anybody
  // agreed to it is what AppendEntry verifies.
  static bool IsNamedIn(const v1::SignedEntry& entry, const BrokerCore::Caller& caller) {
    v1::DirectoryEntry parsed;
    if (entry.entry().size() > kMaxMemberEntryBytes || !parsed.ParseFromString(entry.entry())) {
      return false;
    }
    const auto& named = parsed.member().certificate_sha256();
    return std::find(named.begin(), named.end(), caller.view()) != named.end();
  }

  absl::Status CheckCaller(const CoreAccess& at, const BrokerCore::Caller& caller) const {
    if (operators_->contains(caller) || at.core.ProvinceOf(caller)) return absl::OkStatus();
    if (at.core.TakesDirectoryOfStrangers(at.now)) return absl::OkStatus();
    return contract::MakeError(
        v1::CALLER_UNKNOWN, v1::SIDE_MINE,
        "the caller's certificate is neither an active member's nor an operator's",
        "Register the certificate with the authority, or use the registered one.");
  }

  CoreShell* const shell_;
  const Operators* const operators_;
};

class BrokerAdminService final : public v1::BrokerAdmin::CallbackService {
 public:
  BrokerAdminService(CoreShell* shell, const Operators* operators)
      : shell_(shell), operators_(operators) {}

  Reactor* ListMailboxes(Context* context, const v1::ListMailboxesRequest*,
                         v1::ListMailboxesResponse* response) override {
    return ForOperators(context, [response](const CoreAccess& at, const BrokerCore::Caller&) {
      *response = at.core.ListMailboxes(at.now);
      return absl::OkStatus();
    });
  }
  Reactor* TraceMessage(Context* context, const v1::TraceMessageRequest* request,
                        v1::TraceMessageResponse* response) override {
    return ForOperators(context,
                        [request, response](const CoreAccess& at, const BrokerCore::Caller&) {
                          return Answer(at.core.TraceMessage(*request), response);
                        });
  }
  Reactor* ListParked(Context* context, const v1::ListParkedRequest* request,
                      v1::ListParkedResponse* response) override {
    return ForOperators(context,
                        [request, response](const CoreAccess& at, const BrokerCore::Caller&) {
                          *response = at.core.ListParked(*request);
                          return absl::OkStatus();
                        });
  }
  Reactor* ReplayParked(Context* context, const v1::ReplayParkedRequest* request,
                        v1::ReplayParkedResponse* response) override {
    return ForOperators(context,
                        [request, response](const CoreAccess& at, const BrokerCore::Caller&) {
                          return Answer(at.core.ReplayParked(*request), response);
                        });
  }
  Reactor* DiscardParked(Context* context, const v1::DiscardParkedRequest* request,
                         v1::DiscardParkedResponse* response) override {
    return ForOperators(context,
                        [request, response](const CoreAccess& at, const BrokerCore::Caller&) {
                          return at.core.DiscardParked(*request, response, at.now);
                        });
  }
  Reactor* ListRoutes(Context* context, const v1::ListRoutesRequest*,
                      v1::ListRoutesResponse* response) override {
    return ForOperators(context, [response](const CoreAccess& at, const BrokerCore::Caller&) {
      *response = at.core.ListRoutes(at.now);
      return absl::OkStatus();
    });
  }
  Reactor* CountMessages(Context* context, const v1::CountMessagesRequest*,
                         v1::CountMessagesResponse* response) override {
    return ForOperators(context, [response](const CoreAccess& at, const BrokerCore::Caller&) {
      *response = at.core.CountMessages();
      return absl::OkStatus();
    });
  }

 private:
  Reactor* ForOperators(Context* context, RpcWork work) {
    const auto caller = platform::PeerFingerprint(*context);
    if (!caller.ok()) return FinishNow(context, caller.status());
    if (!operators_->contains(*caller)) {
      return FinishNow(
          context,
          contract::MakeError(v1::CALLER_NOT_ALLOWED, v1::SIDE_MINE,
                              "the caller's certificate is not of an operator of this broker",
                              "Add it under `operators` of the broker's configuration, or use an "
                              "operator's certificate."));
    }
    return CallCore(*shell_, context, std::move(work));
  }

  CoreShell* const shell_;
  const Operators* const operators_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDirectoryService(CoreShell* shell, const Operators* operators) {
  return std::make_unique<DirectoryService>(shell, operators);
}

std::unique_ptr<grpc::Service> MakeBrokerAdminService(CoreShell* shell,
                                                      const Operators* operators) {
  return std::make_unique<BrokerAdminService>(shell, operators);
}

}  // namespace yizhan::broker
