#include "adapters/platform/keys/key_config.h"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "adapters/platform/crypto/certificate_request.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/crypto/private_key_pem.h"
#include "adapters/platform/crypto/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "protos/contract/signing.h"

namespace yizhan::platform {
namespace {

using contract::SecretBytes;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KeyConfigTest : public ::testing::Test {
 protected:
  KeyConfigTest() {
    dir_ = ::testing::TempDir() + "yizhan_key_config_" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    EXPECT_TRUE(WritePrivateFile(dir_ + "/pass", SecretBytes("correct horse battery\n")).ok());
    config_.set_sign_private_key("sign.pem");
    config_.add_unseal_private_keys("seal.pem");
    config_.set_passphrase_file("pass");
  }
  ~KeyConfigTest() override { std::filesystem::remove_all(dir_); }

  Sm2Key Write(const std::string& name, const std::string& passphrase = "correct horse battery") {
    const Sm2Key key = *GenerateSm2Key();
    EXPECT_TRUE(
        WritePrivateKeyFile(dir_ + "/" + name, key.private_pem, SecretBytes(passphrase)).ok());
    return key;
  }
  std::optional<KeySet> Load(KeyNeeds needs = KeyNeeds::kSignAndUnseal) {
    ConfigChecker check(TextProtoSource{dir_ + "/node.textproto", {{"keys", 4}}});
    auto keys = LoadKeys(config_, needs, check);
    why_ = check.status().ok() ? "" : std::string(check.status().message());
    EXPECT_EQ(keys.has_value(), why_.empty());
    return keys;
  }
  void ExpectRefused(const std::string& field, const std::string& why, const std::string& fix) {
    EXPECT_FALSE(Load().has_value());
    EXPECT_THAT(
        why_, AllOf(HasSubstr("node.textproto:4: field " + field), HasSubstr(why), HasSubstr(fix)));
  }

  std::string dir_;
  std::string why_;
  v1::KeyFiles config_;
};

TEST_F(KeyConfigTest, EncryptedFiles_LoadCurrentStagedAndRetired) {
  const Sm2Key sign = Write("sign.pem");
  const Sm2Key next = Write("next.pem");
  const Sm2Key seal = Write("seal.pem");
  const Sm2Key old = Write("old.pem");
  config_.add_more_sign_private_keys("next.pem");
  config_.add_unseal_private_keys("old.pem");
  auto keys = Load();
  ASSERT_TRUE(keys.has_value()) << why_;
  const KeyRing ring(*std::move(keys));
  EXPECT_THAT(ring.SigningKeys(), ElementsAre(sign.id, next.id));
  EXPECT_THAT(ring.SealingKeys(), ElementsAre(seal.id, old.id));
  EXPECT_TRUE(ring.Has(old.id));
}

TEST_F(KeyConfigTest, NoPassphraseNamed_IsRefusedButForALab) {
  Write("sign.pem", "");
  Write("seal.pem", "");
  config_.clear_passphrase_file();
  ExpectRefused("keys.passphrase_file", "is missing", "only a lab may say lab_unencrypted");
  config_.set_lab_unencrypted(true);
  EXPECT_TRUE(Load().has_value()) << why_;
  config_.set_passphrase_file("pass");
  ExpectRefused("keys.lab_unencrypted", "contradicts", "keep one");
}

TEST_F(KeyConfigTest, PlainFileAmongEncryptedOnes_IsRefusedByName) {
  Write("sign.pem");
  Write("seal.pem", "");
  ExpectRefused("keys.unseal_private_keys[0]", "seal.pem is not encrypted", "openssl pkcs8");
}

TEST_F(KeyConfigTest, EncryptedFileInALab_IsRefused) {
  Write("sign.pem");
  Write("seal.pem", "");
  config_.clear_passphrase_file();
  config_.set_lab_unencrypted(true);
  ExpectRefused("keys.sign_private_key", "sign.pem is encrypted", "passphrase_file");
}

TEST_F(KeyConfigTest, FileOpenToOthers_IsRefusedKeyOrPassphrase) {
  Write("sign.pem");
  Write("seal.pem");
  chmod((dir_ + "/seal.pem").c_str(), 0640);
  ExpectRefused("keys.unseal_private_keys[0]", "mode 0640", "chmod 600 " + dir_ + "/seal.pem");
  chmod((dir_ + "/seal.pem").c_str(), 0600);
  chmod((dir_ + "/pass").c_str(), 0644);
  ExpectRefused("keys.passphrase_file", "mode 0644", "chmod 600 " + dir_ + "/pass");
}

TEST_F(KeyConfigTest, AnotherPassphraseOrKindOfKey_IsRefusedByField) {
  Write("sign.pem", "quite another passphrase");
  ASSERT_TRUE(WritePrivateKeyFile(dir_ + "/seal.pem", *GenerateTlsKey(),
                                  SecretBytes("correct horse battery"))
                  .ok());
  ExpectRefused("keys.sign_private_key", "sign.pem does not open with the passphrase",
                "passphrase_file");
  EXPECT_THAT(why_, HasSubstr("field keys.unseal_private_keys[0]"));
  EXPECT_THAT(why_, HasSubstr("another kind than SM2"));
}

TEST_F(KeyConfigTest, BrokerThatOpensNothing_NeedsNoSealingKey) {
  Write("sign.pem");
  config_.clear_unseal_private_keys();
  EXPECT_FALSE(Load().has_value());
  EXPECT_THAT(why_, HasSubstr("keys.unseal_private_keys"));
  EXPECT_TRUE(Load(KeyNeeds::kSign).has_value()) << why_;
}

TEST_F(KeyConfigTest, TlsKeyAtRest_IsEncryptedButInALab) {
  const auto check_tls = [&](const v1::TlsFiles& tls) {
    ConfigChecker check(TextProtoSource{dir_ + "/node.textproto", {}});
    CheckTlsKeyAtRest(config_, tls, "gateway_tls", check);
    return check.status();
  };
  v1::TlsFiles tls;
  EXPECT_THAT(std::string(check_tls(tls).message()), HasSubstr("gateway_tls.passphrase_file"));
  tls.set_passphrase_file("pass");
  EXPECT_TRUE(check_tls(tls).ok());
  config_.set_lab_unencrypted(true);
  EXPECT_TRUE(check_tls({}).ok());
}

std::shared_ptr<const contract::Signer> SignerOf(const Sm2Key& key) {
  return *MakeSigner(key.private_pem, "test");
}

TEST(KeyRingTest, KeyChosen_SignsUnderItsNameFromThenOn) {
  const Sm2Key first = *GenerateSm2Key();
  const Sm2Key second = *GenerateSm2Key();
  KeyRing ring({{SignerOf(first), SignerOf(second)}, nullptr, {}});
  EXPECT_EQ(ring.key_id(), first.id);
  EXPECT_TRUE(ring.Use(second.id));
  EXPECT_EQ(ring.key_id(), second.id);
  EXPECT_TRUE(SmSuite().verifier->Verify(second.spki_der, "m", *ring.Sign("m")).ok());
  EXPECT_FALSE(ring.Use(GenerateSm2Key()->id));
  EXPECT_EQ(ring.key_id(), second.id);
}

// Every signature names the key that made it, whenever the change comes.
TEST(KeyRingTest, ChangedWhileOthersSign_EverySignatureFitsItsKey) {
  const Sm2Key keys[] = {*GenerateSm2Key(), *GenerateSm2Key()};
  KeyRing ring({{SignerOf(keys[0]), SignerOf(keys[1])}, nullptr, {}});
  std::atomic<bool> done = false;
  std::thread changer([&] {
    for (int i = 0; !done; ++i) ring.Use(keys[i % 2].id);
  });
  std::set<std::string> used;
  for (int i = 0; i < 200; ++i) {
    const auto signature = contract::SignOne(ring, *SmSuite().hasher, "test", {"m"});
    ASSERT_TRUE(signature.ok());
    used.insert(signature->key_id());
    contract::SignatureChecker checker(SmSuite().hasher, SmSuite().verifier);
    const Sm2Key& key = signature->key_id() == keys[0].id.view() ? keys[0] : keys[1];
    contract::KeyOwner owner;
    owner.spki_der = key.spki_der;
    EXPECT_TRUE(checker.Check(owner, *signature, "test", {"m"}).ok()) << i;
  }
  done = true;
  changer.join();
  EXPECT_EQ(used.size(), 2u);
}

TEST(KeyRingTest, Replaced_KeepsTheKeyInUseWhereItIsStillThere) {
  const Sm2Key first = *GenerateSm2Key();
  const Sm2Key second = *GenerateSm2Key();
  const Sm2Key third = *GenerateSm2Key();
  KeyRing ring({{SignerOf(first), SignerOf(second)}, nullptr, {}});
  ASSERT_TRUE(ring.Use(second.id));
  ring.Replace({{SignerOf(third), SignerOf(second)}, nullptr, {}});
  EXPECT_EQ(ring.key_id(), second.id);
  ring.Replace({{SignerOf(third)}, nullptr, {}});
  EXPECT_EQ(ring.key_id(), third.id);
  EXPECT_FALSE(ring.Has(first.id));
  EXPECT_EQ(ring.Unwrap(first.id, "x").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace yizhan::platform
