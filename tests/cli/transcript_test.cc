// Transcripts as the pipelines give them, and as subtitles.
#include "tasks/audio/transcript.h"

#include "tests/support/test.h"

using namespace hft;

namespace {

const Transcript kTwo{.text = " One, two. Three\nfour.",
                      .chunks = std::vector<TimedText>{{" One, two.", 0.0, 3.5},
                                                       {" Three\nfour.", 3661.25, {}}},
                      .times_first = true,
                      .seconds = 3665.0};

}  // namespace

TEST_CASE("transcript: JSON has the order of the pipelines, and null for a time not known") {
  Transcript t = kTwo;
  CHECK(to_line(json_of(t)) ==
        R"({"text":" One, two. Three\nfour.","chunks":[{"timestamp":[0.0,3.5],"text":" One, two."},)"
        R"({"timestamp":[3661.25,null],"text":" Three\nfour."}]})");
  t.times_first = false;
  t.chunks->pop_back();
  CHECK(to_line(json_of(t)["chunks"]) == R"([{"text":" One, two.","timestamp":[0.0,3.5]}])");
  t.chunks.reset();
  CHECK(to_line(json_of(t)) == R"({"text":" One, two. Three\nfour."})");
}

TEST_CASE("transcript: subtitles; an end that is not known is that of the sound") {
  CHECK(written(kTwo, "srt") ==
        "1\n00:00:00,000 --> 00:00:03,500\nOne, two.\n\n"
        "2\n01:01:01,250 --> 01:01:05,000\nThree four.\n\n");
  CHECK(written(kTwo, "vtt") ==
        "WEBVTT\n\n00:00.000 --> 00:03.500\nOne, two.\n\n"
        "01:01:01.250 --> 01:01:05.000\nThree four.\n\n");
  CHECK(written(kTwo, "tsv") ==
        "start\tend\ttext\n0\t3500\tOne, two.\n3661250\t3665000\tThree four.\n");
  CHECK(written(kTwo, "lrc") == "[00:00.00]One, two.\n[61:01.25]Three four.\n");
  CHECK(written(kTwo, "lines") ==
        "[00:00.000 --> 00:03.500] One, two.\n[01:01:01.250 --> 01:01:05.000] Three four.\n");
  CHECK(written(kTwo, "text") == "One, two. Three\nfour.\n");
}

TEST_CASE("transcript: an end in the middle that is not known is the next beginning") {
  TimedForm form("tsv");
  CHECK(form.add({"a", 1.0, {}}) == "");
  CHECK(form.add({"b --> c\td", 2.0, 2.5}) == "1000\t2000\ta\n2000\t2500\tb -> c d\n");
  CHECK(form.add({"e", {}, {}}) == "");
  CHECK(form.end(0) == "0\t0\te\n");
  CHECK(form.end(0) == "");
}

TEST_CASE("transcript: without chunks a subtitle is as long as the sound, and none for silence") {
  CHECK(written({.text = " Hm.", .seconds = 2}, "srt") == "1\n00:00:00,000 --> 00:00:02,000\nHm.\n\n");
  CHECK(written({.text = "", .seconds = 2}, "srt") == "");
  CHECK(written({.text = "", .chunks = std::vector<TimedText>{}}, "vtt") == "WEBVTT\n\n");
}
