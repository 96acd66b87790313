// What the parties of the simulation rely on.
#include "tests/simulation/toy_suite.h"

#include <set>

#include "gtest/gtest.h"

namespace yizhan::simulation {
namespace {

std::string Flipped(std::string bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  return bytes;
}

TEST(ToySuite, Digest_TakesPartsAsOneTextAndSeesEveryBit) {
  const std::string text = "nineteen bytes text";
  const absl::string_view parts[] = {absl::string_view(text).substr(0, 5),
                                     absl::string_view(text).substr(5)};
  const absl::string_view whole[] = {text};
  EXPECT_EQ(ToyDigest(parts), ToyDigest(whole));
  std::set<std::string> seen = {ToyDigest(whole).hex()};
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    const std::string flipped = Flipped(text, bit);
    const absl::string_view view[] = {flipped};
    EXPECT_TRUE(seen.insert(ToyDigest(view).hex()).second) << bit;
  }
  const std::string longer = text + std::string(1, '\0');
  const absl::string_view view[] = {longer};
  EXPECT_TRUE(seen.insert(ToyDigest(view).hex()).second);
}

TEST(ToySuite, Signature_VerifiesWithItsKeyAndMessageAlone) {
  ToySuite suite(1);
  const testing::LabKey mine = suite.MakeSigning("me");
  const testing::LabKey other = suite.MakeSigning("other");
  const contract::Verifier& verifier = *suite.algorithms().verifier;
  const std::string signature = *mine.signer->Sign("message");
  EXPECT_TRUE(verifier.Verify(mine.spki_der, "message", signature).ok());
  EXPECT_FALSE(verifier.Verify(other.spki_der, "message", signature).ok());
  EXPECT_FALSE(verifier.Verify("no key", "message", signature).ok());
  EXPECT_FALSE(verifier.Verify(mine.spki_der, "messagf", signature).ok());
  for (std::size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    EXPECT_FALSE(verifier.Verify(mine.spki_der, "message", Flipped(signature, bit)).ok());
  }
}

TEST(ToySuite, Sealed_OpensWithTheSameKeyNonceAndDataAlone) {
  ToySuite suite(1);
  const contract::Aead& aead = *suite.algorithms().aead;
  const contract::SecretBytes key("0123456789abcdef");
  const std::string nonce(12, '\0');
  const std::string sealed = *aead.Seal(key, nonce, "aad", "plaintext of some length");
  EXPECT_EQ(*aead.Open(key, nonce, "aad", sealed), "plaintext of some length");
  EXPECT_EQ(sealed.find("plaintext"), std::string::npos);
  EXPECT_FALSE(aead.Open(contract::SecretBytes("0123456789abcdeg"), nonce, "aad", sealed).ok());
  EXPECT_FALSE(aead.Open(key, std::string(12, '1'), "aad", sealed).ok());
  EXPECT_FALSE(aead.Open(key, nonce, "aae", sealed).ok());
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    EXPECT_FALSE(aead.Open(key, nonce, "aad", Flipped(sealed, bit)).ok()) << bit;
  }
}

TEST(ToySuite, Wrapped_OpensForItsOwnerAlone) {
  ToySuite suite(1);
  const testing::LabKey mine = suite.MakeSealing("me");
  const testing::LabKey other = suite.MakeSealing("other");
  const contract::SecretBytes secret(std::string(32, 's'));
  const std::string wrapped = *suite.algorithms().wrapper->Wrap(mine.spki_der, secret);
  EXPECT_EQ(mine.unwrapper->Unwrap(mine.id, wrapped)->ExposeSecretBytes(),
            secret.ExposeSecretBytes());
  EXPECT_FALSE(other.unwrapper->Unwrap(other.id, wrapped).ok());
  EXPECT_FALSE(mine.unwrapper->Unwrap(other.id, wrapped).ok());
  for (std::size_t bit = 0; bit < 8 * wrapped.size(); ++bit) {
    EXPECT_FALSE(mine.unwrapper->Unwrap(mine.id, Flipped(wrapped, bit)).ok());
  }
}

TEST(ToySuite, SameSeed_SameKeysOtherSeed_OtherKeys) {
  ToySuite one(1), again(1), two(2);
  EXPECT_EQ(one.MakeSigning("a").id, again.MakeSigning("a").id);
  EXPECT_NE(one.MakeSigning("a").id, two.MakeSigning("a").id);
}

}  // namespace
}  // namespace yizhan::simulation
