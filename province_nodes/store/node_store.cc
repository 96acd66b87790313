#include "province_nodes/store/node_store.h"

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "adapters/platform/kv/transaction.h"
#include "protos/contract/errors.h"
#include "province_nodes/store/proto_io.h"
#include "province_nodes/store/store.pb.h"

namespace yizhan::node {
namespace {

constexpr char kFormatKey[] = "n/format";
constexpr std::size_t kEraseAtOnce = 1024;

std::string PeerByte(contract::ProvinceCode peer) {
  return std::string(1, static_cast<char>(peer.value()));
}

absl::StatusOr<contract::Incarnation> MakeIdentity(platform::KeyValueStore& store,
                                                   contract::ProvinceCode province,
                                                   contract::Random& random, absl::Time now) {
  const std::unique_ptr<platform::KvIterator> any = store.Scan("", "");
  if (any->Valid()) {
    return contract::MakeError(v1::VERSION_UNSUPPORTED, v1::SIDE_MINE,
                               "data_dir holds data, but not those of a Yizhan node",
                               "Name an empty folder, or the node's own, in data_dir.");
  }
  YIZHAN_RETURN_IF_ERROR(any->status());
  const auto incarnation = contract::RandomFixed<contract::Incarnation>(random);
  store::StoreIdentity identity;
  identity.set_format_version(kStoreFormatVersion);
  identity.set_province(province.value());
  identity.set_incarnation(incarnation.str());
  identity.set_created_unix_us(absl::ToUnixMicros(now));
  platform::WriteBatch batch;
  batch.Put(kFormatKey, identity.SerializeAsString());
  YIZHAN_RETURN_IF_ERROR(store.Write(batch));
  return incarnation;
}

}  // namespace

std::string EncodeU64(std::uint64_t value) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i) {
    out[static_cast<std::size_t>(i)] = static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return out;
}

std::uint64_t DecodeU64(absl::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = (value << 8) | static_cast<unsigned char>(c);
  return value;
}

absl::StatusOr<contract::Incarnation> OpenNodeStore(platform::KeyValueStore& store,
                                                    contract::ProvinceCode province,
                                                    contract::Random& random, absl::Time now) {
  absl::StatusOr<std::optional<store::StoreIdentity>> identity =
      GetProto<store::StoreIdentity>(store, kFormatKey);
  if (!identity.ok()) return identity.status();
  if (!identity->has_value()) return MakeIdentity(store, province, random, now);
  if ((*identity)->format_version() != kStoreFormatVersion) {
    return contract::MakeError(
        v1::VERSION_UNSUPPORTED, v1::SIDE_MINE,
        absl::StrCat("data_dir has store format ", (*identity)->format_version(),
                     "; this build reads ", kStoreFormatVersion),
        "Start the build that wrote it, or one that converts it.");
  }
  if ((*identity)->province() != province.value()) {
    return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE,
                               absl::StrCat("data_dir belongs to province ",
                                            (*identity)->province(), ", not to ", province.value()),
                               "Correct data_dir or province in the configuration.");
  }
  const auto incarnation = contract::Incarnation::From((*identity)->incarnation());
  if (!incarnation.has_value()) return StoredValueDamaged("incarnation");
  return *incarnation;
}

absl::Status ChangeIncarnation(platform::Transaction& txn, const contract::Incarnation& to) {
  auto identity = GetProto<store::StoreIdentity>(txn, kFormatKey);
  if (!identity.ok()) return identity.status();
  if (!identity->has_value()) return StoredValueDamaged("store identity");
  (*identity)->add_earlier_incarnations((*identity)->incarnation());
  (*identity)->set_incarnation(to.str());
  PutProto(txn, kFormatKey, **identity);
  return absl::OkStatus();
}

absl::StatusOr<bool> WasRecovered(const platform::Transaction& txn) {
  auto identity = GetProto<store::StoreIdentity>(txn, kFormatKey);
  if (!identity.ok()) return identity.status();
  return identity->has_value() && (*identity)->earlier_incarnations_size() > 0;
}

std::string BusinessPrefix() { return "b/"; }

std::string TestPrefix(const contract::RunId& run) { return absl::StrCat("t/", run.str(), "/"); }

absl::Status EraseLane(platform::KeyValueStore& store, absl::string_view prefix) {
  const std::string end = platform::PrefixEnd(prefix);
  for (;;) {
    platform::WriteBatch batch;
    {
      const std::unique_ptr<platform::KvIterator> it = store.Scan(prefix, end);
      for (; it->Valid() && batch.changes.size() < kEraseAtOnce; it->Next()) {
        batch.Delete(std::string(it->key()));
      }
      YIZHAN_RETURN_IF_ERROR(it->status());
    }
    if (batch.empty()) return absl::OkStatus();
    YIZHAN_RETURN_IF_ERROR(store.Write(batch));
  }
}

std::string SlotKey::Encode() const {
  return absl::StrCat(PeerByte(peer), case_handle.str(), EncodeU64(sequence));
}

SlotKey SlotKey::Decode(absl::string_view encoded) {
  SlotKey slot;
  if (encoded.size() != 25) return slot;
  slot.peer = contract::ProvinceCode(static_cast<unsigned char>(encoded[0]));
  slot.case_handle = *contract::CaseHandle::From(encoded.substr(1, 16));
  slot.sequence = DecodeU64(encoded.substr(17));
  return slot;
}

std::string LaneKeys::Numbers(contract::ProvinceCode peer,
                              const contract::CaseHandle& handle) const {
  return absl::StrCat(prefix_, "n", PeerByte(peer), handle.str());
}

std::string LaneKeys::PairCounter(contract::ProvinceCode peer) const {
  return absl::StrCat(prefix_, "p", PeerByte(peer));
}

std::string LaneKeys::Copies(contract::ProvinceCode peer) const {
  return absl::StrCat(prefix_, "ic", PeerByte(peer));
}

std::string LaneKeys::Copy(const SlotKey& slot, std::uint64_t number, absl::Time until) const {
  return absl::StrCat(Copies(slot.peer), EncodeU64(number),
                      EncodeU64(static_cast<std::uint64_t>(absl::ToUnixMicros(until))),
                      slot.Encode().substr(1));
}

std::string LaneKeys::RecoveryPeer(contract::ProvinceCode peer) const {
  return absl::StrCat(RecoveryPeers(), PeerByte(peer));
}

std::string LaneKeys::ReturnJob(contract::ProvinceCode peer) const {
  return absl::StrCat(ReturnJobs(), PeerByte(peer));
}

std::string LaneKeys::Message(const contract::MessageId& id, bool outgoing) const {
  std::string inverted = id.str();
  for (char& c : inverted) c = static_cast<char>(~c);
  return absl::StrCat(prefix_, "l", inverted, outgoing ? "o" : "i");
}

}  // namespace yizhan::node
