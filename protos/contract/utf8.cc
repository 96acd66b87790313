#include "protos/contract/utf8.h"

namespace yizhan::contract {
namespace {

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

}  // namespace

std::optional<char32_t> TakeCharacter(absl::string_view* text) {
  if (text->empty()) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>((*text)[i]); };
  const unsigned char lead = byte(0);
  std::size_t size = 0;
  char32_t value = 0;
  char32_t lowest = 0;  // below it the form is overlong
  if (lead < 0x80) {
    size = 1, value = lead;
  } else if (lead >= 0xc0 && lead < 0xe0) {
    size = 2, value = lead & 0x1f, lowest = 0x80;
  } else if (lead >= 0xe0 && lead < 0xf0) {
    size = 3, value = lead & 0x0f, lowest = 0x800;
  } else if (lead >= 0xf0 && lead < 0xf8) {
    size = 4, value = lead & 0x07, lowest = 0x10000;
  }
  if (size == 0 || text->size() < size) return std::nullopt;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    value = value << 6 | (byte(i) & 0x3f);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < lowest || surrogate || value > 0x10ffff) return std::nullopt;
  text->remove_prefix(size);
  return value;
}

bool IsPlainText(absl::string_view text, std::size_t max_characters) {
  std::size_t characters = 0;
  while (!text.empty()) {
    const std::optional<char32_t> c = TakeCharacter(&text);
    if (!c.has_value() || IsControl(*c) || ++characters > max_characters) return false;
  }
  return true;
}

}  // namespace yizhan::contract
