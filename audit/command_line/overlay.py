"""The command line laid over the configuration: what both can say is said once, by the option before the file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from audit.config.model import FORMATS, Collect, Config
from audit.errors import UsageError
from audit.job.load_config import load_config
from audit.storage.store import Store, store_of
from audit.tables.schemas import SEVERITIES

SCOPES: Final[Sequence[str]] = get_args(Collect.model_fields["scope"].annotation)
# Where in the configuration each option belongs.
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "out": ("output", "directory"),
    "formats": ("output", "formats"),
    "frameworks": ("output", "frameworks"),
    "expand": ("output", "expand_cluster_wide"),
    "scope": ("collect", "scope"),
    "stale_days": ("collect", "stale_days"),
    "exceptions": ("exceptions",),
    "fail_on": ("fail_on",),
    "fail_on_new": ("fail_on_new",),
    "sign_key": ("evidence", "key_file"),
    "keep_days": ("evidence", "keep_days"),
    "usage": ("usage", "logs"),
    "replicas": ("usage", "replicas"),
}
_CHOICES: Final = {"formats": ("format", FORMATS), "scope": ("scope", SCOPES), "fail_on": ("severity", SEVERITIES)}


def config_with(config: Config | None, **options: Any) -> Config:
    """Return a configuration (None: the defaults) with the options that were given. Raises UsageError."""
    made = config or Config.model_construct()
    for name, value in options.items():
        if value is None or value is False or value == []:
            continue
        _check(name, value)
        made = _with(made, _KEYS[name], tuple(dict.fromkeys(value)) if isinstance(value, list) else value)
    return made


def loaded(path: Path | None, **options: Any) -> Config:
    """Return the configuration in a file (None: the defaults) with the options that were given. Raises UsageError."""
    return config_with(load_config(path) if path else None, **options)


def runs_store(config: Config) -> Store:
    """Return where runs are kept. Raises UsageError when neither option nor configuration says."""
    if config.output.directory is None:
        raise UsageError("no output folder", fix="--out DIR, or output.directory in the configuration")
    return store_of(config.output.directory)


def _check(name: str, value: Any) -> None:
    kind, choices = _CHOICES.get(name, ("", ()))
    for choice in value if isinstance(value, list) else [value]:
        if choices and choice not in choices:
            raise UsageError(f"no such {kind}: {choice}", fix=f"choose from {', '.join(choices)}")


def _with(model: Any, keys: Sequence[str], value: Any) -> Any:
    first, *rest = keys
    return model.model_copy(update={first: _with(getattr(model, first), rest, value) if rest else value})
