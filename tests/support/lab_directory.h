// A directory for tests: keys, genesis, members and opened routes; real SM
// cryptography unless other keys are given.
#ifndef YIZHAN_TESTS_SUPPORT_LAB_DIRECTORY_H_
#define YIZHAN_TESTS_SUPPORT_LAB_DIRECTORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/directory.h"
#include "protos/contract/ids.h"
#include "protos/contract/signing.h"
#include "tests/support/lab_keys.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::testing {

// Any step that the directory's own rules refuse ends the test program: a wrong
// fixture is no finding. Keys differ from run to run. One thread.
class LabDirectory {
 public:
  // Genesis and one active member per province, all capabilities. `now` is the
  // time of the entries. `keys` must outlive this object.
  LabDirectory(const std::vector<std::uint32_t>& provinces, absl::Time now,
               LabKeys* keys = &RealLabKeys());
  ~LabDirectory();

  const contract::SuiteAlgorithms& algorithms() const;
  const contract::Signer& broker_signer() const;
  const contract::Signer& authority_signer() const;
  // Of its newest signing key.
  const contract::Signer& signer(std::uint32_t province) const;
  // Null where the key is none that the province has, or had.
  const contract::Signer* FindSigner(std::uint32_t province, const contract::KeyId& key) const;
  // Of every sealing key that the member has, and had.
  const contract::Unwrapper& unwrapper(std::uint32_t province) const;
  const v1::PublicKey& sealing_key(std::uint32_t province) const;
  // Fingerprint of the member's client certificate (no such certificate exists).
  contract::CertificateFingerprint certificate(std::uint32_t province) const;
  // A signer that no directory knows.
  const contract::Signer& stranger() const;

  // Everything so far, verified; and the state after it.
  const std::vector<v1::SignedEntry>& entries() const { return entries_; }
  const contract::DirectoryState& state() const { return state_; }
  const contract::Digest& genesis_digest() const { return state_.genesis_digest(); }
  void SetNow(absl::Time now) { now_ = now; }

  // Each appends an entry and returns it, so that a test can hand it to a broker.
  // A certified report of both directions between the two, routes open at once.
  v1::SignedEntry OpenRoutes(std::uint32_t a, std::uint32_t b);
  // Signed by accepting and home side both.
  v1::SignedEntry ChangeRoute(std::uint32_t accepting, std::uint32_t home, v1::RouteState state);
  // The next version of a member, with this status.
  v1::SignedEntry SetStatus(std::uint32_t province, v1::MemberStatus status);
  // The next version of a member, with a new sealing key in the place of the one
  // before, whose private half is destroyed or kept.
  v1::SignedEntry ChangeSealingKey(std::uint32_t province, bool destroy_old);
  // The next version of a member, with a new signing key; the one before is retired
  // at `old_until`.
  v1::SignedEntry ChangeSigningKey(std::uint32_t province, absl::Time old_until);
  // What a broker's operator can make alone: a member's next version with a sealing
  // key of his own, signed by its key in its own name or in all names.
  v1::SignedEntry MakeFalseMember(std::uint32_t province, bool in_all_names) const;
  // Head of the log's first entries.
  v1::DirectoryHead HeadOf(std::uint64_t size) const;
  // Every sealing key that the province has, or had.
  const std::vector<contract::KeyId>& sealing_keys(std::uint32_t province) const;
  // A report as OpenRoutes makes it, signed but not appended; for refusals.
  v1::SignedEntry MakeReport(std::uint32_t a, std::uint32_t b, const contract::RunId& run) const;

 private:
  struct Party;
  Party MakeParty(const std::string& whose);
  const Party& party(std::uint32_t province) const;
  v1::DirectoryEntry NewEntry() const;
  v1::SignedEntry Sign(const v1::DirectoryEntry& entry, const std::vector<std::uint32_t>& members,
                       bool authority, bool broker) const;
  v1::SignedEntry Append(v1::SignedEntry entry);

  LabKeys* const keys_;
  absl::Time now_;
  std::unique_ptr<Party> authority_;
  std::unique_ptr<Party> broker_;
  std::unique_ptr<Party> stranger_;
  std::map<std::uint32_t, Party> parties_;
  std::vector<v1::SignedEntry> entries_;
  contract::DirectoryState state_;
  std::unique_ptr<contract::SignatureChecker> checker_;
  std::uint8_t runs_ = 0;
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_LAB_DIRECTORY_H_
