#include "province_nodes/gateway/caller_registry.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::node {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kPointDigits = 9;
constexpr std::size_t kDivisionDigits = 6;

bool IsPrefix(const std::string& text, std::size_t most) {
  if (text == "*") return true;
  return !text.empty() && text.size() <= most &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Names stand in logs and storage keys.
bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isgraph(c); });
}

template <typename List>
void CheckPrefixes(const List& list, const std::string& field, std::size_t digits,
                   platform::ConfigChecker& check) {
  for (int i = 0; i < list.size(); ++i) {
    check.Expect(IsPrefix(list[i], digits), absl::StrCat(field, "[", i, "]"),
                 "is neither a code, nor the beginning of one, nor \"*\"",
                 absl::StrCat("give 1 to ", digits, " digits or \"*\""));
  }
}

std::vector<v1::CallerRole> ReadRoles(const v1::GatewayCaller& caller, const std::string& field,
                                      platform::ConfigChecker& check) {
  std::vector<v1::CallerRole> roles;
  for (const int role : caller.roles()) {
    const bool known = role != v1::CALLER_ROLE_UNSPECIFIED && v1::CallerRole_IsValid(role);
    if (check.Expect(known, field + ".roles", "has an unknown role",
                     "give CALLER_POINT, CALLER_COUNTY, ...")) {
      roles.push_back(static_cast<v1::CallerRole>(role));
    }
  }
  const auto has = [&](v1::CallerRole role) {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
  };
  check.Expect(!roles.empty(), field + ".roles", "is empty", "give the caller at least one role");
  check.Expect(!has(v1::CALLER_POINT) || !caller.points().empty(), field + ".points",
               "is empty, so that a CALLER_POINT may do nothing", "name its points or \"*\"");
  check.Expect(!has(v1::CALLER_COUNTY) || !caller.divisions().empty(), field + ".divisions",
               "is empty, so that a CALLER_COUNTY may do nothing", "name its divisions or \"*\"");
  return roles;
}

}  // namespace

std::unique_ptr<CallerRegistry> CallerRegistry::Create(const v1::NodeConfig& config,
                                                       platform::ConfigChecker& check) {
  Callers callers;
  std::set<std::string> names;
  for (int i = 0; i < config.callers_size(); ++i) {
    const v1::GatewayCaller& from = config.callers(i);
    const std::string field = absl::StrCat("callers[", i, "]");
    check.Expect(IsName(from.name()), field + ".name", "must be 1 to 64 printable characters",
                 "give a name without spaces, in ASCII");
    check.Expect(names.insert(from.name()).second, field + ".name",
                 "is the name of another caller too", "give every caller a name of its own");
    CheckPrefixes(from.points(), field + ".points", kPointDigits, check);
    CheckPrefixes(from.divisions(), field + ".divisions", kDivisionDigits, check);
    Caller caller{from.name(),
                  ReadRoles(from, field, check),
                  {from.points().begin(), from.points().end()},
                  {from.divisions().begin(), from.divisions().end()}};
    const auto fingerprint = contract::CertificateFingerprint::From(
        check.Hex(field + ".certificate_sha256_hex", from.certificate_sha256_hex(),
                  contract::CertificateFingerprint::kSize));
    if (!fingerprint.has_value()) continue;
    check.Expect(callers.emplace(*fingerprint, std::move(caller)).second,
                 field + ".certificate_sha256_hex", "is the certificate of another caller too",
                 "give every caller a certificate of its own");
  }
  return absl::WrapUnique(new CallerRegistry(std::move(callers)));
}

absl::StatusOr<const Caller*> CallerRegistry::Find(
    const contract::CertificateFingerprint& fingerprint) const {
  const auto found = callers_.find(fingerprint);
  if (found != callers_.end()) return &found->second;
  return contract::MakeError(
      v1::CALLER_UNKNOWN, v1::SIDE_MINE,
      absl::StrCat("no caller of this node has the certificate with SHA-256 ", fingerprint.hex()),
      "Have the node's operator register it under callers in the node's configuration, or call "
      "with the registered certificate.");
}

}  // namespace yizhan::node
