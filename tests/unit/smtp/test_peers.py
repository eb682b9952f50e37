import pytest

from mssante_sim.smtp import replies
from mssante_sim.smtp.peers import WhiteList, normalised, subject_of

SUBJECT = {
    "subject": (
        (("countryName", "FR"),),
        (("organizationName", "OPERATEUR, FICTIF"),),
        (("commonName", "mx.autre.test"),),
    )
}


@pytest.mark.parametrize(
    "written",
    [
        "CN=mx.autre.test,O=OPERATEUR\\, FICTIF,C=FR",
        "C=FR, O=Operateur\\,  Fictif, CN=MX.autre.test",
        " c = FR ,o=OPERATEUR\\, FICTIF , cn= mx.autre.test",
        "countryName=FR,organizationName=OPERATEUR\\, FICTIF,commonName=mx.autre.test",
    ],
)
def test_one_name_has_one_form_however_it_is_written(written):
    assert normalised(written) == subject_of(SUBJECT)


@pytest.mark.parametrize(
    "other",
    [
        "CN=mx.autre.test,C=FR",
        "CN=mx.autre.test,O=OPERATEUR,C=FR",
        "CN=mx.autre.test,O=OPERATEUR\\, FICTIF,OU=X,C=FR",
        "O=OPERATEUR\\, FICTIF,CN=mx.autre.test,C=FR",
        "CN=mx.autre.test,O=OPERATEUR, FICTIF,C=FR",
    ],
)
def test_another_name_stays_another(other):
    assert normalised(other) != subject_of(SUBJECT)


def test_the_list_decides_and_never_a_suffix():
    known = WhiteList({"Autre.test": ["CN=a,C=FR", "CN=b,C=FR"]})
    a, c = normalised("C=FR,CN=a"), normalised("CN=c,C=FR")
    assert known.refusal(a, "autre.TEST") is None
    assert known.refusal(a, "") is None
    assert known.refusal(a, "sub.autre.test") is replies.DOMAIN_NOT_LISTED
    assert known.refusal(c, "autre.test") is replies.PEER_NOT_LISTED
    assert known.refusal(c, "") is replies.PEER_NOT_LISTED
    assert WhiteList({}).refusal(a, "") is replies.PEER_NOT_LISTED


def test_no_certificate_is_no_subject():
    assert subject_of(None) is None
    assert subject_of({}) is None
