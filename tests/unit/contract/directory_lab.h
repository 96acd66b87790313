// A directory that a test builds entry by entry, with entries it may spoil.
#ifndef YIZHAN_TESTS_UNIT_CONTRACT_DIRECTORY_LAB_H_
#define YIZHAN_TESTS_UNIT_CONTRACT_DIRECTORY_LAB_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "adapters/platform/crypto/suite.h"
#include "protos/contract/directory.h"
#include "tests/unit/contract/fixtures.h"

namespace yizhan::contract {

// Who signs an entry.
struct By {
  v1::SignerRole role;
  std::uint32_t province = 0;
  const TestKey* key = nullptr;  // nullptr: the one registered for the signer
};

class DirectoryLab {
 public:
  explicit DirectoryLab(bool lab = true);

  v1::DirectoryEntry NewEntry() const;
  v1::SignedEntry Sign(const v1::DirectoryEntry& entry, const std::vector<By>& by) const;
  absl::Status Apply(const v1::SignedEntry& entry);
  absl::Status Apply(const v1::DirectoryEntry& entry, const std::vector<By>& by) {
    return Apply(Sign(entry, by));
  }

  v1::DirectoryEntry GenesisEntry() const;
  // Version 1 with a signing and a sealing key and one certificate.
  v1::DirectoryEntry MemberEntry(std::uint32_t province);
  // The member's present description, version increased, altered.
  v1::DirectoryEntry NextVersion(std::uint32_t province,
                                 const std::function<void(v1::Member&)>& alter) const;
  // A passing report for both directions, at the next versions.
  v1::DirectoryEntry ReportEntry(std::uint32_t a, std::uint32_t b);
  v1::DirectoryEntry ChangeEntry(std::uint32_t accepting, std::uint32_t home,
                                 v1::RouteState to) const;
  static std::vector<By> ReportSigners(std::uint32_t a, std::uint32_t b) {
    return {{v1::SIGNER_MEMBER, a}, {v1::SIGNER_MEMBER, b}, {v1::SIGNER_BROKER}};
  }
  static std::vector<By> MemberSigners(std::uint32_t province) {
    return {{v1::SIGNER_MEMBER, province}, {v1::SIGNER_AUTHORITY}};
  }

  // Steps that must succeed.
  void Begin();
  void AddMember(std::uint32_t province);
  void OpenRoutes(std::uint32_t a, std::uint32_t b);
  void Change(std::uint32_t accepting, std::uint32_t home, v1::RouteState to,
              const std::vector<By>& by);

  v1::RouteState RouteState(std::uint32_t accepting, std::uint32_t home) const {
    return state.Route({ProvinceCode(accepting), ProvinceCode(home)}, now).state;
  }

  bool lab;
  absl::Time now = TestNow();
  DirectoryState state;
  SignatureChecker checker{platform::SmSuite().hasher, platform::SmSuite().verifier};
  TestKey authority = MakeTestKey();
  TestKey officer;  // set before Begin: a second one, and both must sign
  TestKey broker = MakeTestKey();
  std::map<std::uint32_t, TestKey> signing;
  std::map<std::uint32_t, TestKey> sealing;

 private:
  std::uint8_t runs_ = 0;
};

}  // namespace yizhan::contract

#endif  // YIZHAN_TESTS_UNIT_CONTRACT_DIRECTORY_LAB_H_
