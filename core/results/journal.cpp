#include "core/results/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/error.h"
#include "core/io/fault.h"
#include "core/io/mapped_file.h"
#include "core/log.h"
#include "core/results/frames.h"

namespace frugal::results {

namespace fs = std::filesystem;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

namespace {

constexpr std::size_t kBufferBytes = 64U << 10U;
constexpr auto kSyncEvery = std::chrono::seconds(1);

void lock_exclusively(const io::Fd& fd, const fs::path& path) {
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK)
    throw Error(ErrorKind::kUsage, "run_locked", "another process is writing this run", path.string(),
                "wait until it ends, or choose another folder (hydra.run.dir)");
  if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) {
    log::warning(path.string(), ": this file system has no locks (", std::strerror(errno),
                 "); two writers of one run would not be noticed");
    return;
  }
  io::throw_errno(errno, "lock", path);
}

// How much of an existing journal is whole.
std::uint64_t checked_size(const fs::path& path) {
  const io::MappedFile mapping = io::MappedFile::open(path);
  const FrameScan scan = scan_frames(mapping.bytes(), [](std::uint64_t, std::span<const std::byte>) {});
  if (scan.damaged)
    throw Error(ErrorKind::kBadData, "journal_damaged",
                cat("the record at byte ", scan.valid_bytes, " is damaged, and there are whole ones behind it"),
                path.string(), "frugal recover makes a result file of what lies before it");
  return scan.valid_bytes;
}

}  // namespace

io::Fd lock_journal(const fs::path& path) {
  io::Fd fd = io::open_file(path, O_RDONLY);
  lock_exclusively(fd, path);
  return fd;
}

std::unique_ptr<JournalWriter> JournalWriter::create(const fs::path& path) {
  io::Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd && errno == EEXIST)
    throw Error(ErrorKind::kUsage, "run_exists", "this folder already holds a run", path.string(),
                "choose another folder (hydra.run.dir), or resume the run");
  if (!fd) io::throw_errno(errno, "create", path);
  lock_exclusively(fd, path);
  return std::unique_ptr<JournalWriter>(new JournalWriter(path, std::move(fd), 0));
}

std::unique_ptr<JournalWriter> JournalWriter::reopen(const fs::path& path) {
  io::Fd fd = io::open_file(path, O_WRONLY | O_APPEND);
  lock_exclusively(fd, path);
  const std::uint64_t size = checked_size(path);
  if (size < io::file_size(fd, path)) {
    log::warning(path.string(), ": dropped ", io::file_size(fd, path) - size,
                 " bytes of a record that was not finished");
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) io::throw_errno(errno, "truncate", path);
  }
  return std::unique_ptr<JournalWriter>(new JournalWriter(path, std::move(fd), size));
}

JournalWriter::JournalWriter(fs::path path, io::Fd fd, std::uint64_t size)
    : path_(std::move(path)), fd_(std::move(fd)), written_(size) {
  background_ = std::jthread([this](const std::stop_token& stop) { run_background(stop); });
}

JournalWriter::~JournalWriter() {
  background_.request_stop();
  background_.join();
  const std::lock_guard lock(mutex_);
  if (failure_) return;
  try {
    flush_locked();
  } catch (const Error& error) {
    log::error(error.what());
  }
}

void JournalWriter::append(const Record& record, Push push) {
  const std::string payload = encode(record);
  const std::lock_guard lock(mutex_);
  rethrow_failure();
  append_frame(buffer_, payload);
  if (push == Push::kWrite || buffer_.size() >= kBufferBytes) flush_locked();
}

std::uint64_t JournalWriter::offset() const {
  const std::lock_guard lock(mutex_);
  return written_ + buffer_.size();
}

void JournalWriter::sync() {
  sync_now();
}

void JournalWriter::rethrow_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

void JournalWriter::flush_locked() {
  if (buffer_.empty()) return;
  try {
    io::write_all(fd_.get(), io::as_bytes(buffer_), path_, "journal.write");
  } catch (...) {
    failure_ = std::current_exception();
    // If this fails too, half a record stays at the end, which readers drop.
    if (::ftruncate(fd_.get(), static_cast<off_t>(written_)) == 0) buffer_.clear();
    throw;
  }
  written_ += buffer_.size();
  buffer_.clear();
  dirty_ = true;
}

// Syncs without mutex_, so that the recording threads do not wait for the disk.
void JournalWriter::sync_now() {
  const std::lock_guard syncing(sync_mutex_);
  {
    const std::lock_guard lock(mutex_);
    rethrow_failure();
    flush_locked();
    if (!std::exchange(dirty_, false)) return;
  }
  try {
    io::sync_file(fd_.get(), path_, "journal.sync");
  } catch (...) {
    // After a failed sync the kernel may have dropped the pages: what is on disk is unknown, so nothing may follow.
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    throw;
  }
}

void JournalWriter::run_background(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, kSyncEvery, [] { return false; });
    }
    if (stop.stop_requested()) return;
    try {
      sync_now();
    } catch (const Error& error) {
      log::error(error.what());  // the next call throws it
      return;
    }
  }
}

}  // namespace frugal::results
