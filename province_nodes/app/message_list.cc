// The part of the core that shows messages to operators.
#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "protos/contract/errors.h"
#include "province_nodes/app/core_impl.h"
#include "province_nodes/store/proto_io.h"

namespace yizhan::node {
namespace {

constexpr std::uint32_t kDefaultPage = 100;
constexpr std::uint32_t kMaxPage = 1000;

void DescribeOut(const store::OutboxState& state, v1::NodeMessage& message) {
  message.set_message_id(state.message_id());
  message.set_header_digest(state.header_digest());
  message.set_kind(state.kind());
  message.set_passage(state.passage());
  message.set_detail(state.detail());
  message.set_created_unix_us(state.created_unix_us());
}

void DescribeIn(const store::InboxRecord& record, v1::NodeMessage& message) {
  message.set_message_id(record.message_id());
  message.set_header_digest(record.header_digest());
  message.set_kind(record.kind());
  message.set_passage(record.passage());
  message.set_detail(record.detail());
  message.set_created_unix_us(record.created_unix_us());
}

// False where the message itself has been swept.
absl::StatusOr<bool> Describe(const Lane& lane, const store::MessageIndex& index, bool outgoing,
                              v1::NodeMessage& message) {
  const std::optional<contract::CaseHandle> handle =
      contract::CaseHandle::From(index.case_handle());
  if (!handle.has_value()) return StoredValueDamaged("message index");
  const SlotKey slot{contract::ProvinceCode(index.peer()), *handle, index.sequence()};
  message.set_lane(lane.lane);
  message.set_source(outgoing ? lane.province.value() : index.peer());
  message.set_destination(outgoing ? index.peer() : lane.province.value());
  message.set_case_handle(index.case_handle());
  message.set_sequence(index.sequence());
  if (outgoing) {
    auto state = GetProto<store::OutboxState>(lane.txn, lane.keys.OutboxState(slot));
    if (!state.ok()) return state.status();
    if (state->has_value()) DescribeOut(**state, message);
    return state->has_value();
  }
  auto record = GetProto<store::InboxRecord>(lane.txn, lane.keys.InboxRecord(slot));
  if (!record.ok()) return record.status();
  if (record->has_value()) DescribeIn(**record, message);
  return record->has_value();
}

absl::Status BadRequest(const char* what) {
  return contract::MakeError(v1::REQUEST_MALFORMED, v1::SIDE_MINE, what,
                             "Use what an earlier answer showed.");
}

}  // namespace

absl::StatusOr<v1::ListMessagesResponse> CoreImpl::ListMessages(
    const v1::ListMessagesRequest& request) const {
  const std::string prefix = lane_.keys.Messages();
  std::string begin = prefix;
  std::string end = platform::PrefixEnd(prefix);
  if (!request.message_id().empty()) {
    const auto id = contract::MessageId::From(request.message_id());
    if (!id.has_value()) return BadRequest("message_id does not have 16 bytes");
    begin = lane_.keys.Message(*id, false);
    end = lane_.keys.Message(*id, true) + std::string(1, '\0');
  } else if (!request.page_token().empty()) {
    const std::string after = absl::HexStringToBytes(request.page_token());
    if (after.size() != contract::MessageId::kSize + 1) {
      return BadRequest("page_token is not one that was given out");
    }
    begin = prefix + after;
  }
  const std::uint32_t size =
      std::min(request.page_size() == 0 ? kDefaultPage : request.page_size(), kMaxPage);
  v1::ListMessagesResponse response;
  absl::Status bad;
  YIZHAN_RETURN_IF_ERROR(
      lane_.txn.Scan(begin, end, [&](absl::string_view key, absl::string_view value) {
        if (response.messages_size() >= static_cast<int>(size)) {
          response.set_next_page_token(absl::BytesToHexString(key.substr(prefix.size())));
          return false;
        }
        absl::StatusOr<store::MessageIndex> index =
            ParseStored<store::MessageIndex>(value, "message index");
        v1::NodeMessage message;
        absl::StatusOr<bool> there =
            index.ok() ? Describe(lane_, *index, key.back() == 'o', message) : index.status();
        bad = there.status();
        if (there.ok() && *there) *response.add_messages() = std::move(message);
        return there.ok();
      }));
  if (!bad.ok()) return bad;
  return response;
}

}  // namespace yizhan::node
