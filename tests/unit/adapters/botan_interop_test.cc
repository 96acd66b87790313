// An implementation that is not ours checks what we make: Botan. It may throw.
#include <botan/aead.h>
#include <botan/data_src.h>
#include <botan/ecc_key.h>
#include <botan/hash.h>
#include <botan/mac.h>
#include <botan/pubkey.h>
#include <botan/sm2.h>
#include <botan/x509_key.h>

#include <memory>
#include <string>
#include <vector>

#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "gtest/gtest.h"
#include "protos/contract/signing.h"
#include "tests/support/seeded_random.h"

namespace yizhan::platform {
namespace {

std::vector<std::uint8_t> Vec(absl::string_view bytes) { return {bytes.begin(), bytes.end()}; }

template <typename Bytes>
std::string Str(const Bytes& bytes) {
  return std::string(bytes.begin(), bytes.end());
}

std::string BotanSm3(const std::string& bytes) {
  return Str(Botan::HashFunction::create_or_throw("SM3")->process(bytes));
}

bool BotanVerifies(const std::string& spki_der, const std::string& message,
                   const std::string& signature) {
  const std::unique_ptr<Botan::Public_Key> loaded(Botan::X509::load_key(Vec(spki_der)));
  const auto* ec = dynamic_cast<const Botan::EC_PublicKey*>(loaded.get());
  if (ec == nullptr) return false;
  const Botan::SM2_PublicKey key(ec->domain(), ec->public_point());
  Botan::PK_Verifier verifier(key, "1234567812345678,SM3", Botan::DER_SEQUENCE);
  return verifier.verify_message(Vec(message), Vec(signature));
}

class BotanInteropTest : public ::testing::Test {
 protected:
  const Sm2Key key_ = *GenerateSm2Key();
  const std::unique_ptr<contract::Signer> signer_ = *MakeSigner(key_.private_pem, "test key");
};

TEST_F(BotanInteropTest, OurSignature_VerifiesThereAndAnAlteredOneDoesNot) {
  const std::string signature = *signer_->Sign("a message");
  EXPECT_TRUE(BotanVerifies(key_.spki_der, "a message", signature));
  EXPECT_FALSE(BotanVerifies(key_.spki_der, "b message", signature));
  std::string altered = signature;
  altered.back() ^= 1;
  EXPECT_FALSE(BotanVerifies(key_.spki_der, "a message", altered));
  EXPECT_FALSE(BotanVerifies(GenerateSm2Key()->spki_der, "a message", signature));
}

// The signing bytes, written out once more from their description.
std::string PlainPae(const std::vector<std::string>& parts) {
  std::string out = "YZPAE1";
  for (const std::string& part : parts) out += " " + std::to_string(part.size()) + " " + part;
  return out;
}

std::string RootMessage(const v1::Signature& signature, const std::string& leaf) {
  std::string node = leaf;
  std::uint64_t index = signature.leaf_index();
  std::uint64_t last = signature.leaf_count() - 1;
  int used = 0;
  for (; last > 0; index /= 2, last /= 2) {
    if (index % 2 == 0 && index == last) continue;  // no right neighbour: carried up
    const std::string& other = signature.path(used++);
    node = BotanSm3(index % 2 == 1 ? "\x01" + other + node : "\x01" + node + other);
  }
  EXPECT_EQ(used, signature.path_size());
  std::string count(8, '\0');
  for (int i = 0; i < 8; ++i) {
    count[static_cast<std::size_t>(i)] =
        static_cast<char>(signature.leaf_count() >> (56 - 8 * i) & 0xff);
  }
  return PlainPae({"yizhan.v1.batch", "SM", count, node});
}

TEST_F(BotanInteropTest, OurBatchSignature_VerifiesThereThroughThePathOfEachLeaf) {
  for (const std::size_t leaves : {1u, 2u, 3u, 5u, 8u, 13u}) {
    std::vector<std::string> messages;
    std::vector<contract::Digest> digests;
    for (std::size_t i = 0; i < leaves; ++i) {
      messages.push_back("record " + std::to_string(i));
      digests.push_back(
          contract::LeafDigest(*SmSuite().hasher, contract::kControlType, {messages.back()}));
    }
    const auto signatures = contract::SignBatch(*signer_, *SmSuite().hasher, digests);
    ASSERT_TRUE(signatures.ok()) << signatures.status();
    for (std::size_t i = 0; i < leaves; ++i) {
      const v1::Signature& signature = (*signatures)[i];
      EXPECT_EQ(signature.leaf_index(), i);
      const std::string zero(1, '\0');
      const std::string leaf = BotanSm3(zero + PlainPae({"yizhan.v1.control", messages[i]}));
      EXPECT_TRUE(
          BotanVerifies(key_.spki_der, RootMessage(signature, leaf), signature.root_signature()));
      const std::string wrong = BotanSm3(zero + PlainPae({"yizhan.v1.control", "altered"}));
      EXPECT_FALSE(
          BotanVerifies(key_.spki_der, RootMessage(signature, wrong), signature.root_signature()));
    }
  }
}

TEST_F(BotanInteropTest, RandomBytes_HashAndMacAndSealAlike) {
  SeededRandom random(20260302);
  for (const std::size_t size : {0u, 1u, 55u, 56u, 64u, 65u, 1000u, 70000u}) {
    const std::string bytes = random.Bytes(size);
    EXPECT_EQ(SmSuite().hasher->Hash(bytes).str(), BotanSm3(bytes));

    const std::string key = random.Bytes(16);
    const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SM3)");
    mac->set_key(Vec(key));
    EXPECT_EQ(SmSuite().hasher->Hmac(key, {bytes}).str(), Str(mac->process(bytes)));

    const std::string nonce = random.Bytes(12);
    const std::string aad = random.Bytes(32);
    const auto aead = Botan::AEAD_Mode::create_or_throw("SM4/GCM", Botan::ENCRYPTION);
    aead->set_key(Vec(key));
    aead->set_associated_data_vec(Vec(aad));
    aead->start(Vec(nonce));
    Botan::secure_vector<std::uint8_t> sealed(bytes.begin(), bytes.end());
    aead->finish(sealed);
    EXPECT_EQ(*SmSuite().aead->Seal(contract::SecretBytes(key), nonce, aad, bytes), Str(sealed));
  }
}

}  // namespace
}  // namespace yizhan::platform
