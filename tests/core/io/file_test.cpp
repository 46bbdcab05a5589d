#include "core/io/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/io/child_process.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::io {
namespace {

using test::code_of;
namespace fs = std::filesystem;

TEST(Checksum, KnownAnswers) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_bytes(std::string(32, '\0'))), 0x8A9136AAU);  // RFC 3720, B.4
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(FileHash, FollowsAChangeOfContentSizeOrTime) {
  const test::TempFolder folder;
  const fs::path path = folder.path() / "data";
  write_atomic(path, "one");
  EXPECT_EQ(sha256_file(path), sha256("one"));
  write_atomic(path, "two");
  EXPECT_EQ(sha256_file(path), sha256("two")) << "same size, changed within the same second";
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_EQ(sha256_file(path), sha256("two"));
  const auto time = fs::last_write_time(path);
  {
    std::fstream file(path, std::ios::in | std::ios::out);
    file << "XYZ";
  }
  fs::last_write_time(path, time);
  EXPECT_EQ(sha256_file(path), sha256("two")) << "size, time and inode are the same: remembered, by contract";
  fs::last_write_time(path, time + std::chrono::seconds(1));
  EXPECT_EQ(sha256_file(path), sha256("XYZ"));
}

TEST(WriteAtomic, ReplacesWholeAndLeavesNoTemporaryFile) {
  const test::TempFolder folder;
  write_atomic(folder.path() / "a", "first");
  write_atomic(folder.path() / "a", "second");
  EXPECT_EQ(read_file(folder.path() / "a"), "second");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  EXPECT_EQ(code_of([&] { write_atomic(folder.path() / "none" / "a", "x"); }), "missing_file");
  fs::create_directory(folder.path() / "folder");
  EXPECT_EQ(code_of([&] { write_atomic(folder.path() / "folder", "x"); }), "io_error");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 2) << "no temporary file stays after a failure";
}

TEST(ReadFile, ChecksWhatItReads) {
  const test::TempFolder folder;
  write_atomic(folder.path() / "a", std::string(1000, 'x'));
  EXPECT_EQ(read_file(folder.path() / "a").size(), 1000U);
  EXPECT_EQ(code_of([&] { read_file(folder.path() / "a", 999); }), "file_too_large");
  EXPECT_EQ(code_of([&] { read_file(folder.path()); }), "is_folder");
  EXPECT_EQ(code_of([&] { read_file(folder.path() / "b"); }), "missing_file");
  EXPECT_FALSE(read_file("/proc/self/stat").empty()) << "a file that says its size is 0";
  EXPECT_EQ(code_of([&] { write_all(open_file("/dev/full", O_WRONLY).get(), as_bytes("x"), "/dev/full"); }),
            "disk_full");
}

TEST(RunChild, TellsHowTheChildEnded) {
  const auto shell = [](const std::string& script, const ChildLimits& limits = {}) {
    return run_child("/bin/sh", {"-c", script}, limits);
  };
  EXPECT_EQ(shell("echo out").output, "out\n");
  EXPECT_EQ(shell("echo out").failure, "");
  EXPECT_EQ(shell("exit 3").failure, "exit code 3");
  EXPECT_TRUE(shell("kill -SEGV $$").failure.starts_with("signal 11"));
  EXPECT_EQ(shell("sleep 60", {.silence = std::chrono::seconds(1)}).failure, "silence for 1 s");
  EXPECT_EQ(shell("yes", {.output_bytes = 100000}).failure, "more output than is accepted");
  EXPECT_EQ(code_of([] { run_child("/no/program", {}); }), "missing_file");
}

}  // namespace
}  // namespace frugal::io
