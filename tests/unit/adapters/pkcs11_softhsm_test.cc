// The module adapter against SoftHSM, which has no SM2: ECDSA P-256 goes through
// the same code by another row of the mechanism table, and RSA-OAEP stands for
// decryption. SM2 itself: pkcs11_sm2_test.cc.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <p11-kit/pkcs11.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/pkcs11/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using contract::SecretBytes;
using ::testing::HasSubstr;

constexpr char kSoftHsm[] = "/usr/lib/softhsm/libsofthsm2.so";

struct PkeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Pkey = std::unique_ptr<EVP_PKEY, PkeyFree>;

std::string Spki(const Pkey& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  std::string spki(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return spki;
}

// One token for the whole process: SoftHSM reads its configuration once.
class SoftHsmTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = ::testing::TempDir() + "yizhan_softhsm";
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_ + "/tokens");
    std::ofstream(dir_ + "/softhsm2.conf")
        << "directories.tokendir = " << dir_ << "/tokens\nobjectstore.backend = file\n";
    ASSERT_EQ(setenv("SOFTHSM2_CONF", (dir_ + "/softhsm2.conf").c_str(), 1), 0);
    Util("--init-token --free --label yizhan --so-pin 87654321 --pin 1234");
    ec_ = Import("EC", "P-256", "sign");
    other_curve_ = Import("EC", "P-384", "wide");
    rsa_ = Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
    Import(rsa_, "rsa");
    Import(Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")), "twice");
    Import(Pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")), "twice");
  }
  static void TearDownTestSuite() {
    ec_.reset();
    other_curve_.reset();
    rsa_.reset();
    std::filesystem::remove_all(dir_);
  }

  static void Util(const std::string& arguments) {
    const std::string command = "softhsm2-util " + arguments + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  static Pkey Import(const char* kind, const char* group, const std::string& label) {
    Pkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, kind, group));
    Import(key, label);
    return key;
  }
  static void Import(const Pkey& key, const std::string& label) {
    const std::string path = dir_ + "/import.pem";
    BIO* bio = BIO_new_file(path.c_str(), "w");
    PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    BIO_free(bio);
    Util(absl::StrCat("--import ", path, " --token yizhan --label ", label, " --id ",
                      absl::BytesToHexString(absl::StrCat("id", next_id_++)), " --pin 1234"));
  }

  static absl::StatusOr<std::shared_ptr<Pkcs11Token>> Open(const std::string& label = "yizhan",
                                                           const std::string& pin = "1234",
                                                           const std::string& module = kSoftHsm) {
    return OpenPkcs11Token({module, label, SecretBytes(pin)});
  }
  static Pkcs11Algorithm P256() {
    Pkcs11Algorithm algorithm;
    algorithm.name = "ECDSA P-256";
    algorithm.spki_prefix =
        absl::HexStringToBytes("3059301306072a8648ce3d020106082a8648ce3d030107034200");
    algorithm.sign_mechanism = CKM_ECDSA;
    algorithm.digest = [](absl::string_view, absl::string_view message) {
      std::string digest(SHA256_DIGEST_LENGTH, '\0');
      SHA256(reinterpret_cast<const unsigned char*>(message.data()), message.size(),
             reinterpret_cast<unsigned char*>(digest.data()));
      return digest;
    };
    return algorithm;
  }
  static Pkcs11Algorithm RsaOaep() {
    const CK_RSA_PKCS_OAEP_PARAMS parameter = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED,
                                               nullptr, 0};
    Pkcs11Algorithm algorithm;
    algorithm.name = "RSA-OAEP";
    algorithm.decrypt_mechanism = CKM_RSA_PKCS_OAEP;
    algorithm.decrypt_parameter.assign(reinterpret_cast<const char*>(&parameter),
                                       sizeof(parameter));
    return algorithm;
  }
  static bool Verifies(const Pkey& key, const std::string& message, const std::string& signature) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key.get());
    const int good = EVP_DigestVerify(
        context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
        reinterpret_cast<const unsigned char*>(message.data()), message.size());
    EVP_MD_CTX_free(context);
    return good == 1;
  }
  static std::string WrapOaep(const std::string& secret) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(rsa_.get(), nullptr);
    EVP_PKEY_encrypt_init(context);
    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING);
    std::string wrapped(256, '\0');
    std::size_t size = wrapped.size();
    EVP_PKEY_encrypt(context, reinterpret_cast<unsigned char*>(wrapped.data()), &size,
                     reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
    EVP_PKEY_CTX_free(context);
    return wrapped;
  }
  static void ExpectRefused(const absl::Status& status, const std::string& what) {
    EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID) << status;
    EXPECT_THAT(contract::DetailOf(status).what(), HasSubstr(what));
    EXPECT_FALSE(contract::DetailOf(status).next_step().empty());
  }

  static inline std::string dir_;
  static inline int next_id_ = 10;
  static inline Pkey ec_, other_curve_, rsa_;
};

TEST_F(SoftHsmTest, KeyOfTheToken_SignsUnderItsOwnKeyId) {
  const auto signer = MakePkcs11Signer(*Open(), P256(), "sign");
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ((*signer)->key_id(), KeyIdOf(Spki(ec_)));
  for (int i = 0; i < 40; ++i) {  // short r and s among them
    const std::string message = absl::StrCat("message ", i);
    const auto signature = (*signer)->Sign(message);
    ASSERT_TRUE(signature.ok()) << signature.status();
    EXPECT_TRUE(Verifies(ec_, message, *signature));
    EXPECT_FALSE(Verifies(ec_, message + "x", *signature));
  }
}

TEST_F(SoftHsmTest, ManyThreads_ShareFewSessions) {
  const std::shared_ptr<const contract::Signer> signer = *MakePkcs11Signer(*Open(), P256(), "sign");
  std::vector<std::thread> threads;
  std::vector<int> good(16);
  for (std::size_t t = 0; t < good.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string message = absl::StrCat(t, " ", i);
        const auto signature = signer->Sign(message);
        good[t] += signature.ok() && Verifies(ec_, message, *signature) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(good, ::testing::Each(20));
}

TEST_F(SoftHsmTest, SecretWrapped_OpensInTheTokenAlone) {
  const auto unwrapper = MakePkcs11Unwrapper(*Open(), RsaOaep(), {{"rsa", Spki(rsa_)}});
  ASSERT_TRUE(unwrapper.ok()) << unwrapper.status();
  const contract::KeyId id = KeyIdOf(Spki(rsa_));
  EXPECT_TRUE((*unwrapper)->Has(id));
  std::string wrapped = WrapOaep("a secret of 32 bytes, no, of 40.");
  const auto opened = (*unwrapper)->Unwrap(id, wrapped);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->ExposeSecretBytes(), "a secret of 32 bytes, no, of 40.");

  wrapped[100] = static_cast<char>(wrapped[100] ^ 1);
  EXPECT_EQ((*unwrapper)->Unwrap(id, wrapped).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ((*unwrapper)->Unwrap(id, "").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ((*unwrapper)->Unwrap(KeyIdOf(Spki(ec_)), wrapped).status().code(),
            absl::StatusCode::kNotFound);
  // And the session still serves after a failure.
  EXPECT_TRUE((*unwrapper)->Unwrap(id, WrapOaep("again")).ok());
}

TEST_F(SoftHsmTest, WrongPinOrTokenOrModule_IsRefusedByName) {
  ExpectRefused(Open("yizhan", "9999").status(), "CKR_PIN_INCORRECT");
  ExpectRefused(Open("other").status(), "no token with the label 'other', but 'yizhan'");
  ExpectRefused(Open("yizhan", "1234", "/absent.so").status(), "/absent.so cannot be loaded");
  ExpectRefused(Open("yizhan", "1234", "libz.so.1").status(), "is not a PKCS#11 library");
  EXPECT_TRUE(Open().ok());
}

TEST_F(SoftHsmTest, KeyAbsentOrTwiceOrOfAnotherKind_IsRefusedByLabel) {
  const auto token = *Open();
  ExpectRefused(MakePkcs11Signer(token, P256(), "absent").status(), "key 'absent'");
  ExpectRefused(MakePkcs11Signer(token, P256(), "twice").status(), "there are several");
  ExpectRefused(MakePkcs11Signer(token, P256(), "wide").status(), "is not a key for ECDSA P-256");
  ExpectRefused(MakePkcs11Signer(token, P256(), "rsa").status(), "key 'rsa'");
  ExpectRefused(MakePkcs11Unwrapper(token, RsaOaep(), {{"absent", Spki(rsa_)}}).status(),
                "key 'absent'");
  // What SoftHSM cannot do is said at the start, not at the first message.
  ExpectRefused(
      MakePkcs11Signer(token, Sm2Algorithm(CKM_VENDOR_DEFINED | 1, CKM_VENDOR_DEFINED | 2), "sign")
          .status(),
      "is not a key for SM2");
  Pkcs11Algorithm vendor = P256();
  vendor.sign_mechanism = CKM_VENDOR_DEFINED | 1;
  ExpectRefused(MakePkcs11Signer(token, vendor, "sign").status(), "CKR_MECHANISM_INVALID");
}

}  // namespace
}  // namespace yizhan::platform
