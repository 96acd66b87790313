#include "protos/contract/signing.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/suite.h"
#include "gtest/gtest.h"
#include "protos/contract/limits.h"
#include "tests/unit/contract/fixtures.h"

namespace yizhan::contract {
namespace {

// Signs by a digest: the tree is under test here, not SM2.
class DigestSigner final : public Signer {
 public:
  KeyId key_id() const override { return *KeyId::From(Fill(32, 'k')); }
  absl::StatusOr<std::string> Sign(absl::string_view message) const override {
    ++calls;
    return TestHasher().Hash(message).str();
  }
  mutable int calls = 0;
};
class DigestVerifier final : public Verifier {
 public:
  absl::Status Verify(absl::string_view, absl::string_view message,
                      absl::string_view signature) const override {
    return TestHasher().Hash(message).view() == signature ? absl::OkStatus()
                                                          : absl::DataLossError("wrong");
  }
};

std::string Part(std::size_t i) { return absl::StrCat("message ", i); }

Digest LeafOf(const std::string& part) {
  const absl::string_view view = part;
  return LeafDigest(TestHasher(), kControlType, absl::MakeConstSpan(&view, 1));
}

std::vector<Digest> Leaves(std::size_t count) {
  std::vector<Digest> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(LeafOf(Part(i)));
  return out;
}

absl::Status CheckPart(SignatureChecker& checker, const v1::Signature& signature,
                       const std::string& part) {
  const absl::string_view view = part;
  return checker.Check(KeyOwner(), signature, kControlType, absl::MakeConstSpan(&view, 1));
}

// RFC 6962, 2.1, as it is written there.
Digest ReferenceRoot(absl::Span<const Digest> leaves) {
  if (leaves.size() == 1) return leaves[0];
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  const Digest left = ReferenceRoot(leaves.subspan(0, k));
  const Digest right = ReferenceRoot(leaves.subspan(k));
  const absl::string_view parts[] = {"\x01", left.view(), right.view()};
  return TestHasher().Hash(absl::MakeConstSpan(parts));
}

std::string ReferenceBatch(std::uint64_t count, const Digest& root) {
  std::string big_endian;
  for (int shift = 56; shift >= 0; shift -= 8)
    big_endian.push_back(static_cast<char>(count >> shift));
  const absl::string_view parts[] = {"SM", big_endian, root.view()};
  return Pae(kBatchType, absl::MakeConstSpan(parts));
}

TEST(Pae, PutsLengthBeforeEachPart) {
  const absl::string_view parts[] = {"header", "", "x y"};
  EXPECT_EQ(Pae("type", absl::MakeConstSpan(parts)), "YZPAE1 4 type 6 header 0  3 x y");
  EXPECT_EQ(Pae("type", {}), "YZPAE1 4 type");
}

TEST(Pae, LeafDigest_IsThePrefixedHashOfThePae) {
  const std::string large(100'000, 'x');
  const absl::string_view parts[] = {"header", large};
  EXPECT_EQ(LeafDigest(TestHasher(), kEnvelopeType, absl::MakeConstSpan(parts)),
            TestHasher().Hash(absl::StrCat(std::string(1, '\0'),
                                           Pae(kEnvelopeType, absl::MakeConstSpan(parts)))));
}

TEST(BatchSignature, EveryLeafOfEverySize_VerifiesAgainstTheRfcTree) {
  const DigestSigner signer;
  const DigestVerifier verifier;
  for (std::size_t count = 1; count <= 70; ++count) {
    const std::vector<Digest> leaves = Leaves(count);
    const auto signatures = SignBatch(signer, TestHasher(), leaves);
    ASSERT_TRUE(signatures.ok());
    ASSERT_EQ(signatures->size(), count);
    const std::string expected =
        TestHasher().Hash(ReferenceBatch(count, ReferenceRoot(leaves))).str();
    SignatureChecker checker(&TestHasher(), &verifier);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ((*signatures)[i].root_signature(), expected) << count;
      EXPECT_TRUE(CheckPart(checker, (*signatures)[i], Part(i)).ok()) << i << " of " << count;
    }
    EXPECT_EQ(checker.verifications(), 1u);
  }
  EXPECT_EQ(signer.calls, 70);
}

TEST(BatchSignature, AnyAlteredPlaceCountOrPath_IsRefused) {
  const DigestVerifier verifier;
  for (std::size_t count = 1; count <= 70; ++count) {
    const auto signatures = *SignBatch(DigestSigner(), TestHasher(), Leaves(count));
    SignatureChecker checker(&TestHasher(), &verifier);
    for (std::size_t leaf = 0; leaf < count; ++leaf) {
      const v1::Signature& good = signatures[leaf];
      const auto refused = [&](const std::function<void(v1::Signature&)>& alter) {
        v1::Signature bad = good;
        alter(bad);
        return Reason(CheckPart(checker, bad, Part(leaf))) == "SIGNATURE_INVALID";
      };
      for (std::size_t other = 0; other <= count; ++other) {
        if (other == leaf) continue;
        EXPECT_TRUE(refused([&](auto& s) { s.set_leaf_index(other); }))
            << leaf << " of " << count << " as " << other;
      }
      for (std::size_t other : {std::size_t{0}, count - 1, count + 1, 2 * count}) {
        if (other == count) continue;
        EXPECT_TRUE(refused([&](auto& s) { s.set_leaf_count(other); }))
            << leaf << " of " << count << " as count " << other;
      }
      for (int step = 0; step < good.path_size(); ++step) {
        EXPECT_TRUE(refused([&](auto& s) { (*s.mutable_path(step))[step] ^= 1; }));
      }
      EXPECT_TRUE(refused([&](auto& s) { s.add_path(Fill(32, 'p')); }));
      if (good.path_size() > 0) {
        EXPECT_TRUE(refused([&](auto& s) { s.mutable_path()->RemoveLast(); }));
      }
    }
  }
}

// What an earlier leaf has shown of the tree shortens the way of the next one,
// and nothing else than before passes: neither in any order, nor altered.
TEST(BatchSignature, LeavesInAnyOrder_CostOneVerificationAndPassUnalteredAlone) {
  const DigestVerifier verifier;
  for (std::size_t count : {1, 2, 3, 5, 6, 7, 11, 16, 21, 33, 64, 65, 70}) {
    const auto signatures = *SignBatch(DigestSigner(), TestHasher(), Leaves(count));
    for (std::size_t stride : {1, 3, 17, 71}) {
      SignatureChecker checker(&TestHasher(), &verifier);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t leaf = i * stride % 73 % count;  // some of them twice
        const v1::Signature& good = signatures[leaf];
        ASSERT_TRUE(CheckPart(checker, good, Part(leaf)).ok()) << leaf << " of " << count;
        EXPECT_FALSE(CheckPart(checker, good, "another message").ok());
        for (int step = 0; step < good.path_size(); ++step) {
          v1::Signature bad = good;
          (*bad.mutable_path(step))[31] ^= 1;
          EXPECT_FALSE(CheckPart(checker, bad, Part(leaf)).ok()) << leaf << " of " << count;
        }
        if (good.path_size() > 0) {
          v1::Signature bad = good;
          bad.mutable_path()->RemoveLast();
          EXPECT_FALSE(CheckPart(checker, bad, Part(leaf)).ok());
          bad = good;
          bad.add_path(Fill(32, 'p'));
          EXPECT_FALSE(CheckPart(checker, bad, Part(leaf)).ok());
        }
      }
      EXPECT_EQ(checker.verifications(), 1u) << "wrong leaves of a known batch cost nothing";
    }
  }
}

TEST(BatchSignature, MalformedForms_AreRefusedWithoutVerification) {
  const DigestVerifier verifier;
  SignatureChecker checker(&TestHasher(), &verifier);
  const v1::Signature good = (*SignBatch(DigestSigner(), TestHasher(), Leaves(3)))[0];
  const std::function<void(v1::Signature&)> alterations[] = {
      [](v1::Signature& s) { s.set_key_id("short"); },
      [](v1::Signature& s) { s.clear_root_signature(); },
      [](v1::Signature& s) { s.set_root_signature(Fill(129, 'x')); },
      [](v1::Signature& s) { s.set_leaf_count(kMaxLeafCount + 1); },
      [](v1::Signature& s) { s.set_leaf_index(3); },
      [](v1::Signature& s) { s.set_path(0, Fill(31, 'x')); },
      [](v1::Signature& s) {
        for (int i = 0; i < 17; ++i) s.add_path(Fill(32, 'x'));
      },
  };
  for (const auto& alter : alterations) {
    v1::Signature bad = good;
    alter(bad);
    EXPECT_EQ(Reason(CheckPart(checker, bad, Part(0))), "SIGNATURE_INVALID");
    EXPECT_FALSE(checker.IsCached(bad));
  }
  EXPECT_EQ(checker.verifications(), 0u);
}

TEST(BatchSignature, OtherBytesOrType_AreRefused) {
  const DigestVerifier verifier;
  SignatureChecker checker(&TestHasher(), &verifier);
  const v1::Signature good = (*SignBatch(DigestSigner(), TestHasher(), Leaves(3)))[1];
  EXPECT_FALSE(CheckPart(checker, good, Part(0)).ok());
  const std::string part = Part(1);
  const absl::string_view view = part;
  EXPECT_FALSE(checker.Check(KeyOwner(), good, kEnvelopeType, absl::MakeConstSpan(&view, 1)).ok());
}

TEST(BatchSignature, EmptyAndTooLargeBatches_AreRefused) {
  EXPECT_FALSE(SignBatch(DigestSigner(), TestHasher(), {}).ok());
  const std::vector<Digest> many(kMaxLeafCount + 1);
  EXPECT_FALSE(SignBatch(DigestSigner(), TestHasher(), many).ok());
}

TEST(SignatureChecker, VerifiedRoot_IsCachedUntilPurged) {
  const DigestVerifier verifier;
  SignatureChecker checker(&TestHasher(), &verifier);
  const auto signatures = *SignBatch(DigestSigner(), TestHasher(), Leaves(2));
  EXPECT_FALSE(checker.IsCached(signatures[1]));
  EXPECT_TRUE(CheckPart(checker, signatures[0], Part(0)).ok());
  EXPECT_TRUE(checker.IsCached(signatures[1]));
  checker.Purge();
  EXPECT_FALSE(checker.IsCached(signatures[1]));
}

TEST(SignatureChecker, FailedRoot_IsNotCachedAndCounts) {
  const DigestVerifier verifier;
  SignatureChecker checker(&TestHasher(), &verifier);
  v1::Signature bad = (*SignBatch(DigestSigner(), TestHasher(), Leaves(1)))[0];
  (*bad.mutable_root_signature())[0] ^= 1;
  EXPECT_FALSE(CheckPart(checker, bad, Part(0)).ok());
  EXPECT_FALSE(CheckPart(checker, bad, Part(0)).ok());
  EXPECT_EQ(checker.verifications(), 2u);
}

TEST(SignatureChecker, FullCache_LosesTheLeastRecentlyUsed) {
  const DigestVerifier verifier;
  SignatureChecker checker(&TestHasher(), &verifier, 2);
  std::vector<v1::Signature> signatures;
  for (std::size_t i = 0; i < 3; ++i) {
    const Digest leaf = LeafOf(Part(i));
    signatures.push_back((*SignBatch(DigestSigner(), TestHasher(), {leaf}))[0]);
  }
  const auto verifications = [&](std::size_t i) {
    const std::uint64_t before = checker.verifications();
    EXPECT_TRUE(CheckPart(checker, signatures[i], Part(i)).ok());
    return checker.verifications() - before;
  };
  EXPECT_EQ(verifications(0), 1u);
  EXPECT_EQ(verifications(1), 1u);
  EXPECT_EQ(verifications(0), 0u);  // 1 is now the older
  EXPECT_EQ(verifications(2), 1u);
  EXPECT_EQ(verifications(0), 0u);
  EXPECT_EQ(verifications(1), 1u);
}

TEST(SignatureChecker, RealSm2_VerifiesItsOwnerAndNobodyElse) {
  const TestKey key = MakeTestKey();
  const TestKey other = MakeTestKey();
  SignatureChecker checker(&TestHasher(), platform::SmSuite().verifier);
  const absl::string_view parts[] = {"header", "seal"};
  const auto span = absl::MakeConstSpan(parts);
  const v1::Signature signature = *SignOne(*key.signer, TestHasher(), kEnvelopeType, span);
  EXPECT_EQ(signature.key_id(), key.key.id.view());
  EXPECT_EQ(signature.path_size(), 0);
  EXPECT_FALSE(checker.Check(OwnerOf(other, 32), signature, kEnvelopeType, span).ok());
  EXPECT_TRUE(checker.Check(OwnerOf(key, 32), signature, kEnvelopeType, span).ok());
  KeyOwner sealing = OwnerOf(key, 32);
  sealing.signs = false;
  EXPECT_EQ(Reason(checker.Check(sealing, signature, kEnvelopeType, span)), "SIGNATURE_INVALID");
}

}  // namespace
}  // namespace yizhan::contract
