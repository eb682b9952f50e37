"""The white list: what it says, who may be on it, how it is broken on purpose."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from mssante_sim.clock import FixedClock
from mssante_sim.config import Domains
from mssante_sim.crypto.keystore import Holder, Keystore
from mssante_sim.crypto.profiles import Usage
from mssante_sim.crypto.xmldsig import SignatureRefused, sign_enveloped, subject_of
from mssante_sim.directory.store import Directory
from mssante_sim.directory.trust_list import (
    FAULTS,
    NAMESPACE,
    OTHER_DOMAIN,
    SEALER,
    Operator,
    TrustListError,
    WhiteListService,
    peer_of,
    read_trust_list,
    written,
)
from mssante_sim.smtp import replies
from mssante_sim.smtp.peers import WhiteList, normalised

OWN = Domains()
AT = datetime(2026, 11, 25, 8, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Keystore:
    return Keystore.create(tmp_path_factory.mktemp("trust"), at=AT, base="http://127.0.0.1:2080", hosts=["localhost"])


@pytest.fixture
def service(directory: Directory, keystore: Keystore, clock: FixedClock) -> WhiteListService:
    return WhiteListService(directory.rows, keystore, OWN, clock)


def other(keystore: Keystore, tmp_path: Path, clock: FixedClock, name: str = "mx.ailleurs.test") -> str:
    keystore.issue_client(name, "AUTRE OPERATEUR FICTIF", tmp_path / f"{name}.pem", at=clock.now())
    return peer_of(tmp_path / f"{name}.pem")


def test_it_names_our_domains_by_the_certificate_that_our_server_shows(
    service: WhiteListService, keystore: Keystore
) -> None:
    own = subject_of(keystore.server.read_bytes())
    assert service.verified().peers == {OWN.patients: (own,), OWN.operator: (own, own.replace(", ", ","))}
    text = service.document().decode()
    assert f'<ListeBlancheMSSante xmlns="{NAMESPACE}"><DateDeGeneration>2026-11-25T08:30:00+00:00</DateDe' in text
    for name in ("ListeDomaines", "Domaine", "Nom", "Description", "DNCertificatOperateur", "ResponsableContact",
                 "SupportContact", "DateMAJ"):  # fmt: skip
        assert f"<{name}>" in text


def test_an_operator_may_have_several_names_in_several_spellings(
    service: WhiteListService, keystore: Keystore, tmp_path: Path, clock: FixedClock
) -> None:
    first, second = (other(keystore, tmp_path, clock, name) for name in ("mx1.ailleurs.test", "mx2.ailleurs.test"))
    spelt = second.replace(", ", ",").replace("AUTRE ", "AUTRE  ")
    service.add(Operator("Ailleurs.test", (first, spelt), "Un autre & <opérateur>"))
    read = service.verified()
    assert read.peers["ailleurs.test"] == (first, spelt)
    assert read.operators[-1].description == "Un autre & <opérateur>"
    assert read.operators[-1].updated == "2026-11-25"
    white_list = WhiteList(read.peers)
    assert white_list.refusal(normalised(second), "ailleurs.test") is None
    assert white_list.refusal(normalised(second), OWN.operator) is replies.PEER_NOT_LISTED
    service.remove("ailleurs.test")
    assert "ailleurs.test" not in service.verified().peers


@pytest.mark.parametrize(
    "operator",
    [
        Operator("ailleurs.test", ()),
        Operator("ailleurs", ("CN=x",)),
        Operator("ailleurs.test", ("",)),
        Operator("ailleurs.test", ("CN=x", "x")),
        Operator("ailleurs.test", ("CN=\x01",)),
        Operator("ailleurs.test", ("CN=a\nb",)),
        Operator("ailleurs.test", ("CN=\udcff",)),
        Operator("ailleurs.test", (f"CN={'x' * 1_000}",)),
    ],
    ids=lambda operator: ascii(operator.subjects)[:20],
)
def test_an_operator_without_name_or_domain_is_refused(service: WhiteListService, operator: Operator) -> None:
    before = service.verified().peers
    with pytest.raises(TrustListError):
        service.add(operator)
    assert service.verified().peers == before
    with pytest.raises(TrustListError, match="No operator"):
        service.remove("ailleurs.test")


def test_each_fault_breaks_the_list_in_its_own_way(service: WhiteListService, keystore: Keystore) -> None:
    service.add(Operator("ailleurs.test", ("C=FR, CN=a", "C=FR, CN=b")))
    service.set_faults(["bad-signature"])
    with pytest.raises(SignatureRefused, match="altered"):
        service.verified()
    service.set_faults(["stale"])
    with pytest.raises(TrustListError, match="stale: it was generated 2025-10-21"):
        service.verified()
    service.set_faults(["unlisted", "unknown fault"])
    own = subject_of(keystore.server.read_bytes())
    elsewhere = ("C=FR, O=AUTRE OPERATEUR FICTIF, CN=ailleurs.test",)
    assert service.verified().peers == dict.fromkeys((OWN.patients, OWN.operator, "ailleurs.test"), elsewhere)
    service.set_faults(["other-suffix"])
    assert service.verified().peers[OTHER_DOMAIN] == (own, "C=FR, CN=a", "C=FR, CN=b")
    assert service.faults() == {"other-suffix"} <= set(FAULTS)
    service.set_faults([])
    assert set(service.verified().peers) == {OWN.patients, OWN.operator, "ailleurs.test"}


def test_what_did_not_change_is_not_signed_again_and_what_did_counts_at_once(
    service: WhiteListService, clock: FixedClock
) -> None:
    first = service.verified()
    assert service.verified() is first
    clock.advance(timedelta(days=1))
    assert service.verified().generated == clock.now()
    service.add(Operator("ailleurs.test", ("C=FR, CN=a",)))
    assert "ailleurs.test" in service.verified().peers


def test_a_list_ages(service: WhiteListService, keystore: Keystore, clock: FixedClock) -> None:
    document, trust = service.document(), keystore.trust()
    read_trust_list(document, trust, at=clock.now() + timedelta(days=7))
    for days in (8, -2):
        with pytest.raises((TrustListError, SignatureRefused)):
            read_trust_list(document, trust, at=clock.now() + timedelta(days=days))


@pytest.mark.parametrize(
    "text",
    [
        b"<Autre></Autre>",
        b"<ListeBlancheMSSante></ListeBlancheMSSante>",
        f'<ListeBlancheMSSante xmlns="{NAMESPACE}"></ListeBlancheMSSante>'.encode(),
        written([], generated=AT).replace(b"2026-11-25T08:30:00+00:00", b"hier"),
        written([], generated=AT).replace(b"+00:00", b""),
        written([Operator("", ("CN=x",))], generated=AT),
    ],
)
def test_another_document_is_refused_though_well_signed(
    service: WhiteListService, keystore: Keystore, clock: FixedClock, text: bytes
) -> None:
    service.document()
    sealer = keystore.identity(SEALER, Usage.SIGN)
    assert sealer is not None
    with pytest.raises(TrustListError):
        read_trust_list(sign_enveloped(text, sealer), keystore.trust(), at=clock.now())


def test_a_list_that_somebody_else_of_the_trust_space_has_signed_is_forged(
    service: WhiteListService, keystore: Keystore, clock: FixedClock
) -> None:
    keystore.issue([Holder("pharmacie@officine.mssante.test", "PHARMACIE FICTIVE")], at=AT)
    forger = keystore.identity("pharmacie@officine.mssante.test", Usage.SIGN)
    assert forger is not None
    unsigned = written([Operator("ailleurs.test", ("CN=x",))], generated=AT)
    with pytest.raises(TrustListError, match="forged"):
        read_trust_list(sign_enveloped(unsigned, forger), keystore.trust(), at=clock.now())


async def test_it_is_served_as_it_is_now(service: WhiteListService, keystore: Keystore, clock: FixedClock) -> None:
    transport = httpx.ASGITransport(Starlette(routes=service.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://liste.test") as client:
        answer = await client.get("/listeblanche/listeblanche.xml")
    assert answer.headers["content-type"] == "application/xml"
    assert set(read_trust_list(answer.content, keystore.trust(), at=clock.now()).peers) == {OWN.patients, OWN.operator}


@pytest.mark.interop
def test_xmlsec1_verifies_the_served_list_with_the_exported_authority(
    service: WhiteListService, keystore: Keystore, tmp_path: Path, clock: FixedClock
) -> None:
    names = ("root.der", "issuing.der")
    for name, der in zip(names, keystore.authorities, strict=True):
        (tmp_path / name).write_bytes(der)
    command = ["xmlsec1", "--verify", "--verification-gmt-time", f"{clock.now():%Y-%m-%d %H:%M:%S}", "--trusted-der",
               "root.der", "--untrusted-der", "issuing.der", "--enabled-key-data", "x509", "list.xml"]  # fmt: skip
    for faults, status in (([], 0), (["stale"], 0), (["bad-signature"], 1)):
        service.set_faults(faults)
        (tmp_path / "list.xml").write_bytes(service.document())
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == status
