"""Places to keep evidence and images, and what is counted of the work on images."""

from __future__ import annotations

import uuid
from collections import Counter

import fsspec
import pytest

from audit_suite import phantoms
from audit_suite.evidence.scores import prepare, survey


@pytest.fixture(scope="module")
def bucket():
    """A bucket of an object store on this machine."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "hush")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        patch.setitem(fsspec.config.conf, "s3", {"endpoint_url": f"http://{host}:{port}"})
        name = f"bucket-{uuid.uuid4().hex}"
        fsspec.filesystem("s3").mkdir(name)
        yield f"s3://{name}"
        server.stop()


@pytest.fixture(params=["memory", "s3"])
def url(request):
    place = "memory://place" if request.param == "memory" else request.getfixturevalue("bucket")
    return f"{place}/{uuid.uuid4().hex}"


@pytest.fixture
def work(monkeypatch):
    """How often images are drawn, measured, and their distances computed."""
    counts = Counter()

    def counting(place, name):
        real = getattr(place, name)

        def counted(*arguments):
            counts[name] += 1
            return real(*arguments)

        monkeypatch.setattr(place, name, counted)

    counting(phantoms, "render")
    counting(prepare, "image_properties")
    counting(prepare, "signed_distance")
    counting(survey, "signed_distance")
    return counts
