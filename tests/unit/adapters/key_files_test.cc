#include "adapters/platform/crypto/key_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/crypto/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using ::testing::HasSubstr;

class KeyFilesTest : public ::testing::Test {
 protected:
  KeyFilesTest() {
    dir_ = ::testing::TempDir() + "yizhan_keys_" +
           ::testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
  }
  ~KeyFilesTest() override { std::filesystem::remove_all(dir_); }

  std::string WriteText(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = dir_ + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  static void ExpectRefused(const absl::Status& status, const std::string& what,
                            const std::string& next_step) {
    EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID);
    EXPECT_THAT(contract::DetailOf(status).what(), HasSubstr(what));
    EXPECT_THAT(contract::DetailOf(status).next_step(), HasSubstr(next_step));
  }

  std::string dir_;
};

TEST_F(KeyFilesTest, KeyWritten_LoadsAndSigns) {
  const Sm2Key key = *GenerateSm2Key();
  const std::string path = dir_ + "sign.pem";
  ASSERT_TRUE(WritePrivateFile(path, key.private_pem).ok());
  struct stat about = {};
  ASSERT_EQ(stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);

  const auto signer = LoadSigner(path);
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_EQ((*signer)->key_id(), key.id);
  EXPECT_TRUE(SmSuite().verifier->Verify(key.spki_der, "m", *(*signer)->Sign("m")).ok());
  EXPECT_EQ(LoadSm2Key(path)->spki_der, key.spki_der);
  const std::vector<std::string> paths = {path};
  EXPECT_TRUE((*LoadUnwrapper(paths))->Has(key.id));
}

TEST_F(KeyFilesTest, FileExists_IsNotReplaced) {
  const std::string path = WriteText("sign.pem", "precious");
  ExpectRefused(WritePrivateFile(path, contract::SecretBytes("new")), path, "not replaced");
  EXPECT_EQ(ReadPrivateFile(path)->ExposeSecretBytes(), "precious");
}

TEST_F(KeyFilesTest, OpenToOthers_IsRefusedWithPathModeAndRemedy) {
  for (const auto& [mode, shown] : std::vector<std::pair<mode_t, std::string>>{
           {0640, "0640"}, {0604, "0604"}, {0620, "0620"}}) {
    const std::string path = WriteText("sign.pem", "x", mode);
    ExpectRefused(LoadSigner(path).status(), path, "chmod 600 " + path);
    ExpectRefused(LoadSigner(path).status(), shown, "chmod");
    const std::vector<std::string> paths = {path};
    ExpectRefused(LoadUnwrapper(paths).status(), path, "chmod 600");
  }
}

TEST_F(KeyFilesTest, FileMissingOrNoFileOrTooLarge_ErrorNamesIt) {
  ExpectRefused(LoadSigner(dir_ + "absent.pem").status(), dir_ + "absent.pem", "path");
  ExpectRefused(LoadSigner(dir_).status(), "is not a file", "key file");
  const std::string large = WriteText("large.pem", std::string(70000, 'x'));
  ExpectRefused(LoadSigner(large).status(), large, "key file");
}

TEST_F(KeyFilesTest, ContentIsNoSm2Key_ErrorNamesTheFile) {
  const std::string text = WriteText("text.pem", "not a key");
  ExpectRefused(LoadSigner(text).status(), text, "PKCS#8");
  const Sm2Key key = *GenerateSm2Key();
  const std::string pem(key.private_pem.ExposeSecretBytes());
  const std::string cut = WriteText("cut.pem", pem.substr(0, pem.size() / 2));
  ExpectRefused(LoadSigner(cut).status(), cut, "PKCS#8");
  const std::string empty = WriteText("empty.pem", "");
  ExpectRefused(LoadSigner(empty).status(), empty, "PKCS#8");
}

}  // namespace
}  // namespace yizhan::platform
