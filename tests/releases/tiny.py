"""Audits that take half a second: one check of one's own, on a phantom with a marked rim."""

from __future__ import annotations

import audit_suite
from audit_suite.record import Record

CHECK = """
from audit_suite import auroc, check

@check("own", full=auroc())
def test_skill(full):
    assert full > 0.02
"""
RIM = """
import torch

class Rim(torch.nn.Module):
    def forward(self, batch):
        return SIGN * (batch[:, :, 0].mean(dim=(1, 2)) + batch.mean(dim=(1, 2, 3)))

def build():
    return Rim()
"""
GOOD, BAD = RIM.replace("SIGN", "-1"), RIM.replace("SIGN", "1")
POLICY = """
schema = 1
name = "small"
[[targets]]
match = ["*"]
required = ["own"]
"""


def audited(folder, **more) -> Record:
    return audit_suite.run(
        [folder / "model.toml"],
        [folder / "data.toml"],
        checks=[folder / "check.py"],
        executor="inline",
        evidence=folder / "evidence",
        cache="off",
        **{"policy": folder / "policy.toml"} | more,
    )
