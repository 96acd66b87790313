#include "protos/contract/crypto.h"

namespace yizhan::contract {

// Stores through a volatile pointer, so that the compiler cannot drop them as
// dead before the memory is freed.
void SecretBytes::Wipe() {
  volatile char* p = bytes_.data();
  for (std::size_t i = 0; i < bytes_.size(); ++i) p[i] = 0;
  bytes_.clear();
}

SecretBytes& SecretBytes::operator=(const SecretBytes& other) {
  if (this != &other) {
    Wipe();
    bytes_ = other.bytes_;
  }
  return *this;
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = other.bytes_;
    other.Wipe();
  }
  return *this;
}

}  // namespace yizhan::contract
