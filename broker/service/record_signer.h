// Control records of the broker: what one group says is signed as one batch.
#ifndef YIZHAN_BROKER_SERVICE_RECORD_SIGNER_H_
#define YIZHAN_BROKER_SERVICE_RECORD_SIGNER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/store/records.h"
#include "protos/contract/crypto.h"
#include "yizhan/v1/control.pb.h"

namespace yizhan::broker {

// One thread; what the pointers name must outlive this object.
//
// Invariant: a record is signed before the group is written, so that its bytes
// are stored in the write that it speaks of, and a duplicate gets the same again.
class RecordSigner {
 public:
  RecordSigner(Records* records, const contract::Signer* signer, const contract::Hasher* hasher)
      : records_(records), signer_(signer), hasher_(hasher) {}

  // At SignAll the record is put under every key and into every copy, which
  // must live until then.
  void Add(const v1::Control& control, const std::vector<std::string>& keys,
           const std::vector<v1::ControlRecord*>& copies);
  // The record under `key`: now if it is stored, at SignAll if it waits. False
  // if there is none.
  bool CopyTo(const std::string& key, v1::ControlRecord* copy);
  // Stores a record that came signed; it takes the place of one that waits.
  void PutSigned(const std::string& key, const v1::ControlRecord& record);
  absl::Status SignAll();
  // Asymmetric operations so far: one a batch.
  std::uint64_t signatures() const { return signatures_; }

 private:
  struct Waiting {
    std::string record;
    std::vector<std::string> keys;
    std::vector<v1::ControlRecord*> copies;
  };
  absl::Status SignSome(std::size_t begin, std::size_t end);

  Records* const records_;
  const contract::Signer* const signer_;
  const contract::Hasher* const hasher_;
  std::uint64_t signatures_ = 0;
  std::vector<Waiting> waiting_;
  std::map<std::string, std::size_t> by_key_;
};

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_SERVICE_RECORD_SIGNER_H_
