#include "tasks/run/picture_prompts.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"

namespace hft {
namespace {

constexpr const char* kSources[] = {"image", "url", "path", "base64"};
constexpr std::size_t kBeginnings = 4;  // that are kept

std::string type_of_part(const Json& part) {
  const auto type = part.find("type");
  return type != part.end() && type->is_string() ? type->get<std::string>() : "";
}

const Json* source_of(const Json& part) {
  for (const char* key : kSources)
    if (const auto found = part.find(key); found != part.end()) return &*found;
  return nullptr;
}

// OpenAI's form: {"type": "image_url", "image_url": {"url": …}}
void read_image_url(Json& part, const std::string& place) {
  const auto given = part.find("image_url");
  const Json* url = given == part.end() ? nullptr : &*given;
  if (url && url->is_object()) url = url->contains("url") ? &(*url)["url"] : nullptr;
  if (!url || !url->is_string())
    fail(Errc::kBadData, place, ": a part of type 'image_url' has no 'url'");
  part = {{"type", "image"}, {"image", *url}};
}

template <class F>
void each_part(Json& messages, const F& f) {
  for (Json& message : messages)
    if (const auto content = message.find("content"); content != message.end() && content->is_array())
      for (Json& part : *content)
        if (part.is_object()) f(part);
}

}  // namespace

Json with_pictures(Json messages, const std::vector<Media>& given, const std::string& place) {
  std::size_t used = 0;
  each_part(messages, [&](Json& part) {
    if (type_of_part(part) == "image_url") read_image_url(part, place);
    const std::string type = type_of_part(part);
    if (type == "text") return;
    if (type != "image")
      fail_hint(Errc::kUnsupported,
                type == "video" ? "a video's frames can be parts of type 'image', one after the other" : "",
                place, ": a part of type '", type, "' is not supported, wanted text or image");
    if (const Json* source = source_of(part)) {
      if (!source->is_string())
        fail(Errc::kBadData, place, ": a part of type 'image' names no path or URL");
      return;
    }
    if (used < given.size()) part["image"] = given[used].source;
    ++used;
  });
  if (used != given.size())
    fail_hint(Errc::kBadData, "a part {\"type\": \"image\"} of a message's content is such a place",
              place, ": the messages have places for ",
              counted(static_cast<std::int64_t>(used), "picture"), " without a file, but ",
              given.size(), given.size() == 1 ? " is given" : " are given");
  return messages;
}

Json pictured_message(const std::vector<Media>& pictures, const std::string& text) {
  Json content = Json::array();
  for (const Media& picture : pictures)
    content.push_back({{"type", "image"}, {"image", picture.source}});
  content.push_back({{"type", "text"}, {"text", text}});
  return {{"role", "user"}, {"content", std::move(content)}};
}

std::vector<Media> pictures_in(const Json& messages) {
  std::vector<Media> all;
  Json own = messages;
  each_part(own, [&](const Json& part) {
    if (const Json* source = type_of_part(part) == "image" ? source_of(part) : nullptr)
      all.push_back({source->get<std::string>()});
  });
  return all;
}

PicturePrompts::PicturePrompts(PicturesInText processor)
    : processor_(std::move(processor)),
      alone_([this](const media::Image& image) { return processor_.pixels(image, true); }),
      in_company_([this](const media::Image& image) { return processor_.pixels(image, false); }) {}

std::string PicturePrompts::ready(const std::string& text, const std::vector<Media>& pictures,
                                  std::vector<std::shared_ptr<const Pixels>>& out) {
  Album& album = pictures.size() == 1 || !processor_.looks_at_company() ? alone_ : in_company_;
  std::vector<const Pixels*> views;
  for (const Media& picture : pictures) {
    out.push_back(album.pixels(picture));
    views.push_back(out.back().get());
  }
  return processor_.expanded(text, views);
}

namespace {

std::vector<PictureView> views_of(const PicturedPrompt& prompt) {
  std::vector<PictureView> views;
  for (const auto& p : prompt.pictures)
    views.push_back({p->channels, p->height, p->width, p->data.data(), p->tiles, p->whole_height,
                     p->whole_width});
  return views;
}

}  // namespace

void fail_without_sight(const std::filesystem::path& folder) {
  fail_hint(Errc::kUnsupported, "hft models lists what each command takes", folder.string(),
            ": the model takes no pictures");
}

void show(CausalLm& model, int sequence, const PicturedPrompt& prompt) {
  const auto views = views_of(prompt);
  const Illustrated text{sequence, prompt.ids, views};
  model.show({&text, 1});
}

std::vector<Prompt> SharedBeginnings::open(std::span<const PicturedPrompt* const> prompts) {
  std::vector<Beginning*> fresh;
  std::vector<Prompt> opened;
  try {
    for (const PicturedPrompt* prompt : prompts) {
      Prompt& one = opened.emplace_back(Prompt{.ids = prompt->ids, .sequence = -1});
      if (prompt->pictures.empty()) continue;
      const Beginning& begun = beginning_of(*prompt, fresh);
      one.sequence = begun.sequence;  // forked once it is fed
      one.cached = static_cast<std::int64_t>(begun.length);
    }
    feed(fresh);
  } catch (...) {
    for (const Beginning* one : fresh) forget(one);
    throw;
  }
  for (Prompt& one : opened)
    if (one.sequence >= 0) one.sequence = model_.fork(one.sequence);
  while (kept_.size() > kBeginnings) forget(kept_.front().get());
  return opened;
}

// All their pictures are looked at together.
void SharedBeginnings::feed(const std::vector<Beginning*>& fresh) {
  std::vector<std::vector<PictureView>> views;
  for (const Beginning* one : fresh) views.push_back(views_of(one->prompt));
  std::vector<Illustrated> texts;
  std::vector<Feed> feeds;
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    texts.push_back({fresh[i]->sequence, fresh[i]->prompt.ids, views[i]});
    const std::span<const std::int32_t> ids(fresh[i]->prompt.ids);
    if (fresh[i]->length > 0) feeds.push_back({fresh[i]->sequence, ids.first(fresh[i]->length), 0});
  }
  Decoded nothing;
  if (fresh.empty()) return;
  model_.show(texts);
  if (!feeds.empty()) model_.forward(feeds, nothing);
}

void SharedBeginnings::forget(const Beginning* beginning) {
  model_.close(beginning->sequence);
  std::erase_if(kept_, [&](const auto& one) { return one.get() == beginning; });
}

const SharedBeginnings::Beginning& SharedBeginnings::beginning_of(const PicturedPrompt& prompt,
                                                                  std::vector<Beginning*>& fresh) {
  const auto& ids = prompt.ids;
  // Up to the last token of a picture: what comes after it has the logits that are wanted.
  const auto last = std::find(ids.rbegin(), ids.rend(), model_.picture_token()).base();
  const auto length = static_cast<std::size_t>(std::min(last, ids.end() - 1) - ids.begin());
  const auto known = std::ranges::find_if(kept_, [&](const auto& one) {
    return one->prompt.pictures == prompt.pictures && one->length == length &&
           std::ranges::equal(std::span(ids.begin(), last), one->prompt.ids);
  });
  if (known != kept_.end()) {
    std::rotate(known, known + 1, kept_.end());
    return *kept_.back();
  }
  kept_.push_back(std::make_unique<Beginning>(
      Beginning{{TokenIds(ids.begin(), last), prompt.pictures}, length, model_.open()}));
  fresh.push_back(kept_.back().get());
  return *kept_.back();
}

}  // namespace hft
