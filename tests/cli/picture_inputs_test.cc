// Pictures as inputs: what is named, in which order it comes, and where its bytes are.
#include <fstream>

#include "core/base/limits.h"
#include "media/image_write.h"
#include "tasks/run/rows.h"
#include "tests/support/test.h"

using namespace hft;
using test::spit;
using test::TempFolder;

namespace {

const std::string kPicture = media::png_of({2, 1, {1, 2, 3, 250, 251, 252}});
constexpr std::string_view kBase64 =
    "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=";  // a GIF of one white pixel

InputOptions options_of(std::vector<std::string> values) {
  InputOptions options;
  options.values = std::move(values);
  options.columns = {{.name = "image", .source = "image", .kind = Kind::kImage}};
  return options;
}

std::vector<Input> all_of(const InputOptions& options) {
  InputReader reader(options);
  std::vector<Input> inputs;
  while (auto input = reader.next()) inputs.push_back(std::move(*input));
  return inputs;
}

// The names of the inputs below the folder.
std::vector<std::string> names(const InputOptions& options, const TempFolder& folder) {
  std::vector<std::string> out;
  for (const Input& input : all_of(options))
    out.push_back(input.shown.get<std::string>().substr(folder.path.string().size() + 1));
  return out;
}

std::string message(const Input& input) {
  if (input.error) return input.error->message;
  return test::error_of([&] { static_cast<void>(input.image()); });
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("picture inputs: folders and patterns give files in the order of their names") {
  TempFolder folder;
  test::fs::create_directories(folder / "in/deeper");
  for (const char* name :
       {"in/b.png", "in/A.JPG", "in/c.txt", "in/.hidden.png", "in/deeper/d.webp"})
    spit(folder / name, kPicture);
  InputOptions whole = options_of({(folder / "in").string()});
  CHECK(names(whole, folder) == Texts{"in/A.JPG", "in/b.png"});
  whole.recurse = true;
  CHECK(names(whole, folder) == Texts{"in/A.JPG", "in/b.png", "in/deeper/d.webp"});
  CHECK(names(options_of({(folder / "in/*.[pJ]*").string()}), folder) ==
        Texts{"in/A.JPG", "in/b.png"});
  const auto none = all_of(options_of({(folder / "in/*.gif").string()}));
  CHECK(message(none.at(0)) == (folder / "in/*.gif").string() + ": no file matches");
  // A name is a name, whatever a shell would make of it.
  spit(folder / "in/[1].png", kPicture);
  CHECK(names(options_of({(folder / "in/[1].png").string()}), folder) == Texts{"in/[1].png"});
  test::fs::create_directories(folder / "empty");
  CHECK(test::error_of([&] { InputReader(options_of({(folder / "empty").string()})); }) ==
        (folder / "empty").string() + ": there is no image file in it");
}

TEST_CASE("picture inputs: -i takes data about pictures, pictures, and folders of them") {
  TempFolder folder;
  spit(folder / "a.png", kPicture);
  spit(folder / "named-otherwise", kPicture);
  spit(folder / "rows.jsonl",
       "{\"image\": \"" + (folder / "a.png").string() + "\", \"id\": 7}\n{\"image\": 3}\n");
  InputOptions data = options_of({});
  data.files = {(folder / "rows.jsonl").string()};
  const auto rows = all_of(data);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].id == 7);
  CHECK(rows[0].image().rgb[0] == 1);
  CHECK(message(rows[1]).ends_with(": column 'image' is number, wanted a path or URL"));
  data.files = {(folder / "named-otherwise").string()};
  CHECK(all_of(data).at(0).image().width == 2);
  data.files = {folder.path.string()};
  CHECK(names(data, folder) == Texts{"a.png"});
  spit(folder / "list.txt", (folder / "a.png").string() + "\nmissing.png\n");
  data.files = {(folder / "list.txt").string()};
  data.lines = true;
  const auto lines = all_of(data);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].image().height == 1);
  CHECK(message(lines[1]) == "missing.png: no such file");
}

TEST_CASE("picture inputs: bytes may stand in the text itself") {
  const std::string plain(kBase64), data = "data:image/gif;base64," + plain;
  const auto inputs =
      all_of(options_of({plain, data, "data:image/gif,xyz", "data:image/gif;base64,%%"}));
  REQUIRE(inputs.size() == 4);
  CHECK(inputs[0].image().rgb == std::vector<std::uint8_t>{255, 255, 255});
  CHECK(inputs[1].image().width == 1);
  CHECK(inputs[1].shown == data);
  CHECK(message(inputs[2]).ends_with(": wanted data:TYPE;base64,…"));
  CHECK(message(inputs[3]).ends_with(": is not base64"));
}

TEST_CASE("picture inputs: a file that cannot be read is its own error") {
  TempFolder folder;
  spit(folder / "empty.png", "");
  std::ofstream(folder / "long.png").seekp(limits::kImageBytes) << "x";
  const auto inputs =
      all_of(options_of({(folder / "empty.png").string(), (folder / "long.png").string(),
                         (folder / "none.png").string()}));
  REQUIRE(inputs.size() == 3);
  CHECK(message(inputs[0]) == (folder / "empty.png").string() + ": is empty, wanted an image");
  CHECK(message(inputs[1]) ==
        (folder / "long.png").string() + ": more than 268435456 bytes, the limit");
  CHECK(message(inputs[2]) == (folder / "none.png").string() + ": no such file");
}
