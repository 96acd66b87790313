#include "adapters/platform/crypto/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/certificate_authority.h"
#include "adapters/platform/crypto/key_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1772400000);
const absl::Time kEnd = kStart + absl::Hours(24 * 400);

class CertificatesTest : public ::testing::Test {
 protected:
  IssuedCertificate Issue(const std::string& name) const {
    CertificateAuthority::Request request;
    request.subject = {name, "驿站 lab"};
    request.dns_names = {"localhost", "broker.example"};
    request.ip_addresses = {"127.0.0.1", "::1"};
    request.server = true;
    request.client = true;
    request.validity = {kStart, kEnd};
    auto issued = authority_->Issue(request);
    EXPECT_TRUE(issued.ok()) << issued.status();
    return *std::move(issued);
  }
  static void ExpectRefused(const absl::Status& status, const std::string& what) {
    EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID) << status;
    EXPECT_THAT(contract::DetailOf(status).what(), HasSubstr(what));
  }

  const std::unique_ptr<CertificateAuthority> authority_ =
      *CertificateAuthority::Make({"lab authority", ""}, {kStart, kEnd});
};

struct X509Free {
  void operator()(X509* x) const { X509_free(x); }
};
std::unique_ptr<X509, X509Free> ReadX509(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::unique_ptr<X509, X509Free> read(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  return read;
}

// What a TLS peer does: a chain to the authority, a purpose, a name.
int VerifyAs(const std::string& leaf_pem, const std::string& root_pem, int purpose, absl::Time at) {
  const auto leaf = ReadX509(leaf_pem);
  const auto root = ReadX509(root_pem);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, root.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
  X509_STORE_CTX_set_purpose(context, purpose);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), absl::ToTimeT(at));
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
  const int verified = X509_verify_cert(context);
  const int error = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return verified == 1 ? X509_V_OK : error;
}

TEST_F(CertificatesTest, Issued_VerifiesUnderItsAuthorityForBothPurposes) {
  const IssuedCertificate issued = Issue("node-32");
  const std::string& root = authority_->certificate_pem();
  const absl::Time now = kStart + absl::Hours(1);
  EXPECT_EQ(VerifyAs(issued.certificate_pem, root, X509_PURPOSE_SSL_SERVER, now), X509_V_OK);
  EXPECT_EQ(VerifyAs(issued.certificate_pem, root, X509_PURPOSE_SSL_CLIENT, now), X509_V_OK);
  EXPECT_EQ(VerifyAs(issued.certificate_pem, root, X509_PURPOSE_SSL_CLIENT, kEnd + absl::Hours(1)),
            X509_V_ERR_CERT_HAS_EXPIRED);
  const auto other = *CertificateAuthority::Make({"other authority", ""}, {kStart, kEnd});
  EXPECT_NE(
      VerifyAs(issued.certificate_pem, other->certificate_pem(), X509_PURPOSE_SSL_CLIENT, now),
      X509_V_OK);
}

TEST_F(CertificatesTest, ForClientsOnly_IsNoServer) {
  CertificateAuthority::Request request;
  request.subject = {"caller", ""};
  request.client = true;
  request.validity = {kStart, kEnd};
  const IssuedCertificate issued = *authority_->Issue(request);
  const std::string& root = authority_->certificate_pem();
  EXPECT_EQ(VerifyAs(issued.certificate_pem, root, X509_PURPOSE_SSL_CLIENT, kStart), X509_V_OK);
  EXPECT_EQ(VerifyAs(issued.certificate_pem, root, X509_PURPOSE_SSL_SERVER, kStart),
            X509_V_ERR_INVALID_PURPOSE);
}

TEST_F(CertificatesTest, NamesAsked_AreInTheCertificate) {
  const auto issued = ReadX509(Issue("node-32").certificate_pem);
  EXPECT_EQ(X509_check_host(issued.get(), "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(issued.get(), "elsewhere", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(issued.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(issued.get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(issued.get(), "10.0.0.1", 0), 0);
}

TEST_F(CertificatesTest, Parsed_ShowsSubjectTimesAndFingerprint) {
  const IssuedCertificate issued = Issue("node-32");
  const auto parsed = ParseCertificates(issued.certificate_pem, "test.pem");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_EQ(parsed->size(), 1u);
  EXPECT_EQ(parsed->front().common_name, "node-32");
  EXPECT_EQ(parsed->front().subject, "CN=node-32,O=驿站 lab");
  EXPECT_EQ(parsed->front().not_before, kStart);
  EXPECT_EQ(parsed->front().not_after, kEnd);
  const auto x509 = ReadX509(issued.certificate_pem);
  contract::CertificateFingerprint expected;
  ASSERT_EQ(X509_digest(x509.get(), EVP_sha256(), expected.data(), nullptr), 1);
  EXPECT_EQ(parsed->front().sha256, expected);
  EXPECT_EQ(*CertificateFingerprintOfPem(issued.certificate_pem), expected);
  EXPECT_NE(*CertificateFingerprintOfPem(Issue("node-32").certificate_pem), expected);
}

TEST_F(CertificatesTest, Chain_IsReadInOrderWithTextBetween) {
  const IssuedCertificate issued = Issue("node-32");
  const std::string chain = absl::StrCat("subject: node\n", issued.certificate_pem, "\nissuer\n",
                                         authority_->certificate_pem());
  const auto parsed = ParseCertificates(chain, "chain.pem");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_EQ((*parsed)[1].common_name, "lab authority");
  EXPECT_EQ(*CertificateFingerprintOfPem(chain), (*parsed)[0].sha256);
}

TEST_F(CertificatesTest, ChainEmptyOrDamaged_ErrorNamesTheFile) {
  const IssuedCertificate issued = Issue("node-32");
  const std::string& pem = issued.certificate_pem;
  std::string changed = pem;
  changed[60] = '!';
  ExpectRefused(ParseCertificates("", "tls.pem").status(), "tls.pem: holds no certificate");
  ExpectRefused(ParseCertificates("text\n", "tls.pem").status(), "holds no certificate");
  ExpectRefused(ParseCertificates(pem.substr(0, pem.size() / 2), "tls.pem").status(),
                "tls.pem: block 1 is no whole PEM");
  ExpectRefused(ParseCertificates(pem + pem.substr(0, 100), "tls.pem").status(), "block 2");
  ExpectRefused(ParseCertificates(changed, "tls.pem").status(), "tls.pem");
  ExpectRefused(ParseCertificates(issued.private_key_pem.ExposeSecretBytes(), "tls.pem").status(),
                "block 1 is no certificate");
  ExpectRefused(
      ParseCertificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "tls.pem")
          .status(),
      "tls.pem: holds a malformed certificate");
  ExpectRefused(CertificateFingerprintOfPem("").status(), "holds no certificate");
}

TEST_F(CertificatesTest, TlsIdentity_IsOnePairWithinItsTime) {
  const IssuedCertificate issued = Issue("node-32");
  const IssuedCertificate other = Issue("node-34");
  const auto check = [&](const IssuedCertificate& key, absl::Time now) {
    return CheckTlsIdentity(issued.certificate_pem, "tls.pem", key.private_key_pem, "tls.key", now);
  };
  EXPECT_TRUE(check(issued, kStart).ok()) << check(issued, kStart);
  ExpectRefused(check(other, kStart), "tls.key is not the key of the certificate in tls.pem");
  ExpectRefused(check(issued, kEnd), "not now");
  ExpectRefused(check(issued, kStart - absl::Seconds(1)), "not now");
  ExpectRefused(check({"", contract::SecretBytes("x")}, kStart), "tls.key holds no readable");
}

TEST_F(CertificatesTest, AuthorityLoadedAgain_IssuesUnderTheSameRoot) {
  const auto again =
      CertificateAuthority::Load({authority_->certificate_pem(), authority_->private_key_pem()});
  ASSERT_TRUE(again.ok()) << again.status();
  CertificateAuthority::Request request;
  request.subject = {"later", ""};
  request.client = true;
  request.validity = {kStart, kEnd};
  EXPECT_EQ(VerifyAs((*again)->Issue(request)->certificate_pem, authority_->certificate_pem(),
                     X509_PURPOSE_SSL_CLIENT, kStart),
            X509_V_OK);
  const IssuedCertificate leaf = Issue("node-32");
  EXPECT_FALSE(CertificateAuthority::Load(leaf).ok());
  EXPECT_FALSE(
      CertificateAuthority::Load({authority_->certificate_pem(), leaf.private_key_pem}).ok());
}

TEST_F(CertificatesTest, RequestMalformed_ErrorNamesTheField) {
  CertificateAuthority::Request good;
  good.subject = {"node", ""};
  good.client = true;
  good.validity = {kStart, kEnd};
  const auto refused = [&](const CertificateAuthority::Request& request, const std::string& field) {
    const absl::Status status = authority_->Issue(request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  };
  ASSERT_TRUE(authority_->Issue(good).ok());
  auto bad = good;
  bad.subject.common_name = "";
  refused(bad, "common_name");
  bad = good;
  bad.dns_names = {"a,IP:10.0.0.1"};
  refused(bad, "dns_names");
  bad = good;
  bad.ip_addresses = {"300.1.1.1"};
  refused(bad, "ip_addresses");
  bad = good;
  bad.validity = {kEnd, kStart};
  refused(bad, "validity");
  bad = good;
  bad.client = false;
  refused(bad, "server");
}

}  // namespace
}  // namespace yizhan::platform
