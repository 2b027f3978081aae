#include "core/tokenizers/post_processors.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "core/tokenizers/component.h"

namespace hft {
namespace {

constexpr std::int64_t kMaxId = std::numeric_limits<std::int32_t>::max();

Segment specials(const std::vector<std::int32_t>& ids, std::int32_t type_id, bool offsets) {
  Segment segment;
  const std::size_t n = ids.size();
  Encoding& encoding = segment.encoding;
  encoding.ids = ids;
  encoding.type_ids.assign(n, type_id);
  encoding.sequence_ids.assign(n, -1);
  if (offsets) {
    encoding.offsets.assign(n, Span{});
    encoding.word_ids.assign(n, -1);
    segment.spaces.assign(n, Spaces{});
  }
  return segment;
}

// Takes the spaces at both ends out of a token's offsets. A single space at the begin of the text
// may be the one add_prefix_space put there, which has no place in the text.
void trim_offsets(Segment& segment, bool prefix_space) {
  if (segment.spaces.empty()) return;
  for (std::size_t i = 0; i < segment.encoding.size(); ++i) {
    Span& span = segment.encoding.offsets[i];
    auto [lead, trail] = segment.spaces[i];
    if (lead > 0) {
      const bool first = i == 0 || span.begin == 0;
      if (first && prefix_space && lead == 1) lead = 0;
      span.begin = std::min(span.begin + lead, span.end);
    }
    if (trail > 0 && span.end >= trail) span.end = std::max(span.end - trail, span.begin);
  }
}

void need_texts(const std::vector<Segment>& segments) {
  if (segments.size() != 1 && segments.size() != 2)
    fail(Errc::kUnsupported, "a post-processor that adds special tokens follows another one");
}

class ByteLevel : public PostProcessor {
 public:
  explicit ByteLevel(const Fields& f)
      : prefix_space_(f.boolean("add_prefix_space", true)),
        trim_(f.boolean("trim_offsets", true)) {}
  void apply(std::vector<Segment>& segments, const PostContext&) const override {
    if (!trim_) return;
    for (Segment& segment : segments) trim_offsets(segment, prefix_space_);
  }
  std::int64_t added(bool) const override { return 0; }
  bool trims() const override { return trim_; }

 private:
  bool prefix_space_, trim_;
};

bool is_id(const Json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
         value.get<std::int64_t>() <= kMaxId;
}

// ["[SEP]", 102]: a token and its id.
std::int32_t id_of_pair(const Fields& f, std::string_view key) {
  const Json* pair = f.find(key);
  if (pair && pair->is_array() && pair->size() == 2 && (*pair)[0].is_string() && is_id((*pair)[1]))
    return (*pair)[1].get<std::int32_t>();
  fail(Errc::kBadData, f.where(), ": '", key, "' is ", pair ? to_line(*pair) : "missing",
       ", wanted [token, id]");
}

// [CLS] A [SEP] (B [SEP]), or with `roberta` <s> A </s> (</s> B </s>), all of type 0.
class Surround : public PostProcessor {
 public:
  Surround(const Fields& f, bool roberta)
      : roberta_(roberta),
        sep_(id_of_pair(f, "sep")),
        cls_(id_of_pair(f, "cls")),
        trim_(roberta && f.boolean("trim_offsets", true)),
        prefix_space_(f.boolean("add_prefix_space", true)) {}

  void apply(std::vector<Segment>& segments, const PostContext& context) const override {
    need_texts(segments);
    for (Segment& segment : segments) {
      if (trim_) trim_offsets(segment, prefix_space_);
      if (roberta_)
        std::fill(segment.encoding.type_ids.begin(), segment.encoding.type_ids.end(), 0);
    }
    if (!context.add_special_tokens) return;
    const bool offsets = context.offsets;
    std::vector<Segment> all;
    all.push_back(specials({cls_}, 0, offsets));
    all.push_back(std::move(segments[0]));
    all.push_back(specials({sep_}, 0, offsets));
    if (segments.size() == 2) {
      if (roberta_) all.push_back(specials({sep_}, 0, offsets));
      all.push_back(std::move(segments[1]));
      all.push_back(specials({sep_}, roberta_ ? 0 : 1, offsets));
    }
    segments = std::move(all);
  }
  std::int64_t added(bool pair) const override { return pair ? (roberta_ ? 4 : 3) : 2; }
  bool trims() const override { return trim_; }

 private:
  bool roberta_;
  std::int32_t sep_, cls_;
  bool trim_, prefix_space_;
};

class Template : public PostProcessor {
 public:
  explicit Template(const Fields& f) {
    const Fields tokens = f.object("special_tokens");
    for (const auto& [name, value] : tokens.json().items())
      read_token(name, Fields(value, tokens.where() + "." + name));
    single_ = read(f, "single");
    pair_ = read(f, "pair");
  }

  void apply(std::vector<Segment>& segments, const PostContext& context) const override {
    need_texts(segments);
    const bool pair = segments.size() == 2;
    std::vector<Segment> all;
    for (const Item& item : pair ? pair_ : single_) {
      if (item.text < 0) {
        if (context.add_special_tokens)
          all.push_back(specials(*item.ids, item.type_id, context.offsets));
        continue;
      }
      if (item.text == 1 && !pair)
        fail(Errc::kBadData, "the template for one text asks for a second one");
      Segment& segment = segments[static_cast<std::size_t>(item.text)];
      if (!segment.overflow)
        std::fill(segment.encoding.type_ids.begin(), segment.encoding.type_ids.end(), item.type_id);
      all.push_back(segment);
    }
    segments = std::move(all);
  }
  std::int64_t added(bool pair) const override {
    std::int64_t n = 0;
    for (const Item& item : pair ? pair_ : single_)
      if (item.text < 0) n += static_cast<std::int64_t>(item.ids->size());
    return n;
  }
  bool second_first() const override {
    for (const Item& item : pair_)
      if (item.text >= 0) return item.text == 1;
    return false;
  }

 private:
  struct Item {
    int text = -1;  // 0: A, 1: B, -1: special tokens
    const std::vector<std::int32_t>* ids = nullptr;
    std::int32_t type_id = 0;
  };

  void read_token(const std::string& name, const Fields& f) {
    const Json* list = f.find("ids");
    std::vector<std::int32_t> ids;
    if (list && list->is_array())
      for (const Json& id : *list) {
        if (!is_id(id))
          fail(Errc::kBadData, f.where(), ": 'ids' holds ", to_line(id), ", wanted token ids");
        ids.push_back(id.get<std::int32_t>());
      }
    else
      fail(Errc::kBadData, f.where(), ": 'ids' is missing, wanted a list");
    tokens_[name] = std::move(ids);
  }

  std::vector<Item> read(const Fields& f, std::string_view key) const {
    const Json* list = f.find(key);
    if (!list || !list->is_array())
      fail(Errc::kBadData, f.where(), ": '", key, "' is missing, wanted a list");
    if (list->size() > limits::kTokenizerParts)
      fail(Errc::kBadData, f.where(), ": '", key, "' has ", list->size(), " parts, the limit is ",
           limits::kTokenizerParts);
    std::vector<Item> items;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string where = f.where() + "." + std::string(key) + "[" + std::to_string(i) + "]";
      const Json& entry = (*list)[i];
      if (!entry.is_object() || entry.size() != 1)
        fail(Errc::kBadData, where, ": wanted {\"Sequence\": …} or {\"SpecialToken\": …}");
      items.push_back(read_item(entry.begin().key(), Fields(entry.begin().value(), where)));
    }
    return items;
  }

  Item read_item(const std::string& kind, const Fields& f) const {
    Item item;
    item.type_id = static_cast<std::int32_t>(f.integer("type_id", 0, kMaxId));
    const std::string id = f.text("id");
    if (kind == "Sequence" && (id == "A" || id == "B")) {
      item.text = id == "A" ? 0 : 1;
    } else if (kind == "SpecialToken") {
      auto found = tokens_.find(id);
      if (found == tokens_.end())
        fail(Errc::kBadData, f.where(), ": the special token '", id,
             "' is not among special_tokens");
      item.ids = &found->second;
    } else {
      fail(Errc::kBadData, f.where(), ": is ", kind, " '", id,
           "', wanted Sequence A or B, or SpecialToken");
    }
    return item;
  }

  std::map<std::string, std::vector<std::int32_t>> tokens_;
  std::vector<Item> single_, pair_;
};

class Sequence : public PostProcessor {
 public:
  Sequence(const Fields& f, int depth)
      : parts_(make_components<PostProcessor>(f, "processors", &make_post_processor, depth)) {}
  void apply(std::vector<Segment>& segments, const PostContext& context) const override {
    for (const auto& part : parts_) part->apply(segments, context);
  }
  std::int64_t added(bool pair) const override {
    std::int64_t n = 0;
    for (const auto& part : parts_) n += part->added(pair);
    return n;
  }
  bool trims() const override {
    return std::any_of(parts_.begin(), parts_.end(),
                       [](const auto& part) { return part->trims(); });
  }
  bool second_first() const override {
    return std::any_of(parts_.begin(), parts_.end(),
                       [](const auto& part) { return part->second_first(); });
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> parts_;
};

constexpr ComponentRow<PostProcessor> kRows[] = {
    {"TemplateProcessing",
     [](const Fields& f, int) -> std::unique_ptr<PostProcessor> {
       return std::make_unique<Template>(f);
     }},
    {"RobertaProcessing",
     [](const Fields& f, int) -> std::unique_ptr<PostProcessor> {
       return std::make_unique<Surround>(f, true);
     }},
    {"BertProcessing",
     [](const Fields& f, int) -> std::unique_ptr<PostProcessor> {
       return std::make_unique<Surround>(f, false);
     }},
    {"ByteLevel",
     [](const Fields& f, int) -> std::unique_ptr<PostProcessor> {
       return std::make_unique<ByteLevel>(f);
     }},
    {"Sequence",
     [](const Fields& f, int depth) -> std::unique_ptr<PostProcessor> {
       return std::make_unique<Sequence>(f, depth);
     }},
};

}  // namespace

std::unique_ptr<PostProcessor> make_post_processor(const Fields& fields, int depth) {
  return make_component<PostProcessor>(fields, kRows, depth);
}

}  // namespace hft
