"""One record however many processes: suites with maps, embeddings, expectations and readings.

The scores and the study have the same test in test_audit_gate.py and test_audit_study.py.
"""

from __future__ import annotations

import json

from plugin.test_audit_interpretability import NETWORKS
from plugin.test_audit_plausibility import expect
from plugin.test_audit_readers import READINGS, read, study

SUITES = ("interpretability", "plausibility", "embeddings")


def test_evidence_of_every_kind_gives_one_record_in_one_process_and_in_two(world, images):
    world.dataset("big", images(400))
    (world.path / "networks.py").write_text(NETWORKS)
    card = world.path / "honest.toml"
    card.write_text(
        card.read_text()
        .replace("model.py:build", "networks.py:build")
        .replace("[input]", 'embedding_layer = "flat"\n[input]')
    )
    expect(world, "honest", '"border"')
    key, _ = study(world, model="honest")
    read(world, key, {"full": 0.9, "without-roi": 0.5}, unreadable=0.1)

    texts = []
    for workers in ((), ("-n2",)):
        world.run(
            *(f"--audit-suite={suite}" for suite in SUITES),
            READINGS,
            "--audit-max-explained=24",
            f"--audit-evidence=evidence{len(texts)}",
            *workers,
        )
        found = world.record()
        found.pop("environment")
        texts.append(json.dumps(found))
    assert texts[0] == texts[1]

    assert found["attributions"]
    assert found["embeddings"]
    assert found["provenance"]["readings"] is not None
    assert {f["case"] for f in found["findings"] if f["check"] == "P2"} == {"border"}
    judged = {f["check"] for f in found["findings"] if f["verdict"] in ("pass", "fail")}
    assert {"I1", "R14", "P1", "H1", "H2"} <= judged
    reported = {f["check"] for f in found["findings"] if f["observations"]}
    assert {"E1", "I5", "H3"} <= reported
