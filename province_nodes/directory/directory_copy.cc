#include "province_nodes/directory/directory_copy.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"
#include "province_nodes/store/node_store.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr char kEntryPrefix[] = "n/dir/";

std::string EntryKey(std::uint64_t index) { return absl::StrCat(kEntryPrefix, EncodeU64(index)); }

}  // namespace

DirectoryCopy::DirectoryCopy(const contract::SuiteAlgorithms& algorithms,
                             const contract::Digest& pinned_genesis)
    : algorithms_(algorithms),
      pinned_genesis_(pinned_genesis),
      checker_(algorithms.hasher, algorithms.verifier) {}

absl::StatusOr<std::unique_ptr<DirectoryCopy>> DirectoryCopy::Load(
    const platform::KeyValueStore& store, const contract::SuiteAlgorithms& algorithms,
    const contract::Digest& pinned_genesis, absl::Time now) {
  std::unique_ptr<DirectoryCopy> copy(new DirectoryCopy(algorithms, pinned_genesis));
  absl::Status applied;
  YIZHAN_RETURN_IF_ERROR(ForEachStored(store, [&](std::uint64_t, const v1::SignedEntry& entry) {
    applied = copy->ApplyOne(entry, now);
    return applied.ok();
  }));
  YIZHAN_RETURN_IF_ERROR(applied);
  return copy;
}

absl::Status DirectoryCopy::ForEachStored(
    const platform::KeyValueStore& store,
    const std::function<bool(std::uint64_t, const v1::SignedEntry&)>& visit) {
  const std::unique_ptr<platform::KvIterator> it =
      store.Scan(kEntryPrefix, platform::PrefixEnd(kEntryPrefix));
  for (std::uint64_t position = 0; it->Valid(); it->Next(), ++position) {
    absl::StatusOr<v1::SignedEntry> entry =
        ParseStored<v1::SignedEntry>(it->value(), "directory entry");
    if (!entry.ok()) return entry.status();
    if (!visit(position, *entry)) return absl::OkStatus();
  }
  return it->status();
}

absl::Status DirectoryCopy::ApplyOne(const v1::SignedEntry& entry, absl::Time now) {
  YIZHAN_RETURN_IF_ERROR(state_.Apply(*algorithms_.hasher, checker_, entry, pinned_genesis_, now));
  checker_.Purge();
  digests_.push_back(*contract::Digest::From(state_.head().digest()));
  return absl::OkStatus();
}

absl::StatusOr<v1::SignedEntry> DirectoryCopy::Entry(const platform::Transaction& txn,
                                                     std::uint64_t index) const {
  auto entry = GetProto<v1::SignedEntry>(txn, EntryKey(index));
  if (!entry.ok()) return entry.status();
  if (!entry->has_value()) return StoredValueDamaged("directory entry");
  return **std::move(entry);
}

DirectoryCopy::Told DirectoryCopy::Compare(const v1::DirectoryHead& told) const {
  if (told.size() > digests_.size()) return Told::kLarger;
  // An empty log has nothing to differ in.
  if (told.size() > 0 && digests_[told.size() - 1].view() != told.digest()) return Told::kFork;
  return told.size() == digests_.size() ? Told::kSame : Told::kSmaller;
}

absl::Status DirectoryCopy::Apply(platform::Transaction& txn, std::uint64_t from,
                                  const v1::FetchEntriesResponse& fetched, absl::Time now) {
  std::uint64_t position = from;
  for (const v1::SignedEntry& entry : fetched.entries()) {
    const std::uint64_t index = position++;
    if (index > digests_.size()) {
      return contract::MakeError(v1::DIRECTORY_ENTRY_REFUSED, v1::SIDE_BROKER,
                                 absl::StrCat("Directory entries from ", from,
                                              " were served, but the node holds ", digests_.size()),
                                 "Ask the broker's operator to check the directory service.");
    }
    if (index < digests_.size()) {
      const contract::Digest before = index == 0 ? contract::Digest() : digests_[index - 1];
      if (contract::ChainDigest(*algorithms_.hasher, before, entry.entry()) == digests_[index]) {
        continue;
      }
      return contract::MakeError(
          v1::DIRECTORY_ENTRY_REFUSED, v1::SIDE_BROKER,
          absl::StrCat("The broker serves another directory entry ", index,
                       " than the one that this node has verified"),
          "The directory has been forked: compare copies with other provinces and the authority.");
    }
    YIZHAN_RETURN_IF_ERROR(ApplyOne(entry, now));
    PutProto(txn, EntryKey(index), entry);
  }
  return absl::OkStatus();
}

}  // namespace yizhan::node
