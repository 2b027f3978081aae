#include "media/sound/formats.h"

#include <algorithm>

#include "core/base/text.h"
#include "media/read/format.h"
#include "media/sound.h"

namespace hft::media {
namespace {

using namespace std::string_view_literals;
constexpr SoundFormat kFormats[] = {
    {0, "RIFF"sv, 8, "WAVE"sv, "a WAV sound", true},
    {0, "RIFX"sv, 8, "WAVE"sv, "a WAV sound", true},
    {0, "RF64"sv, 8, "WAVE"sv, "a WAV (RF64) sound", true},
    {0, "fLaC"sv, 0, ""sv, "a FLAC sound", true},
    {0, "OggS"sv, 0, ""sv, "an Ogg sound", true},
    {0, "ID3"sv, 0, ""sv, "an MP3 sound", true},
    {4, "ftyp"sv, 0, ""sv, "an MP4 (M4A, AAC) sound", false},
    {0, "\x1a\x45\xdf\xa3"sv, 0, ""sv, "a WebM or Matroska sound", false},
    {0, "\xff\xf1"sv, 0, ""sv, "an AAC sound", false},
    {0, "\xff\xf9"sv, 0, ""sv, "an AAC sound", false},
    {0, "FORM"sv, 8, "AIF"sv, "an AIFF sound", false},
    {0, "\x30\x26\xb2\x75"sv, 0, ""sv, "a Windows Media (WMA) sound", false},
    {0, "caff"sv, 0, ""sv, "a Core Audio (CAF) sound", false},
    {0, ".snd"sv, 0, ""sv, "an AU sound", false},
    {0, "#!AMR"sv, 0, ""sv, "an AMR sound", false},
    {0, "wvpk"sv, 0, ""sv, "a WavPack sound", false},
    {0, "MAC "sv, 0, ""sv, "a Monkey's Audio sound", false},
    {0, "\x0b\x77"sv, 0, ""sv, "an AC-3 sound", false},
    {0, "TTA1"sv, 0, ""sv, "a True Audio sound", false},
    {0, "MPCK"sv, 0, ""sv, "a Musepack sound", false},
    {0, "FLV\1"sv, 0, ""sv, "an FLV sound", false},
    {0, "RIFF"sv, 8, "AVI "sv, "an AVI video", false},
    {0, "riff\x2e\x91\xcf\x11"sv, 0, ""sv, "a WAV (Wave64) sound", false},
    {0, "\0\0\1\xba"sv, 0, ""sv, "an MPEG video", false},
    {0, ".RMF"sv, 0, ""sv, "a RealMedia sound", false},
    {0, "Creative Voice File"sv, 0, ""sv, "a VOC sound", false},
};
// A frame of MPEG 1, 2 or 2.5, layer I to III, of a bit rate and a rate that there are.
constexpr SoundFormat kMp3{0, ""sv, 0, ""sv, "an MP3 sound", true};
bool is_mpeg_frame(Bytes head) {
  return head.size() >= 3 && head[0] == 0xff && (head[1] & 0xe0) == 0xe0 &&
         (head[1] & 0x18) != 0x08 && (head[1] & 0x06) != 0 && (head[2] & 0xf0) != 0xf0 &&
         (head[2] & 0x0c) != 0x0c;
}

}  // namespace

const SoundFormat* sound_format(Bytes head) {
  const auto begins = [&](const SoundFormat& f) {
    return begins_with(head, f.magic, f.at) && begins_with(head, f.magic_2, f.at_2);
  };
  const auto* found = std::ranges::find_if(kFormats, begins);
  if (found != std::end(kFormats)) return found;
  return is_mpeg_frame(head) ? &kMp3 : nullptr;
}

bool is_sound(Bytes head) { return sound_format(head) != nullptr; }

bool is_sound_name(std::string_view name) {
  constexpr std::string_view kSuffixes[] = {
      ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2",  ".m4a",  ".m4b", ".mp4",
      ".aac", ".webm", ".mka",  ".mkv", ".mov", ".wma",  ".aif", ".aiff", ".aifc", ".caf", ".au",
      ".amr", ".3gp",  ".wv",   ".ape", ".ac3", ".tta",  ".mpc", ".w64",  ".voc"};
  const std::string lower = lowercase(name);
  return std::ranges::any_of(kSuffixes, [&](auto suffix) { return lower.ends_with(suffix); });
}

}  // namespace hft::media
