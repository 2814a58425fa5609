"""A vision-language model as a classifier: the margin between two answers to one question.

Copy this file beside your card. It serves any model of transformers that takes ``input_ids`` and
``pixel_values`` and returns ``logits`` of the next token.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForImageTextToText


class AnswerMargin(nn.Module):
    """Scores images by log P(first answer) - log P(second answer), after a fixed question.

    Args:
        model: The vision-language model.
        question: Token ids of the whole prompt, with those that stand for the image.
        answers: The token ids of the two answers, the finding's first: the first tokens of
            " yes" and " no", say. They must differ.
    """

    def __init__(self, model: Any, question: Sequence[int], answers: Sequence[int]) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("question", torch.tensor([list(question)]), persistent=False)
        self.yes, self.no = answers

    def forward(self, images: Tensor) -> Tensor:
        """The margins of images of shape (B, 3, H, W), shape (B, 1)."""
        question = self.question.expand(len(images), -1)
        seen = self.model(
            input_ids=question, attention_mask=torch.ones_like(question), pixel_values=images
        )
        following = seen.logits[:, -1].float()  # after the last token of the question
        return following[:, self.yes, None] - following[:, self.no, None]


def load(weights: str, question: Sequence[int], answers: Sequence[int]) -> nn.Module:
    """The model in the folder of a card, without reaching a hub."""
    model = AutoModelForImageTextToText.from_pretrained(
        Path(weights), local_files_only=True, use_safetensors=True
    )
    return AnswerMargin(model, question, answers)
