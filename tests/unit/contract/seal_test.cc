#include "protos/contract/seal.h"

#include "adapters/platform/crypto/suite.h"
#include "gtest/gtest.h"
#include "protos/contract/limits.h"
#include "tests/support/seeded_random.h"
#include "tests/unit/contract/fixtures.h"

namespace yizhan::contract {
namespace {

// Counts unwrappings, and can lose its key.
class CountingUnwrapper final : public Unwrapper {
 public:
  explicit CountingUnwrapper(const Unwrapper* real) : real_(real) {}
  bool Has(const KeyId& key) const override { return !destroyed && real_->Has(key); }
  absl::StatusOr<SecretBytes> Unwrap(const KeyId& key, absl::string_view wrapped) const override {
    ++calls;
    return real_->Unwrap(key, wrapped);
  }
  mutable int calls = 0;
  bool destroyed = false;

 private:
  const Unwrapper* real_;
};

class SealTest : public ::testing::Test {
 protected:
  v1::Plaintext PlaintextOf(std::size_t bytes) {
    v1::Plaintext out;
    out.set_commitment_salt(Fill(32, 'o'));
    out.set_payload(Fill(bytes, 'p'));
    return out;
  }
  v1::Header HeaderFor(const v1::Plaintext& plaintext) {
    v1::Header header = ValidHeader();
    header.set_commitment(
        Commitment(TestHasher(), plaintext.commitment_salt(), plaintext.payload()).str());
    return header;
  }
  absl::StatusOr<v1::Envelope> Seal(const v1::Header& header, const v1::Plaintext& plaintext,
                                    absl::Time now = TestNow()) {
    v1::Envelope out;
    out.set_header(header.SerializeAsString());
    auto sealed = sealer_.Seal(out.header(), key_.key.id, key_.key.spki_der, plaintext, 1,
                               TestNow() + absl::Hours(24), now);
    if (!sealed.ok()) return sealed.status();
    out.set_seal(sealed->seal);
    out.set_body(sealed->body);
    return out;
  }
  absl::StatusOr<v1::Plaintext> Open(const v1::Envelope& envelope) {
    const auto parsed = ParseEnvelope(TestHasher(), envelope);
    if (!parsed.ok()) return parsed.status();
    return opener_.Open(envelope, *parsed);
  }
  // The same seal around another body, as a sender in fault would make it.
  v1::Envelope WithBody(v1::Envelope envelope, const std::string& body) {
    v1::Seal seal;
    seal.ParseFromString(envelope.seal());
    seal.set_body_digest(TestHasher().Hash(absl::string_view(body)).str());
    envelope.set_seal(seal.SerializeAsString());
    envelope.set_body(body);
    return envelope;
  }

  TestKey key_ = MakeTestKey();
  CountingUnwrapper unwrapper_{key_.unwrapper.get()};
  platform::SeededRandom random_{1};
  Sealer sealer_{platform::SmSuite(), &random_};
  Opener opener_{platform::SmSuite(), &unwrapper_, 2};
};

TEST(Padding, ClassesAreThoseOfTheFormat) {
  const std::pair<std::size_t, std::size_t> cases[] = {
      {0, 512},       {508, 512},     {509, 768},     {764, 768},
      {765, 1024},    {1020, 1024},   {1021, 1536},   {16380, 16384},
      {16381, 24576}, {24572, 24576}, {24573, 32768}, {32764, 32768},
      {32765, 49152}, {49148, 49152}, {49149, 65536}, {1000000, 1015808},
  };
  for (const auto& [bytes, padded] : cases) EXPECT_EQ(PaddedSize(bytes), padded) << bytes;
}

TEST_F(SealTest, Sealed_OpensToThePlaintext) {
  const v1::Plaintext plaintext = PlaintextOf(20'000);
  const auto envelope = Seal(HeaderFor(plaintext), plaintext);
  ASSERT_TRUE(envelope.ok()) << envelope.status();
  EXPECT_EQ(envelope->body().size(), 24576u + 16u);
  const auto opened = Open(*envelope);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->SerializeAsString(), plaintext.SerializeAsString());
}

TEST_F(SealTest, SizesAroundEveryClass_OpenAgain) {
  for (std::size_t bytes : {0, 1, 465, 466, 467, 468, 469, 470, 720, 730, 32700, 32730, 40000}) {
    const v1::Plaintext plaintext = PlaintextOf(bytes);
    EXPECT_TRUE(Open(*Seal(HeaderFor(plaintext), plaintext)).ok()) << bytes;
  }
}

TEST_F(SealTest, EpochSecret_IsWrappedOncePerLifeAndSaltIsFresh) {
  const v1::Plaintext plaintext = PlaintextOf(10);
  const v1::Header header = HeaderFor(plaintext);
  v1::Seal first, second, later, after_clock_went_back;
  first.ParseFromString(Seal(header, plaintext)->seal());
  second.ParseFromString(
      Seal(header, plaintext, TestNow() + kEpochSecretLife - absl::Seconds(1))->seal());
  later.ParseFromString(Seal(header, plaintext, TestNow() + kEpochSecretLife)->seal());
  after_clock_went_back.ParseFromString(Seal(header, plaintext, TestNow())->seal());
  EXPECT_EQ(first.wrapped_epoch_secret(), second.wrapped_epoch_secret());
  EXPECT_NE(first.salt(), second.salt());
  EXPECT_NE(first.body_digest(), second.body_digest());
  EXPECT_NE(first.wrapped_epoch_secret(), later.wrapped_epoch_secret());
  EXPECT_NE(later.wrapped_epoch_secret(), after_clock_went_back.wrapped_epoch_secret());
}

TEST_F(SealTest, UnwrappedSecrets_AreCachedWithinTheBound) {
  const v1::Plaintext plaintext = PlaintextOf(10);
  const v1::Header header = HeaderFor(plaintext);
  const v1::Envelope a = *Seal(header, plaintext);
  EXPECT_TRUE(Open(a).ok());
  EXPECT_TRUE(Open(*Seal(header, plaintext)).ok());
  EXPECT_EQ(unwrapper_.calls, 1);
  for (int epoch = 1; epoch <= 5; ++epoch) {
    EXPECT_TRUE(Open(*Seal(header, plaintext, TestNow() + epoch * kEpochSecretLife)).ok());
  }
  EXPECT_EQ(unwrapper_.calls, 6);
}

TEST_F(SealTest, DestroyedKey_OpensNothingMoreThoughCached) {
  const v1::Plaintext plaintext = PlaintextOf(10);
  const v1::Envelope envelope = *Seal(HeaderFor(plaintext), plaintext);
  EXPECT_TRUE(Open(envelope).ok());
  unwrapper_.destroyed = true;
  EXPECT_EQ(Reason(Open(envelope).status()), "RECIPIENT_KEY_UNKNOWN");
}

TEST_F(SealTest, FlippedBodyBit_DoesNotOpen) {
  const v1::Plaintext plaintext = PlaintextOf(10);
  const v1::Envelope envelope = *Seal(HeaderFor(plaintext), plaintext);
  std::string body = envelope.body();
  body[100] ^= 1;
  EXPECT_EQ(Reason(Open(WithBody(envelope, body)).status()), "CANNOT_OPEN");
  EXPECT_EQ(Reason(Open(WithBody(envelope, "short")).status()), "CANNOT_OPEN");
}

TEST_F(SealTest, OtherHeader_DoesNotOpenTheBody) {
  const v1::Plaintext plaintext = PlaintextOf(10);
  v1::Header header = HeaderFor(plaintext);
  v1::Envelope envelope = *Seal(header, plaintext);
  header.set_sequence(2);
  header.set_previous_header_digest(Fill(32, 'p'));
  envelope.set_header(header.SerializeAsString());
  EXPECT_EQ(Reason(Open(envelope).status()), "CANNOT_OPEN");
}

TEST_F(SealTest, BodyThatTheHeaderDoesNotCommitTo_IsRefused) {
  const v1::Plaintext plaintext = PlaintextOf(10);
  const v1::Envelope envelope = *Seal(HeaderFor(PlaintextOf(11)), plaintext);
  EXPECT_EQ(Reason(Open(envelope).status()), "COMMITMENT_MISMATCH");
  v1::Plaintext short_salt = PlaintextOf(10);
  short_salt.set_commitment_salt("short");
  EXPECT_EQ(Reason(Open(*Seal(HeaderFor(short_salt), short_salt)).status()), "COMMITMENT_MISMATCH");
}

TEST_F(SealTest, TooLargeBody_IsRefusedBeforeSealing) {
  const v1::Plaintext fits = PlaintextOf(kMaxBodyBytes - 17'000);
  EXPECT_TRUE(Open(*Seal(HeaderFor(fits), fits)).ok());
  const v1::Plaintext large = PlaintextOf(kMaxBodyBytes - 16'000);
  EXPECT_EQ(Reason(Seal(HeaderFor(large), large).status()), "BODY_TOO_LARGE");
}

TEST_F(SealTest, BadRecipientKey_IsNamed) {
  const v1::Plaintext plaintext = PlaintextOf(10);
  const auto sealed =
      sealer_.Seal(HeaderFor(plaintext).SerializeAsString(), *KeyId::From(Fill(32, 'x')), "no key",
                   plaintext, 1, TestNow() + absl::Hours(24), TestNow());
  EXPECT_EQ(Reason(sealed.status()), "RECIPIENT_KEY_UNKNOWN");
  EXPECT_EQ(Reason(sealer_
                       .Seal("\xff", key_.key.id, key_.key.spki_der, plaintext, 1,
                             TestNow() + absl::Hours(24), TestNow())
                       .status()),
            "HEADER_MALFORMED");
}

// Spoils the padding inside an otherwise sound body.
class SpoilingAead final : public Aead {
 public:
  absl::StatusOr<std::string> Seal(const SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad,
                                   absl::string_view plaintext) const override {
    std::string spoiled(plaintext);
    if (longer_class) {
      spoiled.resize(768, '\0');
    } else {
      spoiled[place] = value;
    }
    return platform::SmSuite().aead->Seal(key, nonce, aad, spoiled);
  }
  absl::StatusOr<std::string> Open(const SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad, absl::string_view sealed) const override {
    return platform::SmSuite().aead->Open(key, nonce, aad, sealed);
  }
  std::size_t place = 0;
  char value = 0;
  bool longer_class = false;
};

TEST_F(SealTest, SpoiledPadding_IsRefused) {
  SpoilingAead aead;
  SuiteAlgorithms algorithms = platform::SmSuite();
  algorithms.aead = &aead;
  Sealer spoiling(algorithms, &random_);
  const v1::Plaintext plaintext = PlaintextOf(10);
  v1::Envelope envelope;
  envelope.set_header(HeaderFor(plaintext).SerializeAsString());
  const auto reason = [&] {
    const auto sealed = spoiling.Seal(envelope.header(), key_.key.id, key_.key.spki_der, plaintext,
                                      1, TestNow() + absl::Hours(24), TestNow());
    envelope.set_seal(sealed->seal);
    envelope.set_body(sealed->body);
    return Reason(Open(envelope).status());
  };
  EXPECT_EQ(reason(), "OK");  // a zero where the length has one anyway
  aead.place = 511;
  aead.value = 1;
  EXPECT_EQ(reason(), "CANNOT_OPEN") << "rest is not zero";
  aead.place = 0;
  EXPECT_EQ(reason(), "CANNOT_OPEN") << "length beyond the body";
  aead.longer_class = true;
  EXPECT_EQ(reason(), "CANNOT_OPEN") << "size is not the class of the length";
}

}  // namespace
}  // namespace yizhan::contract
