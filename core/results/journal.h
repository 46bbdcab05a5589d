// run.journal: the append-only file that a run writes as it goes, one writer at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/io/file.h"
#include "core/results/records.h"

namespace frugal::results {

constexpr std::string_view kJournalName = "run.journal";
constexpr std::string_view kArrayFolder = "run.arrays";

std::int64_t now_ns();  // nanoseconds since 1970 (UTC)

// Appends records. Thread-safe. A background thread writes and syncs every second what was appended; a failed write is
// cut off again (so that later frames cannot follow half a frame) and thrown by every later call.
class JournalWriter {
 public:
  // Throws Error(usage): "run_exists" (create), "missing_file" (reopen), "run_locked" where another process writes.
  // On a file system without locks it works without one and says so in the log.
  static std::unique_ptr<JournalWriter> create(const std::filesystem::path& path);
  // Cuts a torn tail. Throws Error(bad_data, "journal_damaged") where more than the tail is bad.
  static std::unique_ptr<JournalWriter> reopen(const std::filesystem::path& path);
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;
  ~JournalWriter();  // writes what is left; call sync() before to learn of errors

  // kWrite hands everything so far to the kernel before returning: it survives the end of the process.
  enum class Push { kBuffer, kWrite };
  void append(const Record& record, Push push = Push::kBuffer);
  // Where the next record will lie, bytes from the start of the file.
  std::uint64_t offset() const;
  void sync();

 private:
  JournalWriter(std::filesystem::path path, io::Fd fd, std::uint64_t size);
  void rethrow_failure() const;
  void flush_locked();
  void sync_now();
  void run_background(const std::stop_token& stop);

  const std::filesystem::path path_;
  io::Fd fd_;
  std::mutex sync_mutex_;     // held by who syncs, so that nobody returns before it is done; taken before mutex_
  mutable std::mutex mutex_;  // guards what follows; never held while logging, since a listener may append
  std::condition_variable_any wake_;
  std::string buffer_;
  std::uint64_t written_ = 0;  // bytes in the file
  bool dirty_ = false;         // written, not synced
  std::exception_ptr failure_;
  std::jthread background_;
};

// Takes the exclusive lock of a journal, for those who read it as a whole and must know that nobody writes.
// Throws Error(usage, "run_locked").
io::Fd lock_journal(const std::filesystem::path& path);

}  // namespace frugal::results
