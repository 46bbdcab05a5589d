// Makes the result files of ended runs, one after the other (HDF5 is not thread-safe), while the pool goes on.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "core/io/file.h"
#include "core/launch/run_once.h"

namespace frugal::launch {

class Finisher {
 public:
  struct Item {
    std::size_t job = 0;
    std::filesystem::path run_dir;
    run::JobResult result;
  };

  Finisher();
  Finisher(const Finisher&) = delete;
  Finisher& operator=(const Finisher&) = delete;
  ~Finisher();  // ends what it has begun

  void push(Item item);
  // Those whose file is made, with the result that this may have changed.
  std::vector<Item> take_finished();
  int descriptor() const { return event_.get(); }  // readable when some are finished

 private:
  void work(const std::stop_token& stop);

  io::Fd event_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Item> waiting_;
  std::vector<Item> finished_;
  std::jthread thread_;
};

}  // namespace frugal::launch
