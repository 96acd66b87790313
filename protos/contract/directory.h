// Replay of the directory log: who belongs to the network, with which keys, and
// which routes are open. Every reader verifies every entry by this code.
#ifndef YIZHAN_PROTOS_CONTRACT_DIRECTORY_H_
#define YIZHAN_PROTOS_CONTRACT_DIRECTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "protos/contract/key_registry.h"
#include "protos/contract/route.h"
#include "protos/contract/route_rules.h"
#include "protos/contract/signing.h"
#include "yizhan/v1/broker_admin.pb.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::contract {

// State after some number of entries. A value: copy it to make a snapshot.
class DirectoryState {
 public:
  DirectoryState() = default;

  // Verifies signatures, signers, versions and transitions of the next entry and
  // applies it. On any error (DIRECTORY_ENTRY_REFUSED: who, what, why, next
  // step) the state stays as it was. `pinned_genesis`, if not zero, is what the
  // first entry's digest must be. `now` bounds entries from the future.
  absl::Status Apply(const Hasher& hasher, SignatureChecker& checker, const v1::SignedEntry& entry,
                     const Digest& pinned_genesis, absl::Time now);

  const v1::DirectoryHead& head() const { return head_; }
  const Digest& genesis_digest() const { return genesis_digest_; }
  const v1::Genesis& genesis() const { return genesis_; }
  bool lab() const { return genesis_.lab(); }

  const v1::Member* FindMember(ProvinceCode province) const;
  std::vector<ProvinceCode> Members() const;
  // Any listed key, of member, broker or authority, whatever its dates; nothing
  // if unknown, of a revoked member, or no longer in its owner's list.
  std::optional<KeyOwner> FindKey(const KeyId& key) const { return keys_.Find(key); }
  // What may sign at `at` (now, or the record's own time): neither staged then,
  // nor retired, dropped or suspect. And what might have signed something that
  // was accepted then, by somebody else's word, also where it is suspect since.
  std::optional<KeyOwner> FindSigner(const KeyId& key, absl::Time at) const {
    return keys_.FindSigner(key, at);
  }
  std::optional<KeyOwner> FindSignerThen(const KeyId& key, absl::Time accepted) const {
    return keys_.FindSignerThen(key, accepted);
  }
  // The member's current sealing key: the last in its list with use SEAL that
  // holds at `now`.
  const v1::PublicKey* SealingKey(ProvinceCode province, absl::Time now) const;
  // Whose client certificate this is; nothing for unknown ones and for members
  // that are not active.
  std::optional<ProvinceCode> ProvinceOfCertificate(const CertificateFingerprint& sha256) const;

  // Whether a session may be held by a certificate of the broker with this digest.
  bool IsBrokerCertificate(const CertificateFingerprint& sha256) const;
  const v1::BrokerKeys& broker_keys() const { return broker_; }
  const v1::AuthorityKeys& authority_keys() const { return authority_; }
  // Distinct officers' signatures that an act of the authority needs.
  int authority_quorum() const;
  // Of the last entry by which the authority confirmed the log; 1970 for none.
  absl::Time confirmed() const { return confirmed_; }

  // As the entries say at `now`: a planned change is effective from its time on;
  // a certification that ran out reads EXPIRED; keys that were changed and not
  // shown to work within the grace, or at once where the old ones are suspect,
  // read VOID; one with a later opening time reads CERTIFIED until then.
  RouteRecord Route(const RouteKey& key, absl::Time now) const;
  const std::map<RouteKey, RouteRecord>& routes() const { return routes_; }
  // Whose signatures a change to `to` created then needs.
  Consent ConsentNeeded(const RouteKey& key, v1::RouteState to, absl::Time created) const;
  bool HasReport(const RunId& run) const { return reports_.contains(run); }

 private:
  // Keys of a member that a test of its routes has to show to work.
  struct KeyChanges {
    std::map<KeyId, absl::Time> listed;  // beside those of its first version
    absl::Time suspect;                  // 1970: never
  };
  // Whose valid signatures an entry carries.
  struct Signers {
    std::set<KeyId> authority;     // officers
    std::set<KeyId> new_officers;  // whom the entry brings
    bool broker = false;
    std::set<ProvinceCode> members;    // by a key that the directory has
    std::set<ProvinceCode> newcomers;  // by a key that the entry brings
  };
  absl::Status ApplyParsed(const Hasher& hasher, SignatureChecker& checker,
                           const v1::SignedEntry& entry, const v1::DirectoryEntry& parsed,
                           const Digest& pinned_genesis, absl::Time now);
  absl::StatusOr<Signers> VerifySigners(const Hasher& hasher, SignatureChecker& checker,
                                        const v1::SignedEntry& entry,
                                        const v1::DirectoryEntry& parsed) const;
  std::optional<KeyOwner> KeyForEntry(const Hasher& hasher, const v1::EntrySignature& signature,
                                      const v1::DirectoryEntry& parsed) const;
  absl::Status ApplyGenesis(const Hasher& hasher, const v1::Genesis& genesis, const Digest& digest,
                            const Digest& pinned, const Signers& signers, absl::Time created);
  absl::Status ApplyMember(const Hasher& hasher, const v1::Member& member, const Signers& signers,
                           absl::Time created);
  absl::Status CheckMember(const Hasher& hasher, const v1::Member& member) const;
  absl::Status CheckConsent(const v1::Member* before, const v1::Member& after,
                            const Signers& signers) const;
  void NoteKeyChanges(const v1::Member* before, const v1::Member& after, bool lost,
                      absl::Time created);
  absl::Status ApplyBrokerKeys(const Hasher& hasher, const v1::BrokerKeys& keys,
                               const Signers& signers, absl::Time created);
  absl::Status ApplyAuthorityKeys(const Hasher& hasher, const v1::AuthorityKeys& next,
                                  const Signers& signers, absl::Time created);
  // None of another owner, and no suspicion that is taken back.
  absl::Status CheckOwned(const KeyOwner& owner,
                          const google::protobuf::RepeatedPtrField<v1::PublicKey>& keys) const;
  absl::Status ApplyCheckpoint(const v1::AuthorityCheckpoint& checkpoint, const Signers& signers,
                               absl::Time created);
  bool Agreed(const Signers& signers) const {
    return static_cast<int>(signers.authority.size()) >= authority_quorum();
  }
  absl::Status CheckReport(const v1::LinkReport& report, const Signers& signers,
                           absl::Time now) const;
  absl::Status ApplyReport(const v1::LinkReport& report, const Signers& signers, absl::Time created,
                           absl::Time now);
  absl::Time UntestedKeysHoldUntil(const RouteKey& key, absl::Time tested) const;
  absl::Status ApplyRouteChange(const v1::RouteChange& change, const Signers& signers,
                                absl::Time created);

  v1::DirectoryHead head_;
  Digest genesis_digest_;
  v1::Genesis genesis_;
  std::map<ProvinceCode, v1::Member> members_;
  v1::BrokerKeys broker_;
  v1::AuthorityKeys authority_;
  KeyRegistry keys_;
  std::map<CertificateFingerprint, ProvinceCode> certificates_;
  std::map<RouteKey, RouteRecord> routes_;
  std::set<RunId> reports_;
  std::map<ProvinceCode, KeyChanges> key_changes_;
  absl::Time last_created_;
  absl::Time confirmed_;
};

// Ids of the cases that a report of this suite version must show passed, each
// in both directions; empty for an unknown version.
std::vector<absl::string_view> MandatoryCases(std::uint32_t suite_version);

// Likewise of a smoke report.
std::vector<absl::string_view> SmokeCases(std::uint32_t suite_version);

// SM3(before | SM3(entry)).
Digest ChainDigest(const Hasher& hasher, const Digest& before, absl::string_view entry);

// May `source` send `kind` to `destination` in the BUSINESS lane now? The
// judgement of broker and recipient alike.
//   A to H kinds ride on route (source, destination); H to A kinds on
//   (destination, source); SYSTEM_OUTCOME on either. OPEN and PILOT let all
//   pass; SUSPENDED, EXPIRED, VOID and a later TESTING stop new cases only (an
//   eligibility query, or an A to H kind with sequence 1), and so does any
//   other state of a route that was open before; CUT stops all; other states
//   and no route at all stop all.
// Both members must be active.
// Errors: DESTINATION_UNKNOWN, ENVELOPE_LINK_NOT_OPEN,
// NEW_CASE_ON_SUSPENDED_ROUTE, LINK_CUT, KIND_NOT_ALLOWED.
absl::Status MaySend(const DirectoryState& directory, ProvinceCode source, ProvinceCode destination,
                     v1::MessageKind kind, std::uint64_t sequence, absl::Time now);

}  // namespace yizhan::contract

#endif  // YIZHAN_PROTOS_CONTRACT_DIRECTORY_H_
