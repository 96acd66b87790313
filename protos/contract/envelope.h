// Envelopes: bounded parsing with validation, and verification against a
// directory. Sealing is in seal.h.
#ifndef YIZHAN_PROTOS_CONTRACT_ENVELOPE_H_
#define YIZHAN_PROTOS_CONTRACT_ENVELOPE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/control.pb.h"
#include "yizhan/v1/envelope.pb.h"

namespace yizhan::contract {

// (lane, run, source, destination, case, sequence). Totally ordered.
struct Identity {
  v1::Lane lane = v1::LANE_UNSPECIFIED;
  RunId run;  // zero in the BUSINESS lane
  ProvinceCode source;
  ProvinceCode destination;
  CaseHandle case_handle;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const Identity&, const Identity&) = default;

  // 46 bytes, for storage keys, in the order of <=>: lane (1) run (16) source (1)
  // destination (1) case (16) sequence (8, big-endian), then 3 zero bytes reserved.
  std::string Encode() const;
  void AppendTo(std::string& out) const;
  static constexpr std::size_t kEncodedSize = 46;
};

// A parsed, validated header or seal together with the bytes it came from.
struct ParsedEnvelope {
  v1::Header header;
  v1::Seal seal;
  Identity identity;
  Digest header_digest;
  Digest seal_digest;
  MessageId message_id;
  absl::Time created;
  absl::Time expires;
};

// Checks sizes, versions, critical features, lengths of every field, enumeration
// values, lane and run, provinces, that source and destination differ,
// expires > created. Errors: HEADER_MALFORMED, SEAL_MALFORMED,
// CRITICAL_FEATURE_UNKNOWN, VERSION_UNSUPPORTED, BODY_TOO_LARGE, each naming the
// field. Does not touch signature or body digest.
absl::StatusOr<ParsedEnvelope> ParseEnvelope(const Hasher& hasher, const v1::Envelope& envelope);

// Identity and header digest as control records carry them.
v1::MessageRef MakeMessageRef(const ParsedEnvelope& envelope);
absl::StatusOr<Identity> IdentityOf(const v1::MessageRef& ref);

// BODY_DIGEST_MISMATCH unless SM3(body) is what the seal says.
absl::Status CheckBodyDigest(const Hasher& hasher, const v1::Envelope& envelope,
                             const ParsedEnvelope& parsed);

// created at most kMaxClockSkew ahead of now (CREATED_IN_FUTURE, both clocks
// named), not expired (MESSAGE_EXPIRED), life within limits (LIFE_OUT_OF_RANGE):
// from created to expires at least the lane's shortest life, so that a backlog
// that is sent shortly before its expiry passes; from max(created, now) to
// expires at most the longest.
absl::Status CheckTimes(const ParsedEnvelope& parsed, absl::Time now);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_ENVELOPE_H_
