"""The bucket that the settings name: made where the storage has none yet."""

from __future__ import annotations

from django.conf import settings
from django.core.files.storage import default_storage

from annotator.supervisor.refusal import Refusal

MISSING = {"404", "NoSuchBucket", "NotFound"}


def ensure_bucket() -> bool:
    """True when a bucket was made, False when it was there or files are kept in the data directory.

    Raises Refusal when the storage does not answer or does not let us.
    """
    if not settings.S3_BUCKET:
        return False
    from botocore.exceptions import BotoCoreError, ClientError

    client = default_storage.connection.meta.client  # type: ignore[attr-defined]
    try:
        try:
            client.head_bucket(Bucket=settings.S3_BUCKET)
        except ClientError as error:
            if error.response["Error"]["Code"] not in MISSING:
                raise
            client.create_bucket(Bucket=settings.S3_BUCKET)
            return True
    except (BotoCoreError, ClientError) as error:
        raise Refusal(
            f"The bucket '{settings.S3_BUCKET}' cannot be used ({error}): "
            "check ANNOTATOR_S3_BUCKET, ANNOTATOR_S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from error
    return False
