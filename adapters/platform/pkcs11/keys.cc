#include "adapters/platform/pkcs11/keys.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/pkcs11/encodings.h"
#include "adapters/platform/pkcs11/token.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kMaxSignatureBytes = 512;
constexpr std::size_t kMaxSecretBytes = 1024;
constexpr std::size_t kMaxWrappedBytes = 1024;
constexpr absl::string_view kTrialMessage = "yizhan: may this key sign?";

unsigned char* Unsigned(absl::string_view bytes) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
}

absl::Status KeyError(const Pkcs11Token& token, const std::string& label, absl::string_view why) {
  return contract::MakeError(
      v1::CONFIG_INVALID, v1::SIDE_MINE,
      absl::StrCat("key '", label, "' of the token '", token.label(), "' ", why),
      "List the token's objects, for example by pkcs11-tool --list-objects --login, and correct "
      "the label or the mechanism numbers.");
}

// CKA_EC_POINT is the point inside of an OCTET STRING; some modules leave that out.
absl::StatusOr<std::string> PointOf(const std::string& attribute,
                                    const Pkcs11Algorithm& algorithm) {
  const std::size_t size = algorithm.point_bytes;
  std::string point = attribute;
  if (attribute.size() == size + 2 && attribute[0] == '\x04' &&
      static_cast<unsigned char>(attribute[1]) == size) {
    point = attribute.substr(2);
  }
  if (point.size() != size || point[0] != '\x04') {
    return absl::InvalidArgumentError("its public point is not one of this curve");
  }
  return point;
}

// The curve stands at the end of the prefix, before BIT STRING, length, 0.
bool IsOfCurve(const std::string& curve_oid, const Pkcs11Algorithm& algorithm) {
  constexpr std::size_t kBitStringHead = 3;
  const absl::string_view prefix(algorithm.spki_prefix);
  return !curve_oid.empty() && prefix.size() > kBitStringHead &&
         absl::EndsWith(prefix.substr(0, prefix.size() - kBitStringHead), curve_oid);
}

absl::StatusOr<std::string> ReadSpki(const Pkcs11Token& token, const Pkcs11Algorithm& algorithm,
                                     const std::string& label) {
  std::string point;
  std::string curve;
  const absl::StatusOr<CK_RV> read = token.Run([&](Pkcs11Session& session) {
    CK_OBJECT_HANDLE object = 0;
    CK_RV answer = session.Find(CKO_PUBLIC_KEY, label, &object);
    if (answer == CKR_OK) answer = session.ReadAttribute(object, CKA_EC_POINT, &point);
    if (answer == CKR_OK) answer = session.ReadAttribute(object, CKA_EC_PARAMS, &curve);
    return answer;
  });
  if (!read.ok()) return KeyError(token, label, read.status().message());
  if (*read == kKeyNotFound) {
    return KeyError(token, label, "has no public key object, or there are several");
  }
  if (*read != CKR_OK) return KeyError(token, label, ReturnText(*read));
  const auto plain = PointOf(point, algorithm);
  if (!plain.ok() || !IsOfCurve(curve, algorithm)) {
    return KeyError(token, label, absl::StrCat("is not a key for ", algorithm.name));
  }
  return absl::StrCat(algorithm.spki_prefix, *plain);
}

absl::Status Missing(const Pkcs11Token& token, const std::string& label, CK_RV answer) {
  if (answer == kKeyNotFound) {
    return KeyError(token, label, "does not exist as a private key, or there are several");
  }
  return KeyError(token, label, ReturnText(answer));
}

class Pkcs11Signer final : public contract::Signer {
 public:
  Pkcs11Signer(std::shared_ptr<const Pkcs11Token> token, Pkcs11Algorithm algorithm,
               std::string label, const std::string& spki)
      : token_(std::move(token)),
        algorithm_(std::move(algorithm)),
        label_(std::move(label)),
        point_(spki.substr(spki.size() - algorithm_.point_bytes)),
        id_(KeyIdOf(spki)) {}

  contract::KeyId key_id() const override { return id_; }

  absl::StatusOr<std::string> Sign(absl::string_view message) const override {
    const absl::StatusOr<std::string> raw = SignRaw(message);
    if (!raw.ok()) return raw.status();
    return EcdsaSignatureToDer(*raw);
  }

  absl::StatusOr<std::string> SignRaw(absl::string_view message) const {
    std::string digest = algorithm_.digest(point_, message);
    std::string raw(kMaxSignatureBytes, '\0');
    CK_ULONG size = 0;
    const absl::StatusOr<CK_RV> answer = token_->Run([&](Pkcs11Session& session) {
      CK_OBJECT_HANDLE key = 0;
      CK_RV step = session.Find(CKO_PRIVATE_KEY, label_, &key);
      CK_MECHANISM mechanism = {algorithm_.sign_mechanism, nullptr, 0};
      if (step == CKR_OK) step = session->C_SignInit(session.handle(), &mechanism, key);
      size = raw.size();
      if (step == CKR_OK) {
        step = session->C_Sign(session.handle(), Unsigned(digest), digest.size(), Unsigned(raw),
                               &size);
      }
      return step;
    });
    if (!answer.ok()) return answer.status();
    if (*answer != CKR_OK) return Missing(*token_, label_, *answer);
    raw.resize(size);
    return raw;
  }

 private:
  const std::shared_ptr<const Pkcs11Token> token_;
  const Pkcs11Algorithm algorithm_;
  const std::string label_;
  const std::string point_;
  const contract::KeyId id_;
};

class Pkcs11Unwrapper final : public contract::Unwrapper {
 public:
  Pkcs11Unwrapper(std::shared_ptr<const Pkcs11Token> token, Pkcs11Algorithm algorithm,
                  std::map<contract::KeyId, std::string> labels)
      : token_(std::move(token)), algorithm_(std::move(algorithm)), labels_(std::move(labels)) {}

  bool Has(const contract::KeyId& key) const override { return labels_.contains(key); }

  absl::StatusOr<contract::SecretBytes> Unwrap(const contract::KeyId& id,
                                               absl::string_view wrapped) const override {
    const auto found = labels_.find(id);
    if (found == labels_.end()) {
      return absl::NotFoundError(absl::StrCat("no private sealing key with id ", id.hex()));
    }
    const absl::Status broken =
        absl::DataLossError(absl::StrCat("the secret does not open with key ", id.hex()));
    if (wrapped.empty() || wrapped.size() > kMaxWrappedBytes) return broken;
    std::string secret(kMaxSecretBytes, '\0');
    CK_ULONG size = 0;
    const absl::StatusOr<CK_RV> answer = token_->Run([&](Pkcs11Session& session) {
      CK_OBJECT_HANDLE key = 0;
      CK_RV step = session.Find(CKO_PRIVATE_KEY, found->second, &key);
      std::string parameter = algorithm_.decrypt_parameter;
      CK_MECHANISM mechanism = {algorithm_.decrypt_mechanism,
                                parameter.empty() ? nullptr : parameter.data(), parameter.size()};
      if (step == CKR_OK) step = session->C_DecryptInit(session.handle(), &mechanism, key);
      size = secret.size();
      if (step == CKR_OK) {
        step = session->C_Decrypt(session.handle(), Unsigned(wrapped), wrapped.size(),
                                  Unsigned(secret), &size);
      }
      return step;
    });
    if (!answer.ok()) return answer.status();
    if (*answer == kKeyNotFound) return Missing(*token_, found->second, *answer);
    if (*answer != CKR_OK) return broken;
    secret.resize(size);
    return contract::SecretBytes(std::move(secret));
  }

 private:
  const std::shared_ptr<const Pkcs11Token> token_;
  const Pkcs11Algorithm algorithm_;
  const std::map<contract::KeyId, std::string> labels_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<Pkcs11Token>> OpenPkcs11Token(const Pkcs11Place& place) {
  auto module = Pkcs11Module::Load(place.module);
  if (!module.ok()) return module.status();
  return Pkcs11Token::Open(*std::move(module), place.token_label, place.pin);
}

absl::StatusOr<std::unique_ptr<contract::Signer>> MakePkcs11Signer(
    std::shared_ptr<const Pkcs11Token> token, const Pkcs11Algorithm& algorithm,
    const std::string& label, const std::string& spki_der) {
  absl::StatusOr<std::string> spki = spki_der;
  if (spki_der.empty()) spki = ReadSpki(*token, algorithm, label);
  if (!spki.ok()) return spki.status();
  if (spki->size() <= algorithm.point_bytes) {
    return KeyError(*token, label, "was given a public key that is too short");
  }
  auto signer = std::make_unique<Pkcs11Signer>(token, algorithm, label, *spki);
  const absl::StatusOr<std::string> trial = signer->Sign(kTrialMessage);
  if (!trial.ok()) {
    return KeyError(*token, label, absl::StrCat("does not sign: ", trial.status().message()));
  }
  return signer;
}

absl::StatusOr<std::unique_ptr<contract::Unwrapper>> MakePkcs11Unwrapper(
    std::shared_ptr<const Pkcs11Token> token, const Pkcs11Algorithm& algorithm,
    const std::vector<Pkcs11SealingKey>& keys, std::vector<contract::KeyId>* ids) {
  std::map<contract::KeyId, std::string> labels;
  for (const Pkcs11SealingKey& key : keys) {
    absl::StatusOr<std::string> spki = key.spki_der;
    if (key.spki_der.empty()) spki = ReadSpki(*token, algorithm, key.label);
    if (!spki.ok()) return spki.status();
    const absl::StatusOr<CK_RV> there = token->Run([&](Pkcs11Session& session) {
      CK_OBJECT_HANDLE object = 0;
      return session.Find(CKO_PRIVATE_KEY, key.label, &object);
    });
    if (!there.ok()) return KeyError(*token, key.label, there.status().message());
    if (*there != CKR_OK) return Missing(*token, key.label, *there);
    labels[KeyIdOf(*spki)] = key.label;
    if (ids != nullptr) ids->push_back(KeyIdOf(*spki));
  }
  return std::make_unique<Pkcs11Unwrapper>(std::move(token), algorithm, std::move(labels));
}

}  // namespace yizhan::platform
