// Cases as people and systems are shown them.
#ifndef YIZHAN_PROVINCE_NODES_CASES_VIEWS_H_
#define YIZHAN_PROVINCE_NODES_CASES_VIEWS_H_

#include <cstdint>

#include "province_nodes/cases/case_record.pb.h"
#include "yizhan/v1/case.pb.h"

namespace yizhan::node {

// Everything but portrait, fingerprints and the whole ID number; see Redacted
// (access.h) for what a caller may have of it. Clocks as of this case time; 0:
// as of the case's last event.
v1::CaseView BuildView(const cases::CaseRecord& record, std::int64_t as_of_us);

}  // namespace yizhan::node

#endif  // YIZHAN_PROVINCE_NODES_CASES_VIEWS_H_
