"""Mon espace santé, the patient's side: documents, archives of them (XDM), proposals, specimens to play with.

Texts that a patient reads are French.  `specimens` is the only user of reportlab and segno.
"""
