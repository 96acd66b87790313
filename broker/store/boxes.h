// Heads of mailboxes and control queues: positions and what waits, kept in
// memory and written once per group.
#ifndef YIZHAN_BROKER_STORE_BOXES_H_
#define YIZHAN_BROKER_STORE_BOXES_H_

#include <map>
#include <set>

#include "broker/store/keys.h"
#include "broker/store/records.h"
#include "broker/store/stored.pb.h"

namespace yizhan::broker {

// One thread; `records` must outlive this object. Invariant: what Flush has not
// written yet belongs to the open group.
class Boxes {
 public:
  explicit Boxes(Records* records) : records_(records) {}
  // Reads every head.
  void Load();
  // Begins one where there is none.
  stored::StoredBox& Change(const BoxKey& box);
  // nullptr where there is none.
  const stored::StoredBox* Find(const BoxKey& box) const;
  const std::map<BoxKey, stored::StoredBox>& all() const { return heads_; }
  void Forget(const BoxKey& box);
  void Flush();

 private:
  Records* const records_;
  std::map<BoxKey, stored::StoredBox> heads_;
  std::set<BoxKey> changed_;
};

// Sum over all sources.
stored::StoredUse TotalUse(const stored::StoredBox& box);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_STORE_BOXES_H_
