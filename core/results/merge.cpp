#include "core/results/merge.h"

#include <unistd.h>

#include <set>

#include "core/error.h"
#include "core/io/child_process.h"
#include "core/io/file.h"
#include "core/io/unfinished_file.h"
#include "core/log.h"
#include "core/results/array_file.h"
#include "core/results/hdf5.h"
#include "core/results/index.h"
#include "core/results/sandbox.h"

namespace frugal::results {

namespace fs = std::filesystem;

int merge_child(std::span<const std::string> args) {
  if (args.size() < 2) throw Error(ErrorKind::kUsage, "bad_call", "expected an output and files");
  io::limit_this_process({.memory_bytes = std::uint64_t{8} << 30U, .silence = std::chrono::hours(1)});
  std::vector<RunEntry> entries;
  for (const auto& path : args.subspan(1))
    entries.push_back({.path = path, .data = read_run_file(path, Parts::kSummary), .error = {}});
  for (auto& entry : entries) entry.path = "files/" + entry.data->open.run_id;
  const auto lock = h5::library_lock();
  const h5::Handle file = h5::create_file(args[0]);
  h5::set_attribute(file, "format", "frugal-merge");
  h5::set_attribute(file, "format_version", 1);
  h5::set_attribute(file, "default", "/runs");
  write_runs_table(file, run_table(entries));
  const h5::Handle group = h5::create_group(file, "files");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const h5::Handle source = h5::open_file(args[i + 1]);
    const std::string& id = entries[i].data->open.run_id;
    h5::check(H5Ocopy(source, "/", group, id.c_str(), H5P_DEFAULT, H5P_DEFAULT), "copy " + args[i + 1],
              ErrorKind::kBadData);
    const h5::Handle from(H5Gopen2(source, "arrays", H5P_DEFAULT), H5Gclose, "open /arrays", ErrorKind::kBadData);
    const h5::Handle to(H5Gopen2(group, (id + "/arrays").c_str(), H5P_DEFAULT), H5Gclose, "open the copy");
    tie_copied_scales(from, to);
  }
  h5::check(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush " + args[0]);
  return 0;
}

void merge_runs(const std::vector<fs::path>& files, const fs::path& output) {
  if (files.empty()) throw Error(ErrorKind::kUsage, "no_runs", "there are no result files to merge");
  if (fs::exists(output))
    throw Error(ErrorKind::kUsage, "output_exists", "the file exists already", output.string(), "choose another name");
  std::set<std::string> ids;
  for (const auto& entry : read_runs(files, Parts::kSummary)) {
    if (!entry.data) throw Error(ErrorKind::kBadData, "damaged_hdf5", entry.error, entry.path.string());
    if (!ids.insert(entry.data->open.run_id).second)
      throw Error(ErrorKind::kUsage, "duplicate_run", cat("run ", entry.data->open.run_id, " is given twice"),
                  entry.path.string());
  }
  const io::UnfinishedFile temporary(output.string() + cat(".tmp.", ::getpid()));
  std::vector<std::string> arguments = {std::string(kMergeVerb), temporary.path().string()};
  for (const auto& file : files) arguments.push_back(file.string());
  const io::ChildResult child = io::run_child(reader_program(), arguments, {.silence = std::chrono::hours(1)});
  if (!child.failure.empty())
    throw Error(ErrorKind::kBadData, "damaged_hdf5", cat("merging ended with ", child.failure), output.string());
  io::publish(temporary.path(), output);
}

}  // namespace frugal::results
