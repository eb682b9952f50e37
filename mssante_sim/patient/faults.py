"""Every way in which `/mes/v1` says no: a stable word, a status, and a French sentence that says what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mssante_sim.errors import SimulatorError

__all__ = ["FAULTS", "Fault", "NotSent", "Unreached"]


_LONGEST_FIELD: Final = 64  # it may be a name that whoever asks invented


@dataclass(frozen=True, slots=True)
class _Kind:
    status: int
    sentence: str


def _kinds() -> Mapping[str, _Kind]:
    rows = (
        # The request
        ("not-found", 404, "Cette adresse n'existe pas dans ce service."),
        ("method-not-allowed", 405, "Cette opération n'existe pas à cette adresse."),
        ("bad-parameter", 422, "Un paramètre manque, est inconnu ou n'a pas la forme attendue."),
        ("bad-body", 422, "Le contenu de la demande n'a pas la forme attendue."),
        ("wrong-content-type", 415, "Le contenu de la demande n'est pas du type attendu."),
        ("too-slow", 408, "L'envoi a duré trop longtemps : vérifiez votre connexion, puis recommencez."),
        ("too-many-at-once", 429, "Trop de demandes en même temps : attendez que les précédentes soient finies."),
        # Who asks
        ("bad-credentials", 401, "L'identifiant ou le mot de passe est incorrect."),
        ("session-missing", 401, "Votre session est terminée : connectez-vous à nouveau."),
        ("too-many-attempts", 429, "Trop de tentatives de connexion : réessayez dans une minute."),
        ("not-for-this-account", 403, "Cette opération n'est pas proposée à ce type de compte."),
        ("profile-not-activated", 403, "Votre profil Mon espace santé n'est pas activé : activez-le d'abord."),
        # Documents
        ("document-missing", 404, "Ce document n'existe pas (ou plus)."),
        ("no-xdm", 404, "Ce document n'a pas été reçu dans un fichier IHE_XDM.ZIP."),
        ("document-refused", 422, "Ce fichier ne peut pas être partagé."),
        ("document-too-big", 413, "Ce fichier dépasse la limite de 5 Mo par document : choisissez-en un plus léger."),
        ("bad-name", 422, "Ce nom de fichier ne convient pas : choisissez un nom simple."),
        ("patient-unreachable", 404, "Aucun profil activé de Mon espace santé ne correspond à cet INS."),
        ("other-patient", 409, "Ce document concerne un autre patient : vérifiez l'INS."),
        # Pharmacies
        ("nothing-to-search", 422, "Indiquez un nom, un lieu ou les deux."),
        ("unknown", 404, "Aucun établissement ne porte ce numéro FINESS : cherchez la pharmacie par son nom."),
        ("not-pharmacy", 404, "Cet établissement n'est pas une pharmacie : vous ne pouvez pas lui écrire en premier."),
        ("no-mailbox", 404, "Cette pharmacie n'a pas de messagerie compatible : contactez-la par un autre moyen."),
        ("not-published", 404, "La messagerie de cette pharmacie n'est pas encore ouverte : réessayez plus tard."),
        ("closed", 404, "La messagerie de cette pharmacie est fermée : choisissez une autre pharmacie."),
        # Writing
        ("no-recipient", 422, "Choisissez une pharmacie, ou le message auquel vous répondez, et pas les deux."),
        ("no-answer", 409, "On ne peut pas répondre à ce message : son expéditeur ne reçoit pas de réponse."),
        ("exchange-closed", 409, "Cet échange a été clos : écrivez un nouveau message à une pharmacie."),
        ("empty-text", 422, "Le message est vide : écrivez quelques mots."),
        ("too-big", 413, "Votre message dépasse la taille permise (25 Mo) : joignez moins de documents."),
        ("draft-missing", 404, "Ce brouillon n'existe pas (ou plus)."),
        ("unreachable", 502, "Le serveur d'envoi ne répond pas. Renvoyez votre brouillon : il n'arrivera qu'une fois."),
        # Reading
        ("message-missing", 404, "Ce message n'existe pas (ou plus)."),
        ("attachment-missing", 404, "Ce message n'a pas cette pièce jointe."),
        ("conversation-missing", 404, "Cette conversation n'existe pas (ou plus)."),
        ("unreadable", 422, "Ce contenu ne peut pas être déchiffré avec vos clés."),
        # Keys and the store
        ("no-key", 409, "Votre compte n'a pas de certificat : rien n'a été enregistré, réessayez plus tard."),
        ("space-full", 507, "Votre espace est plein : supprimez des documents ou des messages, puis recommencez."),
        ("disk-full", 507, "Le serveur n'a plus de place : rien n'a été enregistré, réessayez plus tard."),
        ("busy", 503, "Le serveur ne peut pas répondre pour le moment : rien n'a été enregistré, réessayez plus tard."),
    )  # fmt: skip
    return MappingProxyType({word: _Kind(status, sentence) for word, status, sentence in rows})


FAULTS: Final = _kinds()
"""Status and sentence of each word; a refusal of the mail server has a word of its own that is not here."""


class Fault(SimulatorError):
    """The request is not done.

    Attributes:
        word: stable, of `FAULTS` unless `status` is given.
        status: of HTTP.
        field: the field or parameter that is wrong, where one is.
    """

    def __init__(self, word: str, sentence: str = "", *, status: int = 0, field: str = "") -> None:
        kind = FAULTS.get(word) or _Kind(409, "")
        super().__init__(word, french=sentence or kind.sentence)
        self.word = word
        self.field = field[:_LONGEST_FIELD]
        self.status = status or kind.status


class NotSent(SimulatorError):
    """The mail server refused a message, by its stable word; `french` is the sentence for the patient."""

    def __init__(self, word: str, french: str, *, temporary: bool) -> None:
        super().__init__(word, french=french)
        self.word = word
        self.temporary = temporary


class Unreached(SimulatorError):
    """No conversation with the mail server was possible, or it broke off: whether it has the message is unknown."""
