// What time does to messages: leases, expiry, forgetting.
#ifndef YIZHAN_BROKER_SERVICE_SWEEPER_H_
#define YIZHAN_BROKER_SERVICE_SWEEPER_H_

#include "broker/service/core_state.h"

namespace yizhan::broker {

// A bounded amount of work; what is left over is done by the next call.
void Sweep(CoreState& state, Moment now);

// Ends a message by a signed notice to its sender. `copy`, if not null, gets
// the notice when the group is signed, and must live until then.
void EndByNotice(CoreState& state, const contract::Identity& identity, stored::StoredKnown known,
                 const stored::StoredPlace& place, v1::NoticeCause cause, absl::string_view detail,
                 v1::ControlRecord* copy, Moment now);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_SWEEPER_H_
