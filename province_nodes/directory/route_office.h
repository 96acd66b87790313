// Changes of this province's routes: signed here, and agreed with the other side.
#ifndef YIZHAN_PROVINCE_NODES_DIRECTORY_ROUTE_OFFICE_H_
#define YIZHAN_PROVINCE_NODES_DIRECTORY_ROUTE_OFFICE_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/directory.h"
#include "yizhan/v1/directory.pb.h"
#include "yizhan/v1/node_admin.pb.h"

namespace yizhan::node {

// The broker's Directory service. Thread-safe; calls block, with a deadline.
class DirectoryService {
 public:
  virtual ~DirectoryService() = default;
  virtual absl::Status Append(const v1::SignedEntry& entry) = 0;
  virtual absl::Status Propose(const v1::SignedEntry& entry) = 0;
  virtual absl::StatusOr<v1::ListProposalsResponse> ListProposals() = 0;
};

// Thread-safe as what it is made of. What the pointers name must outlive it.
class RouteOffice {
 public:
  struct Deps {
    contract::ProvinceCode province;
    contract::SuiteAlgorithms algorithms;
    const contract::Signer* signer = nullptr;
    DirectoryService* service = nullptr;
    // Shows the verified directory on the thread that owns it.
    std::function<absl::Status(const std::function<void(const contract::DirectoryState&)>&)> read;
    std::function<absl::Time()> now;
  };
  explicit RouteOffice(Deps deps) : deps_(std::move(deps)) {}

  // Errors: REQUEST_MALFORMED naming the field; DIRECTORY_ENTRY_REFUSED where
  // the rules forbid the change; UNAVAILABLE without the broker.
  absl::StatusOr<v1::ChangeRouteResponse> Change(const v1::ChangeRouteRequest& request);
  absl::StatusOr<v1::ListRouteProposalsResponse> Proposals();

 private:
  struct Draft {
    v1::DirectoryEntry entry;
    contract::Consent consent = contract::Consent::kNever;
    v1::RouteState reads = v1::ROUTE_STATE_UNSPECIFIED;
  };
  absl::StatusOr<Draft> MakeDraft(const v1::ChangeRouteRequest& request) const;
  absl::StatusOr<v1::ChangeRouteResponse> Agree(const Draft& draft);
  absl::Status AddSignature(v1::SignedEntry& entry) const;

  const Deps deps_;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_DIRECTORY_ROUTE_OFFICE_H_
