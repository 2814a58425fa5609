"""Score a batch under its maskings: each version of it once per model, read when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.profile import Precision
from audit_suite.evidence.scores.columns import ShardColumns
from audit_suite.evidence.scores.request import THUMBNAIL, ScoreRequest
from audit_suite.evidence.scores.staging import Staged
from audit_suite.evidence.scores.trial import batch_size, compiled_for
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.maskings.masking import Masking
from audit_suite.maskings.show import Batch, Context, hidden_pixels, show
from audit_suite.maskings.shuffled import appearance
from audit_suite.models.audited import AuditedModel
from audit_suite.models.compiling import Compiled
from audit_suite.models.preprocessing import normalise
from audit_suite.out_of_memory import ran_out, too_large
from audit_suite.pulse import beat

_Who = tuple[ModelCard, int | None]
_Output = tuple[Tensor, Tensor | None]
Columns = Mapping[ScoreRequest, ShardColumns]
Read = Callable[[], None]


@dataclass
class Scoring:
    """Scores batches of one data set.

    Attributes:
        source: Models and profile.
        images: Images of the data set.
        progress: Called with a line of text if memory runs out.
        fitting: How many images at once a model scores; fewer than a batch where its memory or
            speed on the device is at its best, whatever other models share the batch.
        compiled: The form in which a model scores full batches, where compiling it pays.
    """

    source: EvidenceSource
    images: int
    progress: Progress
    fitting: dict[_Who, int] = field(default_factory=dict)
    compiled: dict[_Who, Compiled | None] = field(default_factory=dict)

    def failed(self, request: ScoreRequest) -> bool:
        """Whether a request has a recorded failure."""
        return any(scope in self.source.failures for scope in (request, request.pair))

    def batch(self, staged: Staged, context: Context, columns: Columns, start: int) -> list[Read]:
        """Score a batch for some requests.

        Nothing is read back from the device: on CUDA it still computes when this returns, and the
        next batch can be queued.

        Args:
            staged: The batch.
            context: What maskings may know of the data set.
            columns: Of the requests at the batch's geometry.
            start: Index of the shard's first image.

        Returns:
            What reads the results into the columns, to be called in that order.
        """
        batch = staged.on(self.source.profile.device)
        rows = [index - start for index in batch.indices[: staged.real]]
        asked = [request for request in columns if not self.failed(request)]
        reads: list[Read] = []

        def version(masking: Masking) -> str:
            return staged.hidden[masking].version

        maskings = sorted({r.shown for r in asked}, key=lambda m: (version(m), m.rank))
        for _, alike in groupby(maskings, key=version):
            same = list(alike)
            mine = [request for request in asked if request.shown in same]
            try:
                images = show(same[0], batch, context).images
            except AuditError as error:  # an extension's fill; other maskings do not use it
                self.source.failures.update(dict.fromkeys(mine, error))
                continue
            for request in mine:
                self._describe(request, staged, batch, images, rows, columns[request], reads)
            self._score(mine, images, rows, columns, reads)
        return reads

    def _describe(
        self,
        request: ScoreRequest,
        staged: Staged,
        batch: Batch,
        images: Tensor,
        rows: Sequence[int],
        column: ShardColumns,
        reads: list[Read],
    ) -> None:
        """Note what was hidden, and what is known of the image besides its score."""
        masking, real = request.shown, staged.real
        hidden = staged.hidden[masking]
        column.put_region(rows, hidden.share[:real], hidden.covered[:real])
        measured = masking.is_full and not request.boxed
        column.put_properties(rows, staged.properties if measured else None)
        if masking.draws_region:
            region = hidden_pixels(masking, batch.distances[masking.area][:real])
            drawn = adaptive_avg_pool2d(region[:, None].float(), THUMBNAIL)[:, 0]
            outline = _later((drawn * 255).round().byte())
            reads.append(lambda: column.put_outlines(rows, outline().numpy()))
        if masking.shuffles:
            looks = _later(appearance(images[:real], masking.first == "shuffled-patches"))
            reads.append(lambda: column.put_appearance(rows, looks().numpy()))

    def _score(
        self,
        requests: Sequence[ScoreRequest],
        images: Tensor,
        rows: Sequence[int],
        columns: Columns,
        reads: list[Read],
    ) -> None:
        """Score one version of a batch by every model that is asked about it."""
        scored: dict[object, _Output] = {}
        for request in requests:
            if self.failed(request):
                continue
            try:
                model = self.source.model(request.model, request.fold)
                precision = self.source.precisions.of(request.pair)
                key = model.trunk or (request.model, request.fold), precision
                if key not in scored:
                    scored[key] = self._forward(model, precision, request, images)
                scores, embeddings = scored[key]
                if model.trunk is not None and embeddings is not None:
                    with computing_in(precision, model):
                        scores = model.from_embedding(embeddings)
            except AuditError as error:
                self.source.failures[request.pair] = error
                continue
            reads.append(self._reading(request, model, scores, embeddings, rows, columns[request]))

    def _reading(
        self,
        request: ScoreRequest,
        model: AuditedModel,
        scores: Tensor,
        embeddings: Tensor | None,
        rows: Sequence[int],
        column: ShardColumns,
    ) -> Read:
        coming = _later(scores[: len(rows)])
        embedded = None if embeddings is None else _later(embeddings[: len(rows)])

        def read() -> None:
            values = coming()
            try:
                model.refuse_infinite(values)
            except AuditError as error:
                self.source.failures[request.pair] = error
                return
            beat(len(rows))
            column.put_scores(rows, values, None if embedded is None else embedded())

        return read

    def _forward(
        self, model: AuditedModel, precision: Precision, request: ScoreRequest, masked: Tensor
    ) -> _Output:
        """Score a batch; where memory runs out, its halves one after the other."""
        who = request.model, request.fold
        if who not in self.fitting:
            size = batch_size(request, self.source)
            self.fitting[who] = size
            self.compiled[who] = compiled_for(
                request, self.source, self.images, size, self.progress
            )
        while True:
            size = min(self.fitting[who], len(masked))
            try:
                with computing_in(precision, model), model.running(self.compiled[who]):
                    parts = [
                        model.score(normalise(part, request.model.input))
                        for part in torch.split(masked, size)
                    ]
            except Exception as error:
                if not ran_out(error):
                    raise
                if size == 1:
                    raise too_large(request.model.path) from None
            else:
                scores = torch.cat([scores for scores, _ in parts])
                embeddings = [embedding for _, embedding in parts if embedding is not None]
                return scores, torch.cat(embeddings) if embeddings else None
            if masked.is_cuda:
                torch.cuda.empty_cache()
            self.fitting[who] = size // 2
            self.progress(
                f"{request.model.name}: memory ran out; from here on {size // 2} images at once"
            )


def _later(values: Tensor) -> Callable[[], Tensor]:
    """Values on the host, once they are computed; on CUDA the copy is queued, not waited for."""
    if not values.is_cuda:
        return lambda: values
    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    done: torch.cuda.Event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    done.record()

    def wait() -> Tensor:
        done.synchronize()
        return host

    return wait
