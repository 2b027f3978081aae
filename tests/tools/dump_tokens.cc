// Encodes lines for scripts/compare tokenizers, which compares them with the reference.
// usage: dump_tokens FOLDER < cases > results
// A case is a JSON object a line: {"text" or "bytes" (numbers), "pair"?, "words"?, "special"?,
// "offsets"?, "max_length"?, "stride"?, "truncation"?, "split_special"?, "decode"?}; so is a
// result: a list of encodings.
#include <iostream>
#include <string>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/tokenizers/tokenizer.h"

namespace {

using hft::Json;

hft::EncodeOptions options_of(const Json& c) {
  hft::EncodeOptions o;
  o.add_special_tokens = c.value("special", true);
  o.offsets = c.value("offsets", true);
  o.split_special = c.value("split_special", false);
  o.max_length = c.value("max_length", 0);
  o.stride = c.value("stride", 0);
  const std::string how = c.value("truncation", "");
  if (how == "longest_first") o.truncation = hft::Truncation::kLongestFirst;
  if (how == "only_first") o.truncation = hft::Truncation::kOnlyFirst;
  if (how == "only_second") o.truncation = hft::Truncation::kOnlySecond;
  return o;
}

Json shown(const hft::Encoding& e) {
  Json out = {{"ids", e.ids}, {"type_ids", e.type_ids}};
  Json spans = Json::array();
  for (const auto& span : e.offsets) spans.push_back({span.begin, span.end});
  out["offsets"] = spans;
  out["words"] = e.word_ids;
  Json sequences = Json::array();
  for (auto s : e.sequence_ids) sequences.push_back(static_cast<int>(s));
  out["sequences"] = sequences;
  return out;
}

Json run(const hft::Tokenizer& tokenizer, const Json& c) {
  if (c.contains("decode"))
    return tokenizer.decode(c["decode"].get<std::vector<std::int32_t>>(),
                            c.value("skip_special", true));
  const auto options = options_of(c);
  std::vector<hft::Encoding> all;
  if (c.contains("words")) {
    all.push_back(tokenizer.encode_words(c["words"].get<std::vector<std::string>>(), options));
  } else if (c.contains("pair")) {
    all = tokenizer.encode_pair_windows(c["text"].get<std::string>(), c["pair"].get<std::string>(),
                                        options);
  } else {
    all = tokenizer.encode_windows(c["text"].get<std::string>(), options);
  }
  if (!c.contains("words") && !c.contains("pair")) {  // the quick way must give the same ids
    auto quick = options;
    quick.offsets = false;
    const auto again = tokenizer.encode_windows(c["text"].get<std::string>(), quick);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (again.size() != all.size() || again[i].ids != all[i].ids)
        return {{"error", "other ids without offsets"}};
  }
  Json out = Json::array();
  for (const auto& e : all) out.push_back(shown(e));
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const auto tokenizer = hft::Tokenizer::load(argv[1]);
    for (std::string line; std::getline(std::cin, line);) {
      Json result;
      try {
        Json c = Json::parse(line);
        if (c.contains("bytes")) {
          const auto bytes = c["bytes"].get<std::vector<unsigned char>>();
          c["text"] = std::string(bytes.begin(), bytes.end());
        }
        result = run(tokenizer, c);
      } catch (const hft::Error& e) {
        result = {{"error", e.message}};
      }
      std::cout << result.dump() << '\n';
    }
  } catch (const hft::Error& e) {
    std::cerr << e.message << '\n';
    return 1;
  }
}
