// The broker's gRPC services. Each is thin: decode, call the core, encode.
#ifndef YIZHAN_BROKER_APP_SERVICES_H_
#define YIZHAN_BROKER_APP_SERVICES_H_

#include <map>
#include <memory>
#include <string>

#include "broker/app/core_shell.h"
#include "protos/contract/ids.h"

namespace grpc {
class Service;
}

namespace yizhan::broker {

// Operators by the fingerprint of their client certificate, with their names.
using Operators = std::map<contract::CertificateFingerprint, std::string>;

// What the arguments point to must outlive the service.
std::unique_ptr<grpc::Service> MakeExchangeService(CoreShell* shell);
// Members and operators may read and append: entries are judged by their
// signatures.
std::unique_ptr<grpc::Service> MakeDirectoryService(CoreShell* shell, const Operators* operators);
std::unique_ptr<grpc::Service> MakeBrokerAdminService(CoreShell* shell, const Operators* operators);

}  // namespace yizhan::broker

#endif  // YIZHAN_BROKER_APP_SERVICES_H_
