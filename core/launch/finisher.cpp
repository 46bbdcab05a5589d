#include "core/launch/finisher.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace frugal::launch {

Finisher::Finisher() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) io::throw_errno(errno, "make an event", "eventfd");
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

Finisher::~Finisher() {
  thread_.request_stop();
}

void Finisher::push(Item item) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(item));
  }
  wake_.notify_one();
}

std::vector<Finisher::Item> Finisher::take_finished() {
  std::uint64_t count = 0;
  // Empty unless something was finished: then there is nothing to read, and nothing to take.
  if (::read(event_.get(), &count, sizeof count) < 0 && errno != EAGAIN)
    io::throw_errno(errno, "read an event", "eventfd");
  const std::lock_guard lock(mutex_);
  return std::exchange(finished_, {});
}

void Finisher::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    Item item = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const std::string id = item.result.id;
    try {
      item.result = finish(item.run_dir, std::move(item.result)).result;
    } catch (const std::exception& error) {
      item.result = run::failure(id, Error(ErrorKind::kRunFailed, "no_result_file", error.what()));
    }
    lock.lock();
    finished_.push_back(std::move(item));
    const std::uint64_t one = 1;
    // An eventfd takes 2^64-2 of these before it could refuse one.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  }
}

}  // namespace frugal::launch
