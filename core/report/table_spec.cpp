#include "core/report/table_spec.h"

#include <algorithm>

#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "core/io/resources.h"
#include "core/report/table_reader.h"

namespace frugal::report {

namespace fs = std::filesystem;

std::vector<std::string> stage_chain(const TableSpec& spec, const TableRow& row) {
  std::vector<std::string> chain;
  for (std::string stage = row.from; !stage.empty(); stage = spec.stages.at(stage).from) chain.push_back(stage);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

std::vector<std::string> table_names() {
  const fs::path folder = io::resource("configs/table");
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".yaml")
      names.push_back(fs::relative(entry.path(), folder).replace_extension().string());
  std::sort(names.begin(), names.end());
  return names;
}

TableSpec load_table(const std::string& name, const std::string& scale) {
  if (name.ends_with(".yaml")) {
    if (!fs::exists(name)) throw Error(ErrorKind::kUsage, "unknown_table", "there is no such file", name);
    return read_table(name, fs::path(name).stem().string(), scale);
  }
  const std::vector<std::string> names = table_names();
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw Error(ErrorKind::kUsage, "unknown_table", cat("there is no table '", name, "'"), {},
                did_you_mean(name, names, "frugal list tables"));
  return read_table(io::resource("configs/table") / (name + ".yaml"), name, scale);
}

}  // namespace frugal::report
