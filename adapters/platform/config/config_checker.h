// Collects everything that is wrong with a configuration, so that a person
// meets all of it at once.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CONFIG_CONFIG_CHECKER_H_
#define YIZHAN_ADAPTERS_PLATFORM_CONFIG_CONFIG_CHECKER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/config/text_proto.h"

namespace yizhan::platform {

// One thread. `field` is the path inside the message ("tls.private_key",
// "callers[1].name"). A problem is a sentence's end ("does not exist"), a fix
// what to do ("create it or correct the path").
//
//   ConfigChecker check(source);
//   std::string key = check.File("tls.private_key", config.tls().private_key());
//   check.Expect(config.province() != 0, "province", "is missing", "give the two-digit code");
//   if (!check.status().ok()) ...
class ConfigChecker {
 public:
  explicit ConfigChecker(TextProtoSource source) : source_(std::move(source)) {}

  // Adds an error unless `good`; returns `good`.
  bool Expect(bool good, absl::string_view field, absl::string_view problem, absl::string_view fix);
  void Add(absl::string_view field, absl::string_view problem, absl::string_view fix) {
    Expect(false, field, problem, fix);
  }
  // An error of something that read the field's file; its text becomes the problem.
  void AddStatus(absl::string_view field, const absl::Status& status);

  // The path relative to the configuration file's folder; absolute paths stay.
  // The checks below return it, with an error added where they fail.
  std::string Resolve(absl::string_view path) const;
  std::string File(absl::string_view field, absl::string_view path);  // readable file
  std::string PrivateFile(absl::string_view field,
                          absl::string_view path);  // and mode 0600 or less
  std::string OptionalFile(absl::string_view field, absl::string_view path);  // "" stays ""
  std::string Directory(absl::string_view field, absl::string_view path);  // made if missing, 0700
  // "host:port" with a port of at most 65535; port 0 only if `allow_zero_port`.
  void HostPort(absl::string_view field, absl::string_view value, bool allow_zero_port);
  // `bytes` bytes as hex digits; returns them, or "" with an error added.
  std::string Hex(absl::string_view field, absl::string_view value, std::size_t bytes);

  // OK, or CONFIG_INVALID with one line a mistake:
  //   broker.textproto:3: field tls.certificate_chain: does not exist; create it or correct the
  //   path
  absl::Status status() const;
  const TextProtoSource& source() const { return source_; }

 private:
  const TextProtoSource source_;
  std::vector<std::string> errors_;
};

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CONFIG_CONFIG_CHECKER_H_
