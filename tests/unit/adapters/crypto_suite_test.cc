#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/seeded_random.h"

namespace yizhan::platform {
namespace {

using contract::SecretBytes;

std::string Hex(absl::string_view hex) { return absl::HexStringToBytes(hex); }
const contract::Hasher& Hasher() { return *SmSuite().hasher; }
const contract::Aead& Aead() { return *SmSuite().aead; }
const contract::Verifier& Verifier() { return *SmSuite().verifier; }
const contract::KeyWrapper& Wrapper() { return *SmSuite().wrapper; }

TEST(Sm3Test, VectorsOfTheStandard_Match) {
  EXPECT_EQ(Hasher().Hash("abc").hex(),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  std::string abcd;
  for (int i = 0; i < 16; ++i) abcd += "abcd";
  EXPECT_EQ(Hasher().Hash(abcd).hex(),
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
  EXPECT_EQ(Hasher().Hash("").hex(),
            "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b");
}

TEST(Sm3Test, ManyParts_AreHashedAsOne) {
  const std::string whole(1000, 'x');
  std::vector<absl::string_view> parts;
  for (std::size_t i = 0; i < 1000; i += 40)
    parts.push_back(absl::string_view(whole).substr(i, 40));
  parts.push_back("");
  EXPECT_EQ(Hasher().Hash(parts), Hasher().Hash(whole));
  EXPECT_EQ(Hasher().Hash(absl::Span<const absl::string_view>()), Hasher().Hash(""));
}

TEST(HmacSm3Test, KnownVector_Matches) {
  // Reference value by the command line of OpenSSL.
  EXPECT_EQ(Hasher().Hmac("Jefe", {"what do ya want ", "for nothing?"}).hex(),
            "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882");
  EXPECT_NE(Hasher().Hmac("Jefe", {"x"}), Hasher().Hmac("Jeff", {"x"}));
  EXPECT_NE(Hasher().Hmac("", {"x"}), Hasher().Hash("x"));
}

// RFC 8998, appendix A.1.
class Sm4GcmTest : public ::testing::Test {
 protected:
  const SecretBytes key_{Hex("0123456789abcdeffedcba9876543210")};
  const std::string nonce_ = Hex("00001234567800000000abcd");
  const std::string aad_ = Hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string plaintext_ =
      Hex("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
          "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa");
  const std::string sealed_ =
      Hex("17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
          "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
          "83de3541e4c2b58177e065a9bf7b62ec");
};

TEST_F(Sm4GcmTest, VectorOfRfc8998_SealsAndOpens) {
  const auto sealed = Aead().Seal(key_, nonce_, aad_, plaintext_);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  EXPECT_EQ(absl::BytesToHexString(*sealed), absl::BytesToHexString(sealed_));
  const auto opened = Aead().Open(key_, nonce_, aad_, sealed_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(*opened, plaintext_);
}

TEST_F(Sm4GcmTest, AnyByteChanged_DoesNotOpen) {
  for (std::size_t i = 0; i < sealed_.size(); ++i) {
    std::string changed = sealed_;
    changed[i] ^= 1;
    EXPECT_EQ(Aead().Open(key_, nonce_, aad_, changed).status().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(Aead().Open(key_, nonce_, aad_ + "x", sealed_).ok());
  EXPECT_FALSE(Aead().Open(key_, nonce_, "", sealed_).ok());
  EXPECT_FALSE(Aead().Open(key_, std::string(12, '\0'), aad_, sealed_).ok());
  EXPECT_FALSE(Aead().Open(SecretBytes(std::string(16, 'k')), nonce_, aad_, sealed_).ok());
  EXPECT_EQ(Aead().Open(key_, nonce_, aad_, "short").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Sm4GcmTest, EmptyParts_AreAllowed) {
  const auto sealed = Aead().Seal(key_, nonce_, "", "");
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(sealed->size(), 16u);
  EXPECT_EQ(*Aead().Open(key_, nonce_, "", *sealed), "");
}

TEST_F(Sm4GcmTest, WrongLengths_AreInvalidArguments) {
  EXPECT_EQ(Aead().Seal(SecretBytes("short"), nonce_, "", "x").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Aead().Seal(key_, "short", "", "x").status().code(),
            absl::StatusCode::kInvalidArgument);
}

class Sm2Test : public ::testing::Test {
 protected:
  const Sm2Key key_ = *GenerateSm2Key();
  const Sm2Key other_ = *GenerateSm2Key();
  const std::unique_ptr<contract::Signer> signer_ = *MakeSigner(key_.private_pem, "test key");
};

TEST_F(Sm2Test, Signed_VerifiesWithItsKeyAndMessageOnly) {
  EXPECT_EQ(signer_->key_id(), key_.id);
  EXPECT_EQ(key_.id.view(), Hasher().Hash(key_.spki_der).view());
  const std::string signature = *signer_->Sign("message");
  EXPECT_TRUE(Verifier().Verify(key_.spki_der, "message", signature).ok());
  EXPECT_EQ(Verifier().Verify(key_.spki_der, "messagf", signature).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(Verifier().Verify(key_.spki_der, "", signature).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Verifier().Verify(other_.spki_der, "message", signature).code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(Sm2Test, AnyByteOfTheSignatureChanged_IsRefused) {
  const std::string signature = *signer_->Sign("message");
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] ^= 0x41;
    EXPECT_FALSE(Verifier().Verify(key_.spki_der, "message", changed).ok()) << i;
  }
  EXPECT_EQ(Verifier().Verify(key_.spki_der, "message", signature + "x").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Verifier().Verify(key_.spki_der, "message", "").code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(Sm2Test, KeyMalformed_IsAnInvalidArgument) {
  const std::string signature = *signer_->Sign("message");
  for (const std::string& spki :
       {std::string(), std::string("garbage"), key_.spki_der + "x",
        key_.spki_der.substr(0, key_.spki_der.size() - 1), std::string(2000, 'x')}) {
    EXPECT_EQ(Verifier().Verify(spki, "message", signature).code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Wrapper().Wrap(spki, SecretBytes("s")).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  // A P-256 key is no SM2 key.
  const std::string p256 =
      Hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"
          "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
          "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
  EXPECT_EQ(Verifier().Verify(p256, "message", signature).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(Sm2Test, ManyThreads_SignAndVerifyAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string message = std::to_string(t * 100 + i);
        const auto signature = signer_->Sign(message);
        ASSERT_TRUE(signature.ok());
        EXPECT_TRUE(Verifier().Verify(key_.spki_der, message, *signature).ok());
        EXPECT_FALSE(Verifier().Verify(other_.spki_der, message, *signature).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Sm2Test, SecretWrapped_OpensWithTheRightKeyAmongSeveral) {
  const std::vector<SecretBytes> pems = {other_.private_pem, key_.private_pem};
  const auto unwrapper = *MakeUnwrapper(pems, "test keys");
  EXPECT_TRUE(unwrapper->Has(key_.id));
  EXPECT_TRUE(unwrapper->Has(other_.id));
  const std::string secret = SeededRandom(7).Bytes(32);
  const std::string wrapped = *Wrapper().Wrap(key_.spki_der, SecretBytes(secret));
  EXPECT_EQ(wrapped.find(secret), std::string::npos);
  EXPECT_EQ(unwrapper->Unwrap(key_.id, wrapped)->ExposeSecretBytes(), secret);
  EXPECT_EQ(unwrapper->Unwrap(other_.id, wrapped).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(Sm2Test, WrappedBytesWrong_DoNotOpen) {
  const std::vector<SecretBytes> pems = {key_.private_pem};
  const auto unwrapper = *MakeUnwrapper(pems, "test keys");
  EXPECT_FALSE(unwrapper->Has(other_.id));
  const std::string wrapped = *Wrapper().Wrap(key_.spki_der, SecretBytes(std::string(32, 's')));
  EXPECT_EQ(unwrapper->Unwrap(other_.id, wrapped).status().code(), absl::StatusCode::kNotFound);
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    std::string changed = wrapped;
    changed[i] ^= 1;
    EXPECT_FALSE(unwrapper->Unwrap(key_.id, changed).ok()) << i;
  }
  for (const std::string& bad : {std::string(), std::string("x"), std::string(5000, 'x')}) {
    EXPECT_EQ(unwrapper->Unwrap(key_.id, bad).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(Wrapper().Wrap(key_.spki_der, SecretBytes()).ok());
  EXPECT_FALSE(Wrapper().Wrap(key_.spki_der, SecretBytes(std::string(257, 'x'))).ok());
}

TEST(RandomTest, SystemDiffersAndSeededRepeats) {
  SystemRandom system;
  EXPECT_EQ(system.Bytes(0), "");
  EXPECT_NE(system.Bytes(16), system.Bytes(16));
  EXPECT_EQ(SeededRandom(1).Bytes(21), SeededRandom(1).Bytes(21));
  EXPECT_NE(SeededRandom(1).Bytes(21), SeededRandom(2).Bytes(21));
}

}  // namespace
}  // namespace yizhan::platform
