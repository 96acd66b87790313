// What a province signs when it wants a connectivity test.
#ifndef YIZHAN_BROKER_SERVICE_LINK_ARMING_H_
#define YIZHAN_BROKER_SERVICE_LINK_ARMING_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/directory.h"
#include "protos/contract/ids.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/linktest.pb.h"

namespace yizhan::broker {

// OK if a key that signs for `province` at `now` made `signature` over
// (type, signed_bytes). SIGNER_UNKNOWN, SIGNER_NOT_SOURCE, SIGNATURE_INVALID.
absl::Status CheckMemberSignature(const contract::DirectoryState& directory,
                                  contract::SignatureChecker& checker,
                                  contract::ProvinceCode province, const v1::Signature& signature,
                                  absl::string_view type, absl::string_view signed_bytes,
                                  absl::Time now);

// The statement, if `province` signed it, for another active member, with a
// window of 1 minute to 24 hours that holds at `now`.
absl::StatusOr<v1::ArmingStatement> VerifyArming(const contract::DirectoryState& directory,
                                                 contract::SignatureChecker& checker,
                                                 contract::ProvinceCode province,
                                                 const v1::SignedArming& arming, absl::Time now);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_LINK_ARMING_H_
