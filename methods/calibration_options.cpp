#include "methods/calibration_options.h"

#include "core/error.h"

namespace frugal {

CalibrationOptions calibration_of_method(const Json& method) {
  static const auto table = [] {
    OptionTable<CalibrationOptions> made("calibration");
    add_calibration(made);
    return made;
  }();
  Json keys = Json::object();
  if (method.is_object() && method.contains("calibration")) keys["calibration"] = method["calibration"];
  return table.read(keys, "method");
}

void no_calibration(const std::string& why) {
  throw Error(
      ErrorKind::kUsage, "missing_value", cat(why, ", and no texts are given for it"), "method.calibration.dataset",
      "dataset@method.calibration.dataset=wikitext_train, or =text with method.calibration.dataset.files=[FILE]");
}

}  // namespace frugal
