// Changes of routes that one party has signed and the other has not yet.
#ifndef YIZHAN_BROKER_SERVICE_ROUTE_PROPOSALS_H_
#define YIZHAN_BROKER_SERVICE_ROUTE_PROPOSALS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/directory/directory_store.h"
#include "broker/store/records.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::broker {

// One thread; what the pointers name must outlive this object. A proposal
// changes nothing: the directory judges the entry when both have signed it.
class RouteProposals {
 public:
  RouteProposals(Records* records, DirectoryStore* directory)
      : records_(records), directory_(directory) {}

  // One place for each route and party, so that nobody fills the store.
  // Errors: DIRECTORY_ENTRY_REFUSED naming what is wrong, SIGNER_UNKNOWN,
  // SIGNER_NOT_SOURCE, SIGNATURE_INVALID.
  absl::Status Propose(contract::ProvinceCode caller, const v1::SignedEntry& entry, absl::Time now);
  // Those that could still be appended.
  v1::ListProposalsResponse List(contract::ProvinceCode caller, absl::Time now);

 private:
  bool IsCurrent(const v1::DirectoryEntry& entry, absl::Time now) const;

  Records* const records_;
  DirectoryStore* const directory_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_ROUTE_PROPOSALS_H_
