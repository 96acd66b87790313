#include "protos/contract/seal.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "protos/contract/signing.h"

namespace yizhan::contract {
namespace {

constexpr char kBodyKeyType[] = "yizhan.v1.body-key";
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kEpochSecretBytes = 32;
constexpr std::size_t kBodyKeyBytes = 16;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kCommitmentSaltBytes = 32;
constexpr std::size_t kSmallestClass = 512;
constexpr std::size_t kLastSmallClass = 32 * 1024;
constexpr std::size_t kLargeStep = 16 * 1024;
// The key of a body is used once, so its nonce carries nothing.
constexpr absl::string_view kZeroNonce("\0\0\0\0\0\0\0\0\0\0\0\0", 12);

// RFC 5869 with HMAC-SM3; one block of output is enough.
SecretBytes BodyKey(const Hasher& hasher, const SecretBytes& secret, absl::string_view salt,
                    const v1::Header& header, const Digest& header_digest,
                    absl::string_view key_id) {
  const std::string source = absl::StrCat(header.source());
  const std::string destination = absl::StrCat(header.destination());
  const std::string lane = absl::StrCat(static_cast<int>(header.lane()));
  const std::array<absl::string_view, 6> context = {
      "SM", source, destination, lane, header_digest.view(), key_id};
  const std::string info = Pae(kBodyKeyType, absl::MakeConstSpan(context));
  const std::array<absl::string_view, 1> input = {secret.ExposeSecretBytes()};
  const Digest extracted = hasher.Hmac(salt, absl::MakeConstSpan(input));
  const std::array<absl::string_view, 2> block = {info, absl::string_view("\x01", 1)};
  const Digest expanded = hasher.Hmac(extracted.view(), absl::MakeConstSpan(block));
  return SecretBytes(std::string(expanded.view().substr(0, kBodyKeyBytes)));
}

std::string Pad(absl::string_view plaintext) {
  std::string out;
  out.reserve(PaddedSize(plaintext.size()));
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(plaintext.size() >> shift));
  }
  out.append(plaintext.data(), plaintext.size());
  out.resize(PaddedSize(plaintext.size()), '\0');
  return out;
}

// Nothing unless the length fits, the size is the class of that length, and the
// rest is zeros.
std::optional<absl::string_view> Unpad(absl::string_view padded) {
  if (padded.size() < kLengthBytes) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    length = length << 8 | static_cast<std::uint8_t>(padded[i]);
  }
  if (length > padded.size() - kLengthBytes || PaddedSize(length) != padded.size()) {
    return std::nullopt;
  }
  const absl::string_view rest = padded.substr(kLengthBytes + length);
  if (rest.find_first_not_of('\0') != absl::string_view::npos) return std::nullopt;
  return padded.substr(kLengthBytes, length);
}

absl::Status Error(v1::ErrorReason reason, v1::Side side, absl::string_view message_id,
                   absl::string_view what, absl::string_view next_step) {
  v1::ErrorDetail detail;
  detail.set_reason(reason);
  detail.set_side(side);
  detail.set_what(std::string(what));
  detail.set_next_step(std::string(next_step));
  detail.set_message_id(std::string(message_id));
  return MakeError(detail);
}

absl::Status CannotOpen(absl::string_view message_id, absl::string_view why) {
  return Error(v1::CANNOT_OPEN, v1::SIDE_MINE, message_id,
               absl::StrCat("the body does not open: ", why),
               "Seal the message again to the recipient's current key and send it.");
}

}  // namespace

std::size_t PaddedSize(std::size_t plaintext_bytes) {
  const std::size_t need = plaintext_bytes + kLengthBytes;
  for (std::size_t power = kSmallestClass; power < kLastSmallClass; power *= 2) {
    if (need <= power) return power;
    if (need <= power + power / 2) return power + power / 2;
  }
  if (need <= kLastSmallClass) return kLastSmallClass;
  return (need + kLargeStep - 1) / kLargeStep * kLargeStep;
}

Digest Commitment(const Hasher& hasher, absl::string_view salt, absl::string_view payload) {
  const std::array<absl::string_view, 2> parts = {salt, payload};
  return hasher.Hash(absl::MakeConstSpan(parts));
}

Sealer::Sealer(SuiteAlgorithms algorithms, Random* random)
    : algorithms_(algorithms), random_(random) {}

absl::StatusOr<const Sealer::Epoch*> Sealer::CurrentEpoch(const KeyId& recipient_key,
                                                          absl::string_view recipient_spki_der,
                                                          absl::Time now) {
  const auto holds = [now](const Epoch& e) {
    // The second half: a clock that was set back must not prolong a secret.
    return now < e.until && e.until - now <= kEpochSecretLife;
  };
  const auto found = epochs_.find(recipient_key);
  if (found != epochs_.end() && holds(found->second)) return &found->second;

  std::erase_if(epochs_, [&](const auto& entry) { return !holds(entry.second); });
  Epoch epoch;
  epoch.secret = SecretBytes(random_->Bytes(kEpochSecretBytes));
  epoch.until = now + kEpochSecretLife;
  absl::StatusOr<std::string> wrapped = algorithms_.wrapper->Wrap(recipient_spki_der, epoch.secret);
  if (!wrapped.ok()) {
    return MakeError(v1::RECIPIENT_KEY_UNKNOWN, v1::SIDE_THEIRS,
                     absl::StrCat("nothing can be sealed to the recipient's key ",
                                  recipient_key.hex(), ": ", wrapped.status().message()),
                     "Ask the recipient province to register a working sealing key.");
  }
  epoch.wrapped = *std::move(wrapped);
  return &epochs_.insert_or_assign(recipient_key, std::move(epoch)).first->second;
}

absl::StatusOr<Sealer::Sealed> Sealer::Seal(absl::string_view header, const KeyId& recipient_key,
                                            absl::string_view recipient_spki_der,
                                            const v1::Plaintext& plaintext, std::uint64_t number,
                                            absl::Time expires, absl::Time now) {
  v1::Header parsed;
  if (!parsed.ParseFromArray(header.data(), static_cast<int>(header.size()))) {
    return MakeError(v1::HEADER_MALFORMED, v1::SIDE_MINE,
                     "the header to be sealed is not a serialized yizhan.v1.Header",
                     "Report this as a fault of the sender's node.");
  }
  const std::string padded = Pad(plaintext.SerializeAsString());
  if (padded.size() + kTagBytes > kMaxBodyBytes) {
    return Error(v1::BODY_TOO_LARGE, v1::SIDE_MINE, parsed.message_id(),
                 absl::StrCat("the sealed body would have ", padded.size() + kTagBytes,
                              " bytes; the limit is ", kMaxBodyBytes),
                 "Send smaller attachments.");
  }
  absl::StatusOr<const Epoch*> epoch = CurrentEpoch(recipient_key, recipient_spki_der, now);
  if (!epoch.ok()) return epoch.status();

  const Digest header_digest = algorithms_.hasher->Hash(header);
  const std::string salt = random_->Bytes(kSaltBytes);
  const SecretBytes key = BodyKey(*algorithms_.hasher, (*epoch)->secret, salt, parsed,
                                  header_digest, recipient_key.view());
  absl::StatusOr<std::string> body =
      algorithms_.aead->Seal(key, kZeroNonce, header_digest.view(), padded);
  if (!body.ok()) return body.status();

  v1::Seal seal;
  seal.set_format_version(kFormatVersion);
  seal.set_suite(v1::SUITE_SM);
  seal.set_number(number);
  seal.set_expires_unix_us(absl::ToUnixMicros(expires));
  seal.set_recipient_key_id(recipient_key.str());
  seal.set_wrapped_epoch_secret((*epoch)->wrapped);
  seal.set_salt(salt);
  seal.set_body_digest(algorithms_.hasher->Hash(absl::string_view(*body)).str());
  return Sealed{seal.SerializeAsString(), *std::move(body)};
}

Opener::Opener(SuiteAlgorithms algorithms, const Unwrapper* unwrapper, std::size_t cached_secrets)
    : algorithms_(algorithms),
      unwrapper_(unwrapper),
      capacity_(std::max<std::size_t>(cached_secrets, 1)) {}

absl::StatusOr<SecretBytes> Opener::EpochSecret(const v1::Seal& seal, absl::string_view id) {
  const std::optional<KeyId> key = KeyId::From(seal.recipient_key_id());
  // Asked on every message: a destroyed key's cached secrets open nothing.
  if (!key.has_value() || !unwrapper_->Has(*key)) {
    return Error(v1::RECIPIENT_KEY_UNKNOWN, v1::SIDE_MINE, id,
                 "the message is sealed to a key that the recipient does not have",
                 "Fetch the directory, seal to the recipient's current key, and send again.");
  }
  const std::array<absl::string_view, 2> parts = {key->view(), seal.wrapped_epoch_secret()};
  const Digest place = algorithms_.hasher->Hash(absl::MakeConstSpan(parts));
  const auto found = secrets_.find(place);
  if (found != secrets_.end()) return found->second;

  absl::StatusOr<SecretBytes> secret = unwrapper_->Unwrap(*key, seal.wrapped_epoch_secret());
  if (!secret.ok()) return CannotOpen(id, secret.status().message());
  if (secret->ExposeSecretBytes().size() != kEpochSecretBytes) {
    return CannotOpen(id, "its epoch secret has not 32 bytes");
  }
  // Digests are evenly spread, so the lowest is as good as any to leave.
  if (secrets_.size() >= capacity_) secrets_.erase(secrets_.begin());
  secrets_.emplace(place, *secret);
  return *std::move(secret);
}

absl::StatusOr<v1::Plaintext> Opener::Open(const v1::Envelope& envelope,
                                           const ParsedEnvelope& parsed) {
  const absl::string_view id = parsed.header.message_id();
  absl::StatusOr<SecretBytes> secret = EpochSecret(parsed.seal, id);
  if (!secret.ok()) return secret.status();

  const SecretBytes key = BodyKey(*algorithms_.hasher, *secret, parsed.seal.salt(), parsed.header,
                                  parsed.header_digest, parsed.seal.recipient_key_id());
  const absl::StatusOr<std::string> padded =
      algorithms_.aead->Open(key, kZeroNonce, parsed.header_digest.view(), envelope.body());
  if (!padded.ok()) return CannotOpen(id, padded.status().message());
  const std::optional<absl::string_view> bytes = Unpad(*padded);
  if (!bytes.has_value()) return CannotOpen(id, "its padding is wrong");

  v1::Plaintext plaintext;
  if (!plaintext.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return CannotOpen(id, "it does not hold a serialized yizhan.v1.Plaintext");
  }
  const bool committed =
      plaintext.commitment_salt().size() == kCommitmentSaltBytes &&
      Commitment(*algorithms_.hasher, plaintext.commitment_salt(), plaintext.payload()).view() ==
          parsed.header.commitment();
  if (!committed) {
    return Error(v1::COMMITMENT_MISMATCH, v1::SIDE_MINE, id,
                 "the body is not the one that the header commits to",
                 "Make the header and the body of the same payload and salt.");
  }
  return plaintext;
}

}  // namespace yizhan::contract
