// The resolvers of interpolations: oc.env, oc.select, ..., now, hydra.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/interpolator.h"

namespace frugal::config {

struct ResolverCall {
  Interpolator& interpolator;
  Node& parent;  // the container of the node that holds the interpolation
  Node& node;
  std::vector<Node*> arguments;
};

using Resolver = Node* (*)(const ResolverCall& call);

// Null when there is no resolver of that name.
Resolver find_resolver(std::string_view name);
std::vector<std::string> resolver_names();

}  // namespace frugal::config
