"""The workspace's keys are made once, belong to their owner, and what they sign is what TLS and devices ask for."""

from __future__ import annotations

import argparse
import base64
import hashlib
import socket
import ssl
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from annotator.cli import key
from annotator.delivery import keys
from annotator.projects.errors import Invalid, Unavailable


@pytest.fixture(autouse=True)
def data(tmp_path: Path, settings) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


def pem(public) -> str:
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_the_signing_key_is_made_once_for_its_owner_alone(data):
    first = keys.signing_key()
    assert keys.signing_key().private_numbers() == first.private_numbers()
    assert stat.S_IMODE((data / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "keys" / "signing.pem").stat().st_mode) == 0o600
    assert keys.public_pem() == pem(first.public_key())


def test_of_many_that_ask_at_once_all_get_the_same_key():
    start = threading.Barrier(8)

    def ask(_: int) -> tuple[str, str]:
        start.wait()
        return keys.public_pem(), common_name(keys.authority()[1])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert [path.name for path in keys.folder().iterdir() if path.name.startswith(".")] == []


def test_a_spoiled_key_is_named_and_never_replaced(data):
    keys.signing_key()
    (data / "keys" / "signing.pem").write_text("nothing")
    with pytest.raises(Unavailable, match=r"signing\.pem is not a private key"):
        keys.public_pem()
    assert (data / "keys" / "signing.pem").read_text() == "nothing"


def test_a_certificate_of_another_authority_is_not_taken_for_ours(data, tmp_path, settings):
    keys.authority()
    settings.DATA_DIR = tmp_path / "other"
    keys.authority()
    (tmp_path / "other" / "keys" / "authority.crt").write_bytes((data / "keys" / "authority.crt").read_bytes())
    with pytest.raises(Unavailable, match="not the certificate of"):
        keys.authority()


def test_keys_that_others_may_read_are_found(data):
    assert keys.open_to_others() == []
    keys.signing_key()
    assert keys.open_to_others() == []
    (data / "keys" / "signing.pem").chmod(0o644)
    assert [path.name for path in keys.open_to_others()] == ["signing.pem"]


def test_a_device_gets_a_certificate_of_its_key_from_the_authority():
    device = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(device, hashes.SHA256())
    for asked in (device.public_key(), pem(device.public_key()), request.public_bytes(serialization.Encoding.PEM).decode()):
        certificate = x509.load_pem_x509_certificate(keys.issue_device(asked, "a-device").encode())
        certificate.verify_directly_issued_by(keys.authority()[1])
        assert common_name(certificate) == "a-device"
        assert certificate.public_key() == device.public_key()


@pytest.mark.parametrize(
    "asked",
    [
        "no PEM",
        pem(ed25519.Ed25519PrivateKey.generate().public_key()),
        pem(ec.generate_private_key(ec.SECP384R1()).public_key()),
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    ],
)
def test_another_kind_of_key_gets_none(asked):
    with pytest.raises(Invalid, match="device's key"):
        keys.issue_device(asked, "a-device")


def shake_hands(hosts: list[str], asked_for: str, anchor: str) -> bytes | None:
    """TLS over loopback as strict as Python knows it; answers the certificate that the server showed."""
    key, certificate = keys.issue_server(hosts)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cadata=anchor)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()
    with ours, theirs, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            try:
                server.wrap_socket(theirs, server_side=True).close()
            except (ssl.SSLError, OSError):
                theirs.close()

        pool.submit(serve)
        with client.wrap_socket(ours, server_hostname=asked_for) as secured:
            return secured.getpeercert(binary_form=True)


def anchor() -> str:
    return keys.authority()[1].public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "box.local"])
def test_who_trusts_the_authority_trusts_the_listener_by_each_of_its_hosts(host):
    shown = shake_hands(["127.0.0.1", "::1", "box.local"], host, anchor())
    assert shown is not None


def test_a_host_that_was_not_certified_is_refused():
    with pytest.raises(ssl.SSLCertVerificationError, match=r"elsewhere\.example"):
        shake_hands(["box.local"], "elsewhere.example", anchor())


def test_another_workspace_is_refused(tmp_path, settings):
    ours = anchor()
    settings.DATA_DIR = tmp_path / "other"
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|unable to get local issuer"):
        shake_hands(["box.local"], "box.local", ours)


def test_the_pin_is_of_the_listener_s_key_and_outlives_a_change_of_hosts():
    pin = keys.pin()
    for hosts in (["box.local"], ["box.local", "10.0.0.7"]):
        certificate = x509.load_pem_x509_certificate(keys.issue_server(hosts)[1].read_bytes())
        spki = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        assert base64.b64encode(hashlib.sha256(spki).digest()).decode() == pin
    assert keys.issue_server(["10.0.0.7", "box.local"]) == keys.issue_server(["box.local", "10.0.0.7", "box.local"])


@pytest.mark.parametrize("hosts", [[], ["two words"], ["a" * 70]])
def test_what_is_no_host_is_refused(hosts):
    with pytest.raises(Invalid, match="host"):
        keys.issue_server(hosts)


def test_the_command_prints_the_public_key(data, capsys):
    key.run(argparse.Namespace(data=None))
    assert capsys.readouterr().out == keys.public_pem()
