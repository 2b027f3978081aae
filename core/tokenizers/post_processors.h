// The post-processors of tokenizer.json: the special tokens around a text or a pair, the type ids,
// and ByteLevel's offsets without the spaces.
#pragma once

#include <memory>
#include <vector>

#include "core/base/json.h"
#include "core/tokenizers/tokenizer.h"

namespace hft {

// How many space characters a token begins and ends with.
struct Spaces {
  std::int32_t lead = 0, trail = 0;
};

// A stretch of the final encoding: one of the texts, or special tokens around them.
struct Segment {
  Encoding encoding;
  std::vector<Spaces> spaces;  // per token; empty unless offsets are wanted and trimmed
  bool overflow = false;  // a window after the first: a template leaves its type ids as they are
};

struct PostContext {
  bool add_special_tokens = true;
  bool offsets = false;  // offsets and word ids are wanted
};

// Immutable; threads may share one.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  // One or two texts in (type ids 0 and 1), the stretches of the encoding out.
  virtual void apply(std::vector<Segment>& segments, const PostContext& context) const = 0;
  virtual std::int64_t added(bool pair) const = 0;     // special tokens it adds
  virtual bool trims() const { return false; }         // reads Segment::spaces
  virtual bool second_first() const { return false; }  // of a pair, the second text comes first
};

// Reads a post-processor. Throws kUnsupported for an unknown one, kBadData for wrong fields.
std::unique_ptr<PostProcessor> make_post_processor(const Fields& fields, int depth = 0);

}  // namespace hft
