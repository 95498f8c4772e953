"""A request is what its device signed, or it is refused."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.edge.message_signature import (
    Claim,
    SignatureProblem,
    content_digest,
    public_key_id,
    read_claim,
    sign_request,
    signature_base,
    verify_base,
    verify_request,
)

# RFC 9421, appendix B.1.3 and B.2.4: a response signed with ecdsa-p256-sha256.
RFC_KEY = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----
"""
RFC_PARAMS = '("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"'
RFC_COMPONENTS = [
    ("@status", "200"),
    ("content-type", "application/json"),
    (
        "content-digest",
        "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
    ),
    ("content-length", "23"),
]
RFC_SIGNATURE = "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw=="

KEY = ec.generate_private_key(ec.SECP256R1())
KEY_ID = public_key_id(KEY.public_key())
REQUEST = {"method": "POST", "path": "/api/edge/sync", "query": "a=1", "body": b'{"state": "running"}'}
SIGNED = sign_request(**REQUEST, key=KEY, key_id=KEY_ID, created=1_800_000_000, nonce="once")


def refused(headers=SIGNED, key=KEY, **changes) -> str:
    """The code with which a request is refused after something was changed."""
    with pytest.raises(SignatureProblem) as caught:
        verify_request(headers=headers, key=key.public_key(), **{**REQUEST, **changes})
    return caught.value.code


def test_the_standards_own_example_is_verified():
    key = load_pem_public_key(RFC_KEY)
    base = signature_base(RFC_COMPONENTS, RFC_PARAMS)
    assert verify_base(base, base64.b64decode(RFC_SIGNATURE), key)
    assert not verify_base(base.replace(b"200", b"201"), base64.b64decode(RFC_SIGNATURE), key)


def test_the_standards_own_digest_is_made():
    """RFC 9530, appendix D: the SHA-256 of its first example."""
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_a_request_as_it_was_signed_tells_who_and_when():
    claim = verify_request(headers=SIGNED, key=KEY.public_key(), **REQUEST)
    assert claim == read_claim(SIGNED) == Claim(1_800_000_000, "once", KEY_ID)


@settings(max_examples=20)
@given(st.binary(max_size=64), st.text("abc/._-0123456789", max_size=30), st.sampled_from(["GET", "POST"]))
def test_whatever_is_signed_is_verified(body, rest, method):
    request = {"method": method, "path": f"/{rest}", "body": body}
    headers = sign_request(**request, key=KEY, key_id=KEY_ID)
    assert verify_request(headers=headers, key=KEY.public_key(), **request).key_id == KEY_ID


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"body": b'{"state": "failed"}'}, "digest"),
        ({"body": b""}, "digest"),
        ({"path": "/api/edge/vitals"}, "signature"),
        ({"query": "a=2"}, "signature"),
        ({"query": ""}, "signature"),
        ({"method": "GET"}, "signature"),
    ],
)
def test_a_changed_request_is_refused(change, code):
    assert refused(**change) == code


@pytest.mark.parametrize(
    ("old", "new"),
    [('"once"', '"twice"'), ("1800000000", "1800000001"), (KEY_ID, "0" * 64)],
    ids=["nonce", "created", "keyid"],
)
def test_changed_parameters_are_refused(old, new):
    assert refused({**SIGNED, "Signature-Input": SIGNED["Signature-Input"].replace(old, new)}) == "signature"


def test_a_body_with_a_digest_to_match_is_still_refused():
    body = b"another"
    assert refused({**SIGNED, "Content-Digest": content_digest(body)}, body=body) == "signature"


def test_another_key_is_refused():
    assert refused(key=ec.generate_private_key(ec.SECP256R1())) == "signature"


def test_another_curve_is_refused():
    assert refused(key=ec.generate_private_key(ec.SECP384R1())) == "signature"


@pytest.mark.parametrize("missing", ["Signature", "Signature-Input"])
def test_an_unsigned_request_is_told_from_a_wrong_one(missing):
    assert refused({name: value for name, value in SIGNED.items() if name != missing}) == "unsigned"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Signature", "edge=:not base64:"),
        ("Signature", "edge=:AAAAA:"),
        ("Signature", "other=:AAAA:"),
        ("Signature-Input", 'edge=("@method");created=1;nonce="a";keyid="' + "0" * 64 + '"'),
        ("Signature-Input", SIGNED["Signature-Input"].replace(' "@query"', "")),
        ("Signature-Input", SIGNED["Signature-Input"] + ';alg="hmac-sha256"'),
    ],
    ids=["not base64", "cut off", "another label", "fewer components", "without the query", "with an algorithm"],
)
def test_a_signature_over_less_is_malformed(name, value):
    assert refused({**SIGNED, name: value}) == "malformed"


def test_a_short_signature_is_refused():
    assert refused({**SIGNED, "Signature": "edge=:AAAA:"}) == "signature"


def test_a_proxy_may_sign_too():
    headers = {
        "Content-Digest": SIGNED["Content-Digest"],
        "Signature-Input": 'proxy=("@status");created=5, ' + SIGNED["Signature-Input"],
        "Signature": SIGNED["Signature"] + ", proxy=:AAAA:",
    }
    assert verify_request(headers=headers, key=KEY.public_key(), **REQUEST).nonce == "once"
