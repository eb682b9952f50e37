"""A Thunderbird profile that is quiet, knows no network but the simulator's, and has the states of an order as tags."""

import json
from pathlib import Path
from typing import Final

from mssante_sim.clients.states import OrderState
from mssante_sim.errors import SimulatorError, reason_in_french

__all__ = ["ProfileNotMade", "write_profile"]

_Value = str | int | bool

_QUIET: Final[dict[str, _Value]] = {
    # nothing that opens by itself or asks
    "app.donation.eoy.version": 999,
    "datareporting.policy.dataSubmissionEnabled": False,
    "mail.biff.play_sound": False,
    "mail.inappnotifications.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "security.default_personal_cert": "Select Automatically",
    "remote.prefs.recommended": False,  # remote control alone would bend a hundred preferences, and for good
    "mail.compose.warn_public_recipients.aggressive": False,
    "toolkit.telemetry.enabled": False,
}
_ALONE: Final[dict[str, _Value]] = {
    # nothing that calls home; and a proxy that is not there for whatever tries all the same
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.manage-offline-status": False,  # a machine without network is no reason to be offline
    "network.proxy.allow_bypass": False,
    "network.proxy.failover_direct": False,
    "network.proxy.socks": "127.0.0.1",
    "network.proxy.socks_port": 9,
    "network.proxy.socks_remote_dns": True,
    "network.proxy.type": 1,
    "security.OCSP.enabled": 0,  # a closed network has no responder to ask
}
_FORGETFUL: Final[dict[str, _Value]] = {
    # what was decrypted stays in memory; messages lie in the profile as they came
    "browser.cache.disk.enable": False,
    "mailnews.database.global.indexer.enabled": False,
}
_COLOURS: Final = {
    OrderState.RECUE: "#1C6DD0",
    OrderState.EN_PREPARATION: "#B35C00",
    OrderState.PRETE: "#1E7B34",
    OrderState.RUPTURE: "#C0182B",
    OrderState.DELIVREE: "#6B6B6B",
}


class ProfileNotMade(SimulatorError):
    """The profile cannot lie where it should."""

    exit_code = 2


def write_profile(profile: Path, host: str) -> None:
    """`profile` is a new folder, closed to other users, from which Thunderbird starts; it reaches `host` only.

    Raises:
        ProfileNotMade: it exists already, or cannot be created.
    """
    try:
        profile.mkdir(mode=0o700)
    except OSError as error:
        raise ProfileNotMade(
            f"The profile cannot be made in {profile}: {error.strerror}. Give a folder that does not exist yet.",
            french=f"Le profil ne peut pas être créé dans {profile} ({reason_in_french(error)})."
            " Indiquez un dossier qui n'existe pas encore.",
        ) from error
    preferences = {
        **_QUIET,
        **_ALONE,
        **_FORGETFUL,
        **_tags(),
        "marionette.port": 0,  # if it is remote-controlled at all, on a port that nobody knows beforehand
        "network.proxy.no_proxies_on": ", ".join(dict.fromkeys((host, "localhost", "127.0.0.1"))),
    }
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
    (profile / "user.js").write_text("".join(lines), encoding="ascii")


def _tags() -> dict[str, _Value]:
    """The tags, before Thunderbird's own in its lists, which makes 1 to 5 their keys on the keyboard."""
    preferences: dict[str, _Value] = {}
    for number, state in enumerate(OrderState, 1):
        branch = f"mailnews.tags.{state.keyword}"
        preferences |= {
            f"{branch}.tag": state.label,
            f"{branch}.color": _COLOURS[state],
            f"{branch}.ordinal": f"${number}",  # sorts before $label1
        }
    return preferences
