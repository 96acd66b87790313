// One line of applications.jsonl, mapped to the gateway's application: what the
// adapter of a point's own system does.
#ifndef YIZHAN_TOOLS_DEMO_APPLICATION_LINE_H_
#define YIZHAN_TOOLS_DEMO_APPLICATION_LINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "yizhan/v1/gateway.pb.h"

namespace yizhan::tools {

// Images are named here by their paths; InputFolder reads them.
struct ApplicationLine {
  // False: no JSON object with a text `ref`. Nothing else is set then.
  bool readable = false;
  std::string ref;
  // Without images. Fields that were missing, of a wrong type or of an unknown
  // code are in its unmapped_fields.
  v1::Application application;
  std::optional<absl::Time> applied_at;
  std::optional<std::string> portrait;
  std::vector<std::string> fingerprints;
  std::optional<std::string> portrait_retake;
  bool old_card_surrendered = false;
  std::int64_t card_centre_failures = 0;
};

// Never fails: a line that cannot be read is a result. `_about` and unknown
// members are not looked at.
ApplicationLine ParseApplicationLine(absl::string_view text);

// RFC 3339 with an offset, nothing else.
std::optional<absl::Time> ParseRfc3339(absl::string_view text);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_DEMO_APPLICATION_LINE_H_
