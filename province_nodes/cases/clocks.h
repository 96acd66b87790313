// The limits of the service on the case clock: which act starts and meets which,
// when each warns and is breached.
#ifndef YIZHAN_PROVINCE_NODES_CASES_CLOCKS_H_
#define YIZHAN_PROVINCE_NODES_CASES_CLOCKS_H_

#include <cstdint>

#include "province_nodes/cases/case_record.pb.h"
#include "province_nodes/cases/transitions.h"
#include "yizhan/v1/policy.pb.h"

namespace yizhan::node {

// Starts and meets the clocks of `act` at this case time (microseconds). A limit
// of n days ends with the n-th Shanghai day after the one on which it starts.
void ApplyClocks(const v1::Policy& policy, CaseAct act, std::int64_t at_us,
                 cases::CaseRecord& record);

// Meets an open clock of this kind, if there is one.
void MeetClock(v1::ClockKind kind, std::int64_t at_us, cases::CaseRecord& record);

v1::ClockStatus StatusOf(const v1::CaseClock& clock, std::int64_t as_of_us);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_CLOCKS_H_
