#include "tools/demo/interruption.h"

#include <signal.h>

#include <atomic>

#include "protos/contract/errors.h"

namespace yizhan::tools {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler writes it");

void Note(int) { interrupted.store(true); }

}  // namespace

void NoteInterruptions() {
  struct sigaction action {};
  action.sa_handler = Note;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return interrupted.load(); }

absl::Status InterruptedError() {
  return contract::MakeError(v1::SHUTTING_DOWN, v1::SIDE_MINE,
                             "Interrupted; all processes are ended.", "Run it again.");
}

}  // namespace yizhan::tools
