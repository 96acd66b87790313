// Configuration files in protobuf text format.
#ifndef YIZHAN_ADAPTERS_PLATFORM_CONFIG_TEXT_PROTO_H_
#define YIZHAN_ADAPTERS_PLATFORM_CONFIG_TEXT_PROTO_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace yizhan::platform {

inline constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20;

// Where a message came from, so that errors about its fields can name lines.
struct TextProtoSource {
  std::string path;
  // "tls.certificate_chain", "callers[1].name" -> line, from 1.
  std::map<std::string, int> lines;
};

// Parses the file into `message`. CONFIG_INVALID names file, line and column
// of every mistake and what to do. `source` may be null.
absl::Status ReadTextProto(absl::string_view path, google::protobuf::Message* message,
                           TextProtoSource* source = nullptr);
// The same of text in memory; `name` stands for the file in errors.
absl::Status ParseTextProto(absl::string_view name, absl::string_view text,
                            google::protobuf::Message* message, TextProtoSource* source = nullptr);
// The text form, for files that people read.
std::string PrintTextProto(const google::protobuf::Message& message);

template <typename T>
absl::StatusOr<T> LoadTextProto(absl::string_view path, TextProtoSource* source = nullptr) {
  T message;
  if (absl::Status status = ReadTextProto(path, &message, source); !status.ok()) return status;
  return message;
}

}  // namespace yizhan::platform

#endif  // YIZHAN_ADAPTERS_PLATFORM_CONFIG_TEXT_PROTO_H_
