#include "broker/store/keys.h"

#include "absl/strings/str_cat.h"

namespace yizhan::broker {

BoxKey RecipientBox(const contract::Identity& identity) {
  return {identity.lane, identity.destination, identity.run};
}

BoxKey SenderBox(const contract::Identity& identity) {
  return {identity.lane, identity.source, identity.run};
}

std::string BigEndian(std::uint64_t number) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i) {
    out[static_cast<std::size_t>(i)] = static_cast<char>(number & 0xff);
    number >>= 8;
  }
  return out;
}

std::uint64_t ReadBigEndian(absl::string_view eight) {
  std::uint64_t out = 0;
  for (const char c : eight) out = out << 8 | static_cast<std::uint8_t>(c);
  return out;
}

std::string TablePrefix(v1::Lane lane, contract::ProvinceCode province, char table) {
  const char bytes[] = {static_cast<char>(kStoreFormat), static_cast<char>(lane),
                        static_cast<char>(province.value()), table};
  return std::string(bytes, sizeof(bytes));
}

std::string OwnPrefix(char table) {
  return TablePrefix(v1::LANE_UNSPECIFIED, contract::ProvinceCode(), table);
}

std::string OwnKey(char table, absl::string_view rest) {
  return absl::StrCat(OwnPrefix(table), rest);
}

std::string BoxPrefix(const BoxKey& box, char table) {
  return absl::StrCat(TablePrefix(box.lane, box.province, table), box.run.view());
}

std::string BoxItemKey(const BoxKey& box, char table, std::uint64_t number) {
  return absl::StrCat(BoxPrefix(box, table), BigEndian(number));
}

std::string IdentityKey(const contract::Identity& identity, char table) {
  return absl::StrCat(TablePrefix(identity.lane, identity.destination, table), identity.Encode());
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
