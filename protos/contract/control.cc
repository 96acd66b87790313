#include "protos/contract/control.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/fields.h"
#include "protos/contract/limits.h"

namespace yizhan::contract {
namespace {

absl::Status Malformed(absl::string_view what) {
  return MakeError(v1::STREAM_MALFORMED, v1::SIDE_MINE, absl::StrCat("control record: ", what),
                   "Correct it where it is made; it was not stored.");
}

absl::Status CheckFrame(const v1::Control& c) {
  if (c.format_version() != kFormatVersion || c.suite() != v1::SUITE_SM) {
    return MakeError(v1::VERSION_UNSUPPORTED, v1::SIDE_MINE,
                     absl::StrCat("control record: format_version ", c.format_version(),
                                  " with suite ", static_cast<int>(c.suite()),
                                  "; this build reads format ", kFormatVersion, ", SUITE_SM"),
                     "Update the older side.");
  }
  if (c.critical_features_size() != 0) {
    return MakeError(v1::CRITICAL_FEATURE_UNKNOWN, v1::SIDE_MINE,
                     absl::StrCat("control record: critical_features names ",
                                  c.critical_features(0), ", which this build does not know"),
                     "Send without this feature, or update the older side.");
  }
  const FieldRule rules[] = {
      {c.issuer() == 0 || ProvinceCode(c.issuer()).valid(),
       "issuer is neither 0 nor a province code"},
      {c.issued_unix_us() > 0, "issued_unix_us must be after 1970"},
      {c.issuer_incarnation().size() == Incarnation::kSize,
       "issuer_incarnation must have 16 bytes"},
      {IsDirectoryHead(c.directory_head()), "directory_head.digest must have 32 bytes"},
      {IsLogCheckpoint(c.log_checkpoint()),
       "log_checkpoint must have a log_id of 16 bytes and a digest of 32"},
  };
  const char* broken = FirstBroken(rules);
  return broken == nullptr ? absl::OkStatus() : Malformed(broken);
}

// The message that the record speaks of; nullptr for one that speaks of a peer.
const v1::MessageRef* RefOf(const v1::Control& c) {
  switch (c.kind_case()) {
    case v1::Control::kAcceptance:
      return &c.acceptance().message();
    case v1::Control::kDelivery:
      return &c.delivery().message();
    case v1::Control::kRefusal:
      return &c.refusal().message();
    case v1::Control::kNotice:
      return &c.notice().message();
    case v1::Control::kTombstone:
      return &c.tombstone().message();
    case v1::Control::kReturned:
      return &c.returned().message();
    case v1::Control::kRecoveryRequest:
    case v1::Control::kRecoveryAnswer:
    case v1::Control::KIND_NOT_SET:
      return nullptr;
  }
  return nullptr;
}

absl::Status CheckKind(const v1::Control& c) {
  const auto is_digest = [](absl::string_view bytes) { return bytes.size() == Digest::kSize; };
  FieldRule rule{true, ""};
  switch (c.kind_case()) {
    case v1::Control::kAcceptance:
      rule = {c.acceptance().seal_number() >= 1, "acceptance.seal_number must be at least 1"};
      break;
    case v1::Control::kDelivery:
      break;
    case v1::Control::kRefusal:
      rule = {is_digest(c.refusal().seal_digest()), "refusal.seal_digest must have 32 bytes"};
      if (rule.holds) {
        rule = {IsKnown<v1::ErrorReason>(c.refusal().error().reason(), v1::ErrorReason_IsValid),
                "refusal.error.reason is unknown"};
      }
      break;
    case v1::Control::kNotice:
      rule = {is_digest(c.notice().seal_digest()), "notice.seal_digest must have 32 bytes"};
      if (rule.holds) {
        rule = {IsKnown<v1::NoticeCause>(c.notice().cause(), v1::NoticeCause_IsValid),
                "notice.cause is unknown"};
      }
      break;
    case v1::Control::kTombstone:
      rule = {c.tombstone().pair_counter() >= 1, "tombstone.pair_counter must be at least 1"};
      if (rule.holds) {
        rule = {IsKnown<v1::TombstoneCause>(c.tombstone().cause(), v1::TombstoneCause_IsValid),
                "tombstone.cause is unknown"};
      }
      break;
    case v1::Control::kRecoveryRequest: {
      const v1::RecoveryRequest& r = c.recovery_request();
      rule = {ProvinceCode(r.peer()).valid() && r.peer() != c.issuer() &&
                  r.old_incarnation().size() == Incarnation::kSize &&
                  r.new_incarnation().size() == Incarnation::kSize,
              "recovery_request must name a peer and two incarnations of 16 bytes"};
      break;
    }
    case v1::Control::kReturned: {
      const v1::Returned& r = c.returned();
      rule = {r.header().empty() ||
                  (!r.seal().empty() && !r.returned_seal().empty() && !r.returned_body().empty()),
              "returned with a header must hold both seals and a body"};
      break;
    }
    case v1::Control::kRecoveryAnswer:
      rule = {ProvinceCode(c.recovery_answer().peer()).valid() &&
                  c.recovery_answer().peer() != c.issuer() &&
                  c.recovery_answer().new_incarnation().size() == Incarnation::kSize,
              "recovery_answer must name a peer and an incarnation of 16 bytes"};
      break;
    case v1::Control::KIND_NOT_SET:
      rule = {false, "it has no kind, or one that this build does not know"};
      break;
  }
  return rule.holds ? absl::OkStatus() : Malformed(rule.text);
}

bool MaySay(const v1::Control& c, const Identity& message) {
  const ProvinceCode issuer(c.issuer());
  const bool broker = c.issuer() == 0;
  switch (c.kind_case()) {
    case v1::Control::kAcceptance:
    case v1::Control::kNotice:
      return broker;
    case v1::Control::kDelivery:
    case v1::Control::kReturned:
      return issuer == message.destination;
    case v1::Control::kRefusal:
      return broker || issuer == message.destination;
    case v1::Control::kTombstone:
      return issuer == message.source;
    case v1::Control::kRecoveryRequest:
    case v1::Control::kRecoveryAnswer:
      return !broker;
    case v1::Control::KIND_NOT_SET:
      return false;
  }
  return false;
}

std::string IssuerName(const v1::Control& c) {
  return c.issuer() == 0 ? "the broker" : absl::StrCat("province ", c.issuer());
}

}  // namespace

v1::Control NewControl(const ControlIssuer& issuer, absl::Time now) {
  v1::Control control;
  control.set_format_version(kFormatVersion);
  control.set_suite(v1::SUITE_SM);
  control.set_issuer(issuer.province.value());
  control.set_issued_unix_us(absl::ToUnixMicros(now));
  control.set_issuer_incarnation(issuer.incarnation.str());
  *control.mutable_directory_head() = issuer.directory_head;
  *control.mutable_log_checkpoint() = issuer.log_checkpoint;
  return control;
}

Digest ControlLeaf(const Hasher& hasher, absl::string_view record) {
  return LeafDigest(hasher, kControlType, absl::MakeConstSpan(&record, 1));
}

absl::StatusOr<ParsedControl> ParseControl(const Hasher& hasher, const v1::ControlRecord& record) {
  if (record.record().empty()) return Malformed("it is empty");
  const auto too_large = [&](std::size_t limit) {
    return Malformed(
        absl::StrCat("it has ", record.record().size(), " bytes; the limit is ", limit));
  };
  if (record.record().size() > kMaxReturnedRecordBytes) return too_large(kMaxReturnedRecordBytes);
  ParsedControl out;
  if (!out.control.ParseFromString(record.record())) {
    return Malformed("it is not a serialized yizhan.v1.Control");
  }
  if (record.record().size() > kMaxControlRecordBytes && !out.control.has_returned()) {
    return too_large(kMaxControlRecordBytes);
  }
  if (absl::Status s = CheckFrame(out.control); !s.ok()) return s;
  if (absl::Status s = CheckKind(out.control); !s.ok()) return s;
  if (const v1::MessageRef* ref = RefOf(out.control); ref != nullptr) {
    absl::StatusOr<Identity> identity = IdentityOf(*ref);
    if (!identity.ok()) return Malformed(identity.status().message());
    const std::optional<Digest> header_digest = Digest::From(ref->header_digest());
    if (!header_digest.has_value()) return Malformed("message.header_digest must have 32 bytes");
    if (ref->message_id().size() != MessageId::kSize) {
      return Malformed("message.message_id must have 16 bytes");
    }
    out.identity = *identity;
    out.header_digest = *header_digest;
  }
  out.record_digest = hasher.Hash(absl::string_view(record.record()));
  return out;
}

absl::Status CheckControl(const DirectoryState& directory, SignatureChecker& checker,
                          const v1::ControlRecord& record, const ParsedControl& parsed) {
  const v1::Control& control = parsed.control;
  const std::optional<KeyId> key_id = KeyId::From(record.signature().key_id());
  const std::optional<KeyOwner> owner =
      key_id.has_value()
          ? directory.FindSigner(*key_id, absl::FromUnixMicros(control.issued_unix_us()))
          : std::nullopt;
  if (!owner.has_value()) {
    return MakeError(
        v1::SIGNER_UNKNOWN, v1::SIDE_MINE,
        absl::StrCat("control record of ", IssuerName(control),
                     ": the directory has no such signing key for the time of the record"),
        "Fetch the directory; if the key is missing there, register it.");
  }
  const bool is_issuers = control.issuer() == 0
                              ? owner->broker
                              : !owner->broker && !owner->authority &&
                                    owner->province == ProvinceCode(control.issuer());
  if (!is_issuers) {
    return MakeError(v1::SIGNER_NOT_SOURCE, v1::SIDE_MINE,
                     absl::StrCat("control record of ", IssuerName(control),
                                  ": signed by a key of somebody else"),
                     "Ignore the record and look for who sends it.");
  }
  if (!MaySay(control, parsed.identity)) {
    return MakeError(
        v1::CALLER_NOT_ALLOWED, v1::SIDE_MINE,
        absl::StrCat(IssuerName(control),
                     " may not issue this kind of record about a "
                     "message from ",
                     parsed.identity.source.value(), " to ", parsed.identity.destination.value()),
        "Ignore the record and look for who sends it.");
  }
  const absl::string_view bytes = record.record();
  return checker.Check(*owner, record.signature(), kControlType, absl::MakeConstSpan(&bytes, 1));
}

bool IsTerminal(const v1::Control& control) {
  switch (control.kind_case()) {
    case v1::Control::kDelivery:
    case v1::Control::kNotice:
      return true;
    case v1::Control::kRefusal:
      return control.refusal().consumes_number();
    default:
      return false;
  }
}

}  // namespace yizhan::contract
