#include "adapters/platform/image/portrait.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// jpeglib.h needs FILE from <cstdio>.
#include <jpeglib.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "protos/contract/errors.h"

namespace yizhan::platform {
namespace {

using ::testing::HasSubstr;

struct Picture {
  int width = kPortraitWidth;
  int height = kPortraitHeight;
  int components = 3;
  J_COLOR_SPACE space = JCS_RGB;
  int density_unit = 1;
  int density = 350;
  bool jfif = true;
  bool progressive = false;
  int scans = 0;  // 0: as the library likes
};

std::string Encode(const Picture& picture) {
  jpeg_compress_struct info = {};
  jpeg_error_mgr errors = {};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &out, &size);
  info.image_width = static_cast<JDIMENSION>(picture.width);
  info.image_height = static_cast<JDIMENSION>(picture.height);
  info.input_components = picture.components;
  info.in_color_space = picture.space;
  jpeg_set_defaults(&info);
  info.write_JFIF_header = picture.jfif ? TRUE : FALSE;
  info.density_unit = static_cast<UINT8>(picture.density_unit);
  info.X_density = info.Y_density = static_cast<UINT16>(picture.density);
  if (picture.progressive) jpeg_simple_progression(&info);
  // One scan for the averages, then one for each frequency of each component.
  std::vector<jpeg_scan_info> scans;
  if (picture.scans > 0) {
    scans.push_back({3, {0, 1, 2}, 0, 0, 0, 0});
    for (int c = 0; c < 3; ++c) {
      for (int k = 1; k < 64; ++k) scans.push_back({1, {c}, k, k, 0, 0});
    }
    scans.resize(static_cast<std::size_t>(picture.scans));
    info.scan_info = scans.data();
    info.num_scans = picture.scans;
  }
  jpeg_start_compress(&info, TRUE);
  std::vector<JSAMPLE> row(static_cast<std::size_t>(picture.width * picture.components));
  for (int y = 0; y < picture.height; ++y) {
    for (std::size_t x = 0; x < row.size(); ++x) {
      row[x] = static_cast<JSAMPLE>((x * 7 + static_cast<std::size_t>(y) * 3) / 8 & 0xff);
    }
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&info, rows, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string jpeg(reinterpret_cast<const char*>(out), size);
  std::free(out);
  return jpeg;
}

void ExpectInvalid(const std::string& jpeg, const std::string& what) {
  const absl::Status status = CheckPortrait(jpeg);
  EXPECT_EQ(contract::ReasonOf(status), v1::PORTRAIT_INVALID) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(what));
}

TEST(PortraitTest, AsTheStandardSays_IsAccepted) {
  EXPECT_TRUE(CheckPortrait(Encode({})).ok()) << CheckPortrait(Encode({}));
  EXPECT_TRUE(CheckPortrait(Encode({.progressive = true})).ok());
}

TEST(PortraitTest, NoDensityGiven_IsAccepted) {
  EXPECT_TRUE(CheckPortrait(Encode({.jfif = false})).ok());
  EXPECT_TRUE(CheckPortrait(Encode({.density_unit = 0, .density = 1})).ok());
}

TEST(PortraitTest, DensityInCentimetres_IsCompared) {
  EXPECT_TRUE(CheckPortrait(Encode({.density_unit = 2, .density = 138})).ok());
  ExpectInvalid(Encode({.density_unit = 2, .density = 350}), "350 x 350 dots a centimetre");
}

TEST(PortraitTest, DensityWrong_IsRefused) {
  ExpectInvalid(Encode({.density = 96}), "96 x 96 dots an inch, not 350 dpi");
}

TEST(PortraitTest, SizeWrong_IsRefusedWithBothSizes) {
  ExpectInvalid(Encode({.width = 300, .height = 400}), "300 x 400 pixels, not 358 x 441");
  ExpectInvalid(Encode({.width = 441, .height = 358}), "441 x 358");
}

TEST(PortraitTest, GrayOrCmyk_IsRefused) {
  ExpectInvalid(Encode({.components = 1, .space = JCS_GRAYSCALE}), "components: 1");
  ExpectInvalid(Encode({.components = 4, .space = JCS_CMYK}), "components: 4");
}

TEST(PortraitTest, NotAJpeg_IsRefused) {
  ExpectInvalid("", "empty");
  ExpectInvalid("GIF89a and more", "not a JPEG image");
  ExpectInvalid("\xff", "not a JPEG image");
  ExpectInvalid(std::string(kMaxPortraitBytes + 1, 'x'), "more than 524288");
}

TEST(PortraitTest, CutAnywhere_IsRefused) {
  const std::string jpeg = Encode({});
  for (std::size_t size = 0; size < jpeg.size(); size += 97) {
    EXPECT_FALSE(CheckPortrait(jpeg.substr(0, size)).ok()) << size;
  }
  ExpectInvalid(jpeg.substr(0, jpeg.size() / 2), "image data are damaged");
  ExpectInvalid(jpeg.substr(0, jpeg.size() - 2), "image data are damaged");  // only the end mark
}

TEST(PortraitTest, BytesChanged_NeverCrash) {
  const std::string jpeg = Encode({});
  int refused = 0;
  for (std::size_t at = 0; at < jpeg.size(); at += 13) {
    std::string changed = jpeg;
    changed[at] = static_cast<char>(changed[at] ^ 0xff);
    refused += CheckPortrait(changed).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
}

TEST(PortraitTest, TooManyScans_AreRefusedBeforeTheyAreDecoded) {
  ExpectInvalid(Encode({.progressive = true, .scans = 190}), "more than 64 scans");
}

}  // namespace
}  // namespace yizhan::platform
