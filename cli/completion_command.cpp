// `frugal completion`: scripts for the shells, and the candidates that they ask for.
#include <cstdio>
#include <span>
#include <string>

#include "cli/config_options.h"
#include "core/config/complete.h"
#include "core/error.h"

namespace frugal::cli {

namespace {

constexpr const char* kHelp = R"sh(frugal completion: completion of verbs, groups, keys and values

usage: frugal completion bash|zsh|fish
       frugal completion --query "WORDS TYPED" [--config-dir D]... [--config-name N]

  eval "$(frugal completion bash)"                    in ~/.bashrc
  eval "$(frugal completion zsh)"                     in ~/.zshrc, after compinit
  frugal completion fish | source                     in ~/.config/fish/config.fish

The scripts complete against the config in $FRUGAL_CONFIG_DIR, else in ./configs.
--query prints the candidates for the last of the words, one a line.
)sh";

constexpr const char* kBash = R"sh(_frugal() {
  local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]}
  local words=${line#* }
  case $words in
    *' '*) words=${words#* } ;;
    *) COMPREPLY=($(compgen -W "$(frugal --help | awk '/^  /{print $1}')" -- "$word")); return ;;
  esac
  local candidates prefix=${words##* }
  mapfile -t candidates < <(frugal completion --query "$words" --config-dir "${FRUGAL_CONFIG_DIR:-configs}" 2>/dev/null)
  # bash breaks words at '=' and ':': only the part after the last of them is replaced.
  local cut=${prefix%"$word"}
  COMPREPLY=("${candidates[@]#"$cut"}")
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} != *[=./] ]] || compopt -o nospace
}
complete -F _frugal frugal
)sh";

constexpr const char* kZsh = R"sh(_frugal() {
  local -a candidates
  if (( CURRENT == 2 )); then
    candidates=(${(f)"$(frugal --help | awk '/^  /{print $1}')"})
    compadd -a candidates
    return
  fi
  candidates=(${(f)"$(frugal completion --query "${(j: :)words[3,CURRENT]}" --config-dir "${FRUGAL_CONFIG_DIR:-configs}" 2>/dev/null)"})
  compadd -S '' -a candidates
}
compdef _frugal frugal
)sh";

constexpr const char* kFish = R"sh(function __frugal_candidates
  set -l words (commandline -opc) (commandline -ct)
  set -l directory configs
  set -q FRUGAL_CONFIG_DIR; and set directory $FRUGAL_CONFIG_DIR
  frugal completion --query (string join ' ' -- $words[3..-1]) --config-dir $directory 2>/dev/null
end
complete -c frugal -f -n '__fish_use_subcommand' -a "(frugal --help | awk '/^  /{print \$1}')"
complete -c frugal -f -n 'not __fish_use_subcommand' -a '(__frugal_candidates)'
)sh";

const char* script(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  throw Error(ErrorKind::kUsage, "bad_call", cat("there is no completion for '", shell, "'"), {}, "bash, zsh or fish");
}

}  // namespace

int completion_command(std::span<const std::string> args) {
  const auto options = parse_config_options(args);
  if (options.help || (args.empty() && !options.query)) {
    std::fputs(kHelp, stdout);
    return options.help ? 0 : 2;
  }
  if (!options.query) {
    std::fputs(script(options.one_argument("shell")), stdout);
    return 0;
  }
  for (const auto& candidate : config::complete(options.request(), *options.query)) std::puts(candidate.c_str());
  return 0;
}

}  // namespace frugal::cli
