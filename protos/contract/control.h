// Control records: making, parsing, checking.
#ifndef YIZHAN_PROTOS_CONTRACT_CONTROL_H_
#define YIZHAN_PROTOS_CONTRACT_CONTROL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/directory.h"
#include "protos/contract/envelope.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/control.pb.h"

namespace yizhan::contract {

// Everything of a Control but its kind.
struct ControlIssuer {
  ProvinceCode province;  // invalid (0) for the broker
  Incarnation incarnation;
  v1::DirectoryHead directory_head;
  v1::LogCheckpoint log_checkpoint;
};
v1::Control NewControl(const ControlIssuer& issuer, absl::Time now);

// Leaf to be signed in a batch with others.
Digest ControlLeaf(const Hasher& hasher, absl::string_view record);

struct ParsedControl {
  v1::Control control;
  Identity identity;  // of the message it speaks of (not of a recovery request)
  Digest header_digest;
  Digest record_digest;  // SM3 of the record
};

// Bounded parse with validation; STREAM_MALFORMED naming the field.
absl::StatusOr<ParsedControl> ParseControl(const Hasher& hasher, const v1::ControlRecord& record);

// Signature by a key that the directory has for the issuer, and that the issuer
// may say this: acceptance and notice the broker alone; delivery the recipient;
// refusal recipient or broker; tombstone the source.
absl::Status CheckControl(const DirectoryState& directory, SignatureChecker& checker,
                          const v1::ControlRecord& record, const ParsedControl& parsed);

// Does the record end the message for its sender?
bool IsTerminal(const v1::Control& control);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_CONTROL_H_
