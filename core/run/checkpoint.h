// Checkpoints of a run: folders of files that appear only when whole, verified when loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace frugal::run {

struct Checkpoint {
  std::int64_t step = 0;
  std::filesystem::path folder = {};  // holds the files that the writer made
  std::string metadata = {};          // what save() was given
};

// Layout: <folder>/step-<12 digits>/{manifest.json, the writer's files}. The last `keep` are kept.
class CheckpointStore {
 public:
  // keep: at least 1; with 1 there is none to fall back to when the newest is damaged.
  explicit CheckpointStore(std::filesystem::path folder, std::size_t keep = 2)
      : folder_(std::move(folder)), keep_(keep) {}

  // write: puts regular files (no folders) into the fresh folder it is given. They are hashed and synced, then the
  // folder gets its name. If anything throws, the former checkpoints stay as they are. Saving a step again replaces it.
  // Returns how long it took, nanoseconds.
  std::int64_t save(std::int64_t step, const std::string& metadata,
                    const std::function<void(const std::filesystem::path&)>& write) const;

  // The newest checkpoint whose files are all there with their hashes. A damaged one is named in the log and passed
  // over.
  std::optional<Checkpoint> load_latest() const;
  // Steps of the checkpoints on disk, newest first, verified or not.
  std::vector<std::int64_t> steps() const;
  // Throws Error(bad_data, "damaged_checkpoint" | "missing_checkpoint").
  Checkpoint load(std::int64_t step) const;

 private:
  std::filesystem::path path_of(std::int64_t step) const;
  std::filesystem::path folder_;
  std::size_t keep_;
};

}  // namespace frugal::run
