// The broker's configuration file, checked whole before anything starts.
#ifndef YIZHAN_BROKER_APP_BROKER_CONFIG_H_
#define YIZHAN_BROKER_APP_BROKER_CONFIG_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "adapters/platform/rpc/tls_files.h"
#include "broker/app/services.h"
#include "broker/service/broker_limits.h"
#include "protos/contract/crypto.h"
#include "protos/contract/ids.h"
#include "yizhan/v1/directory.pb.h"

namespace yizhan::broker {

// What a BrokerConfig says, with its files read.
struct BrokerSetup {
  std::string listen;
  std::string metrics_listen;
  platform::TlsMaterial tls;
  std::unique_ptr<contract::Signer> signer;
  std::string data_dir;
  std::vector<v1::SignedEntry> genesis;
  contract::Digest genesis_digest;
  Operators operators;
  BrokerLimits limits;
  std::string port_file;  // empty: none
};

// CONFIG_INVALID with a line for every mistake: file, field, cause, what to do.
absl::StatusOr<BrokerSetup> LoadBrokerConfig(absl::string_view path);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_APP_BROKER_CONFIG_H_
