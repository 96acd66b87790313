// What the broker saw of each province's store, by which a store that was
// restored from a backup is known.
#ifndef YIZHAN_BROKER_SERVICE_STORE_PROGRESS_H_
#define YIZHAN_BROKER_SERVICE_STORE_PROGRESS_H_

#include <cstdint>
#include <map>
#include <set>

#include "absl/status/status.h"
#include "broker/store/records.h"
#include "broker/store/stored.pb.h"
#include "protos/contract/envelope.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/control.pb.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::broker {

// BUSINESS lane alone. One thread; `records` must outlive this object.
//
// Invariants:
//  1. A node stores its numbers before it shows or uses them, and what was seen
//     is stored in the group of what showed it: an unharmed store is never behind.
//  2. An incarnation that a recovery ended never opens a session again.
class StoreProgresses {
 public:
  explicit StoreProgresses(Records* records) : records_(records) {}
  void Load();

  // RESTORED for a store that is behind, or another one than the province had.
  // Otherwise the request's incarnation is the one that counts from now on.
  absl::Status Judge(contract::ProvinceCode province, const v1::OpenSessionRequest& request);

  // A recovery of the province ended that incarnation of its store, and `now_its`
  // is the one that counts.
  bool WasEnded(contract::ProvinceCode province, absl::string_view incarnation,
                absl::string_view now_its) const;

  // The node used the session, so its store has the number.
  void SawSession(contract::ProvinceCode province, contract::SessionNumber number);
  void SawMessage(const contract::ParsedEnvelope& message);
  void SawRecord(const v1::Control& control);
  void Flush();

 private:
  stored::StoredProgress* Of(contract::ProvinceCode province, absl::string_view incarnation);

  Records* const records_;
  std::map<contract::ProvinceCode, stored::StoredProgress> progresses_;
  std::set<contract::ProvinceCode> changed_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_STORE_PROGRESS_H_
