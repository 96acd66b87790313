#include "adapters/platform/crypto/sm2.h"

#include <openssl/ec.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/openssl_handles.h"

namespace yizhan::platform {
namespace {

// GB/T 32918: SM2 without an id is not SM2 with the default id.
constexpr absl::string_view kUserId = "1234567812345678";
constexpr std::size_t kMaxSecretBytes = 256;
constexpr std::size_t kMaxWrappedBytes = 1024;
constexpr std::size_t kMaxSpkiBytes = 1024;

struct SignatureContext {
  PkeyContextPtr key;  // must outlive `digest`
  DigestContextPtr digest;
};

// The id must be set before the digest context is initialised.
SignatureContext StartSignature(EVP_PKEY* key) {
  SignatureContext context;
  context.key.reset(EVP_PKEY_CTX_new(key, nullptr));
  if (context.key == nullptr || EVP_PKEY_CTX_set1_id(context.key.get(), kUserId.data(),
                                                     static_cast<int>(kUserId.size())) <= 0) {
    return {};
  }
  context.digest.reset(EVP_MD_CTX_new());
  if (context.digest != nullptr) {
    EVP_MD_CTX_set_pkey_ctx(context.digest.get(), context.key.get());
  }
  return context;
}

bool IsDerSignature(absl::string_view signature) {
  const unsigned char* at = Unsigned(signature);
  ECDSA_SIG* parsed = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size()));
  const bool whole = parsed != nullptr && at == Unsigned(signature) + signature.size();
  ECDSA_SIG_free(parsed);
  ERR_clear_error();
  return whole;
}

}  // namespace

absl::StatusOr<SharedPkey> Sm2PublicKeys::Parse(absl::string_view spki_der) const {
  {
    MutexLock lock(&mutex_);
    const auto found = keys_.find(spki_der);
    if (found != keys_.end()) return found->second;
  }
  if (spki_der.size() > kMaxSpkiBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a public key of ", spki_der.size(), " bytes is no SM2 key"));
  }
  const unsigned char* at = Unsigned(spki_der);
  SharedPkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki_der.size())), EVP_PKEY_free);
  if (key == nullptr || at != Unsigned(spki_der) + spki_der.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the public key is not a DER SubjectPublicKeyInfo (", TakeOpensslError(), ")"));
  }
  if (EVP_PKEY_is_a(key.get(), "SM2") != 1) {
    return absl::InvalidArgumentError("the public key is not an SM2 key");
  }
  MutexLock lock(&mutex_);
  if (keys_.size() >= kCapacity) keys_.clear();
  return keys_.emplace(std::string(spki_der), std::move(key)).first->second;
}

absl::Status Sm2Verifier::Verify(absl::string_view spki_der, absl::string_view message,
                                 absl::string_view signature) const {
  auto key = keys_.Parse(spki_der);
  if (!key.ok()) return key.status();
  if (!IsDerSignature(signature)) {
    return absl::InvalidArgumentError("the signature is not a DER SM2 signature");
  }
  const SignatureContext context = StartSignature(key->get());
  if (context.digest == nullptr ||
      EVP_DigestVerifyInit(context.digest.get(), nullptr, EVP_sm3(), nullptr, key->get()) != 1) {
    return absl::InternalError(absl::StrCat("SM2 verification: ", TakeOpensslError()));
  }
  const int verified = EVP_DigestVerify(context.digest.get(), Unsigned(signature), signature.size(),
                                        Unsigned(message), message.size());
  ERR_clear_error();
  if (verified == 1) return absl::OkStatus();
  return absl::DataLossError("the SM2 signature does not fit message and key");
}

absl::StatusOr<std::string> Sm2KeyWrapper::Wrap(absl::string_view spki_der,
                                                const contract::SecretBytes& secret) const {
  const absl::string_view raw = secret.ExposeSecretBytes();
  if (raw.empty() || raw.size() > kMaxSecretBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a secret to wrap has 1 to ", kMaxSecretBytes, " bytes, not ", raw.size()));
  }
  auto key = keys_.Parse(spki_der);
  if (!key.ok()) return key.status();
  const PkeyContextPtr context(EVP_PKEY_CTX_new(key->get(), nullptr));
  std::size_t size = 0;
  if (context == nullptr || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_encrypt(context.get(), nullptr, &size, Unsigned(raw), raw.size()) != 1) {
    return absl::InternalError(absl::StrCat("SM2 encryption: ", TakeOpensslError()));
  }
  std::string wrapped(size, '\0');
  if (EVP_PKEY_encrypt(context.get(), Unsigned(wrapped), &size, Unsigned(raw), raw.size()) != 1) {
    return absl::InternalError(absl::StrCat("SM2 encryption: ", TakeOpensslError()));
  }
  wrapped.resize(size);
  return wrapped;
}

Sm2Signer::Sm2Signer(SharedPkey key, contract::KeyId id) : key_(std::move(key)), id_(id) {}

absl::StatusOr<std::string> Sm2Signer::Sign(absl::string_view message) const {
  const SignatureContext context = StartSignature(key_.get());
  std::size_t size = 0;
  if (context.digest == nullptr ||
      EVP_DigestSignInit(context.digest.get(), nullptr, EVP_sm3(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.digest.get(), nullptr, &size, Unsigned(message), message.size()) !=
          1) {
    return absl::InternalError(absl::StrCat("SM2 signing: ", TakeOpensslError()));
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.digest.get(), Unsigned(signature), &size, Unsigned(message),
                     message.size()) != 1) {
    return absl::InternalError(absl::StrCat("SM2 signing: ", TakeOpensslError()));
  }
  signature.resize(size);
  return signature;
}

absl::StatusOr<contract::SecretBytes> Sm2Unwrapper::Unwrap(const contract::KeyId& key,
                                                           absl::string_view wrapped) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) {
    return absl::NotFoundError(absl::StrCat("no private sealing key with id ", key.hex()));
  }
  const absl::Status broken =
      absl::DataLossError(absl::StrCat("the secret does not open with key ", key.hex()));
  if (wrapped.size() > kMaxWrappedBytes) return broken;
  const PkeyContextPtr context(EVP_PKEY_CTX_new(found->second.get(), nullptr));
  if (context == nullptr || EVP_PKEY_decrypt_init(context.get()) != 1) {
    return absl::InternalError(absl::StrCat("SM2 decryption: ", TakeOpensslError()));
  }
  std::size_t size = 0;
  if (EVP_PKEY_decrypt(context.get(), nullptr, &size, Unsigned(wrapped), wrapped.size()) != 1) {
    ERR_clear_error();
    return broken;
  }
  std::string secret(size, '\0');
  const int opened =
      EVP_PKEY_decrypt(context.get(), Unsigned(secret), &size, Unsigned(wrapped), wrapped.size());
  ERR_clear_error();
  if (opened != 1) return broken;
  secret.resize(size);
  return contract::SecretBytes(std::move(secret));
}

}  // namespace yizhan::platform
