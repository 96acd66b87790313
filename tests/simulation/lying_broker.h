// A broker that lies: between the honest core and the nodes it drops, changes,
// repeats, swaps and forges frames. It has the broker's signing key and everything
// that it ever saw, but nobody else's keys.
#ifndef YIZHAN_TESTS_SIMULATION_LYING_BROKER_H_
#define YIZHAN_TESTS_SIMULATION_LYING_BROKER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/history.h"
#include "tests/simulation/virtual_time.h"
#include "tests/support/lab_directory.h"
#include "yizhan/v1/directory.pb.h"
#include "yizhan/v1/exchange.pb.h"

namespace yizhan::simulation {

// One thread. What the pointers name must outlive this object. Each frame gives
// the frames that really go on, in order.
class LyingBroker {
 public:
  LyingBroker(std::uint64_t seed, testing::LabDirectory* lab, History* history)
      : dice_(seed), lab_(lab), history_(history) {}

  // Lies about one frame in `one_in`; 0: it is honest (again).
  void Lie(std::uint64_t one_in) { one_in_ = one_in; }
  // A message on its way; any eavesdropper knows as much.
  void Overhear(const v1::Envelope& envelope);
  // References of the latest that were overheard.
  const std::deque<v1::MessageRef>& overheard() const { return overheard_; }

  std::vector<v1::SubmitRequest> ToBroker(std::uint32_t province, v1::SubmitRequest frame);
  std::vector<v1::ReceiveRequest> ToBroker(std::uint32_t province, v1::ReceiveRequest frame);
  std::vector<v1::SubmitResponse> ToNode(std::uint32_t province, v1::SubmitResponse frame);
  std::vector<v1::ReceiveResponse> ToNode(std::uint32_t province, v1::ReceiveResponse frame);
  // What it says about the directory.
  void ToNode(v1::OpenSessionResponse& response);
  void ToNode(const v1::FetchEntriesRequest& request, v1::FetchEntriesResponse& response);

 private:
  bool Lies();
  void Count(const char* kind) { ++history_->faults[kind]; }
  // One bit of the bytes.
  void Flip(std::string& bytes);
  void Alter(v1::Envelope& envelope);
  v1::ControlRecord Sign(const v1::Control& control) const;
  v1::Control NewControl() const;
  v1::ControlRecord ForgedReceipt();
  v1::ControlRecord FalseNotice();
  // A receipt of a message that it has said to be lost. It lets those pass: a
  // notice that it signed and a receipt that it withholds are a lie which nobody
  // can see through, but which convicts it.
  bool RefutesNotice(const v1::ControlRecord& record) const;
  // Takes an item out; an acceptance of it follows with the next answer.
  void Swallow(std::uint32_t province, v1::SubmitRequest& frame);
  // Signs the acceptance anew, in one batch with a record that names another's key.
  void ForgeLeaf(std::uint32_t province, v1::ControlRecord& acceptance);
  // Another head than that of the log: of an earlier one, of none, or of one with
  // an entry that nobody signed.
  v1::DirectoryHead FalseHead(const v1::DirectoryHead& head);
  void LieAbout(std::uint32_t province, v1::ReceiveResponse& frame);

  Dice dice_;
  testing::LabDirectory* const lab_;
  History* const history_;
  std::uint64_t one_in_ = 0;
  std::deque<v1::MessageRef> overheard_;
  std::string last_seal_digest_;   // of the latest that was overheard
  std::set<std::string> noticed_;  // message ids
  std::map<std::uint32_t, v1::SubmitResult> false_results_;
  std::map<std::uint32_t, v1::ControlRecord> forged_leaves_;
  std::deque<v1::ReceiveResponse> kept_;  // deliveries of before, of any province
  std::map<std::uint32_t, v1::Delivery> held_back_;
};

}  // namespace yizhan::simulation

#endif  // YIZHAN_TESTS_SIMULATION_LYING_BROKER_H_
