// What the authority and the broker begin a network with, on disk.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/crypto/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/directory.h"
#include "protos/contract/errors.h"
#include "tools/membership/authority_files.h"
#include "tools/membership/key_folder.h"
#include "tools/membership/paper_files.h"

namespace yizhan::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1772400000);

class MembershipFilesTest : public ::testing::Test {
 protected:
  MembershipFilesTest() {
    dir_ = ::testing::TempDir() + "yizhan_membership_" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(dir_);
    fs::create_directory(dir_);
  }
  ~MembershipFilesTest() override { fs::remove_all(dir_); }

  AuthorityPlan Plan() {
    AuthorityPlan plan;
    plan.dir = dir_ + "/authority";
    plan.network = "test";
    plan.broker = "broker.example:7443";
    plan.now = kNow;
    auto application = MakeBrokerKeys(dir_ + "/broker", "broker.example", kNow, random_);
    EXPECT_TRUE(application.ok()) << application.status();
    plan.application = *std::move(application);
    return plan;
  }
  static void ExpectRefused(const absl::Status& status, const std::string& what) {
    EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID) << status;
    EXPECT_THAT(contract::DetailOf(status).what(), HasSubstr(what));
    EXPECT_FALSE(contract::DetailOf(status).next_step().empty());
  }

  std::string dir_;
  platform::SystemRandom random_;
};

TEST_F(MembershipFilesTest, NetworkBegun_GenesisHoldsAndEveryPrivateKeyIsEncrypted) {
  const AuthorityPlan plan = Plan();
  const auto made = MakeAuthority(plan, random_);
  ASSERT_TRUE(made.ok()) << made.status();

  const auto folder = OpenAuthority(plan.dir);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(folder->authority.genesis_digest, made->genesis);
  EXPECT_EQ(folder->authority.genesis.authority_quorum(), 2u);
  EXPECT_FALSE(folder->authority.genesis.lab());
  v1::DirectoryEntries entries;
  ASSERT_TRUE(entries.ParseFromString(*platform::ReadFile(plan.dir + "/genesis.bin")));
  contract::SignatureChecker checker(platform::SmSuite().hasher, platform::SmSuite().verifier);
  contract::DirectoryState state;
  const absl::Status applied =
      state.Apply(*platform::SmSuite().hasher, checker, entries.entries(0), made->genesis, kNow);
  EXPECT_TRUE(applied.ok()) << applied;

  int keys = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
    if (!entry.is_regular_file()) continue;
    const std::string text = *platform::ReadFile(entry.path().string());
    EXPECT_FALSE(absl::StrContains(text, "BEGIN PRIVATE KEY")) << entry.path();
    struct stat about = {};
    ASSERT_EQ(stat(entry.path().c_str(), &about), 0);
    if (absl::StrContains(text, "BEGIN ENCRYPTED PRIVATE KEY")) {
      ++keys;
      EXPECT_EQ(about.st_mode & 0777, 0600u) << entry.path();
    }
    if (absl::StrContains(entry.path().filename().string(), "passphrase")) {
      EXPECT_EQ(about.st_mode & 0777, 0600u) << entry.path();
    }
  }
  EXPECT_EQ(keys, 6);  // broker's two, two officers', the certificates', the access key
}

TEST_F(MembershipFilesTest, PlanThatCannotBe_IsRefusedBeforeAnythingIsMade) {
  AuthorityPlan plan = Plan();
  plan.quorum = 3;
  ExpectRefused(MakeAuthority(plan, random_).status(), "a quorum of 3 of 2 officers");
  plan.quorum = 2;
  const v1::BrokerApplication good = plan.application;
  plan.application.Clear();
  ExpectRefused(MakeAuthority(plan, random_).status(), "broker's application");
  EXPECT_FALSE(fs::exists(plan.dir));
  plan.application = good;
  plan.dir = dir_ + "/broker";
  ExpectRefused(MakeAuthority(plan, random_).status(), "not an empty folder");
  ExpectRefused(MakeBrokerKeys(dir_ + "/broker", "x", kNow, random_).status(),
                "not an empty folder");
}

TEST_F(MembershipFilesTest, AuthorityFolderDamaged_IsRefusedByFile) {
  const AuthorityPlan plan = Plan();
  ASSERT_TRUE(MakeAuthority(plan, random_).ok());
  const std::string passphrase = plan.dir + "/ca.passphrase";
  chmod(passphrase.c_str(), 0640);
  ExpectRefused(OpenAuthority(plan.dir).status(), "mode 0640");
  chmod(passphrase.c_str(), 0600);
  fs::remove(passphrase);
  ASSERT_TRUE(
      platform::WritePrivateFile(passphrase, contract::SecretBytes("another passphrase\n")).ok());
  ExpectRefused(OpenAuthority(plan.dir).status(), "ca-key.pem does not open");
  fs::resize_file(plan.dir + "/genesis.bin", 40);
  ExpectRefused(OpenAuthority(plan.dir).status(), "genesis.bin");
  ExpectRefused(OpenAuthority(dir_ + "/absent").status(), "genesis.bin");
}

TEST_F(MembershipFilesTest, FileThatIsNoPaperOrCut_IsRefused) {
  const std::string path = dir_ + "/x.paper";
  std::ofstream(path) << "not a paper";
  ExpectRefused(ReadPaper(path).status(), "x.paper is not a member's paper");
  std::ofstream(path, std::ios::trunc) << "";
  ExpectRefused(ReadPaper(path).status(), "x.paper");
  ExpectRefused(ReadPaper(dir_ + "/absent").status(), "absent");
  v1::MemberPaper paper;
  paper.set_application(std::string(100, 'a'));
  ASSERT_TRUE(WritePaper(path, paper).ok());
  fs::resize_file(path, 50);
  ExpectRefused(ReadPaper(path).status(), "not a whole one");
}

TEST_F(MembershipFilesTest, KeyAndPassphraseThere_AreKept) {
  const auto passphrase = PassphraseAt(dir_ + "/new/passphrase", random_);
  ASSERT_TRUE(passphrase.ok());
  EXPECT_GE(passphrase->ExposeSecretBytes().size(), 40u);
  EXPECT_EQ(PassphraseAt(dir_ + "/new/passphrase", random_)->ExposeSecretBytes(),
            passphrase->ExposeSecretBytes());
  const auto key = NewKeyFile(dir_ + "/new/sign.pem", *passphrase);
  ASSERT_TRUE(key.ok());
  ExpectRefused(NewKeyFile(dir_ + "/new/sign.pem", *passphrase).status(), "sign.pem");
  EXPECT_EQ((*platform::LoadSigner(dir_ + "/new/sign.pem", *passphrase))->key_id(), key->id);
}

}  // namespace
}  // namespace yizhan::tools
