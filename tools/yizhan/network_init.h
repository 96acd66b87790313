// Makes a lab: keys, certificates, directory and configurations of a broker and
// its nodes, in one folder.
#ifndef YIZHAN_TOOLS_YIZHAN_NETWORK_INIT_H_
#define YIZHAN_TOOLS_YIZHAN_NETWORK_INIT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "tools/yizhan/data_files.h"
#include "tools/yizhan/lab.h"

namespace yizhan::tools {

struct NetworkInitOptions {
  // Made if missing; refused if there is anything in it. Nothing is overwritten.
  std::string dir;
  std::vector<contract::ProvinceCode> provinces;  // each once, at least one
  std::uint16_t base_port = 0;                    // 0: free ports are found
  DataFiles data;                                 // copied into the lab
  absl::Time now;
  // Called with a short line for each step; may be empty.
  std::function<void(absl::string_view)> on_progress;
};

// The lab as LoadLab would read it. A lab only: all private keys of all
// provinces are born in one place.
absl::StatusOr<Lab> InitNetwork(const NetworkInitOptions& options, contract::Random& random);

// Two-digit codes, each once.
absl::StatusOr<std::vector<contract::ProvinceCode>> ParseProvinces(
    absl::string_view flag, const std::vector<std::string>& texts);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_NETWORK_INIT_H_
