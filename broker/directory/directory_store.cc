#include "broker/directory/directory_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "broker/store/keys.h"
#include "protos/contract/errors.h"

namespace yizhan::broker {
namespace {

constexpr char kEntries = 'D';
constexpr char kDigests = 'E';
constexpr std::uint32_t kMaxFetched = 512;
constexpr std::size_t kMaxFetchedBytes = std::size_t{2} << 20;

absl::Status ConfigInvalid(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

// The contract's error tells what and why; the code says that a repeat is none.
absl::Status AlreadyThere(const contract::Digest& digest) {
  const absl::Status error = contract::MakeError(
      v1::DIRECTORY_ENTRY_REFUSED, v1::SIDE_MINE,
      absl::StrCat("the directory has the entry ", digest.hex().substr(0, 16), " already"),
      "Nothing to do; fetch the directory to see it.");
  absl::Status out(absl::StatusCode::kAlreadyExists, error.message());
  error.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { out.SetPayload(url, payload); });
  return out;
}

}  // namespace

DirectoryStore::DirectoryStore(Records* records, contract::SuiteAlgorithms algorithms)
    : records_(records),
      algorithms_(algorithms),
      checker_(algorithms.hasher, algorithms.verifier) {}

absl::Status DirectoryStore::Replay(const contract::Digest& pinned, absl::Time now) {
  absl::Status result;
  records_->Scan(OwnPrefix(kEntries), OwnPrefix(kEntries),
                 [&](absl::string_view, absl::string_view value) {
                   v1::SignedEntry entry;
                   if (!entry.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                     result = absl::DataLossError("a stored directory entry does not parse");
                     return false;
                   }
                   result = state_.Apply(*algorithms_.hasher, checker_, entry, pinned, now);
                   return result.ok();
                 });
  if (!records_->status().ok()) return records_->status();
  return result;
}

absl::Status DirectoryStore::Load(const std::vector<v1::SignedEntry>& genesis,
                                  const contract::Digest& pinned, absl::Time now) {
  pinned_ = pinned;
  if (absl::Status s = Replay(pinned, now); !s.ok()) {
    return ConfigInvalid(
        absl::StrCat("the directory in data_dir does not verify: ", s.message()),
        "Compare genesis_digest_hex with the network's; restore data_dir from a backup if it was "
        "changed.");
  }
  if (state_.head().size() > 0) return absl::OkStatus();
  if (genesis.empty()) {
    return ConfigInvalid("genesis names no entry and data_dir has no directory yet",
                         "Set genesis to the file that begins the network's directory.");
  }
  for (std::size_t i = 0; i < genesis.size(); ++i) {
    if (absl::Status s = Append(genesis[i], now); !s.ok()) {
      return ConfigInvalid(absl::StrCat("entry ", i, " of genesis does not verify: ", s.message()),
                           "Use the genesis file and genesis_digest_hex of the same network.");
    }
  }
  return absl::OkStatus();
}

absl::Status DirectoryStore::Append(const v1::SignedEntry& entry, absl::Time now) {
  const contract::Digest digest = algorithms_.hasher->Hash(absl::string_view(entry.entry()));
  if (records_->Has(OwnKey(kDigests, digest.view()))) return AlreadyThere(digest);
  const std::uint64_t position = state_.head().size();
  if (absl::Status s = state_.Apply(*algorithms_.hasher, checker_, entry, pinned_, now); !s.ok()) {
    return s;
  }
  checker_.Purge();
  records_->Write(OwnKey(kEntries, BigEndian(position)), entry);
  records_->Put(OwnKey(kDigests, digest.view()), "");
  return absl::OkStatus();
}

v1::FetchEntriesResponse DirectoryStore::Fetch(const v1::FetchEntriesRequest& request) {
  v1::FetchEntriesResponse response;
  *response.mutable_head() = state_.head();
  const std::uint32_t limit =
      request.limit() == 0 ? kMaxFetched : std::min(request.limit(), kMaxFetched);
  std::size_t bytes = 0;
  records_->Scan(
      OwnPrefix(kEntries), OwnKey(kEntries, BigEndian(request.from())),
      [&](absl::string_view, absl::string_view value) {
        bytes += value.size();
        const auto have = static_cast<std::uint32_t>(response.entries_size());
        if (have == limit || (have > 0 && bytes > kMaxFetchedBytes)) return false;
        if (!response.add_entries()->ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          records_->Fail(absl::DataLossError("a directory entry does not parse"));
        }
        return true;
      });
  return response;
}

bool DirectoryStore::IsSealingKey(contract::ProvinceCode province, absl::string_view key_id) const {
  const v1::Member* member = state_.FindMember(province);
  if (member == nullptr) return false;
  return std::any_of(member->keys().begin(), member->keys().end(), [&](const v1::PublicKey& key) {
    return key.use() == v1::KEY_USE_SEAL && key.key_id() == key_id;
  });
}

}  // namespace yizhan::broker
