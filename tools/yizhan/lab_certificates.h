// The certificates of a lab: one authority, and what it issues.
#ifndef YIZHAN_TOOLS_YIZHAN_LAB_CERTIFICATES_H_
#define YIZHAN_TOOLS_YIZHAN_LAB_CERTIFICATES_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/crypto/certificate_authority.h"

namespace yizhan::tools {

// An authority valid from an hour before `now` for ten years.
absl::StatusOr<std::unique_ptr<platform::CertificateAuthority>> MakeLabAuthority(absl::Time now);

// Valid for two years. A server's also holds for localhost and 127.0.0.1, so
// that clients of any language reach it without knowing its name.
absl::StatusOr<platform::IssuedCertificate> IssueLabCertificate(
    const platform::CertificateAuthority& authority, const std::string& name, bool server,
    absl::Time now);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_LAB_CERTIFICATES_H_
