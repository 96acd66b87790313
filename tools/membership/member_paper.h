// The paper that a province and the authority hand round until an entry is
// complete. One round trip makes a member: the province applies with its public
// keys and a certificate request; the officers issue the certificate, name it in
// the entry and sign; the province, which gets certificate and entry together,
// checks that they say what it asked for, signs last and submits. Signatures of
// an entry have no order, so nobody has to be asked twice.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_MEMBER_PAPER_H_
#define YIZHAN_TOOLS_MEMBERSHIP_MEMBER_PAPER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "adapters/platform/crypto/certificate_authority.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/membership.pb.h"

namespace yizhan::tools {

// What an officer decides with.
struct Authority {
  v1::Genesis genesis;
  contract::Digest genesis_digest;
  const platform::CertificateAuthority* ca = nullptr;  // null: issues nothing
};

// Signed by `applicant`, a signing key that `member` lists.
absl::StatusOr<v1::MemberPaper> Apply(const v1::Member& member, const std::string& request_pem,
                                      const contract::Signer& applicant);
// An entry that nobody applied for, and that nobody has signed.
v1::MemberPaper Propose(const v1::Member& member, const contract::Digest& genesis, absl::Time now);

// Everything that can be seen from the paper alone: the applicant's signature,
// the request, and that the entry says what was applied for, adds nothing but
// the certificate that lies in the paper and a document number, and that its
// signatures are good for the keys they name as far as those are known here.
// CONFIG_INVALID says what is wrong. Returns the member as the entry, or else
// the application, has it.
absl::StatusOr<v1::Member> CheckPaper(const v1::MemberPaper& paper);
// The application of a paper that has one.
absl::StatusOr<v1::MemberApplication> ApplicationOf(const v1::MemberPaper& paper);

// An officer's act: issues the certificate and makes the entry where there is
// none yet, and signs. CONFIG_INVALID for another document number than the first
// officer's, an officer who has signed, and a key that is none of the authority.
absl::Status Approve(const Authority& authority, const contract::Signer& officer,
                     absl::string_view document_number, absl::Time now, v1::MemberPaper& paper);

// The member's act, with the key that the directory has, or the new one in
// version 1. Refuses an entry for another network.
absl::Status SignAsMember(const contract::Signer& signer, const contract::Digest& genesis,
                          v1::MemberPaper& paper);

// How many officers have signed, by role.
int OfficersOf(const v1::MemberPaper& paper);

// A member's client certificate: for the name of its node, for two years.
absl::StatusOr<std::string> IssueMemberCertificate(const platform::CertificateAuthority& ca,
                                                   contract::ProvinceCode province,
                                                   absl::string_view request_pem, absl::Time now);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_MEMBER_PAPER_H_
