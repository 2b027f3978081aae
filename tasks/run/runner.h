// The one runner. Inputs are read and prepared ahead, given to a worker as it has room, and written
// in the order they came, each with its output or its own error; a command says what one input
// becomes and what to make of the results.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tasks/run/ahead.h"
#include "tasks/run/records.h"
#include "tasks/run/rows.h"

namespace hft {

// One input's work for a worker, which knows what kind of Job it is given.
class Job {
 public:
  virtual ~Job() = default;
  // Writes the output to the sink, once the worker has finished. Throws this input's error, but
  // nothing once something was written.
  virtual void write(const Input& input, Sink& sink) = 0;
};

struct Finished {
  Job* job = nullptr;
  std::optional<Error> error;
};

// What computes: several jobs at once, in its own order.
class Worker {
 public:
  virtual ~Worker() = default;
  // Takes another job before the next step.
  virtual bool has_room() const = 0;
  // The job stays where it is until it is finished or cancelled.
  virtual void admit(Job& job) = 0;
  // Has unfinished jobs.
  virtual bool busy() const = 0;
  // Goes on: a batch, or a token of every live sequence. What concerns one job alone is its error;
  // what ends the run (memory) is thrown.
  virtual std::vector<Finished> step() = 0;
  // Of the progress line, beside how many inputs are finished: where it is in a long one.
  virtual std::string detail() const { return ""; }
  // Ends a job; true when it is finished with what it has.
  virtual bool cancel(Job& job) = 0;
};

struct Run {
  InputReader& reader;
  Sink& sink;
  PrepareJob prepare;
  Worker* worker = nullptr;  // null: a job is finished once prepared
  std::string verb;          // of the progress bar: "classifying"
  std::string unit = "text";  // of what is read, singular
  unsigned threads = 1;      // that prepare
  bool slow = false;         // an input may take long to prepare
  bool partial = false;      // a run that is stopped writes what unfinished jobs have
};

// Runs to the exit code. What cannot be done for the one input there is ends the program with that
// code, where it is the command or the model that is wrong, not the text.
int run(const Run& run);

}  // namespace hft
