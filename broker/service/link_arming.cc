#include "broker/service/link_arming.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"

namespace yizhan::broker {
namespace {

using contract::DirectoryState;
using contract::MakeError;
using contract::ProvinceCode;
using contract::SignatureChecker;

absl::Status Malformed(absl::string_view what) {
  return MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE, what,
                   "correct the request; linktest.proto says what belongs in it");
}

}  // namespace

absl::Status CheckMemberSignature(const DirectoryState& directory, SignatureChecker& checker,
                                  ProvinceCode province, const v1::Signature& signature,
                                  absl::string_view type, absl::string_view signed_bytes,
                                  absl::Time now) {
  const std::optional<contract::KeyId> id = contract::KeyId::From(signature.key_id());
  const std::optional<contract::KeyOwner> owner =
      id ? directory.FindSigner(*id, now) : std::nullopt;
  if (!owner) {
    return MakeError(v1::SIGNER_UNKNOWN, v1::SIDE_MINE,
                     "the network's directory has no such signing key that is active",
                     "sign with the key that the directory has for this province");
  }
  if (owner->broker || owner->authority || owner->province != province) {
    return MakeError(v1::SIGNER_NOT_SOURCE, v1::SIDE_MINE,
                     absl::StrCat("the signing key is not one of province ", province.value()),
                     "sign with the key that the directory has for this province");
  }
  const absl::string_view parts[] = {signed_bytes};
  return checker.Check(*owner, signature, type, parts);
}

absl::StatusOr<v1::ArmingStatement> VerifyArming(const DirectoryState& directory,
                                                 SignatureChecker& checker, ProvinceCode province,
                                                 const v1::SignedArming& arming, absl::Time now) {
  v1::ArmingStatement statement;
  if (arming.statement().size() > contract::kMaxControlRecordBytes ||
      !statement.ParseFromString(arming.statement())) {
    return Malformed("the arming statement does not parse");
  }
  if (absl::Status signer = CheckMemberSignature(directory, checker, province, arming.signature(),
                                                 contract::kLinkArmType, arming.statement(), now);
      !signer.ok()) {
    return signer;
  }
  if (statement.province() != province.value()) {
    return Malformed(absl::StrCat("the arming statement speaks for province ", statement.province(),
                                  ", the caller is ", province.value()));
  }
  const ProvinceCode peer(statement.peer());
  const v1::Member* member = directory.FindMember(peer);
  if (peer == province || member == nullptr || member->status() != v1::MEMBER_ACTIVE) {
    return MakeError(
        v1::DESTINATION_UNKNOWN, v1::SIDE_MINE,
        absl::StrCat("province ", statement.peer(), " is not an active member beside the caller"),
        "check the peer's code; yizhan link list shows the members");
  }
  const absl::Time from = absl::FromUnixMicros(statement.from_unix_us());
  const absl::Time until = absl::FromUnixMicros(statement.until_unix_us());
  if (until - from < absl::Minutes(1) || until - from > absl::Hours(24)) {
    return Malformed("the window of an arming is 1 minute to 24 hours");
  }
  if (until <= now || from > now + contract::kMaxClockSkew) {
    return Malformed(absl::StrCat("the window of the arming does not hold now: it runs ",
                                  absl::FormatTime(from, absl::UTCTimeZone()), " to ",
                                  absl::FormatTime(until, absl::UTCTimeZone())));
  }
  if (statement.random().size() != 16 || statement.engineer().number().empty() ||
      statement.engineer().number().size() > 32 || statement.engineer().unit().empty() ||
      statement.engineer().unit().size() > 128) {
    return Malformed("the arming statement lacks its random bytes or the engineer");
  }
  return statement;
}

}  // namespace yizhan::broker
