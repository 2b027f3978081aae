#include "core/generation/beams.h"

#include <map>
#include <set>

#include "core/base/error.h"

namespace hft {

void fail_without_texts() {
  fail(Errc::kFailure,
       "no beam is left whose text conforms: the vocabulary or other settings leave none");
}

std::vector<Continuation> continuations(std::span<const Ranked> best, std::int64_t vocab) {
  std::vector<Continuation> out;
  for (const Ranked& r : best)
    out.push_back({static_cast<std::size_t>(r.index / vocab),
                   static_cast<std::int32_t>(r.index % vocab), r.score, 0});
  return out;
}

std::vector<Beam> follow(Decoder& decoder, std::vector<Beam>& beams,
                         std::span<const Continuation> chosen) {
  std::vector<Beam> next;
  std::set<int> taken;
  for (const Continuation& c : chosen) {
    const Beam& parent = beams[c.beam];
    Beam child{parent.ids, parent.sequence, c.score, parent.logprob + c.logprob};
    child.ids.push_back(c.id);
    if (!taken.insert(parent.sequence).second) child.sequence = decoder.fork(parent.sequence);
    next.push_back(std::move(child));
  }
  std::set<int> closed;
  for (const Beam& beam : beams)
    if (!taken.count(beam.sequence) && closed.insert(beam.sequence).second)
      decoder.close(beam.sequence);
  beams.clear();
  return next;
}

void close_all(Decoder& decoder, std::vector<Beam>& beams) {
  std::set<int> closed;
  for (Beam& beam : beams)
    if (beam.sequence >= 0 && closed.insert(beam.sequence).second) decoder.close(beam.sequence);
  beams.clear();
}

}  // namespace hft
