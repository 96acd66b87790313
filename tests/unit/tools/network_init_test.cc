#include "tools/yizhan/network_init.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/suite.h"
#include "adapters/platform/rpc/tls_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/directory.h"
#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

namespace fs = std::filesystem;
using contract::ProvinceCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A folder that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "yizhan-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  std::string operator/(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

 private:
  std::string path_;
};

DataFiles ShippedData() {
  FlagSet flags;
  DeclareDataFlags(flags);
  EXPECT_TRUE(flags.Parse({absl::StrCat("--data=", YIZHAN_SOURCE_DIR)}).ok());
  return *DataFilesOf(flags);
}

absl::StatusOr<Lab> MakeLab(const std::string& dir, std::uint16_t base_port = 0) {
  NetworkInitOptions options;
  options.dir = dir;
  options.provinces = {ProvinceCode(32), ProvinceCode(34)};
  options.base_port = base_port;
  options.data = ShippedData();
  options.now = absl::Now();
  platform::SystemRandom random;
  return InitNetwork(options, random);
}

// One lab for all tests that only read it: keys take time.
class NetworkInit : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder();
    const auto lab = MakeLab(*folder_ / "lab");
    ASSERT_TRUE(lab.ok()) << lab.status();
    lab_ = new Lab(*lab);
  }
  static void TearDownTestSuite() {
    delete lab_;
    delete folder_;
  }
  static std::string PathOf(const std::string& relative) {
    return platform::JoinPath(lab_->dir, relative);
  }
  static v1::DirectoryEntries Entries() {
    v1::DirectoryEntries entries;
    EXPECT_TRUE(entries.ParseFromString(*platform::ReadFile(PathOf("broker/directory.bin"))));
    return entries;
  }

  static TemporaryFolder* folder_;
  static Lab* lab_;
};
TemporaryFolder* NetworkInit::folder_ = nullptr;
Lab* NetworkInit::lab_ = nullptr;

TEST_F(NetworkInit, Directory_ReplaysToItsMembersAndNoRoute) {
  const contract::Hasher& hasher = *platform::SmSuite().hasher;
  contract::DirectoryState state;
  contract::SignatureChecker checker(&hasher, platform::SmSuite().verifier);
  const std::string pin = absl::HexStringToBytes(lab_->network.genesis_digest_hex());
  const v1::DirectoryEntries entries = Entries();
  for (const v1::SignedEntry& entry : entries.entries()) {
    const absl::Status status =
        state.Apply(hasher, checker, entry, *contract::Digest::From(pin), absl::Now());
    ASSERT_TRUE(status.ok()) << status;
  }
  EXPECT_THAT(state.Members(), ElementsAre(ProvinceCode(32), ProvinceCode(34)));
  EXPECT_THAT(state.routes(), IsEmpty());
  EXPECT_TRUE(state.lab());
  EXPECT_EQ(state.FindMember(ProvinceCode(32))->name(), "江苏省");
  EXPECT_NE(state.SealingKey(ProvinceCode(34), absl::Now()), nullptr);
}

TEST_F(NetworkInit, MemberEntry_WithoutTheAuthoritysSignature_IsRefused) {
  const contract::Hasher& hasher = *platform::SmSuite().hasher;
  contract::DirectoryState state;
  contract::SignatureChecker checker(&hasher, platform::SmSuite().verifier);
  v1::DirectoryEntries entries = Entries();
  ASSERT_TRUE(
      state.Apply(hasher, checker, entries.entries(0), contract::Digest(), absl::Now()).ok());
  v1::SignedEntry& member = *entries.mutable_entries(1);
  member.mutable_signatures()->RemoveLast();
  EXPECT_EQ(
      contract::ReasonOf(state.Apply(hasher, checker, member, contract::Digest(), absl::Now())),
      v1::DIRECTORY_ENTRY_REFUSED);
}

TEST_F(NetworkInit, PrivateKeys_AreTheirOwnersAlone) {
  int keys = 0;
  for (const auto& entry : fs::recursive_directory_iterator(lab_->dir)) {
    if (!entry.is_regular_file()) continue;
    const auto content = platform::ReadFile(entry.path().string());
    if (!content.ok() || !absl::StrContains(*content, "PRIVATE KEY")) continue;
    ++keys;
    struct stat info {};
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << entry.path();
  }
  // Authority 2; broker 2 and its operator; a node 2 + 2 and 6 callers.
  EXPECT_EQ(keys, 2 + 3 + 2 * 10);
}

TEST_F(NetworkInit, Configurations_ParseAndNameFilesThatAreThere) {
  const auto broker =
      platform::LoadTextProto<v1::BrokerConfig>(PathOf(lab_->network.broker_config()));
  ASSERT_TRUE(broker.ok()) << broker.status();
  EXPECT_TRUE(fs::exists(PathOf("broker/" + broker->genesis())));
  EXPECT_TRUE(platform::LoadTlsFiles(broker->tls(), PathOf("broker")).ok());
  EXPECT_EQ(broker->operators_size(), 1);

  for (const v1::LabNode& lab_node : lab_->network.nodes()) {
    const std::string path = PathOf(lab_node.config());
    const auto node = platform::LoadTextProto<v1::NodeConfig>(path);
    ASSERT_TRUE(node.ok()) << node.status();
    const std::string folder = platform::FolderOf(path);
    EXPECT_EQ(node->province(), lab_node.province());
    EXPECT_EQ(node->genesis_digest_hex(), broker->genesis_digest_hex());
    EXPECT_TRUE(platform::LoadTlsFiles(node->tls(), folder).ok());
    EXPECT_TRUE(platform::LoadTlsFiles(node->gateway_tls(), folder).ok());
    EXPECT_TRUE(
        platform::LoadSigner(platform::JoinPath(folder, node->keys().sign_private_key())).ok());
    for (const std::string& file : {node->policy(), node->points(), node->divisions(),
                                    node->systems().population_register_file()}) {
      EXPECT_TRUE(fs::exists(platform::JoinPath(folder, file))) << file;
    }
    EXPECT_TRUE(node->systems().doubles());
  }
}

TEST_F(NetworkInit, EveryCaller_IsRegisteredByItsOwnCertificate) {
  for (const v1::LabNode& lab_node : lab_->network.nodes()) {
    const auto node = platform::LoadTextProto<v1::NodeConfig>(PathOf(lab_node.config()));
    ASSERT_TRUE(node.ok());
    ASSERT_EQ(node->callers_size(), lab_node.credentials_size());
    for (int i = 0; i < node->callers_size(); ++i) {
      const auto tls = platform::LoadTlsFiles(lab_node.credentials(i).tls(), lab_->dir);
      ASSERT_TRUE(tls.ok()) << tls.status();
      EXPECT_EQ(tls->fingerprint.hex(), node->callers(i).certificate_sha256_hex());
      EXPECT_EQ(node->callers(i).roles(0), lab_node.credentials(i).role());
    }
  }
}

TEST_F(NetworkInit, Network_LoadsAgainAsItWasMade) {
  const auto again = LoadLab(lab_->dir);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->network.SerializeAsString(), lab_->network.SerializeAsString());
  EXPECT_NE(again->Find(ProvinceCode(34)), nullptr);
  EXPECT_EQ(again->Find(ProvinceCode(31)), nullptr);
}

TEST_F(NetworkInit, OccupiedFolder_IsRefusedAndLeftAlone) {
  const std::string before = *platform::ReadFile(PathOf(kLabFile));
  const auto second = MakeLab(lab_->dir);
  EXPECT_EQ(contract::ReasonOf(second.status()), v1::CONFIG_INVALID);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("not an empty folder"));
  EXPECT_EQ(*platform::ReadFile(PathOf(kLabFile)), before);
}

TEST(NetworkInitRefusal, UnknownProvince_IsNamed) {
  const TemporaryFolder folder;
  NetworkInitOptions options;
  options.dir = folder / "lab";
  options.provinces = {ProvinceCode(99)};
  options.data = ShippedData();
  options.now = absl::Now();
  platform::SystemRandom random;
  const auto lab = InitNetwork(options, random);
  EXPECT_EQ(contract::ReasonOf(lab.status()), v1::CONFIG_INVALID);
  EXPECT_FALSE(fs::exists(folder / "lab"));
}

TEST(NetworkInitRefusal, FolderThatIsNoLab_IsExplained) {
  const TemporaryFolder folder;
  const auto lab = LoadLab(folder / "nothing");
  EXPECT_EQ(contract::ReasonOf(lab.status()), v1::CONFIG_INVALID);
  EXPECT_THAT(contract::DetailOf(lab.status()).next_step(), HasSubstr("network init"));
}

TEST(Provinces, TwiceOrMalformed_AreRefused) {
  EXPECT_TRUE(ParseProvinces("provinces", {"32", "34"}).ok());
  for (const std::vector<std::string>& texts :
       {std::vector<std::string>{"32", "32"}, {"3"}, {"032"}, {"ab"}, {"-1"}, {}}) {
    EXPECT_EQ(contract::ReasonOf(ParseProvinces("provinces", texts).status()), v1::CONFIG_INVALID);
  }
}

}  // namespace
}  // namespace yizhan::tools
