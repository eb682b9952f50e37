"""Mon espace santé, the patient's side: documents, archives of them (XDM), conversations, and the service `/mes/v1`.

    api table faults wire        what travels, the routes as data, every refusal; OpenAPI (`openapi`) comes of these
    http calls sessions          a request is let in, bounded, checked, answered
    reception picker shelf writing history reading news
                                 the operations, a class each; `service` puts them together
    locker papers letters keys   what is kept and how it is read; `form` reads what is uploaded
    house                        what all of them are given
    documents proposal specimens xdm cda xds plain_xml conversation
                                 pure, but for chance in none of them

What holds everywhere:
- What a patient keeps is sealed before it is stored; nothing in clear touches the disk, a log or a trace.
- A handler asks for things of the account of its session and of no other; so a stranger's id is just unknown.
- No answer holds the address of a professional.
- What takes more than a millisecond or two runs among the workers, large bodies in pieces.

Texts that a patient reads are French.  `specimens` is the only user of reportlab and segno.
"""
