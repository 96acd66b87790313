// Owners of OpenSSL objects, and its error queue as text. Private to this folder.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CRYPTO_OPENSSL_HANDLES_H_
#define YIZHAN_ADAPTERS_PLATFORM_CRYPTO_OPENSSL_HANDLES_H_

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace yizhan::platform {

template <typename T, void (*kFree)(T*)>
struct OpensslFree {
  void operator()(T* object) const { kFree(object); }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY, EVP_PKEY_free>>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, OpensslFree<EVP_MD_CTX, EVP_MD_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO, BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509, X509_free>>;

inline const unsigned char* Unsigned(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.empty() ? "" : bytes.data());
}
inline unsigned char* Unsigned(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// Reads `bytes`, which must outlive the BIO.
inline BioPtr ReadBio(absl::string_view bytes) {
  return BioPtr(BIO_new_mem_buf(Unsigned(bytes), static_cast<int>(bytes.size())));
}
inline BioPtr WriteBio() { return BioPtr(BIO_new(BIO_s_mem())); }
inline std::string BytesOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// A key that asks for a passphrase must not stop a daemon at a prompt.
inline int NoPassphrase(char*, int, int, void*) { return -1; }

// The first error of this thread's queue, which is emptied.
inline std::string TakeOpensslError() {
  char text[256] = "no further detail";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  return text;
}

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CRYPTO_OPENSSL_HANDLES_H_
