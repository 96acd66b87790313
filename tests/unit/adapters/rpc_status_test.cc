#include <string>

#include "adapters/platform/rpc/status.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "yizhan/v1/error.pb.h"

namespace yizhan::platform {
namespace {

using ::testing::HasSubstr;

v1::ErrorDetail QuotaError() {
  v1::ErrorDetail detail;
  detail.set_reason(v1::QUOTA_EXCEEDED);
  detail.set_what("驿站 is full for 34");
  detail.set_side(v1::SIDE_BROKER);
  detail.set_next_step("wait");
  detail.set_message_id(std::string(16, '\x01'));
  detail.set_retry_after_ms(1500);
  (*detail.mutable_metadata())["destination"] = "34";
  (*detail.mutable_metadata())["field"] = "items[3]";
  return detail;
}

template <typename T>
T DetailOfType(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  T out;
  for (const auto& any : details.details()) {
    if (any.Is<T>()) {
      EXPECT_TRUE(any.UnpackTo(&out));
      return out;
    }
  }
  ADD_FAILURE() << "no " << T::descriptor()->full_name();
  return out;
}

TEST(RpcStatusTest, OurError_ComesBackWhole) {
  const absl::Status sent = contract::MakeError(QuotaError());
  const absl::Status back = FromGrpc(ToGrpc(sent));
  EXPECT_EQ(back.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(back.message(), sent.message());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(contract::DetailOf(back),
                                                                 contract::DetailOf(sent)));
}

TEST(RpcStatusTest, OurError_CarriesTheStandardDetails) {
  const grpc::Status status = ToGrpc(contract::MakeError(QuotaError()));
  const auto info = DetailOfType<google::rpc::ErrorInfo>(status);
  EXPECT_EQ(info.reason(), "QUOTA_EXCEEDED");
  EXPECT_EQ(info.domain(), "yizhan.v1");
  EXPECT_EQ(info.metadata().at("message_id"), "01010101010101010101010101010101");
  EXPECT_EQ(info.metadata().at("destination"), "34");
  const auto retry = DetailOfType<google::rpc::RetryInfo>(status);
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500000000);
  const auto bad = DetailOfType<google::rpc::BadRequest>(status);
  EXPECT_EQ(bad.field_violations(0).field(), "items[3]");
}

TEST(RpcStatusTest, ErrorWithoutDelay_HasNoRetryInfo) {
  const grpc::Status status = ToGrpc(
      contract::MakeError(v1::SESSION_FENCED, v1::SIDE_MINE, "a newer session is active", "stop"));
  EXPECT_EQ(status.error_details().find("RetryInfo"), std::string::npos);
  EXPECT_EQ(status.error_details().find("BadRequest"), std::string::npos);
  EXPECT_EQ(contract::ReasonOf(FromGrpc(status)), v1::SESSION_FENCED);
}

TEST(RpcStatusTest, OkStaysOk) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(RpcStatusTest, LongText_IsCutSoThatTrailersStayBounded) {
  v1::ErrorDetail detail = QuotaError();
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "驿";
  detail.set_what(text);
  detail.set_next_step(text);
  for (int i = 0; i < 100; ++i) (*detail.mutable_metadata())["k" + std::to_string(i)] = text;
  const grpc::Status status = ToGrpc(contract::MakeError(detail));
  // Percent-encoding triples the message; details travel as they are, or in
  // base64 to old peers.
  EXPECT_LT(3 * status.error_message().size() + status.error_details().size() * 4 / 3, 16u * 1024);
  EXPECT_EQ(contract::ReasonOf(FromGrpc(status)), v1::QUOTA_EXCEEDED);
}

TEST(RpcStatusTest, TransportError_IsOfTheNetwork) {
  const absl::Status status =
      FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "failed to connect"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  const v1::ErrorDetail detail = contract::DetailOf(status);
  EXPECT_EQ(detail.reason(), v1::PEER_UNREACHABLE);
  EXPECT_EQ(detail.side(), v1::SIDE_NETWORK);
  EXPECT_THAT(detail.what(), HasSubstr("failed to connect"));
  EXPECT_FALSE(detail.next_step().empty());
}

TEST(RpcStatusTest, ForeignOrGarbledDetails_KeepTheCode) {
  const absl::Status status =
      FromGrpc(grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "no", "\xFF\xFF garbage"));
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(contract::ReasonOf(status), v1::INTERNAL_FAULT);
}

TEST(RpcStatusTest, StatusWithoutAWord_SaysAtLeastItsCode) {
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::DATA_LOSS, ""));
  EXPECT_THAT(contract::DetailOf(status).what(), HasSubstr("DATA_LOSS"));
}

}  // namespace
}  // namespace yizhan::platform
