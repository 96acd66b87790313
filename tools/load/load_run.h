// A load on a running broker: who sends what to whom, and what came of it.
#ifndef YIZHAN_TOOLS_LOAD_LOAD_RUN_H_
#define YIZHAN_TOOLS_LOAD_LOAD_RUN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/ids.h"
#include "tools/load/load_book.h"
#include "tools/yizhan/lab.h"

namespace yizhan::tools {

struct LoadPlan {
  // No province may be named twice; each sender needs an open route to each
  // recipient.
  std::vector<contract::ProvinceCode> senders;
  std::vector<contract::ProvinceCode> recipients;
  // Further senders, each of one message a second, signed alone.
  std::vector<contract::ProvinceCode> quiet;
  std::uint64_t messages = 100'000;  // of all busy senders together
  std::size_t body_bytes = 1024;     // sealed
  std::size_t batch = 256;           // messages of one frame and signature
  double per_second = 0;             // of all busy senders together; 0: as fast as credit allows
  // Recipients begin only when all is accepted: a backlog.
  std::uint64_t credit_messages = 16384;  // of each recipient
  bool hold_recipients = false;
  bool receive = true;                          // false: nothing is taken out at all
  absl::Duration patience = absl::Seconds(30);  // without any progress
  std::function<void(absl::string_view)> on_progress;
};

// Counters and gauges of the broker, by name with labels: sums over labels of one name.
using BrokerFigures = std::map<std::string, double>;
absl::StatusOr<BrokerFigures> ReadBrokerFigures(const Lab& lab);

struct LoadReport {
  LoadPlan plan;
  absl::Duration accepting;   // from the first frame to the last acceptance
  absl::Duration delivering;  // to the last receipt at its sender
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t delivered = 0;
  std::uint64_t delivered_again = 0;
  std::uint64_t receipted = 0;
  std::string first_refusal;
  Quantiles accepted_after;
  Quantiles receipted_after;
  Quantiles quiet_accepted_after;
  std::uint64_t sender_signatures = 0;
  std::uint64_t recipient_signatures = 0;
  BrokerFigures broker;  // what grew during the load

  double AcceptedPerSecond() const;
  double DeliveredPerSecond() const;
  // Everything accepted, delivered once and receipted.
  bool Complete() const;
};

// Errors: what the broker answers at opening sessions; DEADLINE_EXCEEDED where
// nothing moved for `patience`, with what was reached.
absl::StatusOr<LoadReport> RunLoad(const Lab& lab, const LoadPlan& plan);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_LOAD_RUN_H_
