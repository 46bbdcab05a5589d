#include "core/run/job.h"

#include "core/error_json.h"

namespace frugal::run {

using nlohmann::json;

std::uint64_t Job::seed() const {
  const auto found = config.is_object() ? config.find("seed") : config.end();
  return config.is_object() && found != config.end() && found->is_number_integer() ? found->get<std::uint64_t>() : 0;
}

json to_json(const Job& job) {
  json choices = json::array();
  for (const auto& [group, option] : job.choices) choices.push_back({group, option});
  return {{"id", job.id},
          {"run_dir", job.run_dir.string()},
          {"config", job.config},
          {"config_yaml", job.config_yaml},
          {"overrides", job.overrides},
          {"choices", std::move(choices)},
          {"resume", job.resume},
          {"dry_run", job.dry_run},
          {"threads", job.threads},
          {"ranks", job.ranks},
          {"rank_timeout_minutes", job.rank_timeout_minutes},
          {"provenance", job.provenance}};
}

Job job_from_json(const json& text) {
  try {
    Job job{.id = text.at("id").get<std::string>(),
            .run_dir = text.at("run_dir").get<std::string>(),
            .config = text.at("config"),
            .config_yaml = text.value("config_yaml", ""),
            .overrides = text.value("overrides", std::vector<std::string>{}),
            .choices = {},
            .resume = text.value("resume", false),
            .dry_run = text.value("dry_run", false),
            .threads = text.value("threads", 1),
            .ranks = text.value("ranks", 1),
            .rank_timeout_minutes = text.value("rank_timeout_minutes", 30.0),
            .provenance = text.value("provenance", std::map<std::string, std::string>{})};
    for (const auto& choice : text.value("choices", json::array()))
      job.choices.emplace_back(choice.at(0).get<std::string>(), choice.at(1).get<std::string>());
    return job;
  } catch (const json::exception& error) {
    throw Error(ErrorKind::kBadData, "bad_job", cat("a job is not as expected: ", error.what()));
  }
}

json to_json(const JobResult& result) {
  return {{"id", result.id},           {"state", results::name(result.state)},
          {"kind", result.error_kind}, {"code", result.error_code},
          {"message", result.message}, {"where", result.where},
          {"hint", result.hint},       {"exit_code", result.exit_code}};
}

JobResult result_from_json(const json& text) {
  try {
    return {.id = text.at("id").get<std::string>(),
            .state = results::parse_run_state(text.at("state").get<std::string>()),
            .error_kind = text.value("kind", ""),
            .error_code = text.value("code", ""),
            .message = text.value("message", ""),
            .where = text.value("where", ""),
            .hint = text.value("hint", ""),
            .exit_code = text.value("exit_code", 5)};
  } catch (const json::exception& error) {
    throw Error(ErrorKind::kBadData, "bad_reply", cat("a worker's answer is not as expected: ", error.what()));
  }
}

JobResult failure(std::string id, const Error& error) {
  return {.id = std::move(id),
          .state = results::RunState::kFailed,
          .error_kind = std::string(name(error.kind())),
          .error_code = error.code(),
          .message = error.message(),
          .where = error.where(),
          .hint = error.hint(),
          .exit_code = exit_code(error.kind())};
}

Error as_error(const JobResult& result) {
  return error_from_json(to_json(result));  // which has an error's keys
}

}  // namespace frugal::run
