"""Frozen settings: defaults, then a TOML file, then the environment, then flags.

Every field of `Settings` is one key of the TOML file and one environment
variable `MSSANTE_SIM_<NAME>`; tables (`ports`, `domains`) are joined by `_`.
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from mssante_sim.errors import SimulatorError

__all__ = [
    "Domains",
    "PatientsReceive",
    "Ports",
    "Settings",
    "SettingsError",
    "default_home",
    "load_settings",
]

_Table = TypeVar("_Table", bound="Settings | Ports | Domains")

PatientsReceive = Literal["answers", "professionals", "never"]

_PREFIX = "MSSANTE_SIM_"
_TRUTH = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}


class SettingsError(SimulatorError):
    """A setting cannot be read or has no meaning."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports; 0 lets the system choose."""

    submission: int = 2587  # STARTTLS
    submission_tls: int = 2465
    mx: int = 2525  # STARTTLS, from other operators
    imap: int = 2143  # STARTTLS
    imap_tls: int = 2993
    http: int = 2080
    dns: int = 2053  # UDP too

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        """Seven consecutive ports from `base` on, in field order; all free ones for 0."""
        if base == 0:
            return cls(0, 0, 0, 0, 0, 0, 0)
        if not 1 <= base <= 65_529:
            raise SettingsError("The port base must lie between 1 and 65529, or be 0 for any free ports.")
        return cls(*range(base, base + 7))


@dataclass(frozen=True, slots=True)
class Domains:
    """Mail domains of the simulated zone; mail never leaves them."""

    patients: str = "patient.mssante.test"  # Mon espace santé
    operator: str = "officine.mssante.test"  # where the pharmacies' mailboxes live


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen for one stack."""

    home: Path
    bind: str = "127.0.0.1"
    host_name: str = "localhost"
    ports: Ports = field(default_factory=Ports)
    domains: Domains = field(default_factory=Domains)
    pharmacies: int = 40  # seeded, counting the irregular ones
    patients: int = 10
    seed: int = 1
    sealing: bool = True
    confidential_subject: bool = False  # [RFC 9788] hp="cipher"; see README for what clients show
    patients_receive: PatientsReceive = "answers"
    drop_refused_tokens: bool = False  # after a 401, as a server of the real network was seen to; else as RFC 7628 asks
    visited: Literal["delivered", "written"] = "delivered"  # which pharmacies a patient has visited  [our choice]
    session_minutes: int = 30  # how long a session of Mon espace santé lasts unused
    file_sent_copy: bool = False  # also for professionals; Mon espace santé always files one
    max_message_octets: int = 32 * 1024 * 1024  # what the operator takes of professionals  [our choice]
    max_patient_octets: int = 25 * 1024 * 1024  # what Mon espace santé sends and takes  [ENS Messagerie V1.3 §6]
    max_recipients: int = 100  # [RFC 5321 §4.5.3.1.8]
    quota_octets: int = 2 * 1024 * 1024 * 1024  # per account [our choice]


def default_home(environment: Mapping[str, str] = os.environ) -> Path:
    """The platform's per-user data directory for this program."""
    if chosen := environment.get(_PREFIX + "HOME"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "mssante-sim"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "mssante-sim"
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "mssante-sim"


def load_settings(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from defaults < `file` < `environment` < `flags`.

    `flags` holds field names of `Settings`; a value of None means "not given".

    Raises:
        SettingsError: an unreadable file, an unknown key, a value of the wrong kind.
    """
    settings = Settings(home=default_home(environment))
    if file is not None:
        settings = _merge(settings, _read_toml(file), where=file.name)
    settings = _merge(settings, _from_environment(environment), where="the environment")
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    return replace(settings, **given)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The configuration file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration file {file} is not valid TOML: {error}.") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        if spec.name in ("ports", "domains"):
            table = {
                f.name: environment.get(f"{_PREFIX}{spec.name}_{f.name}".upper())
                for f in fields(Ports if spec.name == "ports" else Domains)
            }
            if given := {name: value for name, value in table.items() if value is not None}:
                values[spec.name] = given
        elif (value := environment.get(f"{_PREFIX}{spec.name}".upper())) is not None:
            values[spec.name] = value
    return values


def _merge(target: _Table, values: Mapping[str, Any], *, where: str) -> _Table:
    """`target` with `values` laid over it, each converted to its field's type."""
    kinds = get_type_hints(type(target))
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        raise SettingsError(f"Unknown setting {unknown[0]!r} in {where}. Known: {', '.join(sorted(kinds))}.")
    changes: dict[str, Any] = {}
    for name, value in values.items():
        current = getattr(target, name)
        if isinstance(current, Ports | Domains):
            if not isinstance(value, Mapping):
                raise SettingsError(f"Setting {name!r} in {where} must be a table.")
            changes[name] = _merge(current, value, where=where)
        else:
            changes[name] = _convert(kinds[name], value, name=name, where=where)
    return replace(target, **changes)


def _convert(kind: Any, value: Any, *, name: str, where: str) -> Any:
    """`value` as `kind`; text (from the environment) is read, anything else must fit already."""
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        raise SettingsError(f"Setting {name!r} in {where} must be one of {', '.join(get_args(kind))}.")
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    if kind is bool and isinstance(value, str) and value.lower() in _TRUTH:
        return _TRUTH[value.lower()]
    if kind is int and isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if type(value) is kind:
        return value
    raise SettingsError(f"Setting {name!r} in {where} must be of type {kind.__name__}.")
