#include "broker/store/keys.h"

#include "absl/strings/str_cat.h"

namespace yizhan::broker {

BoxKey RecipientBox(const contract::Identity& identity) {
  return {identity.lane, identity.destination, identity.run};
}

BoxKey SenderBox(const contract::Identity& identity) {
  return {identity.lane, identity.source, identity.run};
}

void AppendBigEndian(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

std::string BigEndian(std::uint64_t number) {
  std::string out;
  AppendBigEndian(out, number);
  return out;
}

std::uint64_t ReadBigEndian(absl::string_view eight) {
  std::uint64_t out = 0;
  for (const char c : eight) out = out << 8 | static_cast<std::uint8_t>(c);
  return out;
}

std::string TablePrefix(v1::Lane lane, contract::ProvinceCode province, char table) {
  const char bytes[] = {kKeyFormat, static_cast<char>(lane), static_cast<char>(province.value()),
                        table};
  return std::string(bytes, sizeof(bytes));
}

std::string OwnPrefix(char table) {
  return TablePrefix(v1::LANE_UNSPECIFIED, contract::ProvinceCode(), table);
}

std::string OwnKey(char table, absl::string_view rest) {
  return absl::StrCat(OwnPrefix(table), rest);
}

std::string BoxPrefix(const BoxKey& box, char table) {
  std::string prefix;
  prefix.reserve(4 + contract::RunId::kSize + 8);  // for an item's key
  prefix.push_back(kKeyFormat);
  prefix.push_back(static_cast<char>(box.lane));
  prefix.push_back(static_cast<char>(box.province.value()));
  prefix.push_back(table);
  prefix.append(box.run.view().data(), contract::RunId::kSize);
  return prefix;
}

std::string BoxItemKey(const BoxKey& box, char table, std::uint64_t number) {
  std::string key = BoxPrefix(box, table);
  AppendBigEndian(key, number);
  return key;
}

std::string IdentityKey(const contract::Identity& identity, char table) {
  std::string key;
  key.reserve(4 + contract::Identity::kEncodedSize);
  key.push_back(kKeyFormat);
  key.push_back(static_cast<char>(identity.lane));
  key.push_back(static_cast<char>(identity.destination.value()));
  key.push_back(table);
  identity.AppendTo(key);
  return key;
}

std::optional<contract::Identity> DecodeIdentity(absl::string_view encoded) {
  if (encoded.size() != 46) return std::nullopt;
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(encoded[at]); };
  contract::Identity out;
  out.lane = static_cast<v1::Lane>(byte(0));
  out.run = *contract::RunId::From(encoded.substr(1, 16));
  out.source = contract::ProvinceCode(byte(17));
  out.destination = contract::ProvinceCode(byte(18));
  out.case_handle = *contract::CaseHandle::From(encoded.substr(19, 16));
  out.sequence = ReadBigEndian(encoded.substr(35, 8));
  return out;
}

}  // namespace yizhan::broker
