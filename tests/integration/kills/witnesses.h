// What the processes of a lab tell of its messages and cases: the nodes at both
// ends, and the broker's evidence log.
#ifndef YIZHAN_TESTS_INTEGRATION_KILLS_WITNESSES_H_
#define YIZHAN_TESTS_INTEGRATION_KILLS_WITNESSES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/simulation/history.h"
#include "tools/yizhan/lab.h"
#include "yizhan/v1/broker_admin.grpc.pb.h"
#include "yizhan/v1/gateway.grpc.pb.h"
#include "yizhan/v1/node_admin.grpc.pb.h"

namespace yizhan::testing {

simulation::MessageName NameOf(const v1::NodeMessage& message);
std::string Hex(const std::string& bytes);

// Thread-safe. Calls are repeated while a process is away, for a minute.
class Witnesses {
 public:
  using Province = contract::ProvinceCode;
  static absl::StatusOr<std::unique_ptr<Witnesses>> Connect(const tools::Lab& lab);

  const std::vector<Province>& provinces() const { return provinces_; }

  // BUSINESS messages between provinces of a node's outbox and inbox, newest
  // first: at least `count` of them, if there are so many.
  absl::StatusOr<std::vector<v1::NodeMessage>> Newest(Province node, std::size_t count) const;
  absl::StatusOr<std::vector<v1::NodeMessage>> All(Province node) const;
  absl::StatusOr<v1::GetStatusResponse> StatusOf(Province node) const;
  // All of a node's views of its cases.
  absl::StatusOr<std::vector<v1::CaseView>> Cases(Province node) const;
  // The evidence that the broker holds of a message.
  absl::StatusOr<v1::TraceMessageResponse> Evidence(const std::string& header_digest) const;
  absl::StatusOr<v1::ListMailboxesResponse> Mailboxes() const;

 private:
  Witnesses() = default;
  std::vector<Province> provinces_;
  std::map<Province, std::unique_ptr<v1::NodeAdmin::Stub>> nodes_;
  std::map<Province, std::unique_ptr<v1::Gateway::Stub>> gateways_;
  std::unique_ptr<v1::BrokerAdmin::Stub> broker_;
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_INTEGRATION_KILLS_WITNESSES_H_
