// Entries that must not come in: each is refused with who, what, why and the
// next step, and the directory stays as it was.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "tests/unit/contract/directory_lab.h"

namespace yizhan::contract {
namespace {

using ::testing::HasSubstr;

class BadEntriesTest : public ::testing::Test {
 protected:
  BadEntriesTest() {
    lab_.Begin();
    lab_.AddMember(32);
    lab_.AddMember(34);
  }
  // Everything that a reader can see of the state.
  std::string Seen() const {
    std::string seen = lab_.state.head().SerializeAsString();
    for (const ProvinceCode province : lab_.state.Members()) {
      absl::StrAppend(&seen, lab_.state.FindMember(province)->SerializeAsString());
    }
    for (const auto& [key, unused] : lab_.state.routes()) {
      const RouteRecord route = lab_.state.Route(key, lab_.now);
      absl::StrAppend(&seen, key.accepting.value(), key.home.value(), route.state, route.version);
    }
    absl::StrAppend(&seen, lab_.state.broker_keys().SerializeAsString(),
                    lab_.state.authority_keys().SerializeAsString(),
                    absl::FormatTime(lab_.state.confirmed()));
    return seen;
  }
  void Refused(const v1::SignedEntry& entry, const std::string& who, const std::string& why,
               const std::string& next_step) {
    const std::string before = Seen();
    const absl::Status status = lab_.Apply(entry);
    EXPECT_EQ(Reason(status), "DIRECTORY_ENTRY_REFUSED") << why;
    const v1::ErrorDetail detail = DetailOf(status);
    EXPECT_THAT(detail.what(),
                HasSubstr(absl::StrCat("directory entry ", lab_.state.head().size(), " (", who)));
    EXPECT_THAT(detail.what(), HasSubstr(why));
    EXPECT_THAT(detail.next_step(), HasSubstr(next_step));
    EXPECT_EQ(Seen(), before);
  }
  v1::SignedEntry Telephone(const std::string& number, const std::vector<By>& by = {By34()}) {
    return lab_.Sign(lab_.NextVersion(34, [&](auto& m) { m.set_duty_telephone(number); }), by);
  }
  static By By34() { return {v1::SIGNER_MEMBER, 34}; }
  static std::string Member34(int version) { return absl::StrCat("member 34 version ", version); }
  DirectoryLab lab_;
};

TEST_F(BadEntriesTest, WrongSigner) {
  Refused(Telephone("1", {{v1::SIGNER_MEMBER, 32}}), Member34(2), "member has not signed",
          "Sign it with a signing key of the version before");
  const TestKey stranger = MakeTestKey();
  Refused(Telephone("1", {{v1::SIGNER_MEMBER, 34, &stranger}}), Member34(2),
          "the signature of member 34 is by a key that it does not have", "Sign with a key");
  Refused(Telephone("1", {{v1::SIGNER_AUTHORITY, 0, &lab_.signing[34]}}), Member34(2),
          "the signature of SIGNER_AUTHORITY is by a key that it does not have", "Sign with a key");
}

TEST_F(BadEntriesTest, MissingCountersignature) {
  const v1::DirectoryEntry renamed = lab_.NextVersion(34, [](auto& m) { m.set_name("another"); });
  Refused(lab_.Sign(renamed, {By34()}), Member34(2), "0 of 1 officers", "countersigned");
  Refused(lab_.Sign(lab_.ReportEntry(32, 34), {{v1::SIGNER_MEMBER, 32}, By34()}),
          "link report of 32 and 34", "the broker has not countersigned it", "Let the broker");
  Refused(lab_.Sign(lab_.ReportEntry(32, 34), {{v1::SIGNER_MEMBER, 32}, {v1::SIGNER_BROKER}}),
          "link report of 32 and 34", "member 34 has not signed it", "both provinces");
  Refused(lab_.Sign(renamed, {}), Member34(2), "it has 0 signatures", "Sign it by whom it binds");
}

TEST_F(BadEntriesTest, Replayed) {
  const v1::SignedEntry first = Telephone("1");
  ASSERT_TRUE(lab_.Apply(first).ok());
  Refused(first, Member34(2), "version 2 must be 3", "from the current version");
  ASSERT_TRUE(lab_.Apply(Telephone("2")).ok());
  Refused(first, Member34(2), "version 2 must be 4", "from the current version");
  const v1::SignedEntry report =
      lab_.Sign(lab_.ReportEntry(32, 34), DirectoryLab::ReportSigners(32, 34));
  ASSERT_TRUE(lab_.Apply(report).ok());
  Refused(report, "link report of 32 and 34", "a report of this run is there already", "anew");
  const v1::SignedEntry cut =
      lab_.Sign(lab_.ChangeEntry(32, 34, v1::ROUTE_SUSPENDED), {{v1::SIGNER_MEMBER, 32}});
  ASSERT_TRUE(lab_.Apply(cut).ok());
  Refused(cut, "change of route 32 to 34", "version 2 must be 3", "from the current version");
}

TEST_F(BadEntriesTest, Reordered) {
  const v1::SignedEntry second = Telephone("1");
  v1::DirectoryEntry third = lab_.NextVersion(34, [](auto& m) { m.set_duty_telephone("2"); });
  third.mutable_member()->set_version(3);
  Refused(lab_.Sign(third, {By34()}), Member34(3), "version 3 must be 2", "Fetch the directory");
  ASSERT_TRUE(lab_.Apply(second).ok());
  EXPECT_TRUE(lab_.Apply(lab_.Sign(third, {By34()})).ok());
}

TEST_F(BadEntriesTest, OfTheFuture) {
  v1::DirectoryEntry entry = lab_.NextVersion(34, [](auto& m) { m.set_duty_telephone("1"); });
  entry.set_created_unix_us(absl::ToUnixMicros(lab_.now + kMaxClockSkew + absl::Seconds(1)));
  const v1::SignedEntry early = lab_.Sign(entry, {By34()});
  Refused(early, Member34(2), "created_unix_us", "Correct the clock");
  lab_.now += absl::Seconds(1);
  EXPECT_TRUE(lab_.Apply(early).ok()) << "the clock limit is five minutes";
}

TEST_F(BadEntriesTest, Oversized) {
  const std::string large(257 * 1024, 'x');
  v1::SignedEntry entry;
  entry.set_entry(large);
  Refused(entry, "unknown kind", "it has 263168 bytes", "Send the entry that was signed");
  v1::SignedEntry signatures = Telephone("1");
  for (int i = 0; i < 8; ++i) *signatures.add_signatures() = signatures.signatures(0);
  Refused(signatures, Member34(2), "it has 9 signatures", "Sign it by whom it binds");
  v1::DirectoryEntry long_name =
      lab_.NextVersion(34, [](auto& m) { m.set_duty_telephone(std::string(257, '1')); });
  Refused(lab_.Sign(long_name, {By34()}), Member34(2), "duty_telephone is too long", "Correct");
  v1::DirectoryEntry many = lab_.NextVersion(34, [](auto& m) {
    for (char c = 'a'; c <= 'q'; ++c) m.add_certificate_sha256(Fill(32, c));
  });
  Refused(lab_.Sign(many, DirectoryLab::MemberSigners(34)), Member34(2),
          "more than 16 certificates", "Leave out");
}

TEST_F(BadEntriesTest, OfAKindThatIsNotKnown) {
  v1::DirectoryEntry entry = lab_.NewEntry();
  v1::SignedEntry signed_entry;
  // Field 99, length-delimited, of a newer version.
  signed_entry.set_entry(entry.SerializeAsString() + std::string("\x9a\x06\x01x", 4));
  Refused(signed_entry, "unknown kind", "it has no kind, or one that this build does not know",
          "Update this side");
}

TEST_F(BadEntriesTest, ClockThatJumps_LeavesWhatIsThereAndTakesWhatIsDue) {
  lab_.now -= absl::Hours(24 * 365);
  v1::DirectoryEntry entry = lab_.NextVersion(34, [](auto& m) { m.set_duty_telephone("1"); });
  entry.set_created_unix_us(absl::ToUnixMicros(lab_.now + absl::Hours(24 * 365)));
  const v1::SignedEntry due = lab_.Sign(entry, {By34()});
  Refused(due, Member34(2), "it is 2025-03-02", "Correct the clock");
  // Dated by the wrong clock, a year before the last entry.
  Refused(Telephone("1"), Member34(2), "30 days older at most", "Make the entry anew");
  lab_.now += absl::Hours(24 * 365);
  EXPECT_TRUE(lab_.Apply(due).ok());
}

TEST_F(BadEntriesTest, OfAnAuthorityWhoseTermIsOver) {
  lab_.state = DirectoryState();
  v1::DirectoryEntry genesis = lab_.GenesisEntry();
  const absl::Time end = lab_.now + absl::Hours(24 * 90);
  genesis.mutable_genesis()->mutable_authority_keys(0)->set_not_after_unix_us(
      absl::ToUnixMicros(end));
  ASSERT_TRUE(lab_.Apply(genesis, {{v1::SIGNER_AUTHORITY}}).ok());
  lab_.AddMember(34);
  lab_.now = end;
  const v1::DirectoryEntry revoked =
      lab_.NextVersion(34, [](auto& m) { m.set_status(v1::MEMBER_REVOKED); });
  Refused(lab_.Sign(revoked, {{v1::SIGNER_AUTHORITY}}), Member34(2),
          "the signature of SIGNER_AUTHORITY is by a key that is valid from",
          "Sign with the signer's active key");
  Refused(lab_.Sign(lab_.MemberEntry(32), DirectoryLab::MemberSigners(32)), "member 32 version 1",
          "by a key that is valid from", "active key");
  v1::DirectoryEntry checkpoint = lab_.NewEntry();
  *checkpoint.mutable_checkpoint()->mutable_head() = lab_.state.head();
  Refused(lab_.Sign(checkpoint, {{v1::SIGNER_AUTHORITY}}), "checkpoint of the authority",
          "by a key that is valid from", "active key");
  // Members work on, and what they do alone stands.
  ASSERT_TRUE(lab_.Apply(Telephone("1")).ok());
}

class OfficersChangeTest : public BadEntriesTest {
 protected:
  v1::DirectoryEntry Change(const std::function<void(v1::AuthorityKeys&)>& alter) {
    v1::DirectoryEntry entry = lab_.NewEntry();
    v1::AuthorityKeys* next = entry.mutable_authority_change();
    next->set_version(lab_.state.authority_keys().version() + 1);
    next->set_quorum(1);
    next->set_document_number("2016-40");
    *next->add_keys() = PublicKeyOf(lab_.authority, v1::KEY_USE_SIGN);
    alter(*next);
    return entry;
  }
  void RefusedChange(const std::function<void(v1::AuthorityKeys&)>& alter, const std::string& why,
                     const std::string& next_step) {
    Refused(lab_.Sign(Change(alter), {{v1::SIGNER_AUTHORITY}}), "authority keys version", why,
            next_step);
  }
  const TestKey next_ = MakeTestKey();
};

TEST_F(OfficersChangeTest, EachUnfitField_IsRefused) {
  RefusedChange([](auto& c) { c.set_version(3); }, "version 3 must be 2", "current version");
  RefusedChange([](auto& c) { c.clear_document_number(); }, "document_number", "decision");
  RefusedChange([](auto& c) { c.set_quorum(0); }, "quorum is 0, of 1", "at least one");
  RefusedChange([](auto& c) { c.set_quorum(2); }, "quorum is 2, of 1", "as many as there are");
  RefusedChange([](auto& c) { c.clear_keys(); }, "quorum is 1, of 0", "at least one");
  RefusedChange([](auto& c) { *c.add_keys() = c.keys(0); }, "listed twice", "once");
  RefusedChange([&](auto& c) { *c.add_keys() = PublicKeyOf(lab_.signing[34], v1::KEY_USE_SIGN); },
                "belongs to somebody else", "new key pair");
  RefusedChange([&](auto& c) { *c.add_keys() = PublicKeyOf(lab_.broker, v1::KEY_USE_SIGN); },
                "belongs to somebody else", "new key pair");
  RefusedChange([&](auto& c) { *c.mutable_keys(0) = PublicKeyOf(next_, v1::KEY_USE_SIGN); },
                "0 of the officers that it names have signed", "who take office");
}

TEST_F(OfficersChangeTest, SuspectOfficer_DoesNotCountAndNeverComesBack) {
  const By next = {v1::SIGNER_AUTHORITY, 0, &next_};
  const auto suspect = [&](v1::AuthorityKeys& c) {
    c.mutable_keys(0)->set_suspect_since_unix_us(absl::ToUnixMicros(lab_.now));
    *c.add_keys() = PublicKeyOf(next_, v1::KEY_USE_SIGN);
  };
  ASSERT_TRUE(lab_.Apply(Change(suspect), {{v1::SIGNER_AUTHORITY}, next}).ok());
  EXPECT_EQ(lab_.state.authority_keys().version(), 2u);
  Refused(lab_.Sign(Change([](auto&) {}), {{v1::SIGNER_AUTHORITY}}), "authority keys version 3",
          "suspect", "Send the entry as it was signed");
  Refused(lab_.Sign(Change([](auto&) {}), {next}), "authority keys version 3",
          "which is never taken back", "new key pair");
  const v1::DirectoryEntry gone =
      lab_.NextVersion(34, [](auto& m) { m.set_status(v1::MEMBER_SUSPENDED); });
  EXPECT_TRUE(lab_.Apply(gone, {next}).ok());
}

TEST_F(OfficersChangeTest, BrokersSuspectKey_NeverComesBackEither) {
  const auto keys = [&](bool suspect) {
    v1::DirectoryEntry entry = lab_.NewEntry();
    v1::BrokerKeys* next = entry.mutable_broker_keys();
    next->set_version(lab_.state.broker_keys().version() + 1);
    *next->add_keys() = PublicKeyOf(lab_.broker, v1::KEY_USE_SIGN);
    *next->add_keys() = PublicKeyOf(next_, v1::KEY_USE_SIGN);
    if (suspect) next->mutable_keys(0)->set_suspect_since_unix_us(absl::ToUnixMicros(lab_.now));
    return lab_.Sign(entry, {{v1::SIGNER_AUTHORITY}});
  };
  ASSERT_TRUE(lab_.Apply(keys(true)).ok());
  Refused(keys(false), "broker keys version 3", "never taken back", "new key pair");
}

}  // namespace
}  // namespace yizhan::contract
