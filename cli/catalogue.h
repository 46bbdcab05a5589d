// What there is to run: configs by group, with the title that each says of itself in its first comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frugal::cli {

struct CatalogueEntry {
  std::string name;  // as an override has it: lora in method=lora
  std::string title;
};

// The first comment line of a config that is no `# @package`; "" without one.
std::string title_of(std::string_view yaml);
// The configs of a group below configs/ ("method", "table"), sorted; those in subfolders as "folder/name". Empty where
// there is no such group.
std::vector<CatalogueEntry> configs_of(const std::string& group);

}  // namespace frugal::cli
