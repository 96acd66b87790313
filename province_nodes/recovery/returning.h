// What a node gives back to a peer whose store was restored from a backup.
#ifndef YIZHAN_PROVINCE_NODES_RECOVERY_RETURNING_H_
#define YIZHAN_PROVINCE_NODES_RECOVERY_RETURNING_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/control.h"
#include "protos/contract/seal.h"
#include "province_nodes/inbox/inbox.h"
#include "province_nodes/recovery/control_post.h"

namespace yizhan::node {

// One thread; the pointers must outlive this object. Errors are storage errors.
//
//   RETURNING  the peer's own messages, as they came here, sealed for it; then
//              asks the broker whether all of them came; then says that it is all
//   RESENDING  our messages that the peer's lost store had answered
//
//  1. Stored after each part, so a crash repeats at most one; what comes twice is
//     known to the peer.
//  2. One peer's recovery does not wait for another's.
class Returning {
 public:
  Returning(Lane* lane, Outbox* outbox, Inbox* inbox, ControlPost* post);
  absl::Status Load();

  // A verified recovery request to this node.
  absl::Status OnRequest(const contract::ParsedControl& request);
  // Sends what may go. Before the group is signed.
  absl::Status Advance();
  // What another broker had stored is lost with it.
  absl::Status SessionOpened(bool other_broker);
  void SessionClosed();

 private:
  struct Job {
    store::ReturnJob stored;
    std::uint64_t waiting = 0;  // records without answer
    bool failed = false;        // one of the part was refused
    std::string part_end;       // last key of the part that is on its way
    std::uint64_t part_size = 0;
    bool all_came = false;    // the broker said so in this session
    std::uint64_t round = 0;  // answers to an earlier job of the peer count no more
    absl::Time next = absl::InfinitePast();
  };

  using Part = std::vector<std::pair<std::string, std::string>>;  // key, envelope

  absl::Status AdvanceOne(contract::ProvinceCode peer, Job& job);
  absl::Status Return(contract::ProvinceCode peer, Job& job);
  absl::Status ReturnOne(contract::ProvinceCode peer, Job& job, absl::string_view key,
                         absl::string_view envelope);
  SlotKey SlotOf(contract::ProvinceCode peer, absl::string_view key) const;
  absl::StatusOr<std::size_t> CountAnswered(contract::ProvinceCode peer, const Part& part) const;
  void Answer(contract::ProvinceCode peer, Job& job, bool complete);
  absl::Status PartEnded(contract::ProvinceCode peer, Job& job);
  // False where the number alone can be told.
  bool Fill(contract::ProvinceCode peer, const v1::Envelope& envelope,
            const contract::ParsedEnvelope& parsed, v1::Returned& returned);
  void Save(contract::ProvinceCode peer, const Job& job);

  Lane* const lane_;
  Outbox* const outbox_;
  Inbox* const inbox_;
  ControlPost* const post_;
  contract::Opener opener_;
  contract::Sealer sealer_;
  std::map<contract::ProvinceCode, Job> jobs_;
  std::uint64_t next_round_ = 1;
};

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_RECOVERY_RETURNING_H_
