#include "adapters/platform/kv/key_value_store.h"

namespace yizhan::platform {

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  // 0xff has no successor: the byte before it carries.
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace yizhan::platform
