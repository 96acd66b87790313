#include "tools/membership/member_changes.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

constexpr std::size_t kMinIdDigits = 8;

absl::Status Refuse(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

bool Holds(const v1::PublicKey& key, absl::Time now) {
  const std::int64_t at = absl::ToUnixMicros(now);
  return key.not_before_unix_us() <= at && key.suspect_since_unix_us() == 0 &&
         (key.not_after_unix_us() == 0 || at < key.not_after_unix_us());
}

v1::Member Next(const v1::Member& member) {
  v1::Member next = member;
  next.set_version(member.version() + 1);
  next.clear_document_number();
  return next;
}

v1::PublicKey* Find(v1::Member& member, const std::string& id) {
  for (v1::PublicKey& key : *member.mutable_keys()) {
    if (key.key_id() == id) return &key;
  }
  return nullptr;
}

std::string ShortId(const v1::PublicKey& key) {
  return absl::BytesToHexString(key.key_id()).substr(0, kMinIdDigits);
}

absl::Status CheckAnotherHolds(const v1::Member& after, const v1::PublicKey& key, absl::Time now) {
  const bool another =
      std::any_of(after.keys().begin(), after.keys().end(), [&](const v1::PublicKey& other) {
        return other.use() == key.use() && other.key_id() != key.key_id() && Holds(other, now);
      });
  if (another) return absl::OkStatus();
  return Refuse(absl::StrCat("key ", ShortId(key), " is the only one of its use that holds now"),
                "Stage and activate its successor first.");
}

}  // namespace

KeyState StateOf(const v1::Member& member, const v1::PublicKey& key, absl::Time now) {
  const std::int64_t at = absl::ToUnixMicros(now);
  if (key.suspect_since_unix_us() != 0) return KeyState::kSuspect;
  if (key.not_after_unix_us() != 0 && key.not_after_unix_us() <= at) return KeyState::kRetired;
  if (key.not_before_unix_us() > at) return KeyState::kStaged;
  const v1::PublicKey* last = nullptr;
  for (const v1::PublicKey& other : member.keys()) {
    if (other.use() == key.use() && Holds(other, now)) last = &other;
  }
  return last != nullptr && last->key_id() == key.key_id() ? KeyState::kActive : KeyState::kValid;
}

std::string KeyStateText(KeyState state) {
  switch (state) {
    case KeyState::kStaged:
      return "staged";
    case KeyState::kActive:
      return "active";
    case KeyState::kValid:
      return "valid";
    case KeyState::kRetired:
      return "retired";
    case KeyState::kSuspect:
      return "suspect";
  }
  return "?";
}

absl::StatusOr<v1::PublicKey> PickKey(const v1::Member& member, absl::string_view id_hex,
                                      v1::KeyUse use, KeyState state, absl::Time now) {
  if (!id_hex.empty() && id_hex.size() < kMinIdDigits) {
    return Refuse(absl::StrCat("'", id_hex, "' is too short for a key id"),
                  absl::StrCat("Give at least ", kMinIdDigits, " of its hex digits."));
  }
  std::vector<v1::PublicKey> matching;
  std::vector<std::string> all;
  for (const v1::PublicKey& key : member.keys()) {
    const KeyState is = StateOf(member, key, now);
    all.push_back(absl::StrCat(ShortId(key), key.use() == v1::KEY_USE_SIGN ? " sign " : " seal ",
                               KeyStateText(is)));
    const bool meant = id_hex.empty()
                           ? key.use() == use && is == state
                           : absl::StartsWith(absl::BytesToHexString(key.key_id()), id_hex);
    if (meant) matching.push_back(key);
  }
  if (matching.size() == 1) return matching.front();
  const std::string wanted =
      id_hex.empty() ? absl::StrCat(KeyStateText(state),
                                    use == v1::KEY_USE_SIGN ? " signing key" : " sealing key")
                     : absl::StrCat("key ", id_hex);
  return contract::MakeError(
      v1::NOT_FOUND, v1::SIDE_MINE,
      absl::StrCat("the member has ", matching.empty() ? "no " : "several of ", wanted),
      absl::StrCat("Name one by --key: ", absl::StrJoin(all, ", "), "."));
}

absl::StatusOr<v1::Member> StageKey(const v1::Member& member, const v1::PublicKey& key,
                                    absl::Time now) {
  v1::Member next = Next(member);
  if (Find(next, key.key_id()) != nullptr) {
    return Refuse(absl::StrCat("key ", ShortId(key), " is listed already"), "Make a new key.");
  }
  if (key.not_before_unix_us() <= absl::ToUnixMicros(now)) {
    return Refuse("a staged key holds from a later time on",
                  "Give a time to come; `yizhan key activate` brings it forward.");
  }
  *next.add_keys() = key;
  return next;
}

absl::StatusOr<v1::Member> ActivateKey(const v1::Member& member, const v1::PublicKey& key,
                                       absl::Time now) {
  v1::Member next = Next(member);
  v1::PublicKey* changed = Find(next, key.key_id());
  if (changed == nullptr || StateOf(member, *changed, now) != KeyState::kStaged) {
    return Refuse(absl::StrCat("key ", ShortId(key), " is not staged"),
                  "See `yizhan member show` for the states of the keys.");
  }
  changed->set_not_before_unix_us(absl::ToUnixMicros(now));
  return next;
}

absl::StatusOr<v1::Member> RetireKey(const v1::Member& member, const v1::PublicKey& key,
                                     absl::Time now) {
  v1::Member next = Next(member);
  v1::PublicKey* changed = Find(next, key.key_id());
  if (changed == nullptr || !Holds(*changed, now)) {
    return Refuse(absl::StrCat("key ", ShortId(key), " does not hold now"),
                  "Only an active or valid key can be retired.");
  }
  if (absl::Status s = CheckAnotherHolds(next, key, now); !s.ok()) return s;
  // A key that began this very microsecond still has a life.
  changed->set_not_after_unix_us(
      std::max(absl::ToUnixMicros(now), changed->not_before_unix_us() + 1));
  return next;
}

absl::StatusOr<v1::Member> SuspectKey(const v1::Member& member, const v1::PublicKey& key,
                                      absl::Time since, absl::Time now) {
  if (since > now) return Refuse("a key is suspect since a time that has passed", "Correct it.");
  v1::Member next = Next(member);
  v1::PublicKey* changed = Find(next, key.key_id());
  if (changed == nullptr) return Refuse("the member does not list that key", "Name another.");
  const std::int64_t already = changed->suspect_since_unix_us();
  if (already != 0 && already <= absl::ToUnixMicros(since)) {
    return Refuse(absl::StrCat("key ", ShortId(key), " is suspect since then or earlier"),
                  "Nothing has to be done; an earlier time may be given.");
  }
  changed->set_suspect_since_unix_us(absl::ToUnixMicros(since));
  return next;
}

absl::StatusOr<v1::Member> DropCertificate(const v1::Member& member, absl::string_view sha256) {
  v1::Member next = Next(member);
  auto& fingerprints = *next.mutable_certificate_sha256();
  const auto found = std::find(fingerprints.begin(), fingerprints.end(), sha256);
  if (found == fingerprints.end()) {
    return Refuse("the member does not list that certificate", "See `yizhan member show`.");
  }
  if (fingerprints.size() == 1) {
    return Refuse("it is the member's only certificate",
                  "Stage its successor first: yizhan key stage --use tls.");
  }
  fingerprints.erase(found);
  auto& about = *next.mutable_certificates();
  about.erase(std::remove_if(about.begin(), about.end(),
                             [&](const auto& info) { return info.sha256() == sha256; }),
              about.end());
  return next;
}

absl::StatusOr<v1::Member> WithStatus(const v1::Member& member, v1::MemberStatus status,
                                      absl::string_view document_number) {
  if (document_number.empty()) {
    return Refuse("no document number is given", "Give the authority's decision by --document.");
  }
  if (member.status() == v1::MEMBER_REVOKED) {
    return Refuse("the member is revoked, and that is final", "Nothing can follow.");
  }
  if (member.status() == status) {
    return Refuse("the member has that status already", "Nothing has to be done.");
  }
  v1::Member next = Next(member);
  next.set_status(status);
  next.set_document_number(std::string(document_number));
  return next;
}

}  // namespace yizhan::tools
