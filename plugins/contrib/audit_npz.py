"""A data set reader and a model loader in one file; ``-p audit_npz`` makes both known to cards.

``files.arrays``: images, patients, 0 and 1 per target, a mask per region; ``weights``: linear.
"""

import numpy as np

from audit_suite import extend


class NpzReader(extend.Reader):
    name, needed_files = "npz", ("arrays",)

    def read(self, card):
        path = card.resolve(card.root) / card.files["arrays"]
        arrays, targets, cases = dict(np.load(path)), sorted(card.targets), []
        for row, patient in enumerate(arrays["patients"]):
            labels = {target: int(arrays[target][row]) for target in targets}
            cases.append(extend.Case(str(row), str(patient), labels, {}, row))
        digest = extend.canonical_digest([path.read_bytes().hex(), targets])
        masks = {name: arrays[name] > 0 for name in card.roi_regions}
        read = lambda i: extend.Sample(arrays["images"][i], {n: masks[n][i] for n in masks})  # noqa: E731
        return extend.Dataset(card, digest, tuple(cases), read)


class NpzLoader(extend.Loader):
    name, code = "npz", staticmethod(lambda card: "")  # no code: np.load refuses pickles

    def load(self, card, weights):
        import torch

        state = {name: torch.from_numpy(array) for name, array in np.load(weights).items()}
        linear = torch.nn.Linear(*reversed(state["weight"].shape))
        linear.load_state_dict(state)
        return torch.nn.Sequential(torch.nn.Flatten(), linear)


extend.register_reader(NpzReader())
extend.register_loader(NpzLoader())
