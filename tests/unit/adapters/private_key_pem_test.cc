#include "adapters/platform/crypto/private_key_pem.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/certificate_request.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/crypto/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using contract::SecretBytes;
using ::testing::HasSubstr;

const SecretBytes kPassphrase("correct horse battery");

class PrivateKeyPemTest : public ::testing::Test {
 protected:
  PrivateKeyPemTest() {
    dir_ = ::testing::TempDir() + "yizhan_pem_" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
  }
  ~PrivateKeyPemTest() override { std::filesystem::remove_all(dir_); }

  std::string WriteText(const std::string& name, absl::string_view text, mode_t mode = 0600) {
    const std::string path = dir_ + name;
    std::ofstream(path, std::ios::binary) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  static void ExpectRefused(const absl::Status& status, const std::string& what,
                            const std::string& next_step) {
    EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID) << status;
    EXPECT_THAT(contract::DetailOf(status).what(), HasSubstr(what));
    EXPECT_THAT(contract::DetailOf(status).next_step(), HasSubstr(next_step));
  }

  std::string dir_;
};

TEST_F(PrivateKeyPemTest, Sm2KeyEncrypted_LoadsWithItsPassphraseAlone) {
  const Sm2Key key = *GenerateSm2Key();
  const std::string path = dir_ + "sign.pem";
  ASSERT_TRUE(WritePrivateKeyFile(path, key.private_pem, kPassphrase).ok());
  const SecretBytes stored = *ReadPrivateFile(path);
  EXPECT_TRUE(absl::StartsWith(stored.ExposeSecretBytes(), "-----BEGIN ENCRYPTED PRIVATE KEY"));

  const auto signer = LoadSigner(path, kPassphrase);
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ((*signer)->key_id(), key.id);
  EXPECT_TRUE(SmSuite().verifier->Verify(key.spki_der, "m", *(*signer)->Sign("m")).ok());
  const std::vector<std::string> paths = {path};
  EXPECT_TRUE((*LoadUnwrapper(paths, kPassphrase))->Has(key.id));
  ExpectRefused(LoadSigner(path, SecretBytes("correct horse batterz")).status(),
                path + " does not open with the passphrase", "passphrase_file");
  ExpectRefused(LoadSigner(path).status(), path + " is encrypted", "passphrase_file");
}

TEST_F(PrivateKeyPemTest, SameKeyTwice_IsEncryptedUnderAnotherSalt) {
  const Sm2Key key = *GenerateSm2Key();
  EXPECT_NE(EncryptPrivateKey(key.private_pem, kPassphrase)->ExposeSecretBytes(),
            EncryptPrivateKey(key.private_pem, kPassphrase)->ExposeSecretBytes());
}

// Operators back keys up and move them by other tools.
TEST_F(PrivateKeyPemTest, EncryptedKey_IsReadByOpensslItself) {
  const SecretBytes sealed = *EncryptPrivateKey(*GenerateTlsKey(), kPassphrase);
  const absl::string_view pem = sealed.ExposeSecretBytes();
  const auto passphrase = [](char* buffer, int size, int, void*) -> int {
    const absl::string_view secret = kPassphrase.ExposeSecretBytes();
    if (size < static_cast<int>(secret.size())) return -1;
    std::memcpy(buffer, secret.data(), secret.size());
    return static_cast<int>(secret.size());
  };
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, passphrase, nullptr);
  EXPECT_NE(key, nullptr);
  EVP_PKEY_free(key);
  BIO_free(bio);
}

TEST_F(PrivateKeyPemTest, PlainKeyWherePassphraseIsConfigured_IsRefused) {
  const Sm2Key key = *GenerateSm2Key();
  const std::string path = WriteText("sign.pem", key.private_pem.ExposeSecretBytes());
  ExpectRefused(LoadSigner(path, kPassphrase).status(), path + " is not encrypted",
                "openssl pkcs8 -topk8 -scrypt -in " + path);
  EXPECT_TRUE(LoadSigner(path).ok());
}

TEST_F(PrivateKeyPemTest, EncryptedFileOpenToOthers_IsRefused) {
  const SecretBytes sealed = *EncryptPrivateKey(GenerateSm2Key()->private_pem, kPassphrase);
  const std::string path = WriteText("sign.pem", sealed.ExposeSecretBytes(), 0644);
  ExpectRefused(LoadSigner(path, kPassphrase).status(), "mode 0644", "chmod 600 " + path);
}

TEST_F(PrivateKeyPemTest, EncryptedFileCutOrDamagedAnywhere_IsRefusedAndNeverAKey) {
  const Sm2Key key = *GenerateSm2Key();
  const std::string pem(EncryptPrivateKey(key.private_pem, kPassphrase)->ExposeSecretBytes());
  for (std::size_t size = 1; size + 30 < pem.size(); size += 37) {
    const auto opened = OpenPrivateKey(SecretBytes(pem.substr(0, size)), kPassphrase, "cut.pem");
    ExpectRefused(opened.status(), "cut.pem", "");
  }
  // One damaged byte of the encrypted part; each costs a derivation.
  for (const std::size_t back : {60u, 90u, 130u}) {
    std::string damaged = pem;
    char& byte = damaged[damaged.size() - back];
    byte = byte == 'A' ? 'B' : 'A';
    const auto opened = OpenPrivateKey(SecretBytes(damaged), kPassphrase, "bad.pem");
    if (opened.ok()) ExpectRefused(MakeSigner(*opened, "bad.pem").status(), "bad.pem", "");
  }
}

TEST_F(PrivateKeyPemTest, OldPemEncryption_IsRefusedWithTheConversion) {
  const std::string old =
      "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"
      "-----END EC PRIVATE KEY-----\n";
  ExpectRefused(OpenPrivateKey(SecretBytes(old), kPassphrase, "old.pem").status(),
                "old.pem is encrypted in the old way", "openssl pkcs8 -topk8");
}

TEST_F(PrivateKeyPemTest, TextEmptyOrCertificate_HoldsNoKey) {
  for (const char* text : {"", "text", "-----BEGIN CERTIFICATE-----\nAA==\n"}) {
    ExpectRefused(OpenPrivateKey(SecretBytes(text), kPassphrase, "x.pem").status(),
                  "x.pem holds no readable private key", "PKCS#8");
  }
}

TEST_F(PrivateKeyPemTest, SecretLine_IsOneLineOfAPrivateFile) {
  EXPECT_EQ(ReadSecretLine(WriteText("a", "twelve bytes\n"))->ExposeSecretBytes(), "twelve bytes");
  EXPECT_EQ(ReadSecretLine(WriteText("b", "twelve bytes\r\n"))->ExposeSecretBytes(),
            "twelve bytes");
  EXPECT_EQ(ReadSecretLine(WriteText("c", "1234"), 4)->ExposeSecretBytes(), "1234");
  ExpectRefused(ReadSecretLine(WriteText("d", "short\n")).status(), "has 5 bytes", "openssl rand");
  ExpectRefused(ReadSecretLine(WriteText("e", "")).status(), "has 0 bytes", "openssl rand");
  ExpectRefused(ReadSecretLine(WriteText("f", "twelve bytes\nand more\n")).status(),
                "more than one line", "alone");
  const std::string open = WriteText("g", "twelve bytes\n", 0640);
  ExpectRefused(ReadSecretLine(open).status(), "mode 0640", "chmod 600 " + open);
  ExpectRefused(ReadSecretLine(dir_ + "absent").status(), dir_ + "absent", "path");
}

}  // namespace
}  // namespace yizhan::platform
