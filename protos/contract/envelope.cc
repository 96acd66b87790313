#include "protos/contract/envelope.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "protos/contract/errors.h"
#include "protos/contract/fields.h"
#include "protos/contract/limits.h"

namespace yizhan::contract {
namespace {

constexpr std::size_t kMaxTraceparentBytes = 64;
constexpr std::size_t kMaxWrappedSecretBytes = 512;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kRandomBytes = 16;

absl::Status Error(v1::ErrorReason reason, absl::string_view message_id, absl::string_view what,
                   absl::string_view next_step) {
  v1::ErrorDetail detail;
  detail.set_reason(reason);
  detail.set_side(v1::SIDE_MINE);
  detail.set_what(std::string(what));
  detail.set_next_step(std::string(next_step));
  if (message_id.size() == MessageId::kSize) detail.set_message_id(std::string(message_id));
  return MakeError(detail);
}

bool IsPrintableAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
}

// Format version, critical features and suite, before anything else is judged:
// of an unknown version no field can be trusted to mean what we think.
template <typename Message>
absl::Status CheckVersion(const Message& message, absl::string_view part,
                          absl::string_view message_id) {
  if (message.format_version() != kFormatVersion) {
    return Error(v1::VERSION_UNSUPPORTED, message_id,
                 absl::StrCat(part, ".format_version is ", message.format_version(),
                              "; this build reads ", kFormatVersion),
                 "Send the format version that both sides read, or update the older side.");
  }
  if (message.critical_features_size() != 0) {
    return Error(v1::CRITICAL_FEATURE_UNKNOWN, message_id,
                 absl::StrCat(part, ".critical_features names ", message.critical_features(0),
                              ", which this build does not know"),
                 "Send without this feature, or update the older side.");
  }
  if (message.suite() != v1::SUITE_SM) {
    return Error(v1::VERSION_UNSUPPORTED, message_id,
                 absl::StrCat(part, ".suite is ", static_cast<int>(message.suite()),
                              "; this build knows SUITE_SM alone"),
                 "Use SUITE_SM.");
  }
  return absl::OkStatus();
}

absl::Status CheckHeader(const v1::Header& h) {
  if (absl::Status s = CheckVersion(h, "header", h.message_id()); !s.ok()) return s;
  const bool test = h.lane() == v1::LANE_TEST;
  const bool first = h.sequence() == 1;
  const bool none_applied = h.last_applied_sequence() == 0;
  const FieldRule rules[] = {
      {h.message_id().size() == MessageId::kSize, "message_id must have 16 bytes"},
      {test || h.lane() == v1::LANE_BUSINESS, "lane must be LANE_BUSINESS or LANE_TEST"},
      {IsRunIdOfLane(h.lane(), h.test_run_id()),
       "test_run_id must have 16 bytes, not all zero, in the TEST lane, and be empty elsewhere"},
      {ProvinceCode(h.source()).valid(), "source is not a province code"},
      {ProvinceCode(h.destination()).valid(), "destination is not a province code"},
      {h.source() != h.destination(), "source and destination are the same province"},
      {IsKnown<v1::MessageKind>(h.kind(), v1::MessageKind_IsValid), "kind is unknown"},
      {h.case_handle().size() == CaseHandle::kSize, "case_handle must have 16 bytes"},
      {h.sequence() >= 1, "sequence must be at least 1"},
      {h.previous_header_digest().size() == (first ? 0 : Digest::kSize),
       "previous_header_digest must be empty for sequence 1 and have 32 bytes for others"},
      {h.last_applied_header_digest().size() == (none_applied ? 0 : Digest::kSize),
       "last_applied_header_digest must be empty without last_applied_sequence and have 32 bytes "
       "with it"},
      {h.pair_counter() >= 1, "pair_counter must be at least 1"},
      {h.commitment().size() == Digest::kSize, "commitment must have 32 bytes"},
      {h.created_unix_us() > 0, "created_unix_us must be after 1970"},
      {h.store_incarnation().size() == Incarnation::kSize, "store_incarnation must have 16 bytes"},
      {IsDirectoryHead(h.directory_head()), "directory_head.digest must have 32 bytes"},
      {IsLogCheckpoint(h.log_checkpoint()),
       "log_checkpoint must have a log_id of 16 bytes and a digest of 32"},
      {h.traceparent().size() <= kMaxTraceparentBytes && IsPrintableAscii(h.traceparent()),
       "traceparent must be printable ASCII of at most 64 bytes"},
      {h.random().size() == kRandomBytes, "random must have 16 bytes"},
  };
  if (const char* broken = FirstBroken(rules); broken != nullptr) {
    return Error(v1::HEADER_MALFORMED, h.message_id(), absl::StrCat("header.", broken),
                 "Correct the field where the message is made; it was not stored.");
  }
  return absl::OkStatus();
}

absl::Status CheckSeal(const v1::Seal& s, const v1::Header& h) {
  if (absl::Status v = CheckVersion(s, "seal", h.message_id()); !v.ok()) return v;
  const FieldRule rules[] = {
      {s.number() >= 1, "number must be at least 1"},
      {s.expires_unix_us() > h.created_unix_us(),
       "expires_unix_us must be after header.created_unix_us"},
      {s.recipient_key_id().size() == KeyId::kSize, "recipient_key_id must have 32 bytes"},
      {!s.wrapped_epoch_secret().empty(), "wrapped_epoch_secret is empty"},
      {s.wrapped_epoch_secret().size() <= kMaxWrappedSecretBytes,
       "wrapped_epoch_secret is longer than 512 bytes"},
      {s.salt().size() == kSaltBytes, "salt must have 16 bytes"},
      {s.body_digest().size() == Digest::kSize, "body_digest must have 32 bytes"},
  };
  if (const char* broken = FirstBroken(rules); broken != nullptr) {
    return Error(v1::SEAL_MALFORMED, h.message_id(), absl::StrCat("seal.", broken),
                 "Correct the field where the message is sealed; it was not stored.");
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const v1::Envelope& envelope) {
  const std::size_t both = envelope.header().size() + envelope.seal().size();
  if (both > kMaxHeaderAndSealBytes) {
    return Error(v1::HEADER_MALFORMED, {},
                 absl::StrCat("header and seal have ", both, " bytes; the limit is ",
                              kMaxHeaderAndSealBytes),
                 "Shorten the header's variable fields.");
  }
  if (envelope.header().empty()) {
    return Error(v1::HEADER_MALFORMED, {}, "header is empty", "Send the header that was signed.");
  }
  if (envelope.seal().empty()) {
    return Error(v1::SEAL_MALFORMED, {}, "seal is empty", "Send the seal that was signed.");
  }
  return absl::OkStatus();
}

}  // namespace

// Byte  0     1..16  17      18           19..34  35..42    43..45
//       lane  run    source  destination  case    sequence  zero
void Identity::AppendTo(std::string& out) const {
  out.push_back(static_cast<char>(lane));
  out.append(run.view().data(), RunId::kSize);
  out.push_back(static_cast<char>(source.value()));
  out.push_back(static_cast<char>(destination.value()));
  out.append(case_handle.view().data(), CaseHandle::kSize);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(sequence >> shift));
  out.append(3, '\0');
}

std::string Identity::Encode() const {
  std::string out;
  out.reserve(kEncodedSize);
  AppendTo(out);
  return out;
}

absl::StatusOr<ParsedEnvelope> ParseEnvelope(const Hasher& hasher, const v1::Envelope& envelope) {
  if (absl::Status s = CheckSizes(envelope); !s.ok()) return s;
  ParsedEnvelope out;
  if (!out.header.ParseFromString(envelope.header())) {
    return Error(v1::HEADER_MALFORMED, {}, "header is not a serialized yizhan.v1.Header",
                 "Send the header that was signed, unchanged.");
  }
  if (absl::Status s = CheckHeader(out.header); !s.ok()) return s;
  if (!out.seal.ParseFromString(envelope.seal())) {
    return Error(v1::SEAL_MALFORMED, out.header.message_id(),
                 "seal is not a serialized yizhan.v1.Seal",
                 "Send the seal that was signed, unchanged.");
  }
  if (absl::Status s = CheckSeal(out.seal, out.header); !s.ok()) return s;
  if (envelope.body().size() > kMaxBodyBytes) {
    return Error(
        v1::BODY_TOO_LARGE, out.header.message_id(),
        absl::StrCat("body has ", envelope.body().size(), " bytes; the limit is ", kMaxBodyBytes),
        "Send smaller attachments.");
  }

  out.identity.lane = out.header.lane();
  out.identity.run = RunId::From(out.header.test_run_id()).value_or(RunId());
  out.identity.source = ProvinceCode(out.header.source());
  out.identity.destination = ProvinceCode(out.header.destination());
  out.identity.case_handle = *CaseHandle::From(out.header.case_handle());
  out.identity.sequence = out.header.sequence();
  out.header_digest = hasher.Hash(absl::string_view(envelope.header()));
  out.seal_digest = hasher.Hash(absl::string_view(envelope.seal()));
  out.message_id = *MessageId::From(out.header.message_id());
  out.created = absl::FromUnixMicros(out.header.created_unix_us());
  out.expires = absl::FromUnixMicros(out.seal.expires_unix_us());
  return out;
}

v1::MessageRef MakeMessageRef(const ParsedEnvelope& envelope) {
  v1::MessageRef ref;
  ref.set_lane(envelope.header.lane());
  ref.set_test_run_id(envelope.header.test_run_id());
  ref.set_source(envelope.header.source());
  ref.set_destination(envelope.header.destination());
  ref.set_case_handle(envelope.header.case_handle());
  ref.set_sequence(envelope.header.sequence());
  ref.set_header_digest(envelope.header_digest.str());
  ref.set_message_id(envelope.header.message_id());
  return ref;
}

absl::StatusOr<Identity> IdentityOf(const v1::MessageRef& ref) {
  const FieldRule rules[] = {
      {ref.lane() == v1::LANE_BUSINESS || ref.lane() == v1::LANE_TEST,
       "lane must be LANE_BUSINESS or LANE_TEST"},
      {IsRunIdOfLane(ref.lane(), ref.test_run_id()),
       "test_run_id must have 16 bytes, not all zero, in the TEST lane, and be empty elsewhere"},
      {ProvinceCode(ref.source()).valid(), "source is not a province code"},
      {ProvinceCode(ref.destination()).valid(), "destination is not a province code"},
      {ref.source() != ref.destination(), "source and destination are the same province"},
      {ref.case_handle().size() == CaseHandle::kSize, "case_handle must have 16 bytes"},
      {ref.sequence() >= 1, "sequence must be at least 1"},
  };
  if (const char* broken = FirstBroken(rules); broken != nullptr) {
    return Error(v1::STREAM_MALFORMED, ref.message_id(), absl::StrCat("message.", broken),
                 "Name the message as its header does.");
  }
  Identity out;
  out.lane = ref.lane();
  out.run = RunId::From(ref.test_run_id()).value_or(RunId());
  out.source = ProvinceCode(ref.source());
  out.destination = ProvinceCode(ref.destination());
  out.case_handle = *CaseHandle::From(ref.case_handle());
  out.sequence = ref.sequence();
  return out;
}

absl::Status CheckBodyDigest(const Hasher& hasher, const v1::Envelope& envelope,
                             const ParsedEnvelope& parsed) {
  if (hasher.Hash(absl::string_view(envelope.body())).view() == parsed.seal.body_digest()) {
    return absl::OkStatus();
  }
  return Error(v1::BODY_DIGEST_MISMATCH, parsed.header.message_id(),
               "the body is not the one that the seal describes: it was altered on the way, or "
               "sent with another seal",
               "Send the message again; if it happens again, look for what alters it.");
}

absl::Status CheckTimes(const ParsedEnvelope& parsed, absl::Time now) {
  const auto utc = [](absl::Time t) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", t, absl::UTCTimeZone());
  };
  const std::string& id = parsed.header.message_id();
  if (parsed.created > now + kMaxClockSkew) {
    return Error(v1::CREATED_IN_FUTURE, id,
                 absl::StrCat("created at ", utc(parsed.created),
                              " by the sender's clock, but it "
                              "is ",
                              utc(now), " here; at most ", absl::FormatDuration(kMaxClockSkew),
                              " ahead is allowed"),
                 "Correct the clock of the side that is wrong.");
  }
  if (parsed.expires <= now) {
    return Error(v1::MESSAGE_EXPIRED, id,
                 absl::StrCat("expired at ", utc(parsed.expires), "; it is ", utc(now)),
                 "Seal the message again with a later expiry.");
  }
  const absl::Duration shortest =
      parsed.identity.lane == v1::LANE_TEST ? kMinTestMessageLife : kMinMessageLife;
  const absl::Duration whole = parsed.expires - parsed.created;
  const absl::Duration left = parsed.expires - std::max(parsed.created, now);
  if (whole < shortest || left > kMaxMessageLife) {
    return Error(
        v1::LIFE_OUT_OF_RANGE, id,
        absl::StrCat("a life of ", absl::FormatDuration(whole), " (", absl::FormatDuration(left),
                     " left) is outside ", absl::FormatDuration(shortest), " to ",
                     absl::FormatDuration(kMaxMessageLife)),
        "Seal the message again with an expiry within these limits.");
  }
  return absl::OkStatus();
}

}  // namespace yizhan::contract
