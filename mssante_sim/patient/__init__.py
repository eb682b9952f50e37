"""Mon espace santé, the patient's side: documents, what is proposed to write, and specimens to play with.

Texts that a patient reads are French.  `specimens` is the only user of reportlab and segno.
"""
