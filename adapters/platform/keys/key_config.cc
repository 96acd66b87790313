#include "adapters/platform/keys/key_config.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "adapters/platform/crypto/key_files.h"
#include "adapters/platform/crypto/private_files.h"
#include "adapters/platform/pkcs11/keys.h"

namespace yizhan::platform {
namespace {

constexpr std::size_t kMinPinBytes = 4;
constexpr char kMakePassphrase[] =
    "name a file of mode 0600 with the passphrase that encrypts the key files "
    "(`yizhan member apply` makes both); only a lab may say lab_unencrypted: true";

class FileKeys {
 public:
  FileKeys(const v1::KeyFiles& keys, ConfigChecker& check) : keys_(keys), check_(check) {}

  std::optional<KeySet> Load(KeyNeeds needs) {
    const bool at_rest = ReadPassphrase();
    AddSigner("keys.sign_private_key", keys_.sign_private_key(), at_rest);
    for (int i = 0; i < keys_.more_sign_private_keys_size(); ++i) {
      AddSigner(absl::StrCat("keys.more_sign_private_keys[", i, "]"),
                keys_.more_sign_private_keys(i), at_rest);
    }
    if (needs == KeyNeeds::kSignAndUnseal) AddSealing(at_rest);
    if (!good_) return std::nullopt;
    return std::move(set_);
  }

 private:
  bool ReadPassphrase() {
    if (keys_.lab_unencrypted()) {
      return good_ = check_.Expect(keys_.passphrase_file().empty(), "keys.lab_unencrypted",
                                   "contradicts keys.passphrase_file", "keep one of the two");
    }
    if (!check_.Expect(!keys_.passphrase_file().empty(), "keys.passphrase_file", "is missing",
                       kMakePassphrase)) {
      return good_ = false;
    }
    auto passphrase = ReadSecretLine(check_.Resolve(keys_.passphrase_file()));
    if (!passphrase.ok()) return Bad("keys.passphrase_file", passphrase.status());
    passphrase_ = *std::move(passphrase);
    return true;
  }

  void AddSigner(const std::string& field, const std::string& path, bool readable) {
    if (!Named(field, path) || !readable) return;
    auto signer = LoadSigner(check_.Resolve(path), passphrase_);
    if (!signer.ok()) {
      Bad(field, signer.status());
      return;
    }
    set_.signers.push_back(*std::move(signer));
  }

  void AddSealing(bool readable) {
    const auto& files = keys_.unseal_private_keys();
    Named("keys.unseal_private_keys", files.empty() ? "" : files.Get(0));
    std::vector<contract::SecretBytes> pems;
    for (int i = 0; i < files.size() && readable; ++i) {
      auto key = LoadSm2Key(check_.Resolve(files.Get(i)), passphrase_);
      if (!key.ok()) {
        Bad(absl::StrCat("keys.unseal_private_keys[", i, "]"), key.status());
        continue;
      }
      set_.unseal_ids.push_back(key->id);
      pems.push_back(std::move(key->private_pem));
    }
    auto unwrapper = MakeUnwrapper(pems, "keys.unseal_private_keys");
    if (!unwrapper.ok()) {
      Bad("keys.unseal_private_keys", unwrapper.status());
      return;
    }
    set_.unwrapper = *std::move(unwrapper);
  }

  bool Named(const std::string& field, const std::string& path) {
    const bool named = check_.Expect(!path.empty(), field, "is missing",
                                     "name the PEM file of an SM2 private key");
    good_ = good_ && named;
    return named;
  }
  bool Bad(const std::string& field, const absl::Status& status) {
    check_.AddStatus(field, status);
    return good_ = false;
  }

  const v1::KeyFiles& keys_;
  ConfigChecker& check_;
  contract::SecretBytes passphrase_;
  KeySet set_;
  bool good_ = true;
};

absl::StatusOr<KeySet> LoadFromModule(const v1::Pkcs11Keys& config, const std::string& pin_path,
                                      KeyNeeds needs) {
  Pkcs11Place place;
  place.module = config.module();
  place.token_label = config.token_label();
  auto pin = ReadSecretLine(pin_path, kMinPinBytes);
  if (!pin.ok()) return pin.status();
  place.pin = *std::move(pin);
  auto token = OpenPkcs11Token(place);
  if (!token.ok()) return token.status();
  const Pkcs11Algorithm sm2 = Sm2Algorithm(config.sign_mechanism(), config.decrypt_mechanism());
  KeySet set;
  for (const std::string& label : config.sign_labels()) {
    auto signer = MakePkcs11Signer(*token, sm2, label);
    if (!signer.ok()) return signer.status();
    set.signers.push_back(*std::move(signer));
  }
  if (needs == KeyNeeds::kSign) return set;
  std::vector<Pkcs11SealingKey> sealing;
  for (const std::string& label : config.unseal_labels()) sealing.push_back({label, ""});
  auto unwrapper = MakePkcs11Unwrapper(*token, sm2, sealing, &set.unseal_ids);
  if (!unwrapper.ok()) return unwrapper.status();
  set.unwrapper = *std::move(unwrapper);
  return set;
}

std::optional<KeySet> ModuleKeys(const v1::KeyFiles& keys, KeyNeeds needs, ConfigChecker& check) {
  const v1::Pkcs11Keys& config = keys.pkcs11();
  const auto named = [&](const char* field, bool there) {
    return check.Expect(there, absl::StrCat("keys.pkcs11.", field), "is missing",
                        "see the module's manual");
  };
  const bool unseals = needs == KeyNeeds::kSignAndUnseal;
  bool good = named("module", !config.module().empty());
  good = named("token_label", !config.token_label().empty()) && good;
  good = named("pin_file", !config.pin_file().empty()) && good;
  good = named("sign_labels", config.sign_labels_size() > 0) && good;
  good = named("sign_mechanism", config.sign_mechanism() != 0) && good;
  good = named("unseal_labels", !unseals || config.unseal_labels_size() > 0) && good;
  good = named("decrypt_mechanism", !unseals || config.decrypt_mechanism() != 0) && good;
  good =
      check.Expect(keys.sign_private_key().empty() && keys.unseal_private_keys().empty() &&
                       keys.more_sign_private_keys().empty(),
                   "keys.pkcs11", "stands beside key files", "name a module or files, not both") &&
      good;
  if (!good) return std::nullopt;
  auto loaded = LoadFromModule(config, check.Resolve(config.pin_file()), needs);
  if (!loaded.ok()) {
    check.AddStatus("keys.pkcs11", loaded.status());
    return std::nullopt;
  }
  return *std::move(loaded);
}

}  // namespace

std::optional<KeySet> LoadKeys(const v1::KeyFiles& keys, KeyNeeds needs, ConfigChecker& check) {
  if (keys.has_pkcs11()) return ModuleKeys(keys, needs, check);
  return FileKeys(keys, check).Load(needs);
}

void CheckTlsKeyAtRest(const v1::KeyFiles& keys, const v1::TlsFiles& tls, absl::string_view field,
                       ConfigChecker& check) {
  check.Expect(keys.lab_unencrypted() || !tls.passphrase_file().empty(),
               absl::StrCat(field, ".passphrase_file"), "is missing",
               "name a file of mode 0600 with the passphrase that encrypts the private key");
}

}  // namespace yizhan::platform
