#include "adapters/platform/config/text_proto.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "adapters/platform/config/files.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

constexpr std::size_t kMaxErrorsShown = 10;

class Mistakes final : public google::protobuf::io::ErrorCollector {
 public:
  explicit Mistakes(absl::string_view name) : name_(name) {}
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    // Counted from 0; -1 where no place is known.
    if (lines_.size() < kMaxErrorsShown) {
      lines_.push_back(absl::StrCat(name_, ":", line + 1, ":", column + 1, ": ", message));
    }
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  const std::string name_;
  std::vector<std::string> lines_;
};

void CollectLines(const Message& message, const TextFormat::ParseInfoTree& tree,
                  const std::string& prefix, std::map<std::string, int>* lines) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const int index = field->is_repeated() ? i : -1;
      const std::string path = index < 0 ? absl::StrCat(prefix, field->name())
                                         : absl::StrCat(prefix, field->name(), "[", i, "]");
      const TextFormat::ParseLocation place = tree.GetLocation(field, index);
      if (place.line >= 0) (*lines)[path] = place.line + 1;
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
      const TextFormat::ParseInfoTree* nested = tree.GetTreeForNested(field, index);
      if (nested == nullptr) continue;
      const Message& child = index < 0 ? reflection->GetMessage(message, field)
                                       : reflection->GetRepeatedMessage(message, field, i);
      CollectLines(child, *nested, absl::StrCat(path, "."), lines);
    }
  }
}

}  // namespace

absl::Status ParseTextProto(absl::string_view name, absl::string_view text, Message* message,
                            TextProtoSource* source) {
  Mistakes mistakes(name);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&mistakes);
  parser.WriteLocationsTo(&tree);
  const bool parsed = parser.ParseFromString(std::string(text), message);
  if (!parsed || !mistakes.lines().empty()) {
    return contract::MakeError(
        v1::CONFIG_INVALID, v1::SIDE_MINE, absl::StrJoin(mistakes.lines(), "\n"),
        absl::StrCat("correct the file; its fields are those of the message ",
                     std::string(message->GetDescriptor()->full_name())));
  }
  if (source != nullptr) {
    source->path = std::string(name);
    source->lines.clear();
    CollectLines(*message, tree, "", &source->lines);
  }
  return absl::OkStatus();
}

absl::Status ReadTextProto(absl::string_view path, Message* message, TextProtoSource* source) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxConfigBytes);
  if (!text.ok()) return text.status();
  return ParseTextProto(path, *text, message, source);
}

std::string PrintTextProto(const Message& message) {
  TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string out;
  printer.PrintToString(message, &out);
  return out;
}

}  // namespace yizhan::platform
