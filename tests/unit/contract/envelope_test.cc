#include "protos/contract/envelope.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "tests/unit/contract/fixtures.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;

absl::Status Parse(const v1::Envelope& envelope) {
  return ParseEnvelope(TestHasher(), envelope).status();
}

struct HeaderCase {
  const char* field;
  const char* reason;
  std::function<void(v1::Header&)> alter;
};

TEST(Envelope, Valid_IsParsedWithIdentityAndDigests) {
  const v1::Envelope envelope = EnvelopeOf(ValidHeader(), ValidSeal());
  const auto parsed = ParseEnvelope(TestHasher(), envelope);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->identity.source, ProvinceCode(32));
  EXPECT_EQ(parsed->identity.destination, ProvinceCode(34));
  EXPECT_EQ(parsed->identity.sequence, 1u);
  EXPECT_TRUE(parsed->identity.run.is_zero());
  EXPECT_EQ(parsed->header_digest, TestHasher().Hash(absl::string_view(envelope.header())));
  EXPECT_EQ(parsed->seal_digest, TestHasher().Hash(absl::string_view(envelope.seal())));
  EXPECT_EQ(parsed->created, TestNow());
  const auto identity = IdentityOf(MakeMessageRef(*parsed));
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(*identity, parsed->identity);
}

TEST(Envelope, EachMalformedHeaderField_IsRefusedAndNamed) {
  const HeaderCase cases[] = {
      {"format_version", "VERSION_UNSUPPORTED", [](auto& h) { h.set_format_version(2); }},
      {"format_version", "VERSION_UNSUPPORTED", [](auto& h) { h.clear_format_version(); }},
      {"critical_features", "CRITICAL_FEATURE_UNKNOWN",
       [](auto& h) { h.add_critical_features(5); }},
      {"suite", "VERSION_UNSUPPORTED", [](auto& h) { h.set_suite(static_cast<v1::Suite>(2)); }},
      {"lane", "HEADER_MALFORMED", [](auto& h) { h.clear_lane(); }},
      {"lane", "HEADER_MALFORMED", [](auto& h) { h.set_lane(static_cast<v1::Lane>(3)); }},
      {"test_run_id", "HEADER_MALFORMED", [](auto& h) { h.set_lane(v1::LANE_TEST); }},
      {"test_run_id", "HEADER_MALFORMED", [](auto& h) { h.set_test_run_id(Fill(16, 't')); }},
      {"test_run_id", "HEADER_MALFORMED",
       [](auto& h) { h.set_lane(v1::LANE_TEST), h.set_test_run_id(Fill(16, '\0')); }},
      {"source", "HEADER_MALFORMED", [](auto& h) { h.set_source(0); }},
      {"source", "HEADER_MALFORMED", [](auto& h) { h.set_source(100); }},
      {"destination", "HEADER_MALFORMED", [](auto& h) { h.set_destination(10); }},
      {"same province", "HEADER_MALFORMED", [](auto& h) { h.set_destination(32); }},
      {"kind", "HEADER_MALFORMED", [](auto& h) { h.clear_kind(); }},
      {"kind", "HEADER_MALFORMED", [](auto& h) { h.set_kind(static_cast<v1::MessageKind>(99)); }},
      {"case_handle", "HEADER_MALFORMED", [](auto& h) { h.set_case_handle(Fill(15, 'c')); }},
      {"sequence", "HEADER_MALFORMED", [](auto& h) { h.set_sequence(0); }},
      {"previous_header_digest", "HEADER_MALFORMED", [](auto& h) { h.set_sequence(2); }},
      {"previous_header_digest", "HEADER_MALFORMED",
       [](auto& h) { h.set_previous_header_digest(Fill(32, 'p')); }},
      {"last_applied", "HEADER_MALFORMED", [](auto& h) { h.set_last_applied_sequence(1); }},
      {"last_applied", "HEADER_MALFORMED",
       [](auto& h) { h.set_last_applied_header_digest(Fill(32, 'p')); }},
      {"pair_counter", "HEADER_MALFORMED", [](auto& h) { h.set_pair_counter(0); }},
      {"commitment", "HEADER_MALFORMED", [](auto& h) { h.set_commitment(Fill(31, 'k')); }},
      {"created_unix_us", "HEADER_MALFORMED", [](auto& h) { h.set_created_unix_us(0); }},
      {"store_incarnation", "HEADER_MALFORMED", [](auto& h) { h.clear_store_incarnation(); }},
      {"directory_head", "HEADER_MALFORMED",
       [](auto& h) { h.mutable_directory_head()->set_digest("x"); }},
      {"log_checkpoint", "HEADER_MALFORMED",
       [](auto& h) { h.mutable_log_checkpoint()->clear_log_id(); }},
      {"traceparent", "HEADER_MALFORMED", [](auto& h) { h.set_traceparent(Fill(65, '0')); }},
      {"traceparent", "HEADER_MALFORMED", [](auto& h) { h.set_traceparent("a\nb"); }},
      {"random", "HEADER_MALFORMED", [](auto& h) { h.set_random("x"); }},
      {"message_id", "HEADER_MALFORMED", [](auto& h) { h.set_message_id("x"); }},
  };
  for (const HeaderCase& c : cases) {
    v1::Header header = ValidHeader();
    c.alter(header);
    const absl::Status status = Parse(EnvelopeOf(header, ValidSeal()));
    EXPECT_EQ(Reason(status), c.reason) << c.field;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.field));
  }
}

TEST(Envelope, EachMalformedSealField_IsRefusedAndNamed) {
  const std::pair<const char*, std::function<void(v1::Seal&)>> cases[] = {
      {"number", [](v1::Seal& s) { s.set_number(0); }},
      {"expires_unix_us",
       [](v1::Seal& s) { s.set_expires_unix_us(absl::ToUnixMicros(TestNow())); }},
      {"recipient_key_id", [](v1::Seal& s) { s.set_recipient_key_id("x"); }},
      {"wrapped_epoch_secret", [](v1::Seal& s) { s.clear_wrapped_epoch_secret(); }},
      {"wrapped_epoch_secret", [](v1::Seal& s) { s.set_wrapped_epoch_secret(Fill(513, 'w')); }},
      {"salt", [](v1::Seal& s) { s.set_salt(Fill(17, 's')); }},
      {"body_digest", [](v1::Seal& s) { s.set_body_digest("x"); }},
  };
  for (const auto& [field, alter] : cases) {
    v1::Seal seal = ValidSeal();
    alter(seal);
    const absl::Status status = Parse(EnvelopeOf(ValidHeader(), seal));
    EXPECT_EQ(Reason(status), "SEAL_MALFORMED") << field;
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  }
  v1::Seal seal = ValidSeal();
  seal.add_critical_features(1);
  EXPECT_EQ(Reason(Parse(EnvelopeOf(ValidHeader(), seal))), "CRITICAL_FEATURE_UNKNOWN");
  seal = ValidSeal();
  seal.set_format_version(9);
  EXPECT_EQ(Reason(Parse(EnvelopeOf(ValidHeader(), seal))), "VERSION_UNSUPPORTED");
}

TEST(Envelope, ErrorsNameTheMessage) {
  v1::Header header = ValidHeader();
  header.set_random("x");
  EXPECT_EQ(DetailOf(Parse(EnvelopeOf(header, ValidSeal()))).message_id(), header.message_id());
}

TEST(Envelope, UnknownFieldsThatAreNotCritical_AreTolerated) {
  v1::Envelope envelope = EnvelopeOf(ValidHeader(), ValidSeal());
  envelope.mutable_header()->append("\xfa\x3f\x02hi", 5);  // field 127
  EXPECT_TRUE(Parse(envelope).ok());
}

TEST(Envelope, SizesBeyondLimits_AreRefused) {
  v1::Envelope envelope = EnvelopeOf(ValidHeader(), ValidSeal());
  envelope.set_body(Fill(kMaxBodyBytes, 'b'));
  EXPECT_TRUE(Parse(envelope).ok());
  envelope.set_body(Fill(kMaxBodyBytes + 1, 'b'));
  EXPECT_EQ(Reason(Parse(envelope)), "BODY_TOO_LARGE");
  envelope = EnvelopeOf(ValidHeader(), ValidSeal());
  envelope.mutable_header()->append("\xfa\x3f\xff\x3e", 4);
  envelope.mutable_header()->append(8063, 'x');
  EXPECT_EQ(Reason(Parse(envelope)), "HEADER_MALFORMED");
  EXPECT_EQ(Reason(Parse(v1::Envelope())), "HEADER_MALFORMED");
}

TEST(Envelope, GarbageInHeaderOrSeal_IsRefused) {
  v1::Envelope envelope = EnvelopeOf(ValidHeader(), ValidSeal());
  envelope.set_seal("\xff\xff");
  EXPECT_EQ(Reason(Parse(envelope)), "SEAL_MALFORMED");
  envelope.set_header("\xff\xff");
  EXPECT_EQ(Reason(Parse(envelope)), "HEADER_MALFORMED");
}

TEST(Envelope, TestLane_CarriesItsRun) {
  v1::Header header = ValidHeader();
  header.set_lane(v1::LANE_TEST);
  header.set_test_run_id(Fill(16, 't'));
  const auto parsed = ParseEnvelope(TestHasher(), EnvelopeOf(header, ValidSeal()));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->identity.run.view(), Fill(16, 't'));
}

TEST(Envelope, OneFlippedBitOfTheBody_IsFound) {
  v1::Envelope envelope = EnvelopeOf(ValidHeader(), ValidSeal(), Fill(500, 'b'));
  const ParsedEnvelope parsed = *ParseEnvelope(TestHasher(), envelope);
  EXPECT_TRUE(CheckBodyDigest(TestHasher(), envelope, parsed).ok());
  (*envelope.mutable_body())[250] ^= 1;
  EXPECT_EQ(Reason(CheckBodyDigest(TestHasher(), envelope, parsed)), "BODY_DIGEST_MISMATCH");
}

TEST(Identity, Encoding_HasItsSizeAndKeepsTheOrder) {
  Identity a;
  a.lane = v1::LANE_BUSINESS;
  a.source = ProvinceCode(32);
  a.destination = ProvinceCode(34);
  a.case_handle = *CaseHandle::From(Fill(16, 'c'));
  a.sequence = 255;
  Identity b = a;
  b.sequence = 256;
  Identity c = a;
  c.case_handle = *CaseHandle::From(Fill(16, '\xf0'));
  Identity d = a;
  d.lane = v1::LANE_TEST;
  d.run = *RunId::From(Fill(16, 't'));
  for (const auto& [low, high] : {std::pair(a, b), std::pair(b, c), std::pair(c, d)}) {
    EXPECT_LT(low, high);
    EXPECT_LT(low.Encode(), high.Encode());
    EXPECT_EQ(low.Encode().size(), 46u);
  }
}

struct TimesCase {
  const char* what;
  absl::Duration created, expires;  // from now
  const char* reason;
};

TEST(Times, AreJudgedByClockExpiryAndLife) {
  const absl::Duration day = absl::Hours(24);
  const TimesCase cases[] = {
      {"plain", absl::ZeroDuration(), 30 * day, "OK"},
      {"clock just within", absl::Minutes(5), 30 * day, "OK"},
      {"clock beyond", absl::Minutes(5) + absl::Seconds(1), 30 * day, "CREATED_IN_FUTURE"},
      {"expired", -10 * day, -absl::Seconds(1), "MESSAGE_EXPIRED"},
      {"expires now", -10 * day, absl::ZeroDuration(), "MESSAGE_EXPIRED"},
      {"old backlog with little left", -29 * day, absl::Minutes(1), "OK"},
      {"very old, sealed again", -200 * day, 30 * day, "OK"},
      {"life too short", absl::ZeroDuration(), absl::Minutes(59), "LIFE_OUT_OF_RANGE"},
      {"longest life", absl::ZeroDuration(), 90 * day, "OK"},
      {"life too long", absl::ZeroDuration(), 90 * day + absl::Seconds(1), "LIFE_OUT_OF_RANGE"},
  };
  for (const TimesCase& c : cases) {
    v1::Header header = ValidHeader();
    header.set_created_unix_us(absl::ToUnixMicros(TestNow() + c.created));
    v1::Seal seal = ValidSeal();
    seal.set_expires_unix_us(absl::ToUnixMicros(TestNow() + c.expires));
    const auto parsed = ParseEnvelope(TestHasher(), EnvelopeOf(header, seal));
    ASSERT_TRUE(parsed.ok()) << c.what << parsed.status();
    EXPECT_EQ(Reason(CheckTimes(*parsed, TestNow())), c.reason) << c.what;
  }
}

TEST(Times, TestLane_MayLiveASecond) {
  v1::Header header = ValidHeader();
  header.set_lane(v1::LANE_TEST);
  header.set_test_run_id(Fill(16, 't'));
  v1::Seal seal = ValidSeal();
  seal.set_expires_unix_us(absl::ToUnixMicros(TestNow() + absl::Seconds(1)));
  EXPECT_TRUE(CheckTimes(*ParseEnvelope(TestHasher(), EnvelopeOf(header, seal)), TestNow()).ok());
}

}  // namespace
}  // namespace yizhan::contract
