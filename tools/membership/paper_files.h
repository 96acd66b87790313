// Papers and keys on disk, for the commands.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_PAPER_FILES_H_
#define YIZHAN_TOOLS_MEMBERSHIP_PAPER_FILES_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/crypto/certificate_authority.h"
#include "adapters/platform/json/json.h"
#include "protos/contract/crypto.h"
#include "tools/membership/member_paper.h"
#include "tools/yizhan/command.h"
#include "tools/yizhan/flags.h"
#include "yizhan/v1/membership.pb.h"

namespace yizhan::tools {

absl::StatusOr<v1::MemberPaper> ReadPaper(const std::string& path);
absl::Status WritePaper(const std::string& path, const v1::MemberPaper& paper);

// The folder of an authority: ca.pem, ca-key.pem, genesis.bin, and ca.passphrase
// but in labs.
struct AuthorityFolder {
  Authority authority;
  std::unique_ptr<platform::CertificateAuthority> ca;
};
absl::StatusOr<AuthorityFolder> OpenAuthority(const std::string& folder);

// --authority, --officer-key, --passphrase-file, --document.
void DeclareOfficerFlags(FlagSet& flags);
absl::StatusOr<std::unique_ptr<contract::Signer>> OfficerOf(const FlagSet& flags);

// Value of a text flag that must be given; CONFIG_INVALID with `example` else.
absl::StatusOr<std::string> Needed(const FlagSet& flags, absl::string_view flag,
                                   absl::string_view example);

// A member for people: keys with fingerprints, states, certificates.
std::string MemberText(const v1::Member& member, absl::Time now);
platform::JsonValue MemberJson(const v1::Member& member, absl::Time now);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_PAPER_FILES_H_
