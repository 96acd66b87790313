#include "tools/yizhan/lab_files.h"

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/rpc/peer.h"
#include "protos/contract/errors.h"
#include "tools/yizhan/lab_certificates.h"

namespace yizhan::tools {

namespace fs = std::filesystem;

std::string LabFiles::PathOf(absl::string_view relative) const {
  return platform::JoinPath(dir_, relative);
}

absl::Status LabFiles::MakeAuthority() {
  auto ca = MakeLabAuthority(now_);
  if (!ca.ok()) return ca.status();
  ca_ = *std::move(ca);
  absl::Status status = platform::MakeDirectories(PathOf("authority"), 0700);
  status.Update(platform::WritePrivateFile(PathOf("authority/ca-key.pem"), ca_->private_key_pem()));
  status.Update(Write("authority/ca.pem", ca_->certificate_pem()));
  return status;
}

absl::StatusOr<platform::Sm2Key> LabFiles::NewKey(const std::string& path) {
  absl::StatusOr<platform::Sm2Key> key = platform::GenerateSm2Key();
  if (!key.ok()) return key.status();
  absl::Status status = platform::MakeDirectories(platform::FolderOf(PathOf(path)), 0700);
  status.Update(platform::WritePrivateFile(PathOf(path), key->private_pem));
  if (!status.ok()) return status;
  return key;
}

absl::StatusOr<contract::CertificateFingerprint> LabFiles::NewCertificate(const std::string& folder,
                                                                          const std::string& name,
                                                                          bool server) {
  const auto issued = IssueLabCertificate(*ca_, name, server, now_);
  if (!issued.ok()) return issued.status();
  const auto fingerprint = platform::FingerprintOfPem(issued->certificate_pem);
  if (!fingerprint.has_value()) {
    return contract::MakeError(v1::INTERNAL_FAULT, v1::SIDE_MINE,
                               absl::StrCat("The certificate of ", name, " cannot be read back."),
                               "Check the installation of OpenSSL.");
  }
  const v1::TlsFiles files = TlsFilesIn(folder);
  absl::Status status = platform::MakeDirectories(PathOf(folder), 0700);
  status.Update(platform::WritePrivateFile(PathOf(files.private_key()), issued->private_key_pem));
  status.Update(Write(files.certificate_chain(), issued->certificate_pem));
  status.Update(Write(files.trust_anchors(), ca_->certificate_pem()));
  if (!status.ok()) return status;
  return *fingerprint;
}

absl::Status LabFiles::Copy(const std::string& from, const std::string& path) {
  const absl::StatusOr<std::string> content = platform::ReadFile(from);
  if (!content.ok()) return content.status();
  return Write(path, *content);
}

absl::Status LabFiles::Write(const std::string& path, absl::string_view content) {
  return platform::WriteFileAtomically(PathOf(path), content);
}

absl::Status LabFiles::WriteConfig(const std::string& path, absl::string_view title,
                                   const google::protobuf::Message& message) {
  return Write(
      path, absl::StrCat("# ", title, "\n# Made by `yizhan network init`. A LAB: never ",
                         "use its keys for a real network.\n", platform::PrintTextProto(message)));
}

v1::TlsFiles TlsFilesIn(absl::string_view folder) {
  v1::TlsFiles files;
  files.set_certificate_chain(absl::StrCat(folder, "/chain.pem"));
  files.set_private_key(absl::StrCat(folder, "/key.pem"));
  files.set_trust_anchors(absl::StrCat(folder, "/ca.pem"));
  return files;
}

absl::Status RefuseOccupied(const std::string& dir) {
  std::error_code error;
  if (!fs::exists(dir, error)) return absl::OkStatus();
  if (fs::is_directory(dir, error) && fs::is_empty(dir, error)) return absl::OkStatus();
  return contract::MakeError(
      v1::CONFIG_INVALID, v1::SIDE_MINE,
      absl::StrCat("'", dir, "' exists and is not an empty folder."),
      "Name a new folder: keys and data of a network are never overwritten.");
}

absl::StatusOr<std::map<std::string, std::string>> ProvinceNames(const std::string& divisions) {
  const absl::StatusOr<std::string> text = platform::ReadFile(divisions);
  if (!text.ok()) return text.status();
  std::map<std::string, std::string> names;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::vector<absl::string_view> cells =
        absl::StrSplit(absl::StripAsciiWhitespace(line), ',');
    if (cells.size() >= 2 && cells[0].size() == 2) {
      names.emplace(std::string(cells[0]), std::string(cells[1]));
    }
  }
  return names;
}

}  // namespace yizhan::tools
