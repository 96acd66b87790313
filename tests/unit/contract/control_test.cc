#include "protos/contract/control.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/limits.h"
#include "tests/unit/contract/directory_lab.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;

v1::Control Issued(std::uint32_t issuer) {
  ControlIssuer by;
  by.province = ProvinceCode(issuer);
  by.incarnation = *Incarnation::From(Fill(16, 'i'));
  return NewControl(by, TestNow());
}
v1::Control AcceptanceBy(std::uint32_t issuer) {
  v1::Control c = Issued(issuer);
  *c.mutable_acceptance()->mutable_message() = ValidRef();
  c.mutable_acceptance()->set_seal_number(1);
  return c;
}
v1::Control DeliveryBy(std::uint32_t issuer) {
  v1::Control c = Issued(issuer);
  *c.mutable_delivery()->mutable_message() = ValidRef();
  return c;
}
v1::Control RefusalBy(std::uint32_t issuer, bool consumes = true) {
  v1::Control c = Issued(issuer);
  *c.mutable_refusal()->mutable_message() = ValidRef();
  c.mutable_refusal()->set_seal_digest(Fill(32, 's'));
  c.mutable_refusal()->set_consumes_number(consumes);
  c.mutable_refusal()->mutable_error()->set_reason(v1::CASE_RULE_VIOLATED);
  return c;
}
v1::Control NoticeBy(std::uint32_t issuer) {
  v1::Control c = Issued(issuer);
  *c.mutable_notice()->mutable_message() = ValidRef();
  c.mutable_notice()->set_seal_digest(Fill(32, 's'));
  c.mutable_notice()->set_cause(v1::NOTICE_EXPIRED);
  return c;
}
v1::Control TombstoneBy(std::uint32_t issuer) {
  v1::Control c = Issued(issuer);
  *c.mutable_tombstone()->mutable_message() = ValidRef();
  c.mutable_tombstone()->set_pair_counter(7);
  c.mutable_tombstone()->set_cause(v1::TOMBSTONE_EXPIRED);
  return c;
}
v1::Control RecoveryBy(std::uint32_t issuer) {
  v1::Control c = Issued(issuer);
  c.mutable_recovery_request()->set_peer(34);
  c.mutable_recovery_request()->set_old_incarnation(Fill(16, 'o'));
  c.mutable_recovery_request()->set_new_incarnation(Fill(16, 'n'));
  return c;
}

v1::ControlRecord Unsigned(const v1::Control& control) {
  v1::ControlRecord record;
  record.set_record(control.SerializeAsString());
  return record;
}

TEST(Control, EveryKind_IsParsedWithWhatItSpeaksOf) {
  for (const v1::Control& c :
       {AcceptanceBy(0), DeliveryBy(34), RefusalBy(34), NoticeBy(0), TombstoneBy(32)}) {
    const auto parsed = ParseControl(TestHasher(), Unsigned(c));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->identity.source, ProvinceCode(32));
    EXPECT_EQ(parsed->header_digest.view(), ValidRef().header_digest());
    EXPECT_EQ(parsed->record_digest, TestHasher().Hash(c.SerializeAsString()));
  }
  EXPECT_TRUE(ParseControl(TestHasher(), Unsigned(RecoveryBy(32))).ok());
}

TEST(Control, EachMalformedField_IsRefusedAndNamed) {
  struct Case {
    const char* field;
    v1::Control control;
    std::function<void(v1::Control&)> alter;
  };
  const Case cases[] = {
      {"issuer", AcceptanceBy(0), [](auto& c) { c.set_issuer(5); }},
      {"issued_unix_us", AcceptanceBy(0), [](auto& c) { c.clear_issued_unix_us(); }},
      {"issuer_incarnation", AcceptanceBy(0), [](auto& c) { c.set_issuer_incarnation("x"); }},
      {"directory_head", AcceptanceBy(0),
       [](auto& c) { c.mutable_directory_head()->set_digest("x"); }},
      {"kind", AcceptanceBy(0), [](auto& c) { c.clear_kind(); }},
      {"seal_number", AcceptanceBy(0),
       [](auto& c) { c.mutable_acceptance()->clear_seal_number(); }},
      {"header_digest", DeliveryBy(34),
       [](auto& c) { c.mutable_delivery()->mutable_message()->set_header_digest("x"); }},
      {"message_id", DeliveryBy(34),
       [](auto& c) { c.mutable_delivery()->mutable_message()->clear_message_id(); }},
      {"message.sequence", DeliveryBy(34),
       [](auto& c) { c.mutable_delivery()->mutable_message()->clear_sequence(); }},
      {"message.lane", DeliveryBy(34), [](auto& c) { c.mutable_delivery()->clear_message(); }},
      {"refusal.seal_digest", RefusalBy(34),
       [](auto& c) { c.mutable_refusal()->clear_seal_digest(); }},
      {"refusal.error.reason", RefusalBy(34),
       [](auto& c) {
         c.mutable_refusal()->mutable_error()->set_reason(static_cast<v1::ErrorReason>(9999));
       }},
      {"notice.cause", NoticeBy(0), [](auto& c) { c.mutable_notice()->clear_cause(); }},
      {"tombstone.pair_counter", TombstoneBy(32),
       [](auto& c) { c.mutable_tombstone()->clear_pair_counter(); }},
      {"tombstone.cause", TombstoneBy(32),
       [](auto& c) { c.mutable_tombstone()->set_cause(static_cast<v1::TombstoneCause>(9)); }},
      {"recovery_request", RecoveryBy(32),
       [](auto& c) { c.mutable_recovery_request()->set_peer(32); }},
  };
  for (const Case& c : cases) {
    v1::Control altered = c.control;
    c.alter(altered);
    const absl::Status status = ParseControl(TestHasher(), Unsigned(altered)).status();
    EXPECT_EQ(Reason(status), "STREAM_MALFORMED") << c.field;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.field));
  }
}

TEST(Control, UnknownVersionsFeaturesAndSizes_AreRefused) {
  v1::Control c = DeliveryBy(34);
  c.set_format_version(2);
  EXPECT_EQ(Reason(ParseControl(TestHasher(), Unsigned(c)).status()), "VERSION_UNSUPPORTED");
  c = DeliveryBy(34);
  c.add_critical_features(3);
  EXPECT_EQ(Reason(ParseControl(TestHasher(), Unsigned(c)).status()), "CRITICAL_FEATURE_UNKNOWN");
  c = NoticeBy(0);
  c.mutable_notice()->set_detail(Fill(kMaxControlRecordBytes, 'x'));
  EXPECT_EQ(Reason(ParseControl(TestHasher(), Unsigned(c)).status()), "STREAM_MALFORMED");
  EXPECT_EQ(Reason(ParseControl(TestHasher(), v1::ControlRecord()).status()), "STREAM_MALFORMED");
}

TEST(Control, Terminal_AreReceiptNoticeAndFinalRefusal) {
  EXPECT_TRUE(IsTerminal(DeliveryBy(34)));
  EXPECT_TRUE(IsTerminal(NoticeBy(0)));
  EXPECT_TRUE(IsTerminal(RefusalBy(34)));
  EXPECT_FALSE(IsTerminal(RefusalBy(34, false)));
  EXPECT_FALSE(IsTerminal(AcceptanceBy(0)));
  EXPECT_FALSE(IsTerminal(TombstoneBy(32)));
}

class ControlCheckTest : public ::testing::Test {
 protected:
  ControlCheckTest() {
    lab_.Begin();
    for (std::uint32_t province : {32, 34, 51}) lab_.AddMember(province);
  }
  const TestKey& KeyOf(std::uint32_t issuer) {
    return issuer == 0 ? lab_.broker : lab_.signing.at(issuer);
  }
  std::string Check(const v1::Control& control, const TestKey& key) {
    v1::ControlRecord record = Unsigned(control);
    const Digest leaf = ControlLeaf(TestHasher(), record.record());
    *record.mutable_signature() =
        (*SignBatch(*key.signer, TestHasher(), absl::MakeConstSpan(&leaf, 1)))[0];
    return Reason(
        CheckControl(lab_.state, lab_.checker, record, *ParseControl(TestHasher(), record)));
  }
  DirectoryLab lab_;
};

TEST_F(ControlCheckTest, EachKind_IsForItsIssuersAlone) {
  struct Case {
    v1::Control (*make)(std::uint32_t);
    std::set<std::uint32_t> may;
  };
  const Case cases[] = {
      {AcceptanceBy, {0}},
      {DeliveryBy, {34}},
      {[](std::uint32_t issuer) { return RefusalBy(issuer); }, {0, 34}},
      {NoticeBy, {0}},
      {TombstoneBy, {32}},
      {RecoveryBy, {32, 51}},
  };
  for (const Case& c : cases) {
    for (std::uint32_t issuer : {0, 32, 34, 51}) {
      if (c.make == RecoveryBy && issuer == 34) continue;  // names itself as peer
      EXPECT_EQ(Check(c.make(issuer), KeyOf(issuer)),
                c.may.contains(issuer) ? "OK" : "CALLER_NOT_ALLOWED")
          << c.make(issuer).ShortDebugString();
    }
  }
}

TEST_F(ControlCheckTest, ForeignUnknownAndSealingKeys_AreRefused) {
  EXPECT_EQ(Check(DeliveryBy(34), lab_.signing.at(51)), "SIGNER_NOT_SOURCE");
  EXPECT_EQ(Check(DeliveryBy(34), lab_.broker), "SIGNER_NOT_SOURCE");
  EXPECT_EQ(Check(AcceptanceBy(0), lab_.authority), "SIGNER_NOT_SOURCE");
  EXPECT_EQ(Check(AcceptanceBy(0), lab_.signing.at(32)), "SIGNER_NOT_SOURCE");
  EXPECT_EQ(Check(DeliveryBy(34), MakeTestKey()), "SIGNER_UNKNOWN");
  EXPECT_EQ(Check(DeliveryBy(34), lab_.sealing.at(34)), "SIGNER_UNKNOWN");
}

TEST_F(ControlCheckTest, ForgedReceipt_IsRefused) {
  v1::ControlRecord record = Unsigned(DeliveryBy(34));
  const Digest other = ControlLeaf(TestHasher(), "another record");
  *record.mutable_signature() =
      (*SignBatch(*lab_.signing.at(34).signer, TestHasher(), absl::MakeConstSpan(&other, 1)))[0];
  EXPECT_EQ(
      Reason(CheckControl(lab_.state, lab_.checker, record, *ParseControl(TestHasher(), record))),
      "SIGNATURE_INVALID");
}

}  // namespace
}  // namespace yizhan::contract
