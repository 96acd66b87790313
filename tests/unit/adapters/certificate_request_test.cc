#include "adapters/platform/crypto/certificate_request.h"

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "adapters/platform/crypto/certificate_authority.h"
#include "adapters/platform/crypto/certificates.h"
#include "adapters/platform/crypto/key_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1772400000);
const absl::Time kEnd = kStart + absl::Hours(24 * 400);

void ExpectRefused(const absl::Status& status, const std::string& what) {
  EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID) << status;
  EXPECT_THAT(contract::DetailOf(status).what(), HasSubstr(what));
  EXPECT_THAT(contract::DetailOf(status).next_step(), HasSubstr("yizhan member apply"));
}

// Of a P-384 key, by `openssl req`.
constexpr char kP384Request[] = R"(-----BEGIN CERTIFICATE REQUEST-----
MIIBCzCBkQIBADASMRAwDgYDVQQDDAdub2RlLTM0MHYwEAYHKoZIzj0CAQYFK4EE
ACIDYgAEBVGw2QS8ZQx6P0zb8AY9zmjbt++f/9B/oMoxJyFFMUKnSbn0d2Tuc/IQ
0a9Lh1CjfxXO0NtsSV2P+vdZhKU6q0Mx7dc9t01NC05XxzOZjQQ1dVumjxhWoe98
d05NTGbboAAwCgYIKoZIzj0EAwIDaQAwZgIxAO3xRC3/RKiInUs2FCAMUSeSPMzH
riI2M73pD+Rw7ieNuiXmxLh70dHbRbfQFQBuCgIxAPzcBjKgpc1EqO7sk6mxXT6Z
+zGMrciHZrpue/7HLF/SilIJ60EtLnJYjxOoVWQPBg==
-----END CERTIFICATE REQUEST-----
)";

CertificateAuthority::Request ClientRequest() {
  CertificateAuthority::Request request;
  request.subject = {"node-34", ""};
  request.dns_names = {"node-34"};
  request.client = true;
  request.validity = {kStart, kEnd};
  return request;
}

TEST(CertificateRequestTest, KeyBornHere_IsCertifiedWithoutLeaving) {
  const auto authority = *CertificateAuthority::Make({"authority", ""}, {kStart, kEnd});
  const contract::SecretBytes key = *GenerateTlsKey();
  const auto pem = MakeCertificateRequest(key, "node-34");
  ASSERT_TRUE(pem.ok()) << pem.status();
  const auto parsed = ParseCertificateRequest(*pem, "tls.csr");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->common_name, "node-34");

  const auto certificate = authority->Certify(parsed->spki_der, ClientRequest());
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_TRUE(CheckTlsIdentity(*certificate, "chain.pem", key, "key.pem", kStart).ok());
  EXPECT_FALSE(
      CheckTlsIdentity(*certificate, "chain.pem", *GenerateTlsKey(), "key.pem", kStart).ok());
}

// What a request asks for counts for nothing: a node must not become a server
// or an authority by asking.
TEST(CertificateRequestTest, NameAsked_IsNotTheNameCertified) {
  const auto authority = *CertificateAuthority::Make({"authority", ""}, {kStart, kEnd});
  const contract::SecretBytes key = *GenerateTlsKey();
  const auto parsed =
      ParseCertificateRequest(*MakeCertificateRequest(key, "broker.yizhan"), "tls.csr");
  ASSERT_TRUE(parsed.ok());
  const auto certificate = authority->Certify(parsed->spki_der, ClientRequest());
  EXPECT_EQ(ParseCertificates(*certificate, "c")->front().common_name, "node-34");
}

TEST(CertificateRequestTest, NoRequestOrCutOrAltered_IsRefused) {
  const contract::SecretBytes key = *GenerateTlsKey();
  const std::string pem = *MakeCertificateRequest(key, "node-34");
  ExpectRefused(ParseCertificateRequest("", "a.csr").status(), "a.csr: holds no whole");
  ExpectRefused(ParseCertificateRequest("text", "a.csr").status(), "holds no whole");
  ExpectRefused(ParseCertificateRequest(pem.substr(0, pem.size() / 2), "a.csr").status(),
                "holds no whole");
  ExpectRefused(ParseCertificateRequest(key.ExposeSecretBytes(), "a.csr").status(),
                "holds no whole");
  const auto authority = *CertificateAuthority::Make({"authority", ""}, {kStart, kEnd});
  ExpectRefused(ParseCertificateRequest(authority->certificate_pem(), "a.csr").status(),
                "holds no whole");
  ExpectRefused(ParseCertificateRequest(std::string(20000, 'x'), "a.csr").status(), "16 KiB");
  ExpectRefused(ParseCertificateRequest(kP384Request, "a.csr").status(), "another kind");
}

// The last bytes are the signature.
TEST(CertificateRequestTest, SignatureOfAnotherKey_IsRefused) {
  std::string pem = *MakeCertificateRequest(*GenerateTlsKey(), "node-34");
  const std::size_t at = pem.find("\n-----END") - 12;
  pem[at] = pem[at] == 'A' ? 'B' : 'A';
  ExpectRefused(ParseCertificateRequest(pem, "a.csr").status(), "not signed by the key");
}

TEST(CertificateRequestTest, Sm2KeyOrNoKeyOrNoName_MakesNoRequest) {
  EXPECT_FALSE(MakeCertificateRequest(GenerateSm2Key()->private_pem, "node-34").ok());
  EXPECT_FALSE(MakeCertificateRequest(contract::SecretBytes("x"), "node-34").ok());
  EXPECT_FALSE(MakeCertificateRequest(*GenerateTlsKey(), "").ok());
  EXPECT_FALSE(MakeCertificateRequest(*GenerateTlsKey(), std::string(65, 'x')).ok());
}

}  // namespace
}  // namespace yizhan::platform
