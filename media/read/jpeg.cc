// JPEG by libjpeg-turbo: the accurate integer DCT and smooth upsampling, as Pillow has it decode.
#include <cstdio>  // jpeglib.h needs it

#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <string>

#include "core/base/error.h"
#include "core/base/limits.h"
#include "media/read/format.h"
#include "media/read/inks.h"
#include "media/read/tiff.h"

namespace hft::media {
namespace {

// libjpeg leaves by longjmp: the functions that set one hold nothing with a destructor.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf failed;
  char message[JMSG_LENGTH_MAX] = "";

  explicit Decoder(Bytes file);
  ~Decoder() { jpeg_destroy_decompress(&info); }
  // False: it failed with `message`.
  bool read_header();
  bool read_tables(Bytes tables);
  void create();
  bool read_rows(std::uint8_t* rows, std::size_t stride);
};

Decoder& owner(j_common_ptr info) { return *static_cast<Decoder*>(info->client_data); }

[[noreturn]] void leave(j_common_ptr info) {
  Decoder& decoder = owner(info);
  info->err->format_message(info, decoder.message);
  std::longjmp(decoder.failed, 1);
}

[[noreturn]] void leave_with(j_common_ptr info, const char* message) {
  Decoder& decoder = owner(info);
  std::snprintf(decoder.message, sizeof decoder.message, "%s", message);
  std::longjmp(decoder.failed, 1);
}

boolean at_end(j_decompress_ptr info) {
  leave_with(reinterpret_cast<j_common_ptr>(info), "ends early");
}

void skip(j_decompress_ptr info, long n) {
  if (n <= 0) return;
  if (static_cast<unsigned long>(n) > info->src->bytes_in_buffer) at_end(info);
  info->src->next_input_byte += n;
  info->src->bytes_in_buffer -= static_cast<std::size_t>(n);
}

void count_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > limits::kImageScans)
    leave_with(info, "has too many scans");
}

Decoder::Decoder(Bytes file) {
  info.err = jpeg_std_error(&errors);
  errors.error_exit = leave;
  errors.output_message = [](j_common_ptr) {};
  source.next_input_byte = file.data();
  source.bytes_in_buffer = file.size();
  source.init_source = [](j_decompress_ptr) {};
  source.fill_input_buffer = at_end;
  source.skip_input_data = skip;
  source.resync_to_restart = jpeg_resync_to_restart;
  source.term_source = [](j_decompress_ptr) {};
  progress.progress_monitor = count_scans;
}

// It clears all of `info` but the error manager and client_data.
void Decoder::create() {
  info.client_data = this;
  jpeg_create_decompress(&info);
  info.src = &source;
  info.progress = &progress;
}

bool Decoder::read_header() {
  if (setjmp(failed)) return false;
  if (!info.src) create();
  jpeg_read_header(&info, TRUE);
  return true;
}

// Afterwards the source is where it was.
bool Decoder::read_tables(Bytes tables) {
  if (setjmp(failed)) return false;
  const Bytes stream(source.next_input_byte, source.bytes_in_buffer);
  create();
  source.next_input_byte = tables.data();
  source.bytes_in_buffer = tables.size();
  jpeg_read_header(&info, FALSE);
  source.next_input_byte = stream.data();
  source.bytes_in_buffer = stream.size();
  return true;
}

bool Decoder::read_rows(std::uint8_t* rows, std::size_t stride) {
  if (setjmp(failed)) return false;
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW next[4];
    for (unsigned i = 0; i < 4; ++i) next[i] = rows + (info.output_scanline + i) * stride;
    jpeg_read_scanlines(&info, next, std::min(4u, info.output_height - info.output_scanline));
  }
  jpeg_finish_decompress(&info);
  return true;
}

[[noreturn]] void damaged(const Decoder& decoder) { fail(Errc::kBadData, decoder.message); }

// Adobe stores the inks inverted, and Pillow takes all files of four inks for Adobe's.
void adobe_inks_to_rgb(const std::vector<std::uint8_t>& inks, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < inks.size(); i += 4, rgb += 3) {
    std::uint8_t own[4];
    for (std::size_t c = 0; c < 4; ++c) own[c] = static_cast<std::uint8_t>(255 - inks[i + c]);
    inks_to_rgb(own, rgb);
  }
}

// The segments before the pixels: APP1 holds EXIF and XMP.
int orientation_of(Bytes file) {
  int from_exif = 0, from_xmp = 0;
  constexpr std::string_view kExif("Exif\0\0", 6), kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
  try {
    Cursor at(file, true);
    at.skip(2);
    while (true) {
      while (at.byte() != 0xff) {
      }
      std::uint8_t marker = 0xff;
      while (marker == 0xff) marker = at.byte();
      if (marker == 0xda || marker == 0xd9) break;  // SOS, EOI
      if (marker == 0 || marker == 1 || (marker >= 0xd0 && marker <= 0xd8)) continue;
      const std::uint32_t size = at.number(2);
      const Bytes body = at.take(size < 2 ? 0 : size - 2);
      if (marker != 0xe1) continue;
      if (begins_with(body, kExif) && from_exif == 0) from_exif = exif_orientation(body);
      if (begins_with(body, kXmp)) from_xmp = xmp_orientation(body.subspan(kXmp.size()));
    }
  } catch (const Error&) {  // the decoder will say so
  }
  return from_exif > 0 ? from_exif : from_xmp;
}

Image read(Bytes file, Reading& reading) {
  Decoder decoder(file);
  if (!decoder.read_header()) damaged(decoder);
  auto& info = decoder.info;
  if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4)
    fail(Errc::kUnsupported, "has ", info.num_components, " components, wanted 1, 3 or 4");
  Image image = reading.blank(info.image_width, info.image_height);
  const auto width = static_cast<std::size_t>(image.width);
  if (info.num_components == 4) {
    info.out_color_space = JCS_CMYK;
    std::vector<std::uint8_t> inks(image.rgb.size() / 3 * 4);
    if (!decoder.read_rows(inks.data(), width * 4)) damaged(decoder);
    adobe_inks_to_rgb(inks, image.rgb.data());
  } else {
    info.out_color_space = JCS_RGB;
    if (!decoder.read_rows(image.rgb.data(), width * 3)) damaged(decoder);
  }
  reading.orientation = orientation_of(file);
  return image;
}

}  // namespace

std::vector<std::uint8_t> decoded_jpeg(Bytes tables, Bytes stream, int width, int height,
                                       int channels, bool ycc) {
  Decoder decoder(stream);
  if (!tables.empty() && !decoder.read_tables(tables)) damaged(decoder);
  if (!decoder.read_header()) damaged(decoder);
  auto& info = decoder.info;
  if (info.num_components != channels || info.image_width != static_cast<JDIMENSION>(width) ||
      info.image_height != static_cast<JDIMENSION>(height))
    fail(Errc::kBadData, "holds a JPEG of ", info.image_width, " x ", info.image_height,
         " pixels, wanted ", width, " x ", height);
  if (channels == 3) info.jpeg_color_space = ycc ? JCS_YCbCr : JCS_RGB;
  info.out_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  std::vector<std::uint8_t> out(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                                static_cast<std::size_t>(channels));
  if (!decoder.read_rows(out.data(), static_cast<std::size_t>(width * channels))) damaged(decoder);
  return out;
}

const Format kJpeg{"JPEG", [](Bytes file) { return begins_with(file, "\xff\xd8\xff"); }, read};

}  // namespace hft::media
