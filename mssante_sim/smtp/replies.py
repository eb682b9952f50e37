"""Every refusal this server can utter, in one table.

On the wire a refusal reads `550 5.7.1 not-organisational: A sentence.`  The
code and the enhanced code are for mail software  [RFC 5321 §4.2, RFC 3463], the
word is for programs that test against us and never changes, the sentence says
what to do.  None of it names a person, a path or a key, so a line may be shown
to anyone; `exchange_closed` names a mailbox, to the patient who may have
answered it.  Codes for the health network are not public: words and codes are
[our choice].
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from mssante_sim.storage.exchanges import Exchange

__all__ = ["REFUSALS", "Refusal", "exchange_closed", "french", "word_in"]

REPLY_LINE_OCTETS = 512  # with CRLF  [RFC 5321 §4.5.3.1.5]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way to say no."""

    code: int
    enhanced: str
    word: str
    sentence: str

    @property
    def passing(self) -> bool:
        """Whether the same attempt may succeed later."""
        return self.code < 500

    def line(self, incident: str | None = None) -> str:
        """The reply line, without CRLF; `incident` is the number under which the log says more."""
        suffix = f" (incident {incident})" if incident else ""
        return f"{self.code} {self.enhanced} {self.word}: {self.sentence}{suffix}"


# R1: who may receive in an operator's domain

UNKNOWN_MAILBOX = Refusal(
    550, "5.1.1", "unknown-mailbox", "No mailbox has this address; choose the recipient from the directory."
)
NOT_ORGANISATIONAL = Refusal(
    550,
    "5.7.1",
    "not-organisational",
    "Only organisational mailboxes (ORG) receive; write to the mailbox of the organisation.",
)
NOT_ATTACHED = Refusal(
    550,
    "5.7.1",
    "not-attached",
    "This mailbox is attached to no FINESS, SIRET or SIREN; its operator must attach it first.",
)
ATTACHMENT_UNKNOWN = Refusal(
    550,
    "5.7.1",
    "attachment-unknown",
    "This mailbox is attached to a number that the directory does not hold; its operator must correct it.",
)
NOT_PUBLISHED = Refusal(
    550, "5.7.1", "not-published", "This mailbox is not published in the directory yet; try again once it is."
)
MAILBOX_CLOSED = Refusal(
    550, "5.2.1", "mailbox-closed", "This mailbox was closed; look up the organisation's present one."
)


def _certificate(state: str, sentence: str) -> Refusal:
    return Refusal(550, "5.7.1", f"certificate-{state}", sentence)


CERTIFICATE_MISSING = _certificate(
    "missing",
    "This mailbox has no receiving certificate; its operator must issue one, or turn its sealing off.",
)
CERTIFICATE_EXPIRED = _certificate(
    "expired", "The receiving certificate of this mailbox has expired; its operator must renew it."
)
CERTIFICATE_NOT_YET_VALID = _certificate(
    "not-yet-valid",
    "The receiving certificate of this mailbox is not valid yet; try again later, or check the clock.",
)
CERTIFICATE_REVOKED = _certificate(
    "revoked", "The receiving certificate of this mailbox was revoked; its operator must issue another."
)
CERTIFICATE_WRONG_USAGE = _certificate(
    "wrong-usage",
    "The certificate of this mailbox may not be used to encrypt mail; its operator must issue another.",
)
CERTIFICATE_WRONG_ADDRESS = _certificate(
    "wrong-address", "The receiving certificate names another mailbox; its operator must issue another."
)
CERTIFICATE_UNTRUSTED = _certificate(
    "untrusted",
    "The receiving certificate leads to no authority of this trust space; its operator must replace it.",
)

# R2, R3, R4: patients, and who may write to whom

NOT_PHARMACY = Refusal(
    550,
    "5.7.1",
    "not-pharmacy",
    "A patient may write first only to a pharmacy; elsewhere wait until the professional has written.",
)
PATIENT_CANNOT_RECEIVE = Refusal(
    550,
    "5.7.1",
    "patient-cannot-receive",
    "A patient receives only the answer of an organisational mailbox that the patient wrote to first.",
)
EXCHANGE_CLOSED = Refusal(
    550,
    "5.7.1",
    "exchange-closed",
    "The professional has closed this exchange; write a new message to a pharmacy instead.",
)
PATIENT_UNKNOWN = Refusal(
    550, "5.1.1", "patient-unknown", "No patient has this address; check the INS and its key with the patient."
)
PATIENT_ADDRESS = Refusal(
    550,
    "5.1.3",
    "patient-address",
    "This is no patient's address; write the 13 characters of the INS and the two digits of its key.",
)
PATIENT_CLOSED = Refusal(
    550, "5.2.1", "patient-closed", "The messaging of this patient is closed; reach the patient in another way."
)
PATIENT_TOO_BIG = Refusal(
    552, "5.3.4", "patient-too-big", "The message is larger than Mon espace sante takes; send less or smaller files."
)
PROFILE_NOT_ACTIVATED = Refusal(
    550,
    "5.7.1",
    "profile-not-activated",
    "The sender's Mon espace sante profile is not activated; activate it first.",
)
OUTSIDE_DOMAIN = Refusal(
    550,
    "5.7.1",
    "outside-domain",
    "Nothing is relayed out of the simulated domains; use an address of this zone.",
)
SENDER_NOT_YOURS = Refusal(553, "5.7.1", "sender-not-yours", "MAIL FROM must be the mailbox that logged in.")
FROM_NOT_YOURS = Refusal(
    550, "5.7.1", "from-not-yours", "The From field must hold the mailbox of MAIL FROM and no other."
)
PEER_WITHOUT_CERTIFICATE = Refusal(
    554,
    "5.7.1",
    "peer-without-certificate",
    "No client certificate came when TLS started; show the one that the white list names.",
)
PEER_REVOKED = Refusal(
    554, "5.7.1", "peer-revoked", "The client certificate is revoked, or no fresh list clears it; renew it."
)
DOMAIN_NOT_LISTED = Refusal(
    554, "5.7.1", "domain-not-listed", "The white list holds no such domain; register the sender's domain."
)
PEER_NOT_LISTED = Refusal(
    554,
    "5.7.1",
    "peer-not-listed",
    "The white list does not name this client certificate for the sender's domain; register its subject.",
)
WHITE_LIST_UNUSABLE = Refusal(
    554, "5.7.1", "white-list-unusable", "The white list cannot be relied on, so no peer is trusted now."
)

NULL_SENDER = Refusal(
    550,
    "5.7.1",
    "null-sender",
    "Only a receipt (multipart/report; report-type=disposition-notification) may have the null sender here.",
)

# Connection, login

TLS_FIRST = Refusal(530, "5.7.0", "tls-first", "Send STARTTLS first.")
TLS_ALREADY = Refusal(503, "5.5.1", "tls-already", "TLS is active already.")
LOGIN_FIRST = Refusal(530, "5.7.0", "login-first", "Log in with AUTH first.")
LOGIN_ALREADY = Refusal(503, "5.5.1", "login-already", "You are logged in already.")
BAD_CREDENTIALS = Refusal(535, "5.7.8", "bad-credentials", "Login or password is wrong.")
LOGIN_LATER = Refusal(
    454, "4.7.0", "login-later", "Too many logins have failed, so this one was not tried; wait a minute."
)
UNKNOWN_MECHANISM = Refusal(504, "5.5.4", "unknown-mechanism", "Use one of the mechanisms that EHLO lists.")
AUTH_ABORTED = Refusal(501, "5.7.0", "auth-aborted", "Authentication was given up by the client.")
AUTH_UNREADABLE = Refusal(
    501, "5.5.2", "auth-unreadable", "The authentication answer is not base64 of the wanted form."
)
TOO_MANY_LOGINS = Refusal(421, "4.7.0", "too-many-logins", "Too many failed logins; connect again later.")
TOO_MANY_CONNECTIONS = Refusal(
    421, "4.7.0", "too-many-connections", "Too many connections are open; close some and try again."
)
TOO_MANY_COMMANDS = Refusal(421, "4.7.0", "too-many-commands", "Too many commands in one connection; connect again.")
TOO_MANY_ERRORS = Refusal(421, "4.7.0", "too-many-errors", "Too many refused commands; check the client's protocol.")
TIMED_OUT = Refusal(421, "4.4.2", "timed-out", "Nothing came for too long; connect again.")
SHUTTING_DOWN = Refusal(421, "4.3.2", "shutting-down", "The service is stopping; try again later.")

# Commands

UNKNOWN_COMMAND = Refusal(500, "5.5.1", "unknown-command", "This command is not known.")
NOT_IMPLEMENTED = Refusal(502, "5.5.1", "not-implemented", "This command is not offered here.")
COMMAND_TOO_LONG = Refusal(500, "5.5.2", "command-too-long", "The command line is too long.")
UNCLEAN_COMMAND = Refusal(
    500, "5.5.2", "unclean-command", "A command line held NUL, or CR or LF alone; end each line with CR LF."
)
BAD_SEQUENCE = Refusal(
    503, "5.5.1", "bad-sequence", "This command is not due now; the order is EHLO, MAIL, RCPT, DATA."
)
SYNTAX = Refusal(501, "5.5.4", "syntax", "The arguments of this command cannot be read.")
UNKNOWN_PARAMETER = Refusal(555, "5.5.4", "unknown-parameter", "A parameter of this command is not offered by EHLO.")
MALFORMED_ADDRESS = Refusal(
    553, "5.1.3", "malformed-address", "The address cannot be read; write <name@domain> in ASCII."
)
TOO_MANY_RECIPIENTS = Refusal(
    452, "4.5.3", "too-many-recipients", "Send this message now and write again to the others."
)

# The message

TOO_BIG = Refusal(
    552, "5.3.4", "too-big", "The message is larger than SIZE in EHLO allows; send less or smaller files."
)
BARE_NEWLINE = Refusal(550, "5.6.0", "bare-newline", "The message holds CR or LF alone; end every line with CR LF.")
NUL_OCTET = Refusal(550, "5.6.0", "nul-octet", "The message holds a NUL octet; encode such content in base64.")
LINE_TOO_LONG = Refusal(
    550, "5.6.0", "line-too-long", "A line is longer than 998 octets; use base64 or quoted-printable."
)
FROM_MISSING = Refusal(550, "5.6.0", "from-missing", "The message has no readable From field; write exactly one.")
FROM_REPEATED = Refusal(
    550, "5.6.0", "from-repeated", "The message has several From fields or addresses; write exactly one."
)
MAIL_LOOP = Refusal(554, "5.4.6", "mail-loop", "The message has passed through too many servers; break the loop.")
NOT_ENCRYPTED_FOR_RECIPIENT = Refusal(
    554,
    "5.7.1",
    "not-encrypted-for-recipient",
    "The message is encrypted, but not for each recipient; encrypt it for all, or send it in clear over TLS.",
)
SENDER_CERTIFICATE = Refusal(
    554,
    "5.7.1",
    "sender-certificate",
    "The sender has no valid signing certificate; the operator must issue one.",
)

# Storage

DISK_FULL = Refusal(452, "4.3.1", "disk-full", "The store has no room left; nothing was stored, try again later.")
MAILBOX_FULL = Refusal(
    452, "4.2.2", "mailbox-full", "The mailbox of a recipient is full; nothing was stored, try again later."
)
TEMPORARY = Refusal(
    451,
    "4.3.0",
    "temporarily-unavailable",
    "The service cannot do this now; nothing was stored, try again later.",
)

REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {row.word: row for row in list(globals().values()) if isinstance(row, Refusal)}
)
"""Every row by its word."""


def exchange_closed(closed: Exchange) -> Refusal:
    """EXCHANGE_CLOSED, which says which mailbox closed the exchange and when."""
    when = f"{closed.closed:%d/%m/%Y at %H:%M} UTC" if closed.closed else "before"
    return replace(
        EXCHANGE_CLOSED,
        sentence=f"{closed.closed_by} closed this exchange on {when}; write a new message to a pharmacy instead.",
    )


_FRENCH_OTHERWISE = "Votre message n'a pas pu être envoyé. Le brouillon est conservé."
_CERTIFICATE_FRENCH = (
    "La messagerie de ce destinataire ne peut pas recevoir de message protégé pour le moment. "
    "Contactez-le par un autre moyen."
)
_FRENCH: Mapping[str, str] = MappingProxyType(
    {
        "unknown-mailbox": "Ce destinataire n'existe pas. Choisissez une pharmacie dans la recherche.",
        "not-organisational": "Seules les messageries d'établissement reçoivent vos messages.",
        "not-attached": "La messagerie de ce destinataire n'est rattachée à aucun établissement.",
        "attachment-unknown": "La messagerie de ce destinataire n'est rattachée à aucun établissement connu.",
        "not-published": "La messagerie de ce destinataire n'est pas encore ouverte. Réessayez plus tard.",
        "mailbox-closed": "La messagerie de ce destinataire est fermée. Choisissez une autre pharmacie.",
        **{
            f"certificate-{state}": _CERTIFICATE_FRENCH
            for state in (
                "missing",
                "expired",
                "not-yet-valid",
                "revoked",
                "wrong-usage",
                "wrong-address",
                "untrusted",
            )
        },
        "not-pharmacy": "Vous pouvez écrire en premier uniquement à une pharmacie. "
        "Les autres professionnels doivent d'abord vous écrire.",
        "patient-cannot-receive": "Cette personne ne peut pas recevoir ce message.",
        "exchange-closed": "Cet échange a été clos par le professionnel : vous ne pouvez plus y répondre. "
        "Vous pouvez écrire un nouveau message à une pharmacie.",
        "patient-unknown": "Aucun patient n'a cette adresse : vérifiez son matricule INS et sa clé avec lui.",
        "patient-address": "Cette adresse ne peut pas être celle d'un patient : elle commence par les 15 caractères "
        "du matricule INS, clé comprise.",
        "patient-closed": "La messagerie de ce patient est fermée : joignez-le par un autre moyen.",
        "patient-too-big": "Le message dépasse la taille que reçoit Mon espace santé (25 Mo) : "
        "envoyez moins de documents, ou de plus petits.",
        "profile-not-activated": "Votre profil Mon espace santé n'est pas activé. Activez-le avant d'écrire.",
        "outside-domain": "Cette adresse n'appartient pas à l'espace de confiance.",
        "sender-not-yours": "L'adresse d'expéditeur n'est pas la vôtre.",
        "from-not-yours": "L'adresse d'expéditeur n'est pas la vôtre.",
        "bad-credentials": "L'identifiant ou le mot de passe est incorrect.",
        **dict.fromkeys(("too-many-logins", "login-later"), "Trop de tentatives de connexion. Réessayez plus tard."),
        "too-many-recipients": "Ce message a trop de destinataires.",
        "too-big": "Votre message dépasse la taille permise (25 Mo). Joignez moins de documents.",
        "mail-loop": "Ce message a déjà circulé trop longtemps et n'a pas été remis.",
        "not-encrypted-for-recipient": "Ce message est chiffré, mais pas pour son destinataire.",
        "sender-certificate": "Votre certificat de signature n'est pas valide.",
        "mailbox-full": "La messagerie du destinataire est pleine. Réessayez plus tard ou prévenez-le.",
        **dict.fromkeys(
            ("disk-full", "temporarily-unavailable", "shutting-down", "timed-out", "too-many-connections"),
            "Le service est momentanément indisponible. Réessayez dans quelques minutes.",
        ),
    }
)

_WORD = re.compile(r"(?:\d{3}[ -])?\d\.\d{1,3}\.\d{1,3} ([a-z][a-z-]*): ")


def french(word: str) -> str:
    """What a patient reads when a message was refused for `word`; a general sentence for technical words."""
    return _FRENCH.get(word, _FRENCH_OTHERWISE)


def word_in(reply: str) -> str | None:
    """The stable word of a reply line, with or without its code; None if it is not one of ours."""
    match = _WORD.match(reply)
    return match[1] if match and match[1] in REFUSALS else None
