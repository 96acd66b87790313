#include "broker/admission/admission.h"

#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::broker {
namespace {

using contract::MakeError;

absl::Status BudgetExceeded(contract::ProvinceCode source) {
  v1::ErrorDetail detail;
  detail.set_reason(v1::VERIFICATION_BUDGET_EXCEEDED);
  detail.set_side(v1::SIDE_MINE);
  detail.set_what(absl::StrCat("province ", source.str(),
                               " caused more signature checks in a second than one source may"));
  detail.set_next_step("Sign many messages as one batch, and send again after the delay.");
  detail.set_retry_after_ms(1000);
  return MakeError(detail);
}

}  // namespace

absl::StatusOr<Looked> Admission::Parse(const v1::Envelope& envelope) const {
  absl::StatusOr<contract::ParsedEnvelope> parsed = contract::ParseEnvelope(*hasher_, envelope);
  if (parsed.ok()) return Looked{*std::move(parsed), absl::OkStatus()};
  if (contract::ReasonOf(parsed.status()) != v1::BODY_TOO_LARGE) return parsed.status();
  // Whose message it is must be known for a signed refusal; the body is not read.
  v1::Envelope without_body;
  without_body.set_header(envelope.header());
  without_body.set_seal(envelope.seal());
  absl::StatusOr<contract::ParsedEnvelope> rest = contract::ParseEnvelope(*hasher_, without_body);
  if (!rest.ok()) return parsed.status();
  return Looked{*std::move(rest), parsed.status()};
}

absl::Status Admission::CheckSource(const contract::ParsedEnvelope& parsed,
                                    const BoxKey& session) const {
  if (parsed.identity.source != session.province) {
    return MakeError(
        v1::SPOOFED_SOURCE, v1::SIDE_MINE,
        absl::StrCat("the session's certificate is of province ", session.province.str(),
                     ", the message names source ", parsed.identity.source.str()),
        "Send only messages of your own province.");
  }
  if (parsed.identity.lane != session.lane || parsed.identity.run != session.run) {
    return MakeError(v1::HEADER_MALFORMED, v1::SIDE_MINE,
                     "header.lane or header.test_run_id is not that of the session",
                     "Send BUSINESS messages in the business session and those of a test run in "
                     "the run's session.");
  }
  return absl::OkStatus();
}

absl::Status Admission::CheckRun(const contract::ParsedEnvelope& parsed, absl::Time now) const {
  const std::optional<TestRun> run =
      runs_ == nullptr ? std::nullopt : runs_->Find(parsed.identity.run, now);
  if (!run || !run->open) {
    return MakeError(v1::TEST_RUN_UNKNOWN, v1::SIDE_MINE,
                     absl::StrCat("test run ", parsed.identity.run.hex(),
                                  run ? " is not open any more" : " is unknown"),
                     "Start a run with `yizhan link test`.");
  }
  if (!run->Has(parsed.identity.source) || !run->Has(parsed.identity.destination)) {
    return MakeError(
        v1::ENVELOPE_LINK_NOT_OPEN, v1::SIDE_MINE,
        absl::StrCat("the run is between ", run->initiator.str(), " and ", run->counterpart.str(),
                     ", the message goes from ", parsed.identity.source.str(), " to ",
                     parsed.identity.destination.str()),
        "Send test messages to the run's counterpart alone.");
  }
  return absl::OkStatus();
}

absl::Status Admission::CheckPassage(const contract::ParsedEnvelope& parsed, absl::Time now) const {
  if (absl::Status s = contract::CheckTimes(parsed, now); !s.ok()) return s;
  if (parsed.identity.lane == v1::LANE_TEST) return CheckRun(parsed, now);
  return contract::MaySend(directory_->state(), parsed.identity.source, parsed.identity.destination,
                           parsed.header.kind(), parsed.identity.sequence, now);
}

absl::Status Admission::CheckNotCut(contract::ProvinceCode source,
                                    contract::ProvinceCode destination, absl::Time now) const {
  const contract::DirectoryState& state = directory_->state();
  const v1::RouteState there = state.Route({source, destination}, now).state;
  const v1::RouteState back = state.Route({destination, source}, now).state;
  // A message rides on one of the two; where a case lives on an uncut one, the
  // kind decides at admission. Here only what no route could carry is held.
  const auto shut = [](v1::RouteState s) {
    return s == v1::ROUTE_CUT || s == v1::ROUTE_STATE_UNSPECIFIED;
  };
  if (!(shut(there) && shut(back)) || (there != v1::ROUTE_CUT && back != v1::ROUTE_CUT)) {
    return absl::OkStatus();
  }
  return MakeError(v1::LINK_CUT, v1::SIDE_NETWORK,
                   absl::StrCat("the link between ", source.str(), " and ", destination.str(),
                                " is cut for security"),
                   "Ask the duty officers of both provinces; what waits is held.");
}

absl::Status Admission::CheckSignature(const v1::Envelope& envelope,
                                       const contract::ParsedEnvelope& parsed, Moment now) {
  const contract::ProvinceCode source = parsed.identity.source;
  const auto key_id = contract::KeyId::From(envelope.signature().key_id());
  const auto owner = key_id ? directory_->state().FindSigner(*key_id, now.wall) : std::nullopt;
  if (!owner) {
    const bool listed = key_id && directory_->state().FindKey(*key_id);
    return MakeError(
        v1::SIGNER_UNKNOWN, v1::SIDE_MINE,
        absl::StrCat("the directory has ",
                     listed ? "a key that does not sign now (staged, retired, suspect, "
                              "or for sealing): "
                            : "no key ",
                     absl::BytesToHexString(envelope.signature().key_id())),
        "Sign the message again with the province's active signing key; register it "
        "if the directory does not have it.");
  }
  if (owner->broker || owner->authority || owner->province != source) {
    return MakeError(v1::SIGNER_NOT_SOURCE, v1::SIDE_MINE,
                     absl::StrCat("the signing key is not one of province ", source.str()),
                     "Sign with a key of the source province.");
  }
  const absl::string_view parts[] = {envelope.header(), envelope.seal()};
  contract::SignatureChecker& checker = directory_->checker();
  if (!budget_.Has(source, now.monotonic) && !checker.IsCached(envelope.signature())) {
    return BudgetExceeded(source);
  }
  const std::uint64_t before = checker.verifications();
  absl::Status checked =
      checker.Check(*owner, envelope.signature(), contract::kEnvelopeType, parts);
  if (checker.verifications() != before) budget_.Take(source, now.monotonic);
  return checked;
}

absl::Status Admission::CheckBody(const v1::Envelope& envelope,
                                  const contract::ParsedEnvelope& parsed) const {
  if (absl::Status s = contract::CheckBodyDigest(*hasher_, envelope, parsed); !s.ok()) return s;
  if (directory_->IsSealingKey(parsed.identity.destination, parsed.seal.recipient_key_id())) {
    return absl::OkStatus();
  }
  return MakeError(
      v1::RECIPIENT_KEY_UNKNOWN, v1::SIDE_MINE,
      absl::StrCat("province ", parsed.identity.destination.str(), " has no sealing key ",
                   absl::BytesToHexString(parsed.seal.recipient_key_id())),
      "Fetch the directory and seal the message again.");
}

absl::Status Admission::CheckControl(const v1::ControlRecord& record,
                                     const contract::ParsedControl& parsed,
                                     contract::ProvinceCode caller, Moment now) {
  if (parsed.control.issuer() != caller.value()) {
    return MakeError(v1::SPOOFED_SOURCE, v1::SIDE_MINE,
                     absl::StrCat("province ", caller.str(), " brought a control record of ",
                                  parsed.control.issuer()),
                     "Send only control records of your own province.");
  }
  contract::SignatureChecker& checker = directory_->checker();
  if (!budget_.MayOwe(caller, now.monotonic) && !checker.IsCached(record.signature())) {
    return BudgetExceeded(caller);
  }
  const std::uint64_t before = checker.verifications();
  absl::Status checked = contract::CheckControl(directory_->state(), checker, record, parsed);
  if (checker.verifications() != before) budget_.Take(caller, now.monotonic);
  return checked;
}

bool Admission::IsFinal(v1::ErrorReason reason) {
  switch (reason) {
    case v1::ENVELOPE_LINK_NOT_OPEN:
    case v1::NEW_CASE_ON_SUSPENDED_ROUTE:
    case v1::KIND_NOT_ALLOWED:
    case v1::BODY_TOO_LARGE:
    case v1::MESSAGE_EXPIRED:
    case v1::LIFE_OUT_OF_RANGE:
    case v1::DESTINATION_UNKNOWN:
      return true;
    default:
      return false;
  }
}

}  // namespace yizhan::broker
