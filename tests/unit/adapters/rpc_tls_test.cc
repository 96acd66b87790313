#include <openssl/sha.h>

#include <string>

#include "adapters/platform/config/files.h"
#include "adapters/platform/rpc/peer.h"
#include "adapters/platform/rpc/tls_files.h"
#include "adapters/platform/rpc/tls_probe.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "tests/support/exchange_lab.h"

namespace yizhan::platform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing_support::ExchangeLab;
using testing_support::TlsLab;

class TlsFilesTest : public ::testing::Test {
 protected:
  void ExpectError(const v1::TlsFiles& files, const std::string& field,
                   const std::string& problem) {
    const auto material = LoadTlsFiles(files, lab_.folder(), "gateway_tls");
    ASSERT_FALSE(material.ok());
    const v1::ErrorDetail detail = contract::DetailOf(material.status());
    EXPECT_EQ(detail.reason(), v1::CONFIG_INVALID);
    EXPECT_THAT(detail.what(), AllOf(HasSubstr("field gateway_tls." + field), HasSubstr(problem)));
    EXPECT_FALSE(detail.next_step().empty());
  }
  TlsLab lab_;
  v1::TlsFiles good_ = lab_.Issue("node-32");
};

TEST_F(TlsFilesTest, GoodFiles_AreLoadedWithFingerprintAndEnd) {
  const auto material = LoadTlsFiles(good_, lab_.folder());
  ASSERT_TRUE(material.ok()) << material.status().message();
  lab_.Run("openssl x509 -in node-32.pem -outform DER | sha256sum | cut -c1-64 > digest");
  const std::string expected = *ReadFile(lab_.folder() + "/digest");
  EXPECT_EQ(material->fingerprint.hex() + "\n", expected);
  EXPECT_GT(material->not_after, absl::Now() + absl::Hours(24 * 29));
  EXPECT_LT(material->not_after, absl::Now() + absl::Hours(24 * 31));
}

TEST_F(TlsFilesTest, MissingFieldOrFile_IsNamed) {
  v1::TlsFiles files = good_;
  files.clear_trust_anchors();
  ExpectError(files, "trust_anchors", "is missing");
  files = good_;
  files.set_certificate_chain("absent.pem");
  ExpectError(files, "certificate_chain", "absent.pem: does not exist");
}

TEST_F(TlsFilesTest, EmptyChain_IsRefusedBeforeGrpcAborts) {
  lab_.Run(": > node-32.pem");
  ExpectError(good_, "certificate_chain", "holds no certificate");
}

TEST_F(TlsFilesTest, DamagedSecondCertificate_IsRefused) {
  lab_.Run("sed 's/^MI/XX/' ca.pem >> node-32.pem");
  ExpectError(good_, "certificate_chain", "PEM block 2 of 2");
}

TEST_F(TlsFilesTest, KeyInsideTheChain_IsRefused) {
  lab_.Run("cat node-32.key >> node-32.pem");
  ExpectError(good_, "certificate_chain", "PEM block 2 of 2");
}

TEST_F(TlsFilesTest, KeyOpenToOthers_IsRefused) {
  lab_.Run("chmod 640 node-32.key");
  ExpectError(good_, "private_key", "open to other users");
}

TEST_F(TlsFilesTest, KeyOfAnotherCertificate_IsRefused) {
  v1::TlsFiles files = good_;
  files.set_private_key(lab_.Issue("node-34").private_key());
  ExpectError(files, "private_key", "does not fit the first certificate");
}

TEST_F(TlsFilesTest, EncryptedOrBrokenKey_IsRefusedWithoutAQuestion) {
  lab_.Run("openssl pkcs8 -topk8 -in node-32.key -passout pass:x -out e && cat e > node-32.key");
  ExpectError(good_, "private_key", "is encrypted, and no passphrase is configured");
  lab_.Run("echo nothing > node-32.key");
  ExpectError(good_, "private_key", "holds no readable private key");
}

// By the very command that the error about a plain key names.
TEST_F(TlsFilesTest, EncryptedKey_OpensByThePassphraseFile) {
  v1::TlsFiles files = good_;
  files.set_passphrase_file("pass");
  lab_.Run("umask 077; echo correct horse battery > pass");
  ExpectError(files, "private_key", "node-32.key is not encrypted");
  lab_.Run(
      "openssl pkcs8 -topk8 -scrypt -in node-32.key -out e -passout file:pass && "
      "cat e > node-32.key");
  const auto material = LoadTlsFiles(files, lab_.folder());
  ASSERT_TRUE(material.ok()) << material.status();
  EXPECT_THAT(std::string(material->private_key_pem.ExposeSecretBytes()),
              ::testing::StartsWith("-----BEGIN PRIVATE KEY-----"));
  lab_.Run("echo another passphrase > pass");
  ExpectError(files, "private_key", "does not open with the passphrase");
  lab_.Run("chmod 644 pass");
  ExpectError(files, "private_key", "pass is open to others");
}

class MutualTlsTest : public ::testing::Test {
 protected:
  absl::Status Call(v1::Exchange::Stub* stub, std::string* build = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::OpenSessionResponse response;
    const absl::Status status =
        FromGrpc(stub->OpenSession(&context, v1::OpenSessionRequest(), &response));
    if (build != nullptr) *build = response.build();
    return status;
  }
  ExchangeLab lab_;
};

TEST_F(MutualTlsTest, KnownClient_IsSeenByItsFingerprint) {
  lab_.StartServer();
  std::string build;
  const absl::Status status = Call(lab_.Stub().get(), &build);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(build, lab_.client_tls().fingerprint.hex());
}

TEST_F(MutualTlsTest, ClientOfAnotherAuthority_IsNotLetIn) {
  lab_.StartServer();
  TlsLab other;
  TlsMaterial stranger = other.Material("node-32");
  stranger.trust_anchors_pem = lab_.client_tls().trust_anchors_pem;
  const absl::Status status = Call(lab_.Stub(stranger).get());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(contract::ReasonOf(status), v1::PEER_UNREACHABLE);
}

TEST_F(MutualTlsTest, ServerOfAnotherName_IsNotTrusted) {
  lab_.StartServer();
  EXPECT_TRUE(Call(lab_.Stub(lab_.client_tls(), "").get()).ok());  // by its address
  EXPECT_FALSE(Call(lab_.Stub(lab_.client_tls(), "other.test").get()).ok());
}

TEST_F(MutualTlsTest, OldTls_IsRefusedAndNewSpoken) {
  lab_.StartServer();
  const std::string address = ReachableAddress("0.0.0.0:0", lab_.server->port());
  EXPECT_EQ(ProbeTls(address, TlsVersion::k12), TlsAnswer::kRefused);
  EXPECT_EQ(ProbeTls(address, TlsVersion::k13), TlsAnswer::kSpoken);
  // An implementation of its own beside our probe.
  const std::string dial = "openssl s_client -connect " + address + " -alpn h2 -brief </dev/null ";
  lab_.tls.Run("! " + dial + "-tls1_2");
  lab_.tls.Run(dial + "-tls1_3 2>&1 | grep 'Protocol version: TLSv1.3'");
  lab_.server->Shutdown(absl::ZeroDuration());
  EXPECT_EQ(ProbeTls(address, TlsVersion::k13), TlsAnswer::kUnreachable);
}

TEST_F(MutualTlsTest, TakenPort_IsAConfigErrorInsteadOfShared) {
  lab_.StartServer();
  RpcServer::Options options;
  options.listen = "127.0.0.1:" + std::to_string(lab_.server->port());
  options.tls = lab_.client_tls();
  options.services = {&lab_.service};
  const auto second = RpcServer::Start(std::move(options));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(contract::ReasonOf(second.status()), v1::CONFIG_INVALID);
}

TEST_F(MutualTlsTest, ServerThatCameBack_IsReachedBySameChannel) {
  lab_.StartServer();
  const std::uint16_t port = lab_.server->port();
  auto stub = lab_.Stub();
  ASSERT_TRUE(Call(stub.get()).ok());
  lab_.server.reset();
  EXPECT_EQ(Call(stub.get()).code(), absl::StatusCode::kUnavailable);
  lab_.StartServer(port);
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::OpenSessionResponse response;
  EXPECT_TRUE(stub->OpenSession(&context, v1::OpenSessionRequest(), &response).ok());
}

TEST(DialTest, MalformedTargetOrNoCertificates_IsAConfigError) {
  DialOptions options;
  options.target = "127.0.0.1";
  EXPECT_EQ(contract::ReasonOf(Dial(options).status()), v1::CONFIG_INVALID);
  options.target = "127.0.0.1:1";
  EXPECT_EQ(contract::ReasonOf(Dial(options).status()), v1::CONFIG_INVALID);
}

}  // namespace
}  // namespace yizhan::platform
