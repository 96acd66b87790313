#include "adapters/platform/crypto/gcrypt_algorithms.h"

#include <gcrypt.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

// A library without these algorithms (a foreign build, FIPS mode) is no library
// that anything here can go on with.
void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "yizhan: libgcrypt: %s; the process ends\n", what);
  std::abort();
}

void InitializeOnce() {
  static const bool initialized = [] {
    Require(gcry_check_version("1.9.0") != nullptr, "version below 1.9.0, without SM3 and SM4");
    // Locked memory is small and slow; keys here live for one call.
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    Require(gcry_md_test_algo(GCRY_MD_SM3) == 0, "SM3 is not available");
    Require(gcry_cipher_test_algo(GCRY_CIPHER_SM4) == 0, "SM4 is not available");
    return true;
  }();
  (void)initialized;
}

gcry_buffer_t BufferOf(absl::string_view bytes) {
  gcry_buffer_t buffer = {};
  buffer.data = const_cast<char*>(bytes.empty() ? "" : bytes.data());
  buffer.len = bytes.size();
  return buffer;
}

contract::Digest HashBuffers(unsigned flags, absl::Span<const gcry_buffer_t> buffers) {
  contract::Digest digest;
  Require(gcry_md_hash_buffers(GCRY_MD_SM3, flags, digest.data(), buffers.data(),
                               static_cast<int>(buffers.size())) == 0,
          "SM3 failed");
  return digest;
}

struct CipherCloser {
  void operator()(gcry_cipher_hd_t handle) const { gcry_cipher_close(handle); }
};
using Cipher = std::unique_ptr<gcry_cipher_handle, CipherCloser>;

// A handle for one message. Opening costs a tenth of sealing 1 KB, and closing
// wipes the key.
absl::StatusOr<Cipher> StartCipher(const contract::SecretBytes& key, absl::string_view nonce,
                                   absl::string_view aad) {
  const absl::string_view raw = key.ExposeSecretBytes();
  if (raw.size() != kKeyBytes || nonce.size() != kNonceBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("SM4-GCM takes a key of 16 and a nonce of 12 bytes, not of ", raw.size(),
                     " and ", nonce.size()));
  }
  gcry_cipher_hd_t handle = nullptr;
  if (gcry_cipher_open(&handle, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_GCM, 0) != 0) {
    return absl::ResourceExhaustedError("SM4-GCM: no memory for a handle");
  }
  Cipher cipher(handle);
  if (gcry_cipher_setkey(handle, raw.data(), raw.size()) != 0 ||
      gcry_cipher_setiv(handle, nonce.data(), nonce.size()) != 0 ||
      (!aad.empty() && gcry_cipher_authenticate(handle, aad.data(), aad.size()) != 0) ||
      gcry_cipher_final(handle) != 0) {
    return absl::InternalError("SM4-GCM: libgcrypt refused key, nonce or associated data");
  }
  return cipher;
}

}  // namespace

Sm3Hasher::Sm3Hasher() { InitializeOnce(); }

contract::Digest Sm3Hasher::Hash(absl::Span<const absl::string_view> parts) const {
  absl::InlinedVector<gcry_buffer_t, 16> buffers;
  for (absl::string_view part : parts) buffers.push_back(BufferOf(part));
  if (buffers.empty()) buffers.push_back(BufferOf(""));
  return HashBuffers(0, buffers);
}

contract::Digest Sm3Hasher::Hmac(absl::string_view key,
                                 absl::Span<const absl::string_view> parts) const {
  absl::InlinedVector<gcry_buffer_t, 16> buffers = {BufferOf(key)};
  for (absl::string_view part : parts) buffers.push_back(BufferOf(part));
  return HashBuffers(GCRY_MD_FLAG_HMAC, buffers);
}

Sm4GcmAead::Sm4GcmAead() { InitializeOnce(); }

absl::StatusOr<std::string> Sm4GcmAead::Seal(const contract::SecretBytes& key,
                                             absl::string_view nonce, absl::string_view aad,
                                             absl::string_view plaintext) const {
  auto cipher = StartCipher(key, nonce, aad);
  if (!cipher.ok()) return cipher.status();
  std::string sealed(plaintext.size() + kTagBytes, '\0');
  if (gcry_cipher_encrypt(cipher->get(), sealed.data(), plaintext.size(), plaintext.data(),
                          plaintext.size()) != 0 ||
      gcry_cipher_gettag(cipher->get(), sealed.data() + plaintext.size(), kTagBytes) != 0) {
    return absl::InternalError("SM4-GCM: sealing failed");
  }
  return sealed;
}

absl::StatusOr<std::string> Sm4GcmAead::Open(const contract::SecretBytes& key,
                                             absl::string_view nonce, absl::string_view aad,
                                             absl::string_view sealed) const {
  if (sealed.size() < kTagBytes) {
    return absl::DataLossError("SM4-GCM: shorter than its tag of 16 bytes");
  }
  auto cipher = StartCipher(key, nonce, aad);
  if (!cipher.ok()) return cipher.status();
  const std::size_t size = sealed.size() - kTagBytes;
  std::string plaintext(size, '\0');
  if (gcry_cipher_decrypt(cipher->get(), plaintext.data(), size, sealed.data(), size) != 0) {
    return absl::InternalError("SM4-GCM: opening failed");
  }
  if (gcry_cipher_checktag(cipher->get(), sealed.data() + size, kTagBytes) != 0) {
    return absl::DataLossError(
        "SM4-GCM: the tag does not fit: another key, or bytes that were changed");
  }
  return plaintext;
}

}  // namespace yizhan::platform
