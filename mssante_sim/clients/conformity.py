"""What software of professionals must write into a header, and what is missing from what others wrote.

[Référentiel MSSanté #2 ECO.2.2.1, ECO.2.4.1, ECO.2.4.2, ECO.2.4.3]
"""

from collections.abc import Sequence

from mssante_sim.clients.reading import Opened
from mssante_sim.message.compose import Attachment
from mssante_sim.patient.xdm import is_xdm, read_xdm

__all__ = ["warnings_about", "xdm_fields"]


def xdm_fields(attachments: Sequence[Attachment]) -> list[tuple[str, str]]:
    """X-MSS-CODECDA and X-MSS-INS for the IHE_XDM archives among `attachments`; nothing without one.

    Raises:
        DocumentRefused: an archive is not safe to read, or holds documents of two patients.
    """
    contents = [read_xdm(one.content) for one in attachments if is_xdm(one.content)]
    documents = [document for content in contents for document in content.documents]
    if not contents:
        return []
    codes = dict.fromkeys(document.code for document in documents if document.code)
    qualified = bool(documents) and all(document.ins is not None for document in documents)
    named = [("X-MSS-CODECDA", ",".join(codes))] if codes else []
    return [*named, ("X-MSS-INS", "O" if qualified else "N")]


def warnings_about(opened: Opened, *, from_patient: bool) -> list[str]:
    """What a message lacks, in French; nothing is refused for it. A patient's owes no X-MSS field, a report neither."""
    found = [] if opened.message_id else ["le message n'a pas de Message-ID"]
    if from_patient or opened.report is not None:
        return found
    header = opened.header
    if "x-mss-nil" not in header:
        found.append("X-MSS-NIL est absent : le logiciel de l'expéditeur ne s'est pas nommé")
    archive = any(is_xdm(one.content) for one in opened.attachments)
    for name in ("X-MSS-INS", "X-MSS-CODECDA"):
        if archive and name.lower() not in header:
            found.append(f"{name} est absent, bien que le message porte une archive IHE_XDM")
        if not archive and name.lower() in header:
            found.append(f"{name} est présent, bien que le message ne porte aucune archive IHE_XDM")
    return found
