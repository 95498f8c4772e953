"""A signed bundle is what the holder of the key signed, by our own verifier and by the one that OpenSSF publishes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import signing as real_signing
from model_signing import verifying as real_verifying

from mlcore import signing
from mlcore.bundle import Papers
from mlcore.edge import cli, signature
from mlcore.edge.manifest import Manifest
from mlcore.edge.runtime import Model
from mlcore.edge.signature import SignatureProblem
from tests.export.tiny import build_colour_bundle, jpeg, unpack

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A signed bundle, unpacked."""
    folder = tmp_path_factory.mktemp("signed")
    info = build_colour_bundle(folder, papers=Papers(signing_key=KEY), extra_files={"onnx/model.onnx": b"onnx"})
    return unpack(info.path, folder / "bundle")


@pytest.fixture
def bundle(whole, tmp_path) -> Path:
    """The same to spoil."""
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


@pytest.fixture
def key_file(tmp_path) -> Path:
    path = tmp_path / "trusted.pub"
    path.write_text(pem(KEY))
    return path


def resign(bundle: Path, key: ec.EllipticCurvePrivateKey) -> None:
    files = {
        path.relative_to(bundle).as_posix(): path.read_bytes()
        for path in bundle.rglob("*")
        if path.is_file() and path.name != "model.sig"
    }
    (bundle / "model.sig").write_bytes(signing.sign(files, key))


def test_the_tool_of_openssf_verifies_what_we_signed(bundle, key_file):
    tool = real_verifying.Config().use_elliptic_key_verifier(public_key=key_file)
    tool.verify(bundle, bundle / "model.sig")
    (bundle / "mlcore" / "edge" / "__pycache__").mkdir()
    (bundle / "mlcore" / "edge" / "__pycache__" / "cli.pyc").touch()
    tool.verify(bundle, bundle / "model.sig")
    (bundle / "labels.json").write_text("{}")
    with pytest.raises(ValueError, match=r"Hash mismatch for 'labels\.json'"):
        tool.verify(bundle, bundle / "model.sig")


def test_we_verify_what_the_tool_of_openssf_signed(bundle, key_file, tmp_path):
    private = tmp_path / "key.pem"
    private.write_bytes(
        KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (bundle / "model.sig").unlink()
    real_signing.Config().use_elliptic_key_signer(private_key=private).sign(bundle, tmp_path / "model.sig")
    shutil.move(tmp_path / "model.sig", bundle / "model.sig")
    found = signature.verify(bundle, pem(KEY))
    assert set(found) == set(Manifest.read(bundle).files) | {"manifest.json"}
    (bundle / "int8" / "model.bin").write_bytes(b"other weights")
    with pytest.raises(SignatureProblem, match=r"int8/model\.bin is not the file that was signed"):
        signature.verify(bundle, pem(KEY))


def test_the_same_files_and_key_give_the_same_signature():
    assert signing.sign({"b": b"2", "a": b"1"}, KEY) == signing.sign({"a": b"1", "b": b"2"}, KEY)
    assert signing.sign({"a": b"1"}, KEY) != signing.sign({"a": b"1"}, OTHER)


def test_a_model_runs_when_the_trusted_key_signed_all_of_it(bundle):
    model = Model(bundle, trusted_key=pem(KEY))
    assert model.predict(jpeg("blue"))[0].label == "deep blue"
    assert model.proof == "Every file is as the trusted key signed it."


def test_a_changed_file_is_refused_by_name_even_where_the_manifest_was_changed_with_it(bundle):
    text = (bundle / "labels.json").read_text().replace("red", "rad")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["labels.json"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (bundle / "labels.json").write_text(text)
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(SignatureProblem, match=r"labels\.json is not the file that was signed"):
        Model(bundle, trusted_key=pem(KEY))


def test_an_added_file_is_refused_by_name(bundle):
    (bundle / "numpy.py").write_text("import os")
    with pytest.raises(SignatureProblem, match=r"numpy\.py was added to the signed bundle"):
        Model(bundle, trusted_key=pem(KEY))


def test_a_missing_file_is_refused_by_name(bundle):
    (bundle / "LICENSE").unlink()
    with pytest.raises(SignatureProblem, match="LICENSE was signed and is not here"):
        Model(bundle, trusted_key=pem(KEY))


def test_a_link_is_refused_even_to_the_same_content(bundle, tmp_path):
    shutil.move(bundle / "LICENSE", tmp_path / "LICENSE")
    (bundle / "LICENSE").symlink_to(tmp_path / "LICENSE")
    with pytest.raises(SignatureProblem, match="LICENSE was signed and is not here as a plain file"):
        Model(bundle, trusted_key=pem(KEY))


def test_a_bundle_that_somebody_else_signed_is_refused(bundle):
    with pytest.raises(SignatureProblem, match=r"model\.sig was made with another key"):
        Model(bundle, trusted_key=pem(OTHER))
    resign(bundle, OTHER)
    with pytest.raises(SignatureProblem, match=r"model\.sig was made with another key"):
        Model(bundle, trusted_key=pem(KEY))


def test_a_name_of_the_right_key_does_not_make_a_signature_right(bundle):
    resign(bundle, OTHER)
    told = json.loads((bundle / "model.sig").read_text())
    told["verificationMaterial"]["publicKey"]["hint"] = signature.key_hint(KEY.public_key())
    (bundle / "model.sig").write_text(json.dumps(told))
    with pytest.raises(SignatureProblem, match=r"model\.sig has a wrong signature"):
        Model(bundle, trusted_key=pem(KEY))


def test_a_missing_signature_is_refused(bundle):
    (bundle / "model.sig").unlink()
    with pytest.raises(SignatureProblem, match=r"model\.sig is missing"):
        Model(bundle, trusted_key=pem(KEY))


def spoil(bundle: Path, change) -> None:
    told = json.loads((bundle / "model.sig").read_text())
    change(told)
    (bundle / "model.sig").write_text(json.dumps(told))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.clear(),
        lambda told: told.update(mediaType="text/plain"),
        lambda told: told["dsseEnvelope"].update(payload="%%%"),
        lambda told: told["dsseEnvelope"].update(signatures=[]),
        lambda told: told["dsseEnvelope"].update(payloadType="application/vnd.edge-annotator.order+json"),
        lambda told: told.update(verificationMaterial=None),
    ],
)
def test_a_spoiled_signature_is_refused_in_a_sentence(bundle, change):
    spoil(bundle, change)
    with pytest.raises(SignatureProblem, match=r"^model\.sig .*\.$"):
        Model(bundle, trusted_key=pem(KEY))


@pytest.mark.parametrize("text", ["", "nothing", "[" * 100_000, "[]"])
def test_a_signature_that_is_none_is_refused_in_a_sentence(bundle, text):
    (bundle / "model.sig").write_text(text)
    with pytest.raises(SignatureProblem, match=r"^model\.sig .*\.$"):
        Model(bundle, trusted_key=pem(KEY))


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "C:/x", "a\\b"])
def test_a_signature_over_files_outside_is_refused(bundle, name):
    (bundle / "model.sig").write_bytes(signing.sign({name: b"1"}, KEY))
    with pytest.raises(SignatureProblem, match="outside the bundle"):
        signature.verify(bundle, pem(KEY))


def test_folders_deleted_to_save_space_are_not_missed(bundle):
    shutil.rmtree(bundle / "fp32")
    shutil.rmtree(bundle / "onnx")
    assert Model(bundle, "INT8", trusted_key=pem(KEY)).precision == "INT8"
    with pytest.raises(SignatureProblem, match="fp32/model"):
        Model(bundle, "FP32", trusted_key=pem(KEY))


def test_without_a_key_the_bundle_s_own_finds_accidents_and_says_no_more(bundle):
    (bundle / "my pictures").mkdir()
    (bundle / "my pictures" / "one.jpg").touch()
    assert "finds accidents only" in Model(bundle).proof
    (bundle / "model.sig").unlink()
    with pytest.raises(SignatureProblem, match=r"model\.sig is missing"):
        Model(bundle)


def test_a_bundle_that_was_never_signed_runs_unless_a_key_is_asked_for(tmp_path):
    bundle = unpack(build_colour_bundle(tmp_path).path, tmp_path / "bundle")
    assert "not signed" in Model(bundle).proof
    with pytest.raises(SignatureProblem, match=r"model\.sig is missing"):
        Model(bundle, trusted_key=pem(KEY))


def test_the_command_verifies_by_the_key_it_is_given(bundle, key_file, capsys):
    assert cli.main(["--verify", "--key", str(key_file)], bundle=bundle) == cli.OK
    assert capsys.readouterr().out == "Every file is as the trusted key signed it.\n"
    (bundle / "extra.py").touch()
    assert cli.main(["--key", str(key_file), str(bundle / "sample.jpg")], bundle=bundle) == cli.CANNOT_RUN
    assert "extra.py was added" in capsys.readouterr().err
    assert cli.main(["--verify"], bundle=bundle) == cli.OK
    assert "--key" in capsys.readouterr().out


@pytest.mark.parametrize("text", [None, "no key", "\udcff"])
def test_a_key_that_is_none_is_refused_in_a_sentence(bundle, tmp_path, text, capsys):
    path = tmp_path / "key.pub"
    if text is not None:
        path.write_text(text, errors="surrogateescape")
    try:
        code = cli.main(["--verify", "--key", str(path)], bundle=bundle)
    except SystemExit as ended:
        code = ended.code
    assert code == cli.CANNOT_RUN
    assert "key" in capsys.readouterr().err


def test_what_was_sealed_for_one_use_does_not_open_for_another():
    envelope = signing.seal(b"{}", "application/one", KEY)
    assert signature.unseal(envelope, "application/one", pem(KEY)) == b"{}"
    with pytest.raises(SignatureProblem, match="signed for another use"):
        signature.unseal(envelope, "application/two", pem(KEY))
    with pytest.raises(SignatureProblem, match="wrong signature"):
        signature.unseal({**envelope, "payloadType": "application/two"}, "application/two", pem(KEY))
