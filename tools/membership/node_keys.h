// A member's own desk: its configuration, its keys, its entry in the directory.
#ifndef YIZHAN_TOOLS_MEMBERSHIP_NODE_KEYS_H_
#define YIZHAN_TOOLS_MEMBERSHIP_NODE_KEYS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "adapters/platform/keys/key_ring.h"
#include "tools/membership/access.h"
#include "tools/yizhan/flags.h"
#include "yizhan/v1/membership.pb.h"

namespace yizhan::tools {

// One thread.
class NodeDesk {
 public:
  // Reads the files, opens the keys, fetches and verifies the directory.
  static absl::StatusOr<std::unique_ptr<NodeDesk>> Open(const FlagSet& flags, absl::Time now);

  const NodeFiles& files() const { return files_; }
  const v1::Member& member() const { return member_; }
  const contract::Digest& genesis() const { return access_.genesis; }
  // Signs with the key that the directory has for now.
  const contract::Signer& signer() const { return *keys_; }
  // Of the node's key files; empty for a lab's plain ones.
  const contract::SecretBytes& passphrase() const { return passphrase_; }
  const contract::SecretBytes& tls_passphrase() const { return tls_passphrase_; }
  // Where a certificate waits until it is activated.
  std::string NextTlsFolder() const;
  std::string TlsFolder() const;

  absl::Status SignAndSubmit(v1::MemberPaper& paper) const;
  // An entry that the member may make alone.
  absl::Status SubmitAlone(const v1::Member& next, absl::Time now) const;

  // Names a new key file in the configuration, as a line of its `keys`.
  // Everything else in the file stays as it is.
  absl::Status AddToConfig(const std::string& field, const std::string& path) const;

 private:
  NodeDesk() = default;

  NodeFiles files_;
  Access access_;
  contract::SecretBytes passphrase_;
  contract::SecretBytes tls_passphrase_;
  std::unique_ptr<platform::KeyRing> keys_;
  std::unique_ptr<DirectoryClient> client_;
  v1::Member member_;
};

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_MEMBERSHIP_NODE_KEYS_H_
