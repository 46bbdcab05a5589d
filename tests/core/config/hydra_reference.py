"""What Hydra 1.3, OmegaConf 2.3 and PyYAML answer, in the form of `frugal config ... --json`."""
import itertools
import math
import warnings

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, OverrideType, Sweep, ValueType
from hydra.core.plugins import Plugins
from hydra.core.utils import setup_globals
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import OmegaConf, errors

warnings.simplefilter("ignore")
setup_globals()

OPS = {OverrideType.CHANGE: "change", OverrideType.ADD: "add", OverrideType.FORCE_ADD: "force_add", OverrideType.DEL: "delete"}
VALUE_KINDS = {
    None: "none",
    ValueType.ELEMENT: "element",
    ValueType.SIMPLE_CHOICE_SWEEP: "choice_list",
    ValueType.CHOICE_SWEEP: "choice",
    ValueType.RANGE_SWEEP: "range",
    ValueType.INTERVAL_SWEEP: "interval",
    ValueType.GLOB_CHOICE_SWEEP: "glob",
}

# Text of Hydra's message -> kind, for exceptions whose type alone does not tell.
MESSAGES = [
    ("Error merging override", "override_merge_error"),
    ("Could not append to config", "add_key_exists"),
    ("Multiple values for", "multiple_values_for_group"),
    ("Duplicate _self_", "duplicate_self"),
    ("appears more than once in the final defaults list", "duplicate_default"),
    ("You must specify", "missing_choice"),
    ("Overrides must be at the end", "bad_defaults_override_order"),
    ("requires --multirun", "sweep_requires_multirun"),
    ("Ambiguous value for argument", "sweep_requires_multirun"),
    ("Sweeping over Hydra's configuration", "unsupported_sweep"),
    ("does not support sweep type", "unsupported_sweep"),
    ("force-add of config groups", "force_add_group"),
    ("Error resolving interpolation", "defaults_interpolation_error"),
    ("interpolation is not supported in options list", "defaults_interpolation_error"),
    ("deprecated interpolation form", "defaults_interpolation_error"),
    ("of an in interpolated config group", "defaults_interpolation_error"),
    ("Config group override must be a string", "group_value_not_string"),
    ("Config group override deletion value must be", "group_value_not_string"),
    ("looks like a config group override", "override_group_missing"),
    ("raised while composing config", "override_merge_error"),
    ("Overriding hydra.searchpath is only supported", "invalid_defaults"),
    ("Invalid defaults list", "invalid_defaults"),
    ("Too many keys in default item", "invalid_defaults"),
    ("Missing group name in", "invalid_defaults"),
    ("Unsupported item value in defaults", "invalid_defaults"),
    ("Unsupported type in defaults", "invalid_defaults"),
    ("_self_@PACKAGE is not supported", "invalid_defaults"),
    ("Missing ConfigDefault is not supported", "invalid_defaults"),
]


def error_kind(error):
    """The kind of harness.md for an exception, or None when there is no natural one."""
    text = str(error)
    if isinstance(error, OverrideParseException):
        return "eval_error" if " while evaluating " in text else "syntax_error"
    if isinstance(error, yaml.YAMLError):
        return "yaml_error"
    if isinstance(error, UnicodeDecodeError):
        return "yaml_error"
    if isinstance(error, errors.InterpolationKeyError):
        return "interpolation_key_not_found"
    if isinstance(error, errors.InterpolationToMissingValueError):
        return "interpolation_to_missing"
    if isinstance(error, errors.UnsupportedInterpolationType):
        return "unknown_resolver"
    if isinstance(error, errors.InterpolationResolutionError):
        cyclic = "Recursive interpolation" in text or "RecursionError" in text or "parent node" in text
        return "interpolation_cycle" if cyclic else "interpolation_resolution"
    if isinstance(error, RecursionError):
        return None
    if isinstance(error, errors.GrammarParseError):
        return "grammar_error"
    if isinstance(error, errors.MissingMandatoryValue):
        return "missing_value"
    if isinstance(error, MissingConfigException):
        return "config_not_found"
    if "Could not override" in text:
        missing_group = "in the defaults list" in text or "Did you mean to override" in text
        return "override_group_missing" if missing_group else "override_key_missing"
    if "Could not delete" in text:
        if "No match in the defaults list" in text:
            return "delete_group_missing"
        return "delete_missing" if "does not exist" in text else "delete_value_mismatch"
    for part, kind in MESSAGES:
        if part in text:
            return kind
    cause = error.__cause__
    return error_kind(cause) if cause is not None else None


def plain(config, resolve=False):
    return OmegaConf.to_container(config, resolve=resolve)


def parse(text):
    override = OverridesParser.create().parse_overrides([text])[0]
    kind = VALUE_KINDS[override.value_type]
    out = {"op": OPS[override.type], "key": override.key_or_group, "package": override.package, "value_kind": kind}
    value = override.value()
    if kind == "element":
        out["value"] = value
    elif isinstance(value, Glob):
        out["include"], out["exclude"] = value.include, value.exclude
    elif isinstance(value, IntervalSweep):
        out["start"], out["end"], out["tags"] = value.start, value.end, sorted(value.tags)
    elif isinstance(value, Sweep):
        out["sweep"] = list(itertools.islice(override.sweep_string_iterator(), 100000))
        out["tags"] = sorted(value.tags)
    return out


def load(path):
    return {"config": plain(OmegaConf.load(path))}


def get(path, key):
    config = OmegaConf.load(path)
    value = OmegaConf.select(config, key, throw_on_missing=True)
    return {"value": plain(value, resolve=True) if OmegaConf.is_config(value) else value}


class HydraRoot:
    """Hydra bound to one config directory."""

    def __init__(self, directory):
        GlobalHydra.instance().clear()
        self.context = initialize_config_dir(version_base=None, config_dir=str(directory), job_name="frugal")

    def __enter__(self):
        self.context.__enter__()
        return self

    def __exit__(self, *args):
        return self.context.__exit__(*args)

    def compose(self, name, overrides, resolve=False):
        config = compose(config_name=name, overrides=overrides, return_hydra_config=True)
        choices = plain(config.hydra.runtime.choices)
        HydraConfig.instance().cfg = None
        HydraConfig.instance().set_config(config)
        OmegaConf.set_struct(config, False)
        if resolve:
            out = {}
            for key in list(config.keys()):
                if key == "hydra":
                    continue
                node = config._get_node(key)._dereference_node()
                out[key] = plain(node, True) if OmegaConf.is_config(node) else node._value()
        else:
            out = plain(config)
            out.pop("hydra", None)
        return {"config": out, "choices": choices}

    def complete(self, name, line):
        from hydra._internal.core_plugins.bash_completion import BashCompletion

        return {"candidates": [str(c) for c in BashCompletion(GlobalHydra.instance().hydra.config_loader)._query(name, line)]}

    def sweep(self, name, overrides, max_batch_size=None):
        hydra = GlobalHydra.instance().hydra
        config = hydra.compose_config(
            config_name=name, overrides=overrides, run_mode=RunMode.MULTIRUN, with_log_configuration=False
        )
        size = max_batch_size if max_batch_size is not None else config.hydra.sweeper.max_batch_size
        # Hydra's plugin scan imports the class a second time; the registered one is the live one.
        basic_sweeper = Plugins.instance().class_name_to_class["hydra._internal.core_plugins.basic_sweeper.BasicSweeper"]
        sweeper = basic_sweeper(max_batch_size=size, params=config.hydra.sweeper.params)
        arguments = sweeper._parse_config() + list(config.hydra.overrides.task)
        parsed = OverridesParser.create(config_loader=hydra.config_loader).parse_overrides(arguments)
        batches = sweeper.split_arguments(parsed, size)
        for batch in batches:
            for job in batch:
                hydra.config_loader.load_sweep_config(config, list(job))
        return {"jobs": [list(job) for batch in batches for job in batch], "batches": [len(batch) for batch in batches]}


def answer(function, *args, **kwargs):
    """The reference's answer, {"error": kind}, or None where it has no defined one."""
    try:
        return function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001: every exception is an answer
        kind = error_kind(error)
        return {"error": kind, "detail": f"{type(error).__name__}: {error}"}


def same(a, b):
    """Equality of JSON values that tells 1 from 1.0 and True, and takes NaN as equal to itself."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b
