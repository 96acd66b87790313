#include "tools/yizhan/lab_certificates.h"

namespace yizhan::tools {
namespace {

constexpr absl::Duration kYear = absl::Hours(24 * 365);
constexpr char kOrganization[] = "Yizhan lab";

}  // namespace

absl::StatusOr<std::unique_ptr<platform::CertificateAuthority>> MakeLabAuthority(absl::Time now) {
  return platform::CertificateAuthority::Make(
      {.common_name = "Yizhan lab authority", .organization = kOrganization},
      {.not_before = now - absl::Hours(1), .not_after = now + 10 * kYear});
}

absl::StatusOr<platform::IssuedCertificate> IssueLabCertificate(
    const platform::CertificateAuthority& authority, const std::string& name, bool server,
    absl::Time now) {
  platform::CertificateAuthority::Request request;
  request.subject = {.common_name = name, .organization = kOrganization};
  request.dns_names = {name};
  if (server) {
    request.dns_names.push_back("localhost");
    request.ip_addresses = {"127.0.0.1"};
  }
  request.server = server;
  request.client = !server;
  request.validity = {.not_before = now - absl::Hours(1), .not_after = now + 2 * kYear};
  return authority.Issue(request);
}

}  // namespace yizhan::tools
