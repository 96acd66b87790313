// Certificates and keys for TLS, checked before gRPC sees them: it ends the
// process on an empty chain, and reports the rest only as failed handshakes.
#ifndef YIZHAN_ADAPTERS_PLATFORM_RPC_TLS_FILES_H_
#define YIZHAN_ADAPTERS_PLATFORM_RPC_TLS_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::platform {

struct TlsMaterial {
  std::string certificate_chain_pem;
  contract::SecretBytes private_key_pem;  // plain
  std::string trust_anchors_pem;
  contract::CertificateFingerprint fingerprint;  // of the first certificate of the chain
  absl::Time not_after;                          // of the same
};

// Reads and checks: every PEM block is a certificate, the key fits the first
// one, is readable by its owner alone, and opens with the passphrase if one is named. Relative
// paths count from `folder`. CONFIG_INVALID names field ("gateway_tls.private_key"), file, cause,
// what to do.
absl::StatusOr<TlsMaterial> LoadTlsFiles(const v1::TlsFiles& files, absl::string_view folder,
                                         absl::string_view field = "tls");

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_RPC_TLS_FILES_H_
