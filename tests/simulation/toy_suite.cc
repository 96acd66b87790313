#include "tests/simulation/toy_suite.h"

#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/virtual_time.h"

namespace yizhan::simulation {
namespace {

using contract::Digest;

constexpr std::array<std::uint64_t, 4> kOdd = {0x9e3779b97f4a7c15ULL, 0xc2b2ae3d27d4eb4fULL,
                                               0x165667b19e3779f9ULL, 0xd6e8feb86659fd93ULL};

std::uint64_t Mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// Four lanes; each takes every word by a permutation of its state, so that two
// inputs that differ in one word never meet.
class Absorber {
 public:
  void Add(absl::string_view bytes) {
    length_ += bytes.size();
    while (!bytes.empty() && fill_ != 0) {
      Byte(bytes[0]);
      bytes.remove_prefix(1);
    }
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data(), 8);
      Word(word);
    }
    for (const char c : bytes) Byte(c);
  }
  Digest Finish() {
    Word(word_);
    Word(length_);
    std::array<std::uint8_t, Digest::kSize> out{};
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t lane = Mix(lanes_[i] ^ Mix(lanes_[(i + 1) % 4] + kOdd[i]));
      std::memcpy(out.data() + 8 * i, &lane, 8);
    }
    return Digest(out);
  }

 private:
  void Byte(char c) {
    word_ |= std::uint64_t{static_cast<unsigned char>(c)} << (8 * fill_);
    if (++fill_ < 8) return;
    Word(word_);
    word_ = 0;
    fill_ = 0;
  }
  void Word(std::uint64_t word) {
    for (std::size_t i = 0; i < 4; ++i) {
      lanes_[i] = std::rotl((lanes_[i] ^ word) * kOdd[i], 29) + kOdd[3 - i];
      lanes_[i] ^= lanes_[i] >> 32;
    }
  }
  std::array<std::uint64_t, 4> lanes_ = {1, 2, 3, 4};
  std::uint64_t word_ = 0;
  std::uint64_t length_ = 0;
  int fill_ = 0;
};

// Parts with their lengths, so that no two lists meet.
Digest Bind(std::initializer_list<absl::string_view> parts) {
  Absorber absorber;
  for (const absl::string_view part : parts) {
    absorber.Add(absl::StrCat(part.size(), ":"));
    absorber.Add(part);
  }
  return absorber.Finish();
}

std::string Crypt(const Digest& key, absl::string_view bytes) {
  std::uint64_t seed = 0;
  std::memcpy(&seed, key.view().data(), 8);
  Dice stream(seed);
  std::string out(bytes);
  for (std::size_t at = 0; at < out.size(); at += 8) {
    const std::uint64_t word = stream.Next();
    for (std::size_t i = at; i < std::min(at + 8, out.size()); ++i) {
      out[i] = static_cast<char>(out[i] ^ static_cast<char>(word >> (8 * (i - at))));
    }
  }
  return out;
}

constexpr std::size_t kTagBytes = 16;

std::string Lock(absl::string_view key, absl::string_view nonce, absl::string_view aad,
                 absl::string_view plaintext) {
  const std::string hidden = Crypt(Bind({"stream", key, nonce}), plaintext);
  return absl::StrCat(hidden, Bind({"tag", key, nonce, aad, hidden}).view().substr(0, kTagBytes));
}

std::optional<std::string> Unlock(absl::string_view key, absl::string_view nonce,
                                  absl::string_view aad, absl::string_view sealed) {
  if (sealed.size() < kTagBytes) return std::nullopt;
  const absl::string_view hidden = sealed.substr(0, sealed.size() - kTagBytes);
  const absl::string_view tag = sealed.substr(hidden.size());
  if (Bind({"tag", key, nonce, aad, hidden}).view().substr(0, kTagBytes) != tag) {
    return std::nullopt;
  }
  return Crypt(Bind({"stream", key, nonce}), hidden);
}

class ToyHasher final : public contract::Hasher {
 public:
  Digest Hash(absl::Span<const absl::string_view> parts) const override { return ToyDigest(parts); }
  Digest Hmac(absl::string_view key, absl::Span<const absl::string_view> parts) const override {
    return Bind({"hmac", key, ToyDigest(parts).view()});
  }
};

class ToyAead final : public contract::Aead {
 public:
  absl::StatusOr<std::string> Seal(const contract::SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad,
                                   absl::string_view plaintext) const override {
    return Lock(key.ExposeSecretBytes(), nonce, aad, plaintext);
  }
  absl::StatusOr<std::string> Open(const contract::SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad, absl::string_view sealed) const override {
    std::optional<std::string> open = Unlock(key.ExposeSecretBytes(), nonce, aad, sealed);
    if (!open) return absl::DataLossError("toy suite: the tag does not fit");
    return *std::move(open);
  }
};

using Secrets = std::map<std::string, std::string, std::less<>>;  // by public key

class ToyVerifier final : public contract::Verifier {
 public:
  explicit ToyVerifier(const Secrets* secrets) : secrets_(secrets) {}
  absl::Status Verify(absl::string_view spki_der, absl::string_view message,
                      absl::string_view signature) const override {
    const auto secret = secrets_->find(spki_der);
    if (secret == secrets_->end()) return absl::InvalidArgumentError("toy suite: no such key");
    if (Bind({"sign", secret->second, message}).view() == signature) return absl::OkStatus();
    return absl::DataLossError("toy suite: the signature is wrong");
  }

 private:
  const Secrets* const secrets_;
};

class ToyWrapper final : public contract::KeyWrapper {
 public:
  explicit ToyWrapper(const Secrets* secrets) : secrets_(secrets) {}
  absl::StatusOr<std::string> Wrap(absl::string_view spki_der,
                                   const contract::SecretBytes& secret) const override {
    const auto key = secrets_->find(spki_der);
    if (key == secrets_->end()) return absl::InvalidArgumentError("toy suite: no such key");
    return Lock(key->second, "wrap", spki_der, secret.ExposeSecretBytes());
  }

 private:
  const Secrets* const secrets_;
};

class ToySigner final : public contract::Signer {
 public:
  ToySigner(contract::KeyId id, std::string secret) : id_(id), secret_(std::move(secret)) {}
  contract::KeyId key_id() const override { return id_; }
  absl::StatusOr<std::string> Sign(absl::string_view message) const override {
    return Bind({"sign", secret_, message}).str();
  }

 private:
  const contract::KeyId id_;
  const std::string secret_;
};

class ToyUnwrapper final : public contract::Unwrapper {
 public:
  ToyUnwrapper(contract::KeyId id, std::string spki_der, std::string secret)
      : id_(id), spki_der_(std::move(spki_der)), secret_(std::move(secret)) {}
  bool Has(const contract::KeyId& key) const override { return key == id_; }
  absl::StatusOr<contract::SecretBytes> Unwrap(const contract::KeyId& key,
                                               absl::string_view wrapped) const override {
    if (key != id_) return absl::NotFoundError("toy suite: no such key");
    std::optional<std::string> open = Unlock(secret_, "wrap", spki_der_, wrapped);
    if (!open) return absl::DataLossError("toy suite: the wrapped secret does not open");
    return contract::SecretBytes(*std::move(open));
  }

 private:
  const contract::KeyId id_;
  const std::string spki_der_;
  const std::string secret_;
};

}  // namespace

Digest ToyDigest(absl::Span<const absl::string_view> parts) {
  Absorber absorber;
  for (const absl::string_view part : parts) absorber.Add(part);
  return absorber.Finish();
}

struct ToySuite::Parts {
  explicit Parts(std::uint64_t seed) : dice(seed) {}
  Dice dice;
  Secrets secrets;
  ToyHasher hasher;
  ToyAead aead;
  ToyVerifier verifier{&secrets};
  ToyWrapper wrapper{&secrets};
  contract::SuiteAlgorithms algorithms{&hasher, &aead, &verifier, &wrapper};
};

ToySuite::ToySuite(std::uint64_t seed) : parts_(std::make_unique<Parts>(seed)) {}
ToySuite::~ToySuite() = default;

const contract::SuiteAlgorithms& ToySuite::algorithms() const { return parts_->algorithms; }

testing::LabKey ToySuite::Make(const std::string& whose, bool seals) {
  const std::string secret =
      absl::StrCat(whose, "/", parts_->dice.Next(), "/", parts_->dice.Next());
  testing::LabKey key;
  key.spki_der = absl::StrCat("toy public key of ", whose, " ", Bind({"public", secret}).view());
  const absl::string_view spki = key.spki_der;
  key.id = *contract::KeyId::From(ToyDigest(absl::MakeConstSpan(&spki, 1)).view());
  parts_->secrets[key.spki_der] = secret;
  if (seals) {
    key.unwrapper = std::make_unique<ToyUnwrapper>(key.id, key.spki_der, secret);
  } else {
    key.signer = std::make_unique<ToySigner>(key.id, secret);
  }
  return key;
}

testing::LabKey ToySuite::MakeSigning(const std::string& whose) { return Make(whose, false); }
testing::LabKey ToySuite::MakeSealing(const std::string& whose) { return Make(whose, true); }

}  // namespace yizhan::simulation
