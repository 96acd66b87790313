// Keys of the broker's store.
//
//   byte 0     1, how keys are made
//   byte 1     lane: 0 none, 1 BUSINESS, 2 TEST
//   byte 2     province whose mailbox it is; 0 the broker's own
//   byte 3     table, a letter
//   then       what the table needs; numbers are big-endian, so that bytewise
//              order is numeric order
//
//   mailbox and control queue (lane, province):
//     'b'                           run (16): StoredBox
//     'm' run (16) position (8)     StoredMessage
//     'p' run (16) position (8)     StoredPlace, where it differs from how it was made
//     'c' run (16) cursor (8)       serialized v1.ControlRecord, or 1 and the identity (46)
//                                   whose terminal record it is
//   of the province's store: 'q'  StoredProgress
//   memory of identities (lane, destination):
//     'd' identity (46)             StoredKnown
//     't' identity (46)             terminal record, v1.ControlRecord
//     'g' identity (46)             header bytes, kept for the retention time
//   the broker's own (0, 0):
//     'M'                           StoredMeta
//     'D' position (8)              v1.SignedEntry of the directory
//     'E' digest (32)               directory entry by its digest, empty value
//     'H'                           StoredLogHead
//     'e' position (8)              StoredEvidence that begins there
//     'i' header digest (32) position (8)   evidence by header: where its row begins (8)
//     'j' message id (16) position (8)      evidence by message id: the same
//     'k' run (16) position (8)             evidence by run: the same
//     'n' lane (1) source (1) destination (1) kind (1)   v1.MessageCount
//     'x' time (8) kind (1) number (8)      timers, see timers.h
//     'X'                           next number of a row of timers (8)
//     'Q' accepting (1) home (1)             pilot's day (8) and new cases in it (8)
//     'q' accepting (1) home (1) by (1)      proposed route change, v1.SignedEntry
//     'L' ...                       link runs (service/link_runs)
#ifndef YIZHAN_BROKER_STORE_KEYS_H_
#define YIZHAN_BROKER_STORE_KEYS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "protos/contract/envelope.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/common.pb.h"

namespace yizhan::broker {

inline constexpr char kKeyFormat = 1;
// What the tables hold; StoredMeta says it.
inline constexpr std::uint32_t kStoreFormat = 2;

// One mailbox: of a province in a lane; in the TEST lane, of one run.
struct BoxKey {
  v1::Lane lane = v1::LANE_BUSINESS;
  contract::ProvinceCode province;
  contract::RunId run;  // zero in the BUSINESS lane
  friend auto operator<=>(const BoxKey&, const BoxKey&) = default;
};
BoxKey RecipientBox(const contract::Identity& identity);
// Where control records for the sender of a message go.
BoxKey SenderBox(const contract::Identity& identity);

std::string BigEndian(std::uint64_t number);
void AppendBigEndian(std::string& out, std::uint64_t number);
std::uint64_t ReadBigEndian(absl::string_view eight);

// "1 0 0 table": prefix of the broker's own tables.
std::string OwnPrefix(char table);
std::string OwnKey(char table, absl::string_view rest);
std::string TablePrefix(v1::Lane lane, contract::ProvinceCode province, char table);
std::string BoxPrefix(const BoxKey& box, char table);
std::string BoxItemKey(const BoxKey& box, char table, std::uint64_t number);
std::string IdentityKey(const contract::Identity& identity, char table);
// Of the 46 bytes of Identity::Encode; nothing for another length.
std::optional<contract::Identity> DecodeIdentity(absl::string_view encoded);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_STORE_KEYS_H_
