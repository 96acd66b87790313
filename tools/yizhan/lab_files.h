// Writes the files of a lab: keys, certificates, copies, configurations.
#ifndef YIZHAN_TOOLS_YIZHAN_LAB_FILES_H_
#define YIZHAN_TOOLS_YIZHAN_LAB_FILES_H_

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "adapters/platform/crypto/certificate_authority.h"
#include "adapters/platform/crypto/key_files.h"
#include "google/protobuf/message.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::tools {

// One thread. Paths are relative to the lab's folder; private files have mode
// 0600, and nothing that is there is replaced.
class LabFiles {
 public:
  LabFiles(std::string dir, absl::Time now) : dir_(std::move(dir)), now_(now) {}

  // The folder itself, and authority/{ca,ca-key}.pem; before all others.
  absl::Status MakeAuthority();
  // An SM2 key in a new file.
  absl::StatusOr<platform::Sm2Key> NewKey(const std::string& path);
  // folder/{chain,key,ca}.pem, see IssueLabCertificate.
  absl::StatusOr<contract::CertificateFingerprint> NewCertificate(const std::string& folder,
                                                                  const std::string& name,
                                                                  bool server);
  absl::Status Copy(const std::string& from, const std::string& path);
  absl::Status Write(const std::string& path, absl::string_view content);
  // In text form, below a comment with `title`.
  absl::Status WriteConfig(const std::string& path, absl::string_view title,
                           const google::protobuf::Message& message);

 private:
  std::string PathOf(absl::string_view relative) const;

  const std::string dir_;
  const absl::Time now_;
  std::unique_ptr<platform::CertificateAuthority> ca_;
};

// The names of those three files.
v1::TlsFiles TlsFilesIn(absl::string_view folder);

// CONFIG_INVALID unless the folder is missing or empty.
absl::Status RefuseOccupied(const std::string& dir);

// Names of provinces by their two digits, from divisions.csv.
absl::StatusOr<std::map<std::string, std::string>> ProvinceNames(const std::string& divisions);

}  // namespace yizhan::tools

#endif  // YIZHAN_TOOLS_YIZHAN_LAB_FILES_H_
