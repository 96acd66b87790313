#include "broker/store/records.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace yizhan::broker {
namespace {

// Of what was accepted a moment ago: until it is delivered and receipted.
constexpr std::size_t kRecentBytes = std::size_t{64} << 20;

// Identities, messages, their headers and terminal records (keys.h).
bool IsReadSoon(absl::string_view key) {
  constexpr std::size_t kTableAt = 3;
  if (key.size() <= kTableAt) return false;
  const char table = key[kTableAt];
  return table == 'd' || table == 'm' || table == 'g' || table == 't';
}

}  // namespace

Records::Records(platform::KeyValueStore* store) : transaction_(store, kRecentBytes, IsReadSoon) {}

std::optional<std::string> Records::Get(absl::string_view key) {
  absl::StatusOr<std::optional<std::string>> value = transaction_.Get(key);
  if (!value.ok()) {
    Fail(value.status());
    return std::nullopt;
  }
  return *std::move(value);
}

bool Records::Read(absl::string_view key, google::protobuf::MessageLite* out) {
  const std::optional<std::string> value = Get(key);
  if (!value) return false;
  if (out->ParseFromString(*value)) return true;
  Fail(absl::DataLossError(absl::StrCat("record ", absl::BytesToHexString(key),
                                        " of the store does not parse as ", out->GetTypeName())));
  return false;
}

void Records::Put(std::string key, std::string value) {
  transaction_.Put(std::move(key), std::move(value));
}

void Records::Write(std::string key, const google::protobuf::MessageLite& value) {
  transaction_.Put(std::move(key), value.SerializeAsString());
}

void Records::Delete(std::string key) { transaction_.Delete(std::move(key)); }

void Records::Scan(absl::string_view prefix, absl::string_view begin, const Visit& visit) {
  const absl::Status status = transaction_.Scan(begin, platform::PrefixEnd(prefix), visit);
  if (!status.ok()) Fail(status);
}

void Records::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

absl::StatusOr<std::shared_ptr<const platform::WriteBatch>> Records::Detach() {
  if (!status_.ok()) return status_;
  return transaction_.Detach();
}

absl::Status Records::Commit() {
  if (status_.ok()) status_ = transaction_.Commit();
  return status_;
}

}  // namespace yizhan::broker
