#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "adapters/platform/config/config_checker.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/process.h"
#include "adapters/platform/config/text_proto.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::platform {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    std::string pattern = ::testing::TempDir() + "config_test_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = JoinPath(folder_, name);
    std::ofstream(path) << content;
    return path;
  }
  static mode_t ModeOf(const std::string& path) {
    struct stat info;
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
  }
  std::size_t FilesInFolder() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      count += !entry.path().empty();
    return count;
  }
  std::string folder_;
};

void ExpectConfigInvalid(const absl::Status& status) {
  EXPECT_EQ(contract::ReasonOf(status), v1::CONFIG_INVALID);
  EXPECT_FALSE(contract::DetailOf(status).next_step().empty());
}

TEST_F(ConfigTest, GoodFile_IsLoadedWithTheLinesOfItsFields) {
  const std::string path = Write("node.textproto",
                                 "province: 32\n"
                                 "tls {\n"
                                 "  private_key: \"node.key\"\n"
                                 "}\n"
                                 "callers { name: \"a\" }\n"
                                 "callers {\n"
                                 "  name: \"b\" }\n");
  TextProtoSource source;
  const auto config = LoadTextProto<v1::NodeConfig>(path, &source);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->province(), 32u);
  EXPECT_EQ(source.path, path);
  EXPECT_EQ(source.lines.at("tls.private_key"), 3);
  EXPECT_EQ(source.lines.at("callers[1].name"), 7);
}

TEST_F(ConfigTest, UnknownField_IsNamedWithLineAndColumn) {
  const std::string path = Write("broker.textproto", "listen: \"127.0.0.1:0\"\n  lisen: \"x\"\n");
  const auto config = LoadTextProto<v1::BrokerConfig>(path);
  ExpectConfigInvalid(config.status());
  EXPECT_THAT(std::string(config.status().message()),
              AllOf(HasSubstr("broker.textproto:2:"), HasSubstr("lisen")));
}

TEST_F(ConfigTest, WrongType_IsNamedWithLine) {
  const std::string path = Write("node.textproto", "\n\nprovince: \"thirty\"\n");
  const auto config = LoadTextProto<v1::NodeConfig>(path);
  ExpectConfigInvalid(config.status());
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("node.textproto:3:"));
}

TEST_F(ConfigTest, MissingFile_SaysWhatToDo) {
  const auto config = LoadTextProto<v1::NodeConfig>(JoinPath(folder_, "absent.textproto"));
  ExpectConfigInvalid(config.status());
  EXPECT_THAT(std::string(config.status().message()), EndsWith("absent.textproto: does not exist"));
  EXPECT_THAT(contract::DetailOf(config.status()).next_step(), HasSubstr("correct the path"));
}

TEST_F(ConfigTest, PrintedText_ParsesBack) {
  v1::BrokerConfig config;
  config.set_listen("127.0.0.1:7443");
  config.mutable_tls()->set_private_key("驿站.key");
  v1::BrokerConfig back;
  const std::string text = PrintTextProto(config);
  EXPECT_THAT(text, HasSubstr("驿站"));
  ASSERT_TRUE(ParseTextProto("memory", text, &back).ok());
  EXPECT_EQ(back.SerializeAsString(), config.SerializeAsString());
}

TEST_F(ConfigTest, ManyMistakes_AreReportedTogetherWithTheirLines) {
  Write("open.key", "k");
  ::chmod(JoinPath(folder_, "open.key").c_str(), 0644);
  const std::string path = Write("broker.textproto",
                                 "listen: \"nowhere\"\n"
                                 "tls {\n"
                                 "  certificate_chain: \"absent.pem\"\n"
                                 "  private_key: \"open.key\"\n"
                                 "}\n"
                                 "genesis_digest_hex: \"12zz\"\n");
  TextProtoSource source;
  const auto config = LoadTextProto<v1::BrokerConfig>(path, &source);
  ASSERT_TRUE(config.ok());
  ConfigChecker check(source);
  check.HostPort("listen", config->listen(), /*allow_zero_port=*/true);
  check.File("tls.certificate_chain", config->tls().certificate_chain());
  check.PrivateFile("tls.private_key", config->tls().private_key());
  check.File("tls.trust_anchors", config->tls().trust_anchors());
  EXPECT_EQ(check.Hex("genesis_digest_hex", config->genesis_digest_hex(), 32), "");
  ExpectConfigInvalid(check.status());
  EXPECT_THAT(std::string(check.status().message()),
              AllOf(HasSubstr(path + ":1: field listen: \"nowhere\" is not host:port"),
                    HasSubstr(path + ":3: field tls.certificate_chain: file " + folder_ +
                              "/absent.pem does not exist; create it or correct the path"),
                    HasSubstr(path + ":4: field tls.private_key: file " + folder_ +
                              "/open.key is open to other users; run: chmod 600"),
                    HasSubstr(path + ":2: field tls.trust_anchors: is missing"),
                    HasSubstr(path + ":6: field genesis_digest_hex: is not 64 hex digits")));
}

TEST_F(ConfigTest, GoodValues_AreResolvedAndReturned) {
  Write("node.key", "k");
  ::chmod(JoinPath(folder_, "node.key").c_str(), 0600);
  ConfigChecker check(TextProtoSource{JoinPath(folder_, "node.textproto"), {}});
  check.HostPort("a", "127.0.0.1:0", /*allow_zero_port=*/true);
  check.HostPort("b", "broker.test:7443", /*allow_zero_port=*/false);
  EXPECT_EQ(check.PrivateFile("c", "node.key"), JoinPath(folder_, "node.key"));
  EXPECT_EQ(check.OptionalFile("d", ""), "");
  EXPECT_EQ(check.Hex("e", "00fF", 2), std::string("\0\xFF", 2));
  const std::string made = check.Directory("f", "data/store");
  EXPECT_TRUE(check.status().ok()) << check.status().message();
  EXPECT_EQ(made, JoinPath(folder_, "data/store"));
  EXPECT_EQ(ModeOf(made), 0700u);
}

TEST_F(ConfigTest, PortsOutOfRange_AreRefused) {
  for (const char* value :
       {"127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:", ":80", "127.0.0.1", "a:-1"}) {
    ConfigChecker check(TextProtoSource{"x.textproto", {}});
    check.HostPort("listen", value, /*allow_zero_port=*/false);
    EXPECT_FALSE(check.status().ok()) << value;
  }
}

TEST_F(ConfigTest, AtomicWrite_ReplacesContentAndModeAndLeavesNothingElse) {
  const std::string path = Write("secret.pem", "old");
  ASSERT_TRUE(WriteFileAtomically(path, "new", 0600).ok());
  EXPECT_EQ(*ReadFile(path), "new");
  EXPECT_EQ(ModeOf(path), 0600u);
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(ConfigTest, AtomicWriteThatFails_LeavesTheOldContent) {
  const std::string path = JoinPath(folder_, "is_a_folder");
  std::filesystem::create_directories(path + "/child");
  const absl::Status status = WriteFileAtomically(path, "new");
  ExpectConfigInvalid(status);
  EXPECT_EQ(FilesInFolder(), 1u);
  ExpectConfigInvalid(WriteFileAtomically(JoinPath(folder_, "absent/file"), "x"));
}

TEST_F(ConfigTest, FileTooLargeOrFolder_IsRefused) {
  const std::string path = Write("big", std::string(100, 'x'));
  EXPECT_TRUE(ReadFile(path, 100).ok());
  ExpectConfigInvalid(ReadFile(path, 99).status());
  ExpectConfigInvalid(ReadFile(folder_).status());
}

TEST(PathTest, PartsOfPaths) {
  EXPECT_EQ(FolderOf("/a/b"), "/a");
  EXPECT_EQ(FolderOf("/a"), "/");
  EXPECT_EQ(FolderOf("b"), ".");
  EXPECT_EQ(FolderOf("/a/b/"), "/a");
  EXPECT_EQ(BaseName("/a/b"), "b");
  EXPECT_EQ(JoinPath("/a", "b"), "/a/b");
  EXPECT_EQ(JoinPath("/a/", "/b"), "/b");
}

TEST(ProcessTest, Hangup_CallsBackAndWaitsOn) {
  BlockTerminationSignals();
  int hangups = 0;
  ::kill(::getpid(), SIGHUP);
  const int code = WaitForTermination([&] {
    if (++hangups < 3) {
      ::kill(::getpid(), SIGHUP);
    } else {
      ::kill(::getpid(), SIGTERM);
    }
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(hangups, 3);
}

TEST(ProcessTest, RequestedTermination_GivesItsExitCode) {
  BlockTerminationSignals();
  std::thread other([] {
    RequestTermination(3);
    RequestTermination(4);
  });
  EXPECT_EQ(WaitForTermination(), 3);
  other.join();
}

TEST(ProcessTest, FileLimit_IsRaisedToWhatTheMachineGives) { EXPECT_GT(RaiseFileLimit(1), 0u); }

}  // namespace
}  // namespace yizhan::platform
