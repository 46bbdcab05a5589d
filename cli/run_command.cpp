// frugal run: one run, or with -m a sweep.
#include <cstdio>

#include "cli/run_job.h"
#include "cli/run_options.h"
#include "cli/sweep_run.h"
#include "core/config/show.h"
#include "core/error.h"

namespace frugal::cli {

namespace {

constexpr const char* kHelp = R"(frugal run: one run; prints its metrics and the path of its result file

usage: frugal run [OPTION...] [OVERRIDE...]

  frugal run experiment=smoke seed=3
  frugal run experiment=text_classification dataset=cola model=minilm_l6 method=meft1_exact data.root=DIR
  frugal run experiment=profile model=minilm_l6 method=lora experiment.baseline=plain
  frugal run -m experiment=smoke method=lora,bitfit seed=range(3)

overrides are Hydra's: group=option, key=value, +key=value, ++key=value, ~key, sweeps with -m

  -m, --multirun                 sweep, one run a combination
  --dry-run                      build everything, time a few steps, print steps, time, memory, disk; keep nothing
  -c, --cfg job|hydra|all        print the config and do not run; --resolve, -p --package P
  -i, --info defaults|defaults-tree|searchpath
  -cd, --config-dir D            a folder of configs before ours (again: more of them)
  -cp, --config-path D           the same, as the first
  -cn, --config-name N           primary config ("config")

hydra.run.dir=D runs in D: an interrupted run there goes on, a finished one is refused.
parallel.ranks=N shares a training's batches among N processes, a GPU each or on the CPU through MPI, started here or by
torchrun, mpirun or srun (docs/parallel.md).
exit codes: 0 done, 2 bad config, 3 bad data, 4 the machine cannot, 5 the run failed, 85/130/143 stopped by a signal
)";

int print_config(const RunOptions& options) {
  config::CfgOptions show{.package = options.package,
                          .resolve = options.resolve ? config::Resolve::kYes : config::Resolve::kNo};
  if (*options.cfg == "hydra")
    show.part = config::CfgPart::kHydra;
  else if (*options.cfg == "all")
    show.part = config::CfgPart::kAll;
  else if (*options.cfg != "job")
    throw Error(ErrorKind::kUsage, "bad_value", cat("--cfg takes job, hydra or all, found '", *options.cfg, "'"),
                "--cfg");
  std::fputs(config::cfg_text(config::compose(options.request()), show).c_str(), stdout);
  return 0;
}

int print_info(const RunOptions& options) {
  const config::Composition composition = config::compose(options.request());
  const std::string& what = *options.info;
  if (what != "defaults" && what != "defaults-tree" && what != "searchpath")
    throw Error(ErrorKind::kUsage, "bad_value",
                cat("--info takes defaults, defaults-tree or searchpath, found '", what, "'"), "--info");
  const std::string text = what == "defaults"     ? config::defaults_text(composition)
                           : what == "searchpath" ? config::searchpath_text(composition)
                                                  : config::defaults_tree_text(composition);
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace

int run_command(std::span<const std::string> args) {
  const RunOptions options = parse_run_options(args);
  if (options.help) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (options.cfg) return print_config(options);
  if (options.info) return print_info(options);
  std::vector<std::string> command_line = {"frugal", "run"};
  command_line.insert(command_line.end(), args.begin(), args.end());
  if (options.multirun) return sweep_run(options, command_line);
  PreparedJob prepared = prepare_job(options.request(), command_line);
  return options.dry_run ? dry_run(prepared) : run_and_print(prepared);
}

}  // namespace frugal::cli
