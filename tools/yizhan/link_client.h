// Arming and testing a link, as an onboarding engineer's tool does it.
#ifndef YIZHAN_TOOLS_YIZHAN_LINK_CLIENT_H_
#define YIZHAN_TOOLS_YIZHAN_LINK_CLIENT_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "tools/yizhan/lab.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::tools {

// All are thread-safe: each call has a connection of its own.

// Until when `node` lets `peer` start a test.
absl::StatusOr<absl::Time> ArmLink(const Lab& lab, contract::ProvinceCode node,
                                   contract::ProvinceCode peer, absl::Duration window);

// Starts the test at `node` and follows it to its end; `on_run` sees every
// state. The last state; an error where it could not start or is lost.
absl::StatusOr<v1::LinkRun> TestLink(const Lab& lab, contract::ProvinceCode node,
                                     contract::ProvinceCode peer, bool fast, absl::Duration timeout,
                                     const std::function<void(const v1::LinkRun&)>& on_run);

// OK for a certified run; otherwise what failed, on whose side, what to do.
absl::Status JudgeRun(const v1::LinkRun& run);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_LINK_CLIENT_H_
