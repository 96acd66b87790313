// Names of messages in a history.
#ifndef YIZHAN_TESTS_SIMULATION_NAMING_H_
#define YIZHAN_TESTS_SIMULATION_NAMING_H_

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "tests/simulation/history.h"

namespace yizhan::simulation {

inline std::string Hex(absl::string_view bytes) { return absl::BytesToHexString(bytes); }

// Of a v1.Header, a v1.MessageRef or a v1.NodeMessage.
template <typename Message>
MessageName NameOf(const Message& message) {
  return {message.source(), message.destination(), Hex(message.case_handle()), message.sequence()};
}

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_NAMING_H_
