// Makes real messages of one sender: sealed, and signed a batch at a time.
#ifndef YIZHAN_TOOLS_LOAD_MESSAGE_MAKER_H_
#define YIZHAN_TOOLS_LOAD_MESSAGE_MAKER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/control.h"
#include "protos/contract/seal.h"
#include "tools/load/load_party.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::tools {

// Names the load that a case belongs to; the other 8 bytes of a case handle are
// the number of the message.
using LoadId = contract::Position<struct LoadIdTag>;
contract::CaseHandle CaseOfMessage(LoadId load, std::uint64_t number);
// Nothing for a case of another load.
std::optional<std::uint64_t> NumberOfCase(LoadId load, absl::string_view case_handle);

// One thread. What the pointers and references name must outlive this object.
class MessageMaker {
 public:
  MessageMaker(LoadId load, const LoadParty* sender, const contract::ControlIssuer& issuer,
               std::size_t body_bytes, contract::Random* random);

  // A frame of eligibility queries, each the first of a case of its own, to
  // `recipients` in turn. Tags are the numbers first, first + 1, ...
  absl::StatusOr<v1::SubmitRequest> MakeFrame(std::uint64_t first, std::size_t count,
                                              const std::vector<const LoadParty*>& recipients,
                                              absl::Time now);

 private:
  std::string MakeHeader(std::uint64_t number, contract::ProvinceCode to,
                         const contract::Digest& commitment, absl::Time now);

  const LoadId load_;
  const LoadParty* const sender_;
  const contract::ControlIssuer issuer_;
  contract::Random* const random_;
  contract::Sealer sealer_;
  std::string payload_;
  std::uint64_t next_counter_ = 1;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_LOAD_MESSAGE_MAKER_H_
