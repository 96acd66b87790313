// The card centre of the accepting province.
#ifndef YIZHAN_ADAPTERS_SYSTEMS_CARD_CENTRE_H_
#define YIZHAN_ADAPTERS_SYSTEMS_CARD_CENTRE_H_

#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "adapters/platform/mutex/mutex.h"
#include "adapters/systems/records.h"

namespace yizhan::systems {

// Thread-safe; may block. An error means that the centre could not be asked.
class CardCentre {
 public:
  virtual ~CardCentre() = default;
  // Asks for a card. An order of the same acceptance number is the same order.
  virtual absl::StatusOr<SystemResult> Order(const CardRecord& order) = 0;
};

// A double for labs and demonstrations: takes every order with an acceptance
// number, and appends each new one to a JSONL file, ID number masked.
class FileCardCentre : public CardCentre {
 public:
  // An empty path: orders are taken and written nowhere. CONFIG_INVALID where
  // what the file holds cannot be read.
  static absl::StatusOr<std::unique_ptr<FileCardCentre>> Open(const std::string& path);

  absl::StatusOr<SystemResult> Order(const CardRecord& order) override;

 private:
  FileCardCentre(std::string path, std::set<std::string> ordered)
      : path_(std::move(path)), ordered_(std::move(ordered)) {}

  const std::string path_;
  platform::Mutex mutex_;
  std::set<std::string> ordered_ ABSL_GUARDED_BY(mutex_);  // acceptance numbers
};

}  // namespace yizhan::systems

#endif  // YIZHAN_ADAPTERS_SYSTEMS_CARD_CENTRE_H_
