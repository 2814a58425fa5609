"""The card in software does what the CPU does, and nothing that a card would not do."""

from __future__ import annotations

import os

import pytest
import torch
from device.software import software_card
from torch import nn

from audit_suite.evidence import EvidenceProfile
from audit_suite.evidence.arithmetic import fix_arithmetic


@pytest.fixture
def card():
    with software_card() as card:
        yield card


def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4, 2)).eval()


def on_host(tensor):
    return tensor.detach().cpu()


def test_a_network_scores_and_is_differentiated_as_on_the_cpu(card):
    images, here, there = torch.rand(3, 1, 8, 8), network(), network().to("cuda")
    assert all(weights.is_cuda for weights in there.parameters())
    answers = []
    for net, batch in ((here, images.clone()), (there, images.cuda())):
        batch.requires_grad_()
        scores = net(batch)
        (slope,) = torch.autograd.grad(scores.sum(), batch)
        answers.append((scores, slope))
    (scores, slope), (card_scores, card_slope) = answers
    assert card_scores.device == card_slope.device == torch.device("cuda:0")
    assert torch.equal(on_host(card_scores), scores.detach())
    assert torch.equal(on_host(card_slope), slope)


def test_parts_are_written_in_place(card):
    image = torch.rand(2, 4, 4)
    there = image.cuda()
    there[:, 1:3] = 0
    there[there > 0.9] = 1
    image[:, 1:3] = 0
    image[image > 0.9] = 1
    assert torch.equal(there.cpu(), image)


def test_what_is_made_there_is_there(card):
    there = torch.rand(2).cuda()
    for made in (
        torch.arange(3, device=there.device),
        torch.tensor([1.0], device=there.device),
        torch.zeros_like(there),
        torch.ones(2).to(there),
        there.double(),
    ):
        assert made.is_cuda


@pytest.mark.parametrize(
    "step",
    [
        lambda there: there + torch.ones(2),
        lambda there: torch.cat([there, torch.ones(2)]),
        lambda there: torch.where(torch.tensor([True, False]), there, there),
        lambda there: nn.Linear(2, 2)(there),
    ],
)
def test_no_step_takes_tensors_of_two_devices(card, step):
    with pytest.raises(RuntimeError, match="on the same device"):
        step(torch.rand(2).cuda())
    assert (torch.rand(2).cuda() + torch.tensor(1.0)).is_cuda, "but for a number"


def test_no_array_is_made_of_what_is_there(card):
    with pytest.raises(RuntimeError):
        torch.rand(2).cuda().numpy()


def test_memory_has_no_numbers_before_their_copy_is_waited_for(card):
    there = torch.rand(3).cuda()
    host = torch.empty(3, pin_memory=True)
    host.copy_(there, non_blocking=True)
    assert host.isnan().all()
    torch.cuda.Event().synchronize()
    assert torch.equal(host, there.cpu())


@pytest.mark.parametrize(
    "careless",
    [
        lambda there: there.to("cpu", non_blocking=True),
        lambda there: torch.empty(3).copy_(there, non_blocking=True),
    ],
)
def test_what_is_left_to_luck_is_a_fault(careless):
    with pytest.raises(AssertionError), software_card():
        careless(torch.rand(3).cuda())


@pytest.mark.parametrize("early", [True, False])
def test_pinned_memory_is_left_alone_until_it_is_copied(early):
    def write(card):
        pinned = torch.zeros(3, pin_memory=True)
        pinned.to("cuda", non_blocking=True)
        if not early:
            torch.cuda.synchronize()
        pinned += 1

    if early:
        with pytest.raises(AssertionError), software_card() as card:
            write(card)
    else:
        with software_card() as card:
            write(card)


@pytest.mark.parametrize(
    "asked",
    [
        lambda there: there.sum().item(),
        lambda there: bool((there > 2).any()),
        lambda there: there.cpu(),
        lambda there: there.tolist(),
        lambda there: there[there > 0.5],
        lambda there: there.nonzero(),
        lambda there: torch.equal(there, there),
        lambda there: torch.rand(3).to(there),
    ],
)
def test_the_host_waits_for_an_answer(card, asked):
    there = torch.rand(3).cuda() * 2
    there[1:] = 0
    card.waited.clear()
    asked(there)
    assert card.waited


def test_nothing_is_left_of_it():
    def state():
        patched = torch.empty, torch.tensor, torch.autocast, torch.Tensor.to, torch.cuda.Event
        switches = (
            torch.cuda.is_available(),
            torch.are_deterministic_algorithms_enabled(),
            torch._C._jit_texpr_fuser_enabled(),
        )
        return patched, switches, dict(os.environ)

    before = state()
    with software_card():
        fix_arithmetic(EvidenceProfile(device="cuda", threads=1))
        assert torch.cuda.is_available()
        assert state() != before
    assert state() == before
