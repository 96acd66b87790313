// A small language for tests of the broker: nodes connect, send, receive, give
// receipts; time passes; the broker crashes and comes back.
#ifndef YIZHAN_TESTS_SUPPORT_BROKER_FIXTURE_H_
#define YIZHAN_TESTS_SUPPORT_BROKER_FIXTURE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/platform/kv/memory_store.h"
#include "broker/service/broker_core.h"
#include "protos/contract/envelope.h"
#include "protos/contract/seal.h"
#include "tests/support/lab_directory.h"
#include "tests/support/seeded_random.h"

namespace yizhan::testing {

// A store whose writes can be made to fail. One thread.
class BreakableStore final : public platform::KeyValueStore {
 public:
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    return store_.Get(key);
  }
  absl::Status Write(const platform::WriteBatch& batch) override {
    ++writes;
    if (broken) return absl::DataLossError("Input/output error");
    return store_.Write(batch);
  }
  std::unique_ptr<platform::KvIterator> Scan(absl::string_view begin,
                                             absl::string_view end) const override {
    return store_.Scan(begin, end);
  }
  std::atomic<bool> broken = false;
  std::atomic<int> writes = 0;

 private:
  platform::MemoryStore store_;
};

// Runs that a test opens at will.
class FakeTestRuns final : public broker::TestRuns {
 public:
  std::optional<broker::TestRun> Find(const contract::RunId& run, absl::Time now) const override;
  std::optional<broker::TestRun> FindBetween(contract::ProvinceCode a, contract::ProvinceCode b,
                                             absl::Time now) const override;
  std::optional<broker::TestRun> FindOf(contract::ProvinceCode province,
                                        absl::Time now) const override;
  absl::Status Charge(const contract::RunId& run, std::uint64_t messages,
                      std::uint64_t bytes) override;
  std::map<contract::RunId, broker::TestRun> runs;
};

// What a test message says; the rest is made up.
struct MessageSpec {
  std::uint32_t from = 32;
  std::uint32_t to = 34;
  v1::MessageKind kind = v1::ELIGIBILITY_QUERY;
  char case_name = 'a';
  std::uint64_t sequence = 1;
  contract::RunId run = {};  // not zero: TEST lane
  absl::Duration life = absl::Hours(24 * 30);
  std::uint64_t seal_number = 1;
  std::size_t payload_bytes = 100;
};

// One node's side of a session.
struct Client {
  broker::BrokerCore::Caller certificate;
  std::uint64_t session = 0;
  broker::StreamId submit;
  broker::StreamId receive;
  std::vector<v1::SubmitResult> results;
  std::vector<v1::Delivery> deliveries;
  std::vector<v1::ControlItem> controls;
  std::vector<v1::RepeatRequest> repeats;
  std::vector<v1::DirectoryHead> heads;
  std::vector<v1::LinkRun> runs;
  std::optional<absl::Status> submit_closed;
  std::optional<absl::Status> receive_closed;
};

class BrokerFixture {
 public:
  explicit BrokerFixture(broker::BrokerLimits limits = {},
                         const std::vector<std::uint32_t>& provinces = {32, 34, 51});

  // Session and both streams, with much credit. Session errors end the test.
  Client& Connect(std::uint32_t province, const contract::RunId& run = {}, char nonce = 'n',
                  std::uint64_t cursor = 0);
  v1::OpenSessionRequest Hello(std::uint32_t province, const contract::RunId& run,
                               char nonce) const;
  // The streams break; the broker notices.
  void Disconnect(std::uint32_t province);
  Client& client(std::uint32_t province, const contract::RunId& run = {});

  v1::Envelope Make(const MessageSpec& spec);
  // The same header with another sealing.
  v1::Envelope Reseal(const v1::Envelope& envelope, std::uint64_t number, absl::Duration life);
  void Sign(v1::Envelope* envelope, const contract::Signer& signer);

  // Each is a group of its own, committed. Submits as the envelope's source.
  v1::SubmitResult Send(const v1::Envelope& envelope);
  v1::SubmitResult SendAs(Client& who, const v1::SubmitItem& item);
  v1::SubmitResult SendControl(std::uint32_t from, const v1::ControlRecord& record);
  // Without commit.
  void Submit(Client& who, const v1::SubmitItem& item);
  void Commit();
  absl::Status TryCommit();

  v1::ControlRecord Delivered(const v1::Envelope& envelope, char incarnation = 'i');
  v1::ControlRecord Refused(const v1::Envelope& envelope, v1::ErrorReason reason, bool final,
                            char incarnation = 'i');
  v1::ControlRecord TombstoneFor(const v1::Envelope& envelope);
  v1::ControlRecord SignControl(const v1::Control& control, const contract::Signer& signer);
  v1::Control NewControl(std::uint32_t issuer, char incarnation);
  void Give(std::uint32_t recipient, const v1::ControlRecord& receipt);
  void Receive(Client& who, const v1::ReceiveRequest& request);
  void Receive(std::uint32_t who, const v1::ReceiveRequest& request) {
    Receive(client(who), request);
  }

  void OpenLink(std::uint32_t a, std::uint32_t b);
  void Append(const v1::SignedEntry& entry);
  // Both clocks move; the broker ticks.
  void Advance(absl::Duration by);
  // What was not committed is lost; sessions and streams are gone.
  void CrashAndReopen();

  v1::MessageRef RefOf(const v1::Envelope& envelope) const;
  contract::ParsedEnvelope Parse(const v1::Envelope& envelope) const;
  std::optional<v1::MailboxInfo> Mailbox(std::uint32_t province, v1::Lane lane = v1::LANE_BUSINESS);
  std::vector<v1::TraceEvent> Trace(const v1::Envelope& envelope);
  broker::Moment now() const { return now_; }

  LabDirectory lab;
  BreakableStore store;
  FakeTestRuns runs;
  std::unique_ptr<broker::BrokerCore> core;

 private:
  void Open();
  void Distribute();

  broker::BrokerLimits limits_;
  platform::SeededRandom random_{7};
  broker::Moment now_;
  contract::Sealer sealer_;
  std::map<std::pair<std::uint32_t, contract::RunId>, Client> clients_;
  std::vector<v1::SignedEntry> genesis_;
  std::uint64_t next_stream_ = 1;
  std::uint64_t next_counter_ = 1;
};

// The control of a record, parsed.
v1::Control ControlOf(const v1::ControlRecord& record);
// What an acceptance says of its message and when; signed again it says the same.
std::string AcceptanceIn(const v1::ControlRecord& record);
v1::SubmitItem ItemOf(const v1::Envelope& envelope);

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_SUPPORT_BROKER_FIXTURE_H_
