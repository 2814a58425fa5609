"""The first card of a model: what its file says, and what is assumed of the rest."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.starting.answers import Answers
from audit_suite.starting.checkpoint_look import look_into
from audit_suite.starting.toml_lines import Guess, card_path, slug

_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".tar")
_ENDINGS = {".onnx": "onnx", ".tflite": "tflite", ".keras": "keras", ".pt2": "export"}
_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


@dataclass(frozen=True)
class ModelOptions:
    """What a user said of the model.

    Attributes:
        model: The file or folder, or ``file.py:function``.
        architecture: The network, for a checkpoint; empty to guess.
        outputs: Every output by name, in the model's order; empty to guess.
        size: Side of the input, or its height and width; None to guess.
        resize: How images are brought to the size; empty to guess.
        mean: Subtracted from each channel; empty to guess.
        std: Divides each channel; empty to guess.
        activation: What turns outputs into scores; empty to guess.
        channels: Of the input, 1 or 3; 0 to guess.
        name: Name of the model; empty for that of its file.
    """

    model: str
    architecture: str = ""
    outputs: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    resize: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    activation: str = ""
    channels: int = 0
    name: str = ""


def model_keys(options: ModelOptions, target: str, out: Path, answers: Answers) -> dict[str, Any]:
    """The keys of a model's card.

    Args:
        options: What the user said.
        target: What is audited.
        out: Folder of the card.
        answers: Asks, or assumes.

    Raises:
        AuditError: If the file is missing or of no known kind, or something must be said.
    """
    file, _, function = options.model.partition(".py:")
    path = Path(f"{file}.py" if function else options.model)
    if not path.exists():
        raise AuditError(f"--model: {path} does not exist", "name the model's file or folder")
    keys: dict[str, Any] = {
        "schema": 1,
        "name": slug(options.name or path.stem),
        "targets": [target],
    }
    relative = card_path(path, out)
    if function:
        facts = FileFacts(loader="function")
        keys |= {"loader": "function", "architecture": f"{relative}:{function}", "trusted": False}
        answers.assume(f"{path.name} was not run: read it, then write trusted = true in the card")
    else:
        facts = _kind(path)(path, options)
        keys |= {"loader": facts.loader, **facts.keys, "weights": relative}
    keys |= _outputs(options, facts, target, answers)
    keys["input"] = _input(options, facts, answers)
    return keys


@dataclass(frozen=True)
class FileFacts:
    """What a model's file says of itself.

    Attributes:
        loader: The loader that reads it.
        keys: Further keys of the card.
        outputs: Number of outputs; 0 if the file does not say.
        names: Their names, if the file has them.
        size: Height and width of the input, if the file says.
        channels: Of the input; 0 if the file does not say.
        input: Keys of the section ``input``, and where they are from.
    """

    loader: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 0
    names: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    channels: int = 0
    input: Mapping[str, Any] = field(default_factory=dict)


def _kind(path: Path) -> Callable[[Path, ModelOptions], FileFacts]:
    if path.is_dir():
        if (path / "config.json").is_file():
            return _huggingface
        if (path / "configs").is_dir():
            return lambda p, o: FileFacts("monai_bundle", {"trusted": False})
        raise AuditError(
            f"--model: {path} is a folder without config.json (Hugging Face) or configs (MONAI)",
            "name the model's file",
        )
    if path.suffix == ".onnx":
        return _onnx
    if path.suffix in _ENDINGS:
        loader = _ENDINGS[path.suffix]
        keys = {"trusted": False} if loader == "export" else {}
        return lambda p, o: FileFacts(loader, keys)
    if path.suffix in _CHECKPOINTS:
        return _torchscript if _is_torchscript(path) else _checkpoint
    known = ", ".join((*_CHECKPOINTS, *_ENDINGS))
    raise AuditError(
        f"--model: {path.name} is of no known kind (known endings: {known})",
        "name a file of such a kind, a folder of Hugging Face or MONAI, or file.py:function",
    )


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _torchscript(path: Path, options: ModelOptions) -> FileFacts:
    return FileFacts("torchscript", {"trusted": False})


def _checkpoint(path: Path, options: ModelOptions) -> FileFacts:
    network = look_into(path, options.architecture)
    if network is None:
        raise AuditError(f"--model: {path} holds no state dict", "save model.state_dict()")
    if not network.architecture:
        raise AuditError(
            f"--model: {path.name} is none of torchvision's networks",
            "say which it is with --architecture: timm:NAME, monai:NAME, torchxrayvision:NAME, or "
            "file.py:function that returns your network",
        )
    library, _, name = network.architecture.partition(":")
    number = {"torchvision": "num_classes", "timm": "num_classes", "torchxrayvision": "num_classes"}
    arguments = {number[library]: network.outputs} if library in number else {}
    keys: dict[str, Any] = {"architecture": network.architecture}
    if not options.architecture:
        keys["architecture"] = Guess(network.architecture, "the weights fit this network")
    if arguments:
        keys["arguments"] = arguments
    if library.endswith(".py") or library not in (*number, "monai"):
        keys["trusted"] = False
    recipe = _torchvision_recipe(name) if library == "torchvision" else {}
    return FileFacts("architecture", keys, network.outputs, channels=network.channels, input=recipe)


def _torchvision_recipe(name: str) -> dict[str, Any]:
    """How torchvision itself prepares images for a network, as keys of the section ``input``."""
    from torchvision.models import get_model_weights

    try:
        recipe = get_model_weights(name).DEFAULT.transforms()
        crop, short = recipe.crop_size[0], recipe.resize_size[0]
        mean, std = list(recipe.mean), list(recipe.std)
    except (AttributeError, IndexError, KeyError, ValueError):
        return {}
    keys = {"size": [crop, crop], "resize": "short-side", "resize_to": max(crop, short)}
    return {**keys, "mean": mean, "std": std, "_why": f"torchvision's own for {name}"}


def _onnx(path: Path, options: ModelOptions) -> FileFacts:
    from audit_suite.models.libraries import needing

    with needing("onnx", "onnx"):
        import onnx
    program = onnx.load(str(path), load_external_data=False)
    kept = {tensor.name for tensor in program.graph.initializer}
    images = [each for each in program.graph.input if each.name not in kept]
    sides = [side.dim_value for side in images[0].type.tensor_type.shape.dim] if images else []
    shape = [int(side) for side in sides]
    last = len(shape) == 4 and shape[3] in (1, 3) and shape[1] not in (1, 3)
    channels, size = (shape[3], shape[1:3]) if last else (shape[1:2] or [0], shape[2:4])
    result = program.graph.output[0].type.tensor_type.shape.dim
    return FileFacts(
        "onnx",
        {"output": program.graph.output[0].name} if len(program.graph.output) > 1 else {},
        outputs=int(result[1].dim_value) if len(result) > 1 else 1,
        size=(size[0], size[1]) if len(size) == 2 and all(size) else None,
        channels=channels if isinstance(channels, int) else channels[0],
    )


def _huggingface(path: Path, options: ModelOptions) -> FileFacts:
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    labels = config.get("id2label", {})
    names = tuple(slug(str(labels[key])) for key in sorted(labels, key=int))
    side = config.get("image_size")
    size = (side, side) if isinstance(side, int) else None
    processor = path / "preprocessor_config.json"
    recipe: dict[str, Any] = {}
    if processor.is_file():
        said = json.loads(processor.read_text(encoding="utf-8"))
        wanted = said.get("size", {})
        if size is None and isinstance(wanted, dict) and "height" in wanted:
            size = (int(wanted["height"]), int(wanted["width"]))
        recipe = {"resize": "stretch", "_why": processor.name}
        for key, name in (("mean", "image_mean"), ("std", "image_std")):
            if name in said and said.get("do_normalize", True):
                recipe[key] = said[name]
        if not said.get("do_normalize", True):
            recipe |= {"mean": [0.0], "std": [1.0]}
    return FileFacts(
        "huggingface",
        {},
        outputs=len(names),
        names=names,
        size=size,
        channels=int(config.get("num_channels", 3)),
        input=recipe,
    )


def _outputs(
    options: ModelOptions, facts: FileFacts, target: str, answers: Answers
) -> dict[str, Any]:
    names = options.outputs or facts.names
    if not names and facts.outputs == 2:
        answers.assume(f"of the model's two outputs the second is '{target}' (--outputs says so)")
        names = (f"no-{target}", target)
    if not names and facts.outputs > 2:
        said = answers.need(
            f"the model has {facts.outputs} outputs: which, in its order, separated by commas",
            "--outputs",
        )
        names = tuple(slug(each) for each in said.split(","))
    if facts.outputs and names and len(names) != facts.outputs:
        raise AuditError(
            f"--outputs names {len(names)} outputs ({', '.join(names)}), but the model has "
            f"{facts.outputs}",
            "name each of them, in the model's order",
        )
    if len(names) <= 1:
        return _scores(options.activation, answers) if options.activation else {}
    if target not in names:
        raise AuditError(
            f"none of the model's outputs ({', '.join(names)}) is '{target}'",
            "say which finding is audited with --target, by the name of that output",
        )
    activation = options.activation or answers.ask(
        "Which function turns the outputs into scores (softmax, sigmoid or none)",
        "softmax",
        "several outputs, one of which applies",
    )
    return {"outputs": list(names), **_scores(activation, answers)}


def _scores(activation: str, answers: Answers) -> dict[str, Any]:
    if activation != "none":
        return {"activation": activation}
    said = answers.ask(
        "Does the model itself return probabilities, from 0 to 1 (yes or no)",
        "no",
        "scores are then ranked as they are, and have no calibration",
    )
    keys: dict[str, Any] = {"activation": activation}
    return {**keys, "probabilities": True} if said.startswith(("y", "Y")) else keys


def _input(options: ModelOptions, facts: FileFacts, answers: Answers) -> dict[str, Any]:
    recipe = dict(facts.input)
    why = str(recipe.pop("_why", "a common choice; compare it with your training code"))
    size = options.size or facts.size
    channels = (
        options.channels
        or facts.channels
        or int(answers.ask("How many channels does the input have (1 or 3)", "3", "the commonest"))
    )
    keys: dict[str, Any] = {}
    if size is not None:
        keys["size"] = list(size)
    elif "size" in recipe:
        keys["size"] = Guess(recipe["size"], why)
    else:
        side = answers.need(
            "which height and width, in pixels, does the model's input have", "--size"
        )
        keys["size"] = list(parse_size(side))
    keys["channels"] = channels
    if options.resize:
        keys["resize"] = options.resize
        if options.resize == "short-side":
            short = max(size) if size else recipe.get("resize_to", 256)
            keys["resize_to"] = Guess(short, "the side of the input")
    elif recipe.get("resize") == "short-side" and "size" in recipe and not size:
        keys["resize"] = Guess("short-side", why)
        keys["resize_to"] = Guess(recipe["resize_to"], why)
    else:
        keys["resize"] = Guess(
            recipe["resize"] if recipe.get("resize") == "stretch" else "stretch", why
        )
    for key, neutral in (("mean", 0.0), ("std", 1.0)):
        given = getattr(options, key)
        usual = recipe.get(key, _IMAGENET[key] if channels == 3 else [neutral])
        keys[key] = list(given) if given else Guess(usual[:1] if channels == 1 else usual, why)
    answers.assumed += [
        f"input.{key} = {value.value} ({value.why})"
        for key, value in keys.items()
        if isinstance(value, Guess)
    ]
    return keys


def parse_size(text: str) -> tuple[int, int]:
    """A size such as ``224`` or ``320x256`` (height x width).

    Raises:
        AuditError: If it is none.
    """
    sides = text.lower().replace(",", "x").split("x")
    if len(sides) not in (1, 2) or not all(side.strip().isdigit() for side in sides):
        raise AuditError(
            f"--size: '{text}' is not a size", "write 224, or 320x256 (height x width)"
        )
    return int(sides[0]), int(sides[-1])


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Numbers separated by commas.

    Raises:
        AuditError: If one is none; names the option.
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise AuditError(
            f"{option}: '{text}' is not a list of numbers", "write 0.485,0.456,0.406, or 0.5"
        ) from None
