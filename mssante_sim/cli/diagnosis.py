"""What is wrong with a certificate, in a sentence, and what to do about it."""

from datetime import datetime

from mssante_sim.crypto.authority import HOLD, reason_of, revocations
from mssante_sim.crypto.identity import Certificate, key_name
from mssante_sim.crypto.issuers import TrustDomainError
from mssante_sim.crypto.keystore import Keystore
from mssante_sim.crypto.profiles import PROFILES, Usage
from mssante_sim.crypto.revocation import Lookup
from mssante_sim.crypto.trust import CertificateState, TrustContext, validity

__all__ = ["diagnosed"]


def diagnosed(
    keystore: Keystore, lookup: Lookup, leaf: Certificate, usage: Usage, address: str | None, at: datetime
) -> tuple[CertificateState, str]:
    """What becomes of `leaf` in the trust domain of `keystore`, and why; an empty text if it is valid."""
    trust = keystore.trust(lookup)
    state = trust.state(leaf.der, usage, address, at)
    return state, _why(state, keystore, trust, leaf, usage, address, at)


def _why(
    state: CertificateState, keystore: Keystore, trust: TrustContext, leaf: Certificate, usage: Usage,
    address: str | None, at: datetime,
) -> str:  # fmt: skip
    renew = f"Issue a new one: mssante-sim certs renew {address or min(leaf.mailboxes, default='NAME')}"
    names = ", ".join(sorted(leaf.mailboxes)) or "no mailbox"
    if state is CertificateState.REVOKED:
        return _revoked(keystore, leaf, renew)
    if state is CertificateState.UNTRUSTED:
        return _untrusted(trust, leaf, at)
    sentences = {
        CertificateState.EXPIRED: f"It ended on {leaf.not_after:%Y-%m-%d %H:%M} UTC. {renew}",
        CertificateState.NOT_YET_VALID: f"It begins on {leaf.not_before:%Y-%m-%d %H:%M} UTC. Check the clock, or wait.",
        CertificateState.WRONG_USAGE: f"{_wanted(usage)} The mailbox's other certificates: mssante-sim certs list",
        CertificateState.WRONG_ADDRESS: f"It names {names}, not {address}; the common name does not count. {renew}",
    }
    return sentences.get(state, "")


def _revoked(keystore: Keystore, leaf: Certificate, renew: str) -> str:
    try:
        file = f"{keystore.issuers.name_of(leaf)}.crl"
    except TrustDomainError:
        return f"Its authority was revoked, or a responder says that it was itself. {renew}"
    entry = revocations(keystore.crls()[file]).get(leaf.serial)
    if entry is None:
        return f"Its authority was revoked. {renew}"
    reason, since = reason_of(entry).value, entry.revocation_date_utc
    if reason == HOLD:
        return f"It is on hold since {since:%Y-%m-%d} ({file}). To end that: mssante-sim certs release"
    return f"It was revoked on {since:%Y-%m-%d}: {reason} ({file}). {renew}"


def _wanted(usage: Usage) -> str:
    profile = PROFILES[usage.value]
    uses = " or ".join(sorted(one.value for one in profile.uses))
    purposes = " or ".join(sorted(one.name.lower() for one in profile.purposes))
    return f"For {usage.value} it needs the key usage {uses} and the purpose {purposes}."


def _untrusted(trust: TrustContext, leaf: Certificate, at: datetime) -> str:
    if not leaf.strong:
        return f"Its key ({key_name(leaf)}) is too weak: RSA of 2048 bits at least, P-256 or P-384."
    if not leaf.signed_well:
        return "It is signed with a digest that is too weak: SHA-256 at least."
    if not leaf.understood:
        return "It holds a critical extension, or a name constraint, that is not known here."
    path = trust.path(leaf)
    if path is None:
        return (
            f"It leads to no root of this home; it says that {_issuer_name(leaf)} issued it."
            " A certificate of another home or operator is not believed here."
        )
    if validity(path, at) is CertificateState.UNTRUSTED:
        return "One of the authorities that issued it is not valid at that time."
    return (
        "Nothing fresh is known of its revocation: no list is, and its responder does not answer."
        " Start the stack (mssante-sim up), which publishes new lists each day."
    )


def _issuer_name(leaf: Certificate) -> str:
    return leaf.parsed.issuer.rfc4514_string()
