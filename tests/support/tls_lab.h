// Certificates for tests, made by the openssl command in a folder of their own.
#ifndef YIZHAN_TESTS_SUPPORT_TLS_LAB_H_
#define YIZHAN_TESTS_SUPPORT_TLS_LAB_H_

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "adapters/platform/rpc/tls_files.h"
#include "gtest/gtest.h"

namespace yizhan::testing_support {

// One authority; its server certificates are good for 127.0.0.1 and
// "broker.test". The folder goes with the object.
class TlsLab {
 public:
  TlsLab() {
    std::string pattern = ::testing::TempDir() + "tls_lab_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    Run(absl::StrCat("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes",
                     " -subj /CN=lab-authority -days 30 -keyout ca.key -out ca.pem"));
  }
  ~TlsLab() { std::filesystem::remove_all(folder_); }
  TlsLab(const TlsLab&) = delete;
  TlsLab& operator=(const TlsLab&) = delete;

  const std::string& folder() const { return folder_; }

  // Makes NAME.pem and NAME.key.
  v1::TlsFiles Issue(const std::string& name) {
    Run(absl::StrCat("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=",
                     name, " -keyout ", name, ".key -out ", name, ".csr"));
    Run(absl::StrCat("printf 'subjectAltName=IP:127.0.0.1,DNS:broker.test' > san.ext"));
    Run(absl::StrCat("openssl x509 -req -in ", name, ".csr -CA ca.pem -CAkey ca.key",
                     " -CAcreateserial -days 30 -extfile san.ext -out ", name, ".pem"));
    Run(absl::StrCat("chmod 600 ", name, ".key"));
    v1::TlsFiles files;
    files.set_certificate_chain(name + ".pem");
    files.set_private_key(name + ".key");
    files.set_trust_anchors("ca.pem");
    return files;
  }
  platform::TlsMaterial Material(const std::string& name) {
    auto material = platform::LoadTlsFiles(Issue(name), folder_);
    EXPECT_TRUE(material.ok()) << material.status().message();
    return *std::move(material);
  }
  // A shell command in the folder.
  void Run(const std::string& command) {
    const std::string quiet = absl::StrCat("cd ", folder_, " && (", command, ") >log 2>&1");
    ASSERT_EQ(::system(quiet.c_str()), 0) << command;
  }

 private:
  std::string folder_;
};

}  // namespace yizhan::testing_support

#endif  // YIZHAN_TESTS_SUPPORT_TLS_LAB_H_
