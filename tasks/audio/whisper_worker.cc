#include "tasks/audio/whisper_worker.h"

#include <algorithm>
#include <cstdio>

namespace hft {

bool WhisperJob::begin_part() {
  if (ended_) return false;
  auto part = next_();
  ended_ = !part;
  if (part) parts_.push_back(std::move(*part));
  return !ended_;
}

std::optional<Error> WhisperJob::collect() {
  while (!parts_.empty()) {
    Part& part = parts_.front();
    Listening& listening = *part.listening;
    if (listening.error()) return listening.error();
    if (!part.stride) {
      const auto written = listening.take();
      text_.add(written.ids, written.times);
    }
    if (!listening.done()) break;
    if (part.stride) {
      const auto written = listening.take();
      text_.add(written.ids, written.times, *part.stride);
    }
    const auto& s = part.stride;
    heard_ += s ? s->length - s->left - s->right : listening.position();
    parts_.pop_front();
  }
  if (finished()) text_.finish();
  return std::nullopt;
}

double WhisperJob::position() const {
  return heard_ + (parts_.empty() || parts_[0].stride ? 0 : parts_[0].listening->position());
}

WhisperWorker::WhisperWorker(Seq2SeqLm& model, Seq2SeqLm* draft, std::int64_t windows,
                             std::int64_t beams)
    : model_(model), draft_(draft), windows_(windows), generator_(model, windows * beams) {}

bool WhisperWorker::has_room() const {
  std::int64_t parts = 0;
  for (const WhisperJob* job : jobs_)
    parts += job->ended_ ? static_cast<std::int64_t>(job->parts_.size()) : windows_;
  return parts < windows_;
}

// The sounds before it have been written by now.
void WhisperWorker::show() {
  Transcripts* const out = out_;
  if (!out || jobs_.empty()) return;
  WhisperJob& first = *jobs_.front();
  const auto& chunks = first.text_.chunks();
  for (; first.shown_ < chunks.size(); ++first.shown_) out->show(chunks[first.shown_]);
}

void WhisperWorker::begin_parts() {
  std::int64_t parts = 0;
  for (const WhisperJob* job : jobs_) parts += static_cast<std::int64_t>(job->parts_.size());
  for (WhisperJob* job : jobs_)
    while (parts < windows_ && job->begin_part()) ++parts;
}

std::vector<Finished> WhisperWorker::step() {
  show();
  std::vector<Finished> finished;
  begin_parts();
  hear();
  if (generator_.busy()) generator_.step();
  std::erase_if(jobs_, [&](WhisperJob* job) {
    auto error = job->collect();
    if (!error && !job->finished()) return false;
    if (error)
      for (auto& part : job->parts_) part.listening->stop(generator_);
    heard_ += job->position();
    finished.push_back({job, std::move(error)});
    return true;
  });
  return finished;
}

// "at 12:40, 21.5 times as fast as it is said"
std::string WhisperWorker::detail() const {
  if (jobs_.empty()) return "";
  double heard = heard_;
  for (const WhisperJob* job : jobs_) heard += job->position();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
  const auto at = static_cast<long long>(jobs_[0]->position());
  char text[96];
  std::snprintf(text, sizeof text, "at %lld:%02lld, %.1f times as fast as it is said", at / 60, at % 60,
                heard / passed.count());
  return text;
}

// The next windows of those that wait for one.
void WhisperWorker::hear() {
  std::vector<Listening*> waiting;
  std::vector<Features> windows;
  for (WhisperJob* job : jobs_)
    for (auto& part : job->parts_) {
      if (!part.listening->waits()) continue;
      try {
        windows.push_back(part.listening->next());
        waiting.push_back(part.listening.get());
      } catch (const Error& e) {
        if (e.code == Errc::kResources) throw;
        part.listening->fail(e);
      }
    }
  if (!waiting.empty()) hear(waiting, windows);
}

// Together; in halves when one of them cannot be.
void WhisperWorker::hear(std::span<Listening* const> listenings,
                         std::span<const Features> windows) {
  try {
    std::vector<SoundView> views;
    for (const Features& window : windows)
      views.push_back({window.data.data(), window.frames, window.bins});
    const std::vector<int> sequences = model_.hear(views);
    std::vector<int> drafts(views.size(), -1);
    if (draft_) drafts = draft_->hear(views);
    for (std::size_t i = 0; i < listenings.size(); ++i)
      try {
        listenings[i]->heard(sequences[i], drafts[i], generator_);
      } catch (const Error& e) {
        if (e.code == Errc::kResources) throw;
        listenings[i]->fail(e);
      }
  } catch (const Error& e) {
    if (e.code == Errc::kResources) throw;
    if (listenings.size() == 1) return listenings[0]->fail(e);
    const auto half = listenings.size() / 2;
    hear(listenings.first(half), windows.first(half));
    hear(listenings.subspan(half), windows.subspan(half));
  }
}

// What was written so far, where it is a sound heard from its beginning.
bool WhisperWorker::cancel(Job& job) {
  auto& own = static_cast<WhisperJob&>(job);
  std::erase(jobs_, &own);
  for (auto& part : own.parts_) part.listening->stop(generator_);
  own.ended_ = true;
  if (own.collect()) return false;
  return !own.text_.chunks().empty();
}

}  // namespace hft
