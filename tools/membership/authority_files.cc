#include "tools/membership/authority_files.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/config/files.h"
#include "adapters/platform/config/text_proto.h"
#include "adapters/platform/crypto/certificate_authority.h"
#include "adapters/platform/crypto/certificate_request.h"
#include "adapters/platform/crypto/certificates.h"
#include "adapters/platform/crypto/private_key_pem.h"
#include "adapters/platform/crypto/suite.h"
#include "protos/contract/errors.h"
#include "protos/contract/limits.h"
#include "tools/membership/entry_building.h"
#include "tools/membership/key_folder.h"
#include "tools/yizhan/lab_files.h"
#include "yizhan/v1/config.pb.h"

namespace yizhan::tools {
namespace {

using platform::CertificateAuthority;

constexpr absl::Duration kYear = absl::Hours(24 * 365);
constexpr char kOrganization[] = "Yizhan";

absl::Status Refuse(absl::string_view what, absl::string_view next_step) {
  return contract::MakeError(v1::CONFIG_INVALID, v1::SIDE_MINE, what, next_step);
}

struct Officers {
  std::vector<v1::PublicKey> keys;
  std::vector<std::unique_ptr<contract::Signer>> signers;
};

absl::StatusOr<Officers> MakeOfficers(const AuthorityPlan& plan, contract::Random& random) {
  Officers officers;
  for (int number = 1; number <= plan.officers; ++number) {
    const std::string folder = absl::StrCat(plan.dir, "/officer-", number);
    const auto passphrase = PassphraseAt(folder + "/passphrase", random);
    if (!passphrase.ok()) return passphrase.status();
    const auto key = NewKeyFile(folder + "/sign.pem", *passphrase);
    if (!key.ok()) return key.status();
    auto signer = platform::MakeSigner(key->private_pem, folder);
    if (!signer.ok()) return signer.status();
    officers.keys.push_back(NewPublicKey(key->spki_der, v1::KEY_USE_SIGN, plan.now));
    officers.signers.push_back(*std::move(signer));
  }
  return officers;
}

absl::StatusOr<std::unique_ptr<CertificateAuthority>> MakeCa(const AuthorityPlan& plan,
                                                             contract::Random& random) {
  const auto passphrase = PassphraseAt(plan.dir + "/ca.passphrase", random);
  if (!passphrase.ok()) return passphrase.status();
  auto ca = CertificateAuthority::Make({absl::StrCat(plan.network, " authority"), kOrganization},
                                       {plan.now - absl::Hours(1), plan.now + 10 * kYear});
  if (!ca.ok()) return ca.status();
  absl::Status status = platform::WritePrivateKeyFile(plan.dir + "/ca-key.pem",
                                                      (*ca)->private_key_pem(), *passphrase);
  status.Update(platform::WriteFileAtomically(plan.dir + "/ca.pem", (*ca)->certificate_pem()));
  if (!status.ok()) return status;
  return ca;
}

CertificateAuthority::Request RequestFor(const std::string& name, bool server, absl::Time now) {
  CertificateAuthority::Request request;
  request.subject = {name, kOrganization};
  request.dns_names = {name};
  request.server = server;
  request.client = !server;
  request.validity = {now - absl::Hours(1), now + 2 * kYear};
  return request;
}

absl::StatusOr<contract::CertificateFingerprint> CertifyBroker(const AuthorityPlan& plan,
                                                               const CertificateAuthority& ca) {
  const v1::BrokerApplication& application = plan.application;
  const auto request = platform::ParseCertificateRequest(application.certificate_request_pem(),
                                                         "the broker's application");
  if (!request.ok()) return request.status();
  const auto chain =
      ca.Certify(request->spki_der, RequestFor(application.server_name(), true, plan.now));
  if (!chain.ok()) return chain.status();
  const std::string folder = plan.dir + "/for-broker";
  absl::Status status = platform::MakeDirectories(folder);
  status.Update(platform::WriteFileAtomically(folder + "/chain.pem", *chain));
  status.Update(platform::WriteFileAtomically(folder + "/ca.pem", ca.certificate_pem()));
  if (!status.ok()) return status;
  return platform::CertificateFingerprintOfPem(*chain);
}

// By which the authority itself reads the directory.
absl::StatusOr<contract::CertificateFingerprint> MakeAccessKey(const AuthorityPlan& plan,
                                                               const CertificateAuthority& ca) {
  const std::string folder = plan.dir + "/tls";
  const auto passphrase = platform::ReadFile(plan.dir + "/ca.passphrase");
  if (!passphrase.ok()) return passphrase.status();
  const contract::SecretBytes secret(passphrase->substr(0, passphrase->find('\n')));
  const auto pem = NewTlsKeyFile(folder + "/key.pem", secret, "authority");
  if (!pem.ok()) return pem.status();
  const auto request = platform::ParseCertificateRequest(*pem, "the authority's own request");
  if (!request.ok()) return request.status();
  const auto chain = ca.Certify(request->spki_der, RequestFor("authority.yizhan", false, plan.now));
  if (!chain.ok()) return chain.status();
  absl::Status status = platform::WriteFileAtomically(folder + "/chain.pem", *chain);
  status.Update(platform::WriteFileAtomically(folder + "/ca.pem", ca.certificate_pem()));
  if (!status.ok()) return status;
  return platform::CertificateFingerprintOfPem(*chain);
}

absl::StatusOr<contract::Digest> WriteGenesis(
    const AuthorityPlan& plan, const Officers& officers,
    const contract::CertificateFingerprint& broker_certificate) {
  v1::DirectoryEntry first = NewEntry(contract::Digest(), plan.now);
  v1::Genesis& genesis = *first.mutable_genesis();
  genesis.set_network(plan.network);
  genesis.set_authority_quorum(static_cast<std::uint32_t>(plan.quorum));
  for (const v1::PublicKey& key : officers.keys) *genesis.add_authority_keys() = key;
  *genesis.add_broker_keys() = plan.application.key();
  genesis.add_broker_certificate_sha256(broker_certificate.str());
  v1::DirectoryEntries entries;
  v1::SignedEntry& entry = *entries.add_entries();
  entry.set_entry(first.SerializeAsString());
  for (const auto& signer : officers.signers) {
    absl::Status added =
        AddSignature(*signer, v1::SIGNER_AUTHORITY, contract::ProvinceCode(), entry);
    if (!added.ok()) return added;
  }
  const std::string bytes = entries.SerializeAsString();
  absl::Status status = platform::WriteFileAtomically(plan.dir + "/genesis.bin", bytes);
  status.Update(platform::WriteFileAtomically(plan.dir + "/for-broker/genesis.bin", bytes));
  if (!status.ok()) return status;
  return platform::SmSuite().hasher->Hash(absl::string_view(entry.entry()));
}

absl::Status WriteAccess(const AuthorityPlan& plan, const contract::Digest& genesis) {
  v1::NetworkAccess access;
  access.set_broker(plan.broker);
  access.set_broker_server_name(plan.application.server_name());
  *access.mutable_tls() = TlsFilesIn("tls");
  access.mutable_tls()->set_passphrase_file("ca.passphrase");
  access.set_genesis_digest_hex(genesis.hex());
  return platform::WriteFileAtomically(plan.dir + "/access.textproto",
                                       platform::PrintTextProto(access));
}

}  // namespace

absl::StatusOr<v1::BrokerApplication> MakeBrokerKeys(const std::string& dir,
                                                     const std::string& server_name, absl::Time now,
                                                     contract::Random& random) {
  if (absl::Status s = RefuseOccupied(dir); !s.ok()) return s;
  const auto passphrase = PassphraseAt(dir + "/passphrase", random);
  if (!passphrase.ok()) return passphrase.status();
  const auto key = NewKeyFile(dir + "/keys/sign.pem", *passphrase);
  if (!key.ok()) return key.status();
  const auto request = NewTlsKeyFile(dir + "/tls/key.pem", *passphrase, server_name);
  if (!request.ok()) return request.status();
  v1::BrokerApplication application;
  application.set_format_version(contract::kFormatVersion);
  application.set_server_name(server_name);
  *application.mutable_key() = NewPublicKey(key->spki_der, v1::KEY_USE_SIGN, now);
  application.set_certificate_request_pem(*request);
  absl::Status written =
      platform::WriteFileAtomically(dir + "/broker.application", application.SerializeAsString());
  if (!written.ok()) return written;
  return application;
}

absl::StatusOr<MadeAuthority> MakeAuthority(const AuthorityPlan& plan, contract::Random& random) {
  if (absl::Status s = RefuseOccupied(plan.dir); !s.ok()) return s;
  if (plan.quorum < 1 || plan.quorum > plan.officers) {
    return Refuse(absl::StrCat("a quorum of ", plan.quorum, " of ", plan.officers, " officers"),
                  "Let at least as many officers be as have to sign.");
  }
  if (plan.application.format_version() != contract::kFormatVersion ||
      plan.application.server_name().empty()) {
    return Refuse("the broker's application is not one that this version reads",
                  "Name the file broker.application that `yizhan broker apply` wrote.");
  }
  if (absl::Status s = platform::MakeDirectories(plan.dir, 0700); !s.ok()) return s;
  const auto ca = MakeCa(plan, random);
  if (!ca.ok()) return ca.status();
  const auto officers = MakeOfficers(plan, random);
  if (!officers.ok()) return officers.status();
  const auto broker = CertifyBroker(plan, **ca);
  if (!broker.ok()) return broker.status();
  const auto own = MakeAccessKey(plan, **ca);
  if (!own.ok()) return own.status();
  const auto genesis = WriteGenesis(plan, *officers, *broker);
  if (!genesis.ok()) return genesis.status();
  if (absl::Status s = WriteAccess(plan, *genesis); !s.ok()) return s;
  return MadeAuthority{*genesis, *own};
}

}  // namespace yizhan::tools
