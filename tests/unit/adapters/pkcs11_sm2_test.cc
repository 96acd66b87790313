// SM2 by vendor mechanisms, against a module of our own (sm2_token_module.cc).
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/config/config_checker.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/keys/key_config.h"
#include "adapters/platform/pkcs11/encodings.h"
#include "adapters/platform/pkcs11/keys.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using contract::SecretBytes;
using ::testing::HasSubstr;

constexpr unsigned long kSign = 0x80002001;
constexpr unsigned long kDecrypt = 0x80002002;
const char* const kModule = YIZHAN_SM2_TOKEN_MODULE;

class Pkcs11Sm2Test : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = ::testing::TempDir() + "yizhan_sm2_token";
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_ + "/keys");
    sign_ = *GenerateSm2Key();
    seal_ = *GenerateSm2Key();
    ASSERT_TRUE(WritePrivateFile(dir_ + "/keys/sign.pem", sign_.private_pem).ok());
    ASSERT_TRUE(WritePrivateFile(dir_ + "/keys/seal.pem", seal_.private_pem).ok());
    ASSERT_EQ(setenv("YIZHAN_TEST_TOKEN", (dir_ + "/keys").c_str(), 1), 0);
    library_ = dlopen(kModule, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << dlerror();
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(dir_); }
  void TearDown() override { Pull(false); }

  template <typename Function>
  static Function* Control(const char* name) {
    return reinterpret_cast<Function*>(dlsym(library_, name));
  }
  static void Pull(bool removed) { Control<void(bool)>("SetTokenRemoved")(removed); }
  static int Logins() { return Control<int()>("LoginsTried")(); }

  static std::shared_ptr<Pkcs11Token> Open() {
    auto token = OpenPkcs11Token({kModule, "sm2 token", SecretBytes("123456")});
    EXPECT_TRUE(token.ok()) << token.status();
    return *token;
  }
  static std::unique_ptr<contract::Signer> Signer() {
    auto signer = MakePkcs11Signer(Open(), Sm2Algorithm(kSign, kDecrypt), "sign");
    EXPECT_TRUE(signer.ok()) << signer.status();
    return *std::move(signer);
  }
  static bool Signs(const contract::Signer& signer, const std::string& message) {
    const auto signature = signer.Sign(message);
    return signature.ok() && SmSuite().verifier->Verify(sign_.spki_der, message, *signature).ok() &&
           !SmSuite().verifier->Verify(sign_.spki_der, message + "x", *signature).ok();
  }

  static inline std::string dir_;
  static inline Sm2Key sign_, seal_;
  static inline void* library_ = nullptr;
};

TEST_F(Pkcs11Sm2Test, SignatureOfTheModule_VerifiesAsAnyOther) {
  const auto signer = Signer();
  EXPECT_EQ(signer->key_id(), sign_.id);
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(Signs(*signer, absl::StrCat("message ", i)));
}

TEST_F(Pkcs11Sm2Test, SecretWrappedForTheModule_OpensThere) {
  const auto unwrapper =
      MakePkcs11Unwrapper(Open(), Sm2Algorithm(kSign, kDecrypt), {{"seal", ""}, {"sign", ""}});
  ASSERT_TRUE(unwrapper.ok()) << unwrapper.status();
  std::string wrapped =
      *SmSuite().wrapper->Wrap(seal_.spki_der, SecretBytes("thirty-two bytes of epoch secret"));
  EXPECT_EQ((*unwrapper)->Unwrap(seal_.id, wrapped)->ExposeSecretBytes(),
            "thirty-two bytes of epoch secret");
  EXPECT_EQ((*unwrapper)->Unwrap(sign_.id, wrapped).status().code(), absl::StatusCode::kDataLoss);
  wrapped.back() = static_cast<char>(wrapped.back() ^ 1);
  EXPECT_EQ((*unwrapper)->Unwrap(seal_.id, wrapped).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Pkcs11Sm2Test, TokenPulled_IsUnavailableAndServesAgainOnceItIsBack) {
  const auto signer = Signer();
  Pull(true);
  EXPECT_EQ(signer->Sign("m").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(signer->Sign("m").status().code(), absl::StatusCode::kUnavailable);
  Pull(false);
  EXPECT_TRUE(Signs(*signer, "m"));
}

// The module forgot its sessions, as after a restart of its daemon: nobody above
// has to know.
TEST_F(Pkcs11Sm2Test, SessionsLost_AreOpenedAnewWithinTheCall) {
  const auto signer = Signer();
  Pull(true);
  Pull(false);
  EXPECT_TRUE(Signs(*signer, "m"));
}

TEST_F(Pkcs11Sm2Test, TokenPulledUnderLoad_EveryAnswerIsASignatureOrUnavailable) {
  const std::shared_ptr<const contract::Signer> signer = Signer();
  std::vector<std::thread> threads;
  std::vector<int> signatures(16);
  std::vector<int> wrong(16);
  for (std::size_t t = 0; t < signatures.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const auto made = signer->Sign("m");
        if (made.ok() && SmSuite().verifier->Verify(sign_.spki_der, "m", *made).ok()) {
          ++signatures[t];
        } else if (made.ok() || made.status().code() != absl::StatusCode::kUnavailable) {
          ++wrong[t];
        }
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    Pull(i % 2 == 0);
    std::this_thread::yield();
  }
  Pull(false);
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ::testing::Each(0));
  EXPECT_TRUE(Signs(*signer, "after"));
  EXPECT_LE(Control<int()>("MostSessions")(), 8 + 1);  // a pool, and those of other tests' tokens
}

// Tokens lock after a few wrong PINs.
TEST_F(Pkcs11Sm2Test, WrongPin_IsTriedOnce) {
  const int before = Logins();
  const auto token = OpenPkcs11Token({kModule, "sm2 token", SecretBytes("654321")});
  EXPECT_EQ(contract::ReasonOf(token.status()), v1::CONFIG_INVALID);
  EXPECT_THAT(std::string(token.status().message()), HasSubstr("CKR_PIN_INCORRECT"));
  EXPECT_EQ(Logins(), before + 1);
}

TEST_F(Pkcs11Sm2Test, KeysOfTheConfiguration_AreTheModulesOwn) {
  ASSERT_TRUE(WritePrivateFile(dir_ + "/pin", SecretBytes("123456\n")).ok());
  v1::KeyFiles config;
  v1::Pkcs11Keys& module = *config.mutable_pkcs11();
  module.set_module(kModule);
  module.set_token_label("sm2 token");
  module.set_pin_file("pin");
  module.add_sign_labels("sign");
  module.add_unseal_labels("seal");
  module.set_sign_mechanism(kSign);
  module.set_decrypt_mechanism(kDecrypt);
  ConfigChecker check(TextProtoSource{dir_ + "/node.textproto", {}});
  const auto keys = LoadKeys(config, KeyNeeds::kSignAndUnseal, check);
  ASSERT_TRUE(keys.has_value()) << check.status();
  EXPECT_EQ(keys->signers.front()->key_id(), sign_.id);
  EXPECT_THAT(keys->unseal_ids, ::testing::ElementsAre(seal_.id));

  module.set_sign_mechanism(0);
  config.set_sign_private_key("sign.pem");
  EXPECT_FALSE(LoadKeys(config, KeyNeeds::kSignAndUnseal, check).has_value());
  EXPECT_THAT(std::string(check.status().message()), HasSubstr("keys.pkcs11.sign_mechanism"));
  EXPECT_THAT(std::string(check.status().message()), HasSubstr("stands beside key files"));
}

TEST(Pkcs11EncodingTest, RawSignature_BecomesShortestDer) {
  const auto der = [](const std::string& hex) {
    return absl::BytesToHexString(*EcdsaSignatureToDer(absl::HexStringToBytes(hex)));
  };
  EXPECT_EQ(der("0102"), "3006020101020102");
  EXPECT_EQ(der("00017f80"), "300702010102027f80");
  EXPECT_EQ(der("8000ff01"), "300a0203008000020300ff01");
  EXPECT_EQ(der("00000001"), "3006020100020101");
  EXPECT_FALSE(EcdsaSignatureToDer("").ok());
  EXPECT_FALSE(EcdsaSignatureToDer("odd").ok());
  EXPECT_FALSE(EcdsaSignatureToDer(std::string(98, 'x')).ok());
}

}  // namespace
}  // namespace yizhan::platform
