// Pictures and sounds as the model takes them: made on all cores before training begins, kept while
// they are few, else made again for each batch.
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "core/base/error.h"
#include "core/tokenizers/unicode.h"
#include "tasks/run/samples.h"
#include "tasks/train/kinds.h"

namespace hft {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{2} << 30;  // of all that is shown together

// f(0) … f(count - 1) on all cores; what fails first, in their order, is thrown.
void on_threads(std::size_t count, const std::function<void(std::size_t)>& f) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t failed = count;
  std::exception_ptr error;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < count;) try {
        f(i);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (i < failed) {
          failed = i;
          error = std::current_exception();
        }
        next = count;
      }
  };
  std::vector<std::jthread> threads;
  for (unsigned t = 1; t < std::thread::hardware_concurrency(); ++t) threads.emplace_back(work);
  work();
  threads.clear();
  if (error) std::rethrow_exception(error);
}

std::size_t bytes_of_shown(const Shown& shown) {
  return 4 * (shown.picture ? shown.picture->data.size() : shown.sound->data.size());
}

// make(row): what is shown of it; give(row, example): what is to be learned of it.
void media_examples(const TrainRows& all, const TakeExample& take,
                    const std::function<Shown(const TrainRow&)>& make,
                    const std::function<void(const TrainRow&, TrainExample&)>& give) {
  std::vector<TrainRow> rows;
  all([&](TrainRow&& row) { rows.push_back(std::move(row)); });
  std::vector<TrainExample> examples(rows.size());
  std::atomic<std::size_t> bytes = 0;
  on_threads(rows.size(), [&](std::size_t i) {
    const auto again = [make, row = rows[i]] {
      return with_context(row.place, [&] { return make(row); });
    };
    const Shown shown = again();
    if ((bytes += bytes_of_shown(shown)) <= kKeptBytes)
      examples[i].shown = [shown] { return shown; };
    else
      examples[i].shown = again;
  });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    give(rows[i], examples[i]);
    take(std::move(examples[i]));
  }
}

}  // namespace

namespace {

std::function<Shown(const TrainRow&)> hearing(const Encoder& e) {
  return [&extractor = *e.sounds](const TrainRow& row) -> Shown {
    const auto samples = samples_of(sound_of(row.media), extractor.settings().rate);
    return {.sound = std::make_shared<const Features>(extractor(samples))};
  };
}

// As Wav2Vec2CTCTokenizer writes it: characters, the delimiter of words for spaces.
std::vector<std::int32_t> letters_of(const TrainRow& row, const Encoder& e) {
  const std::string delimiter = e.config.text("word_delimiter_token", "|");
  const bool raises = e.config.boolean("do_lower_case", false);
  std::vector<std::int32_t> ids;
  for (std::size_t at = 0; at < row.text.size();) {
    const char32_t c = unicode::next(row.text, at);
    std::string letter;
    unicode::append(letter, raises ? unicode::upper(c) : c);
    const auto id = e.tokenizer->id(letter == " " ? delimiter : letter);
    const auto known = id ? id : e.tokenizer->special_id("unk");
    if (!known)
      fail(Errc::kBadData, row.place, ": the model has no token for '", letter, "'");
    ids.push_back(*known);
  }
  return ids;
}

}  // namespace

void labelled_sounds(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  media_examples(rows, take, hearing(e),
                 [&](const TrainRow& row, TrainExample& to) { e.labels->give(row, to); });
}

void lettered_sounds(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  media_examples(rows, take, hearing(e),
                 [&](const TrainRow& row, TrainExample& to) { to.ids = letters_of(row, e); });
}

void labelled_pictures(const TrainRows& rows, const Encoder& e, const TakeExample& take) {
  const auto seeing = [&images = *e.images](const TrainRow& row) -> Shown {
    return {.picture = std::make_shared<const Pixels>(images(image_of(row.media)))};
  };
  media_examples(rows, take, seeing,
                 [&](const TrainRow& row, TrainExample& to) { e.labels->give(row, to); });
}

}  // namespace hft
