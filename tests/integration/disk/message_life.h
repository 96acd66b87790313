// One message and its answer through real cores on RocksDB, while the disk of
// one of the processes fails.
#ifndef YIZHAN_TESTS_INTEGRATION_DISK_MESSAGE_LIFE_H_
#define YIZHAN_TESTS_INTEGRATION_DISK_MESSAGE_LIFE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/history.h"
#include "tests/support/disk/faulty_disk.h"
#include "tests/support/exchange_world.h"

namespace yizhan::testing {

// What became of a life.
struct LifeResult {
  std::string struck;                               // the operation that failed; empty if none did
  int stops = 0;                                    // of processes, because of their stores
  std::vector<std::string> wrong;                   // violations of the promises
  std::map<std::string, std::uint64_t> operations;  // of the victim's disk, by kind
};

// A world of province 32, province 34 and the broker, each with a disk of its
// own. A process whose store fails stops and is started again at once. One
// thread; one life.
class MessageLife {
 public:
  // `dir` must be empty or absent.
  MessageLife(std::string dir, std::string victim, std::uint64_t seed);

  // The victim ("broker", "node-32", "node-34") is restarted and a message sent,
  // with a disk that fails at its n-th operation: once, or as where the power
  // goes.
  LifeResult Live(std::uint64_t n, bool power);

 private:
  absl::StatusOr<std::unique_ptr<platform::KeyValueStore>> Open(const std::string& name);
  void RestartVictim();
  // Sends as a client does: again, if nothing of it is found.
  void SendUntilThere(char case_name);
  bool Listed(std::uint32_t province, char case_name, bool outgoing, v1::NodeMessage* found);
  bool Arrived(char case_name);
  std::vector<std::string> Judge();
  void Tell(std::uint32_t source, std::uint32_t destination, simulation::History& history);
  simulation::MessageName NameOf(std::uint32_t source, std::uint32_t destination,
                                 std::uint64_t sequence) const;

  const std::string dir_;
  const std::string victim_;
  const std::uint64_t seed_;
  bool power_ = false;
  std::map<std::string, std::unique_ptr<FaultyDisk>> disks_;
  std::unique_ptr<ExchangeWorld> world_;  // its stores use the disks
  std::vector<std::string> wrong_;
};

}  // namespace yizhan::testing

#endif  // YIZHAN_TESTS_INTEGRATION_DISK_MESSAGE_LIFE_H_
