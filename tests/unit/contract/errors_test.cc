#include "protos/contract/errors.h"

#include "gtest/gtest.h"
#include "protos/contract/crypto.h"

namespace yizhan::contract {
namespace {

TEST(Errors, Detail_SurvivesTheStatus) {
  v1::ErrorDetail detail;
  detail.set_reason(v1::QUOTA_EXCEEDED);
  detail.set_side(v1::SIDE_THEIRS);
  detail.set_what("mailbox of 34 is full");
  detail.set_next_step("wait");
  detail.set_retry_after_ms(1500);
  const absl::Status status = MakeError(detail);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "mailbox of 34 is full");
  EXPECT_EQ(DetailOf(status).SerializeAsString(), detail.SerializeAsString());
}

TEST(Errors, EveryReason_HasACodeThatIsAnError) {
  for (int number = 0; number <= v1::ErrorReason_MAX; ++number) {
    if (!v1::ErrorReason_IsValid(number)) continue;
    const auto reason = static_cast<v1::ErrorReason>(number);
    EXPECT_NE(CodeOf(reason), absl::StatusCode::kOk) << v1::ErrorReason_Name(reason);
    const bool named = number != 0 && reason != v1::INTERNAL_FAULT;
    if (named) {
      EXPECT_NE(CodeOf(reason), absl::StatusCode::kInternal) << v1::ErrorReason_Name(reason);
    }
  }
  EXPECT_EQ(CodeOf(static_cast<v1::ErrorReason>(9999)), absl::StatusCode::kInternal);
}

TEST(Errors, StatusWithoutDetail_IsAnInternalFaultOrAStorageFailure) {
  EXPECT_EQ(ReasonOf(absl::UnknownError("x")), v1::INTERNAL_FAULT);
  EXPECT_EQ(ReasonOf(absl::DataLossError("x")), v1::STORAGE_FAILED);
  EXPECT_EQ(DetailOf(absl::UnknownError("why")).what(), "why");
  EXPECT_EQ(ReasonOf(absl::OkStatus()), v1::ERROR_REASON_UNSPECIFIED);
}

TEST(SecretBytes, MovedFromAndWiped_HoldNothing) {
  SecretBytes a("secret of an epoch that is long enough to be on the heap");
  const std::string copy(a.ExposeSecretBytes());
  SecretBytes b(std::move(a));
  EXPECT_TRUE(a.empty());  // NOLINT: the moved-from state is the point
  EXPECT_EQ(b.ExposeSecretBytes(), copy);
  SecretBytes c("other");
  c = b;
  EXPECT_EQ(c.ExposeSecretBytes(), copy);
  c = std::move(b);
  EXPECT_TRUE(b.empty());  // NOLINT
  EXPECT_EQ(c.ExposeSecretBytes(), copy);
}

}  // namespace
}  // namespace yizhan::contract
