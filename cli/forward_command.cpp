// frugal forward: a model on given tensors, every requested activation to a file. The tool for parity checks.
#include <iostream>

#include "cli/options.h"
#include "cli/run_job.h"
#include "cli/run_options.h"
#include "core/error.h"
#include "core/io/scratch_folder.h"
#include "core/launch/worker_process.h"
#include "core/results/tensor_file.h"
#include "core/run/signals.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* kUsage = "frugal forward model=... --input IN.h5 --output OUT.h5 [OPTION...] [OVERRIDE...]";
constexpr const char* kAbout =
    R"(Runs a model once on the tensors of IN.h5 and writes its outputs to OUT.h5, which appears only when whole.

  frugal forward model=auto model.path=DIR --input in.h5 --output out.h5 --capture 'block.*'
  frugal forward model=minilm_l6 method=meft1_exact device=cuda --input in.h5 --output out.h5

Data sets are named as transformers names the arguments of forward and the fields of its result. Text encoders take
input_ids, attention_mask, token_type_ids (integers [B,S]; the last two may be missing) and give last_hidden_state,
pooler_output and logits, those that the model has. Language models take input_ids, attention_mask, position_ids and
give last_hidden_state and logits; experiment.cache_chunks=[6,1,1] sends the tokens through the KV cache in pieces of 6,
1, 1 and the rest. Dropout is off. Without method=... the model is the plain one.

--capture NAME adds the activation at a hook point, as a data set of that name: embedding and output, and in layer L
(0 is the lowest) query.L key.L value.L attention.L intermediate.L mlp.L block.L; POINT.* is all layers. embedding
and block.L are transformers' hidden_states[0] and [L + 1]; attention.L and mlp.L are before residual and norm.

Overrides are Hydra's. fp32 on the CPU unless told otherwise: device=cuda, experiment.dtype=fp64 or bf16.)";

po::options_description describe() {
  po::options_description options("options");
  auto add = options.add_options();
  add("input", po::value<std::string>(), "HDF5 file of the inputs");
  add("output", po::value<std::string>(), "HDF5 file to write; a former one is replaced");
  add("capture", po::value<std::vector<std::string>>(), "a hook point; give it again for more");
  add("config-dir", po::value<std::vector<std::string>>(), "a folder of configs before ours");
  return options;
}

std::string required(const Parsed& parsed, const char* option) {
  if (!parsed.values.contains(option))
    throw Error(ErrorKind::kUsage, "option_missing", cat("--", option, " is missing"), {}, "frugal forward --help");
  return parsed.values[option].as<std::string>();
}

fs::path checked_output(const fs::path& output, const fs::path& input) {
  const fs::path folder = fs::absolute(output).parent_path();
  if (!fs::is_directory(folder))
    throw Error(ErrorKind::kUsage, "missing_file", "there is no such folder", folder.string(), "--output");
  std::error_code absent;  // the output is mostly new
  if (fs::equivalent(input, output, absent))
    throw Error(ErrorKind::kUsage, "output_is_input", "--output is the input file", output.string());
  return fs::absolute(output);
}

}  // namespace

int forward_command(std::span<const std::string> args) {
  const Parsed parsed = parse_options(args, kUsage, kAbout, describe());
  if (parsed.help) return 0;
  const fs::path input = required(parsed, "input"), output = required(parsed, "output");
  RunOptions options;
  options.overrides = {"experiment=forward"};
  options.overrides.insert(options.overrides.end(), parsed.words.begin(), parsed.words.end());
  if (parsed.values.contains("config-dir"))
    for (const auto& folder : parsed.values["config-dir"].as<std::vector<std::string>>())
      options.config_dirs.emplace_back(folder);
  std::vector<std::string> command_line = {"frugal", "forward"};
  command_line.insert(command_line.end(), args.begin(), args.end());
  PreparedJob prepared = prepare_job(options.request(), command_line);
  results::check_tensor_file(input);
  auto& experiment = prepared.job.config["experiment"];
  experiment["input"] = fs::absolute(input).string();
  experiment["output"] = checked_output(output, input).string();
  if (parsed.values.contains("capture"))
    experiment["capture"] = parsed.values["capture"].as<std::vector<std::string>>();

  const io::ScratchFolder folder;  // for the journal that every job writes
  prepared.job.run_dir = folder.path();
  run::install_signal_flag();
  launch::WorkerProcess worker(
      {.program = launch::worker_program(prepared.flavour), .environment = worker_environment(prepared.config)});
  const run::JobResult result = launch::run_on(worker, prepared.job, {.grace = std::chrono::milliseconds(200)});
  if (run::requested_signal() != 0) return run::signal_exit_code(run::requested_signal());
  if (result.state != results::RunState::kDone) throw run::as_error(result);
  std::cout << output.string() << '\n';
  return 0;
}

}  // namespace frugal::cli
