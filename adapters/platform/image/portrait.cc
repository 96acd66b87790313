#include "adapters/platform/image/portrait.h"

#include <csetjmp>
#include <cstdio>
// jpeglib.h needs FILE from <cstdio>.
#include <jpeglib.h>

#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

// Progressive files may hold any number of scans, each as costly as a decoding.
constexpr int kMaxScans = 64;
constexpr int kComponents = 3;

absl::Status Invalid(absl::string_view what) {
  return contract::MakeError(
      v1::PORTRAIT_INVALID, v1::SIDE_MINE, what,
      "Take the portrait again as GA 461 wants it: JPEG, 358 x 441, 24-bit RGB, 350 dpi.");
}

// Callbacks of the library find it by the address of `errors`, its first member.
struct Failure {
  jpeg_error_mgr errors;
  std::jmp_buf escape;
  char text[JMSG_LENGTH_MAX];
};

[[noreturn]] void Escape(j_common_ptr common) {
  auto* failure = reinterpret_cast<Failure*>(common->err);
  (*common->err->format_message)(common, failure->text);
  std::longjmp(failure->escape, 1);
}

void OnMessage(j_common_ptr common, int level) {
  if (level < 0) Escape(common);  // a warning: the data are damaged
}

void OnProgress(j_common_ptr common) {
  if (common->is_decompressor &&
      reinterpret_cast<j_decompress_ptr>(common)->input_scan_number > kMaxScans) {
    auto* failure = reinterpret_cast<Failure*>(common->err);
    std::snprintf(failure->text, sizeof(failure->text), "more than %d scans", kMaxScans);
    std::longjmp(failure->escape, 1);
  }
}

// One decoding. The library leaves its functions by longjmp, so nothing with a
// destructor may live in the methods that call it.
class Decoder {
 public:
  Decoder() {
    info_.err = jpeg_std_error(&failure_.errors);
    failure_.errors.error_exit = Escape;
    failure_.errors.emit_message = OnMessage;
    jpeg_create_decompress(&info_);
    progress_.progress_monitor = OnProgress;
    info_.progress = &progress_;
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool ReadHeader(absl::string_view jpeg) {
    if (setjmp(failure_.escape) != 0) return false;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(jpeg.data()), jpeg.size());
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  // To be called for an image of the portrait's width.
  bool ReadPixels() {
    if (setjmp(failure_.escape) != 0) return false;
    info_.out_color_space = JCS_RGB;
    jpeg_start_decompress(&info_);
    JSAMPROW rows[] = {row_.data()};
    while (info_.output_scanline < info_.output_height) jpeg_read_scanlines(&info_, rows, 1);
    jpeg_finish_decompress(&info_);
    return true;
  }

  const jpeg_decompress_struct& info() const { return info_; }
  const char* failure() const { return failure_.text; }

 private:
  Failure failure_ = {};
  jpeg_decompress_struct info_ = {};
  jpeg_progress_mgr progress_ = {};
  std::array<JSAMPLE, kPortraitWidth* kComponents> row_ = {};
};

absl::Status CheckDensity(const jpeg_decompress_struct& info) {
  // Unit 0 is a ratio of the sides, no density; 1 is dots an inch, 2 a centimetre.
  if (info.saw_JFIF_marker == 0 || info.density_unit == 0) return absl::OkStatus();
  const bool per_inch = info.density_unit == 1;
  const int wanted = per_inch ? kPortraitDpi : 138;  // 350 / 2.54, rounded
  if (info.X_density == wanted && info.Y_density == wanted) return absl::OkStatus();
  return Invalid(absl::StrCat("its density is ", info.X_density, " x ", info.Y_density,
                              per_inch ? " dots an inch" : " dots a centimetre", ", not 350 dpi"));
}

absl::Status CheckHeader(const jpeg_decompress_struct& info) {
  if (info.image_width != kPortraitWidth || info.image_height != kPortraitHeight) {
    return Invalid(absl::StrCat("it is ", info.image_width, " x ", info.image_height,
                                " pixels, not 358 x 441"));
  }
  if (info.num_components != kComponents ||
      (info.jpeg_color_space != JCS_YCbCr && info.jpeg_color_space != JCS_RGB)) {
    return Invalid(
        absl::StrCat("it is not a colour image in RGB (components: ", info.num_components, ")"));
  }
  if (info.data_precision != 8) {
    return Invalid(absl::StrCat("it has ", info.data_precision, " bits a component, not 8"));
  }
  return CheckDensity(info);
}

}  // namespace

absl::Status CheckPortrait(absl::string_view jpeg) {
  if (jpeg.empty()) return Invalid("it is empty");
  if (jpeg.size() > kMaxPortraitBytes) {
    return Invalid(absl::StrCat("it has ", jpeg.size(), " bytes, more than ", kMaxPortraitBytes));
  }
  Decoder decoder;
  if (!decoder.ReadHeader(jpeg)) {
    return Invalid(absl::StrCat("it is not a JPEG image (", decoder.failure(), ")"));
  }
  const absl::Status header = CheckHeader(decoder.info());
  if (!header.ok()) return header;
  if (!decoder.ReadPixels()) {
    return Invalid(absl::StrCat("its image data are damaged (", decoder.failure(), ")"));
  }
  return absl::OkStatus();
}

}  // namespace yizhan::platform
