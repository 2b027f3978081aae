// Words of pages: from a list, from tesseract's table, and as pytesseract gives them to the
// pipeline (tests/golden/pictures/words.json).
#include "core/processors/page_words.h"

#include "core/base/json.h"
#include "media/ocr.h"
#include "tests/support/test.h"

using namespace hft;

namespace {

Json list_of(const PageWords& page) {
  Json list = Json::array();
  for (std::size_t i = 0; i < page.words.size(); ++i)
    list.push_back({page.words[i], page.boxes[i]});
  return list;
}

// What is at hand without the data of English is told, not passed over in silence.
bool reads_english() {
  try {
    media::ocr_backend().table({20, 20, std::vector<std::uint8_t>(1200, 255)}, {});
    return true;
  } catch (const Error& e) {
    MESSAGE("NOT TESTED: ", e.message, "; scripts/setup installs it");
    return false;
  }
}

}  // namespace

TEST_CASE("page words: real pages are read as pytesseract reads them") {
  if (!reads_english()) return;
  const Json pages = read_json(test::golden("pictures/words.json"));
  REQUIRE(pages.size() >= 8);
  for (const auto& [key, words] : pages.items()) {
    CAPTURE(key);
    const auto space = key.find(' ');
    const std::string name = key.substr(0, space),
                      flags = space == key.npos ? "" : key.substr(space + 1);
    const std::string file = test::slurp(test::golden("pictures/" + name));
    const media::Image image = media::read_image(media::bytes_of(file), name);
    const auto table = media::ocr_backend().table(image, media::ocr_options("", flags));
    CHECK(list_of(words_of_table(table, image.width, image.height)) == words);
  }
}

TEST_CASE("page words: blank rows and rows of layout are no words, parts of a page round to zero") {
  const std::string table =
      "level\tpage_num\tblock_num\tpar_num\tline_num\tword_"
      "num\tleft\ttop\twidth\theight\tconf\ttext\n"
      "1\t1\t0\t0\t0\t0\t0\t0\t300\t200\t-1\t\n"
      "5\t1\t1\t1\t1\t1\t10\t20\t33\t19\t96.5\tCafé\n"
      "5\t1\t1\t1\t1\t2\t10\t20\t33\t19\t95\t \u00a0\n"
      "5\t1\t1\t1\t1\t3\t299\t199\t1\t1\t12\tend\n";
  CHECK(list_of(words_of_table(table, 300, 200)) ==
        Json::parse(R"([["Café", [33, 100, 143, 195]], ["end", [996, 995, 1000, 1000]]])"));
}

TEST_CASE("page words: a list is checked entry by entry") {
  const auto error = [](const char* text) {
    return test::error_of([&] { words_of_boxes(Json::parse(text)); });
  };
  CHECK(words_of_boxes(Json::parse(R"([["a", [0, 0, 1000, 1000]], ["", [5, 5, 5, 5]]])"))
            .words.size() == 2);
  CHECK(error("{}") == "word_boxes: is object, wanted a list");
  CHECK(error(R"([["a", [1, 2, 3]]])") ==
        R"(word_boxes: entry 0 is ["a",[1,2,3]], wanted [word, [left, top, right, bottom]])");
  CHECK(error(R"([["a", [1, 2, 3, 4]], ["b", [0, 0, 1001, 4]]])") ==
        R"(word_boxes: entry 1 is ["b",[0,0,1001,4]], wanted four whole numbers from 0 to 1000)");
  CHECK(
      error(R"([["a", [5, 2, 3, 4]]])") ==
      R"(word_boxes: entry 0 is ["a",[5,2,3,4]], wanted left, top, right, bottom: it ends before it begins)");
  CHECK(error(R"([["a", [0, 0.5, 3, 4]]])").ends_with("wanted four whole numbers from 0 to 1000"));
}

TEST_CASE("page words: a page that tesseract cannot hold is refused with its size") {
  if (!reads_english()) return;
  const media::Image image{40000, 1, std::vector<std::uint8_t>(120000)};
  CHECK(test::error_of([&] { media::ocr_backend().table(image, {}); }) ==
        "the page has 40000 x 1 pixels, but tesseract reads at most 32767 a side");
}

TEST_CASE("ocr options: those of the tesseract program, parted as a shell parts them") {
  const auto o =
      media::ocr_options("eng+deu", R"(--psm 6 --oem 1 -c a=b -c 'c=d e' --dpi 300 quiet)");
  CHECK(o.languages == "eng+deu");
  CHECK(o.segmentation == 6);
  CHECK(o.engine == 1);
  CHECK(o.variables == std::vector<std::pair<std::string, std::string>>{
                           {"a", "b"}, {"c", "d e"}, {"user_defined_dpi", "300"}});
  CHECK(o.configs == std::vector<std::string>{"quiet"});
  const auto error = [](const char* flags) {
    return test::error_of([&] { media::ocr_options("", flags); });
  };
  CHECK(error("--psm 14") == "--tesseract-config: --psm: '14' is no number from 0 to 13");
  CHECK(error("--psm") == "--tesseract-config: --psm needs a value");
  CHECK(error("-c x 'y") == "--tesseract-config: a quotation is not closed");
  CHECK(error("--fast 1").starts_with("--tesseract-config: '--fast 1' is none of -l, --psm"));
}
