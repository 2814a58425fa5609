"""A tiny vision-language model with random weights: a vision transformer before a Llama."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

IMAGE, QUESTION, YES, NO = 9, [1, 2, 3], 4, 5  # tokens of a vocabulary of ten
PATCHES = 16


def make(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Write the folder ``vlm``; returns the scores from the probabilities of the two answers."""
    torch.manual_seed(0)
    small = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "initializer_range": 0.3,
    }
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(image_size=32, patch_size=8, **small),
        text_config=LlamaConfig(vocab_size=10, num_key_value_heads=2, **small),
        image_token_id=IMAGE,
        vision_feature_layer=-1,
    )
    model = LlavaForConditionalGeneration(config).eval()
    model.save_pretrained(folder / "vlm")

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        prompt = torch.tensor([[*[IMAGE] * PATCHES, *QUESTION]])
        found = []
        with torch.inference_mode():
            for image in torch.from_numpy(images):
                answer = model(input_ids=prompt, pixel_values=image[None]).logits[0, -1]
                p = answer.softmax(dim=0)
                found.append([float(p[YES] / (p[YES] + p[NO]))])
        return np.array(found, np.float32)

    return scores
