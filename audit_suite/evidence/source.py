"""The protocol of a request for evidence, and the source that answers it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.datasets import Dataset, load_dataset
from audit_suite.datasets.files.hashing import remember
from audit_suite.errors import AuditError
from audit_suite.evidence.again import remember_results
from audit_suite.evidence.beside import Beside
from audit_suite.evidence.breakdown import vanished
from audit_suite.evidence.budget import Budget
from audit_suite.evidence.executor import Executor
from audit_suite.evidence.executors.inline import Inline
from audit_suite.evidence.models import Models
from audit_suite.evidence.near_duplicates import without_near_duplicates
from audit_suite.evidence.part import Part
from audit_suite.evidence.pixels import cached
from audit_suite.evidence.precision import Precisions
from audit_suite.evidence.profile import EvidenceProfile
from audit_suite.evidence.remembered import Remembered
from audit_suite.evidence.shared import pixels_at
from audit_suite.evidence.store import EvidenceStore, Stored
from audit_suite.evidence.twin import Twin
from audit_suite.readings import Readings

if TYPE_CHECKING:
    from audit_suite.models.audited import AuditedModel

Progress = Callable[[str], None]
Pair = tuple[ModelCard, int | None, DatasetCard]
Table_co = TypeVar("Table_co", covariant=True)
_Read = TypeVar("_Read")
_A_THIRD = Budget()
EXPLANATIONS = 1  # ranks from this number on are more than scores: they may be computed last
_COMPUTE = "audit_suite.evidence.computing:compute"  # which calls the source


def place_rank(dataset: DatasetCard, model: ModelCard, fold: int | None) -> tuple[Any, ...]:
    """By data set, then model and fold: the sort key that all requests share after their kind."""
    data, made = (dataset.name, str(dataset.path)), (model.name, str(model.path))
    return *data, *made, -1 if fold is None else fold


class Request(Hashable, Protocol[Table_co]):
    """One piece of evidence of one model on one data set: how it is keyed, computed and read.

    A kind of evidence is a small frozen dataclass: the shipped ones are `scores.ScoreRequest` and
    `attributions.AttributionRequest`.

    Attributes:
        executor: ``package.module:function`` that computes and stores requests of this kind, called
            as ``function(requests, source, progress)``. It claims in the store what it computes,
            so that several processes can share the work, and records failures in
            ``source.failures`` instead of raising. It is a name, so that planning imports no torch.
        kept: Whether a table stays in memory after it was read.
    """

    executor: ClassVar[str]
    kept: ClassVar[bool]

    @property
    def model(self) -> ModelCard:
        """The model's card."""
        ...

    @property
    def fold(self) -> int | None:
        """Which of its folds; None for a model with one set of weights."""
        ...

    @property
    def dataset(self) -> DatasetCard:
        """The data set's card."""
        ...

    @property
    def rank(self) -> tuple[Any, ...]:
        """Sort key of the request, from its content alone.

        Its first part is a number, smaller for cheaper kinds: 0 for scores, `EXPLANATIONS` for
        attributions.
        """
        ...

    @property
    def words(self) -> str:
        """What is requested of the model, for messages: ``masking 'without-roi'``."""
        ...

    @property
    def scopes(self) -> tuple[Hashable, ...]:
        """Keys of ``source.failures``, besides itself, under which its failure may be recorded."""
        ...

    def keys(self, source: EvidenceSource) -> list[str]:
        """The store keys that hold it, one per unit of work: hashes of all that determines it.

        Raises:
            AuditError: If the data set or the model's weights cannot be read.
        """
        ...

    def table(self, stored: Sequence[Mapping[str, NDArray[Any]]]) -> Table_co:
        """The evidence in the form that needs read, from the arrays stored under its keys.

        Each array is read when it is asked for.

        Raises:
            NotApplicable: If the stored arrays say that this model cannot provide it.
        """
        ...

    def passes(self, source: EvidenceSource) -> int:
        """Forward passes through the model that computing it takes, about; a backward pass is two.

        Raises:
            AuditError: If the data set cannot be read.
        """
        ...

    @classmethod
    def describe(cls, group: Sequence[Any], source: EvidenceSource) -> list[str]:
        """Lines for ``--audit-plan`` about requests of this kind, all of one model and data set.

        Raises:
            AuditError: If the data set or the model's weights cannot be read.
        """
        ...


class EvidenceSource:
    """Data sets, models and stored evidence of a run; computes what is missing on demand.

    Attributes:
        store: Where evidence is kept.
        profile: Device and arithmetic, part of every key.
        offline: Read stored evidence only.
        max_cases: Smoke run on about this many images of each data set.
        explaining: How many images of each data set and target are explained.
        readings: The readers' answers; None without a reader study.
        executor: Where models run, and all that needs torch.
        precisions: In which precision each model scores each data set.
        workers: Processes on this machine that judge the same audit, each with models of its own.
        among: Which of the processes this is that share the work of one job.
        cache: Folder of decoded images and digests of files; None to keep none.
        beside: What is computed in another thread at the places of models.
        shared: The address at which machines share decoded images; None without one.
        failures: Why a request could not be computed, by request or by one of its `scopes`; and why
            no evidence of a model on a data set may be used, by `refused`.
        tried: Pairs whose model was tried on a few images in this run (`scores.rescore`).
    """

    def __init__(
        self,
        store: EvidenceStore,
        profile: EvidenceProfile,
        *,
        offline: bool = False,
        max_cases: int | None = None,
        explaining: Budget = _A_THIRD,
        readings: Readings | None = None,
        executor: Executor | None = None,
        cache: Path | None = None,
        shared_cache: str | None = None,
        workers: int = 1,
    ) -> None:
        self.store = store
        self.profile = profile
        self.offline = offline
        self.max_cases = max_cases
        self.explaining = explaining
        self.readings = readings
        self.executor = executor or Inline()
        self.precisions = Precisions(self)
        self.cache = cache
        self.workers = workers
        self.among = Part()
        self.beside = Beside()
        self._pixels, self.shared = pixels_at(cache, shared_cache)
        remember(cache)
        remember_results(cache)
        self.failures = Remembered()
        self.tried: set[Pair] = set()
        self._datasets: dict[DatasetCard, Dataset | AuditError] = {}
        self._models = Models(profile, not self.elsewhere, self.call)
        self._tables: dict[Request[Any], Any] = {}

    def dataset(self, card: DatasetCard) -> Dataset:
        """The data set of a card, loaded once.

        Raises:
            AuditError: If it cannot be loaded; every call raises the same error.
        """
        if card not in self._datasets:
            try:
                loaded = load_dataset(card, self.max_cases)
                if card.near_duplicates == "exclude":
                    loaded = without_near_duplicates(loaded, self.store, self.profile.threads)
                self._datasets[card] = cached(loaded, self._pixels)
            except AuditError as error:
                self._datasets[card] = error
        if isinstance(known := self._datasets[card], AuditError):
            raise known
        return known

    def call(
        self,
        function: str,
        *arguments: Any,
        of: Iterable[ModelCard] = (),
        say: Progress = lambda line: None,
    ) -> Any:
        """What a function returns that needs torch or a model's code, and so runs elsewhere.

        Args:
            function: ``package.module:function``, called as ``function(source, say, *arguments)``;
                it returns what JSON can hold. Results of a process that runs a model's code are
                that code's word: check their form.
            *arguments: Plain values, cards and requests.
            of: The models whose code it runs, all of one place; none for pictures, say.
            say: Called with a line of progress now and then.

        Raises:
            AuditError: If the function raises it, or its process broke down.
        """
        self.beside.wait()
        return self.executor.call(tuple(of), function, arguments, self, say)

    def spread(
        self, function: str, *arguments: Any, of: Iterable[ModelCard], say: Progress
    ) -> list[Any]:
        """Have a function called that claims its work in the store, wherever there is room for it.

        Args:
            function: As of `call`.
            *arguments: As of `call`.
            of: As of `call`.
            say: As of `call`.

        Returns:
            What each call returned: one, unless the executor has several places for these models.

        Raises:
            AuditError: As `call`.
        """
        self.beside.wait()
        return self.executor.spread(tuple(of), function, arguments, self, say)

    def twin(self, part: Part | None = None, among: Part | None = None) -> Twin:
        """What makes the same source in another process.

        Args:
            part: Another part of the work; that of this source by default.
            among: Which of the processes it is that share the work; all of it by default.
        """
        return Twin(
            root=self.store.root.absolute(),
            url=self.store.url,
            part=part or self.store.part,
            profile=self.profile,
            max_cases=self.max_cases,
            explaining=self.explaining,
            cache=None if self.cache is None else self.cache.absolute(),
            among=among or Part(),
        )

    def model(self, card: ModelCard, fold: int | None) -> AuditedModel:
        """A model on the profile's device, loaded once; only where the executor runs functions.

        Raises:
            AuditError: If it cannot be loaded, or runs code and its card is not trusted (every call
                raises the same error), or if this is the process that judges.
        """
        return self._models.loaded(card, fold)

    def model_digest(self, card: ModelCard, fold: int | None) -> str:
        """SHA-256 of everything that determines a model's scores, as it was loaded.

        Raises:
            AuditError: If the model cannot be loaded; every call raises the same error.
        """
        return self._models.digest(card, fold)

    def model_notes(self, card: ModelCard, fold: int | None) -> list[str]:
        """What was decided when a model was loaded; raises as `model_digest` does."""
        return self._models.notes(card, fold)

    def subject(self, request: Request[Any]) -> str:
        """What a request's evidence is of: its model and data set; for `EvidenceStore.write`.

        Raises:
            AuditError: If the data set or the model cannot be loaded.
        """
        model = self.model_digest(request.model, request.fold)
        return f"{model}/{self.dataset(request.dataset).digest}"

    @property
    def elsewhere(self) -> bool:
        """Whether models run in other processes, so that this one can judge meanwhile."""
        return not isinstance(self.executor, Inline)

    def close(self) -> None:
        """End the processes that still run."""
        self.beside.stop(self.executor.stop)
        self.executor.close()

    def read(self, request: Request[_Read]) -> _Read:
        """The evidence of a request; computed now if it was not planned.

        Raises:
            NotApplicable: If this model cannot provide it.
            AuditError: If it is missing and may not or cannot be computed.
        """
        if (why := self.failures.get(refused(request))) is not None:
            raise why
        if request in self._tables:
            table: _Read = self._tables[request]
            return table
        self.beside.wait_for(request)
        stored = self._stored(request)
        if stored is None:
            if self.offline:
                raise AuditError(
                    f"--audit-offline: the store {self.store.root} lacks the evidence of model "
                    f"'{request.model.name}' on data set '{request.dataset.name}' under "
                    f"{request.words}",
                    "run once without --audit-offline, with the same cards and evidence profile",
                )
            resolve_name(_COMPUTE)([request], self)
            stored = self._stored(request)
        if (why := self.failures.get(refused(request))) is not None:
            raise why
        if stored is None and (why := self.failure(request)) is not None:
            raise why
        if stored is None:
            raise vanished(request)
        table = request.table(stored)
        if request.kept:
            self._tables[request] = table
        return table

    def read_stored(self, request: Request[_Read]) -> _Read | None:
        """The evidence of a request if all of it is stored, else None; computes nothing.

        Raises:
            NotApplicable: If this model cannot provide it.
        """
        self.beside.wait_for(request)
        try:
            stored = self._stored(request)
        except AuditError:
            return None
        return None if stored is None else request.table(stored)

    def missing(self, request: Request[Any]) -> list[str]:
        """The store keys of a request under which nothing is stored.

        Raises:
            AuditError: If the data set or the model's weights cannot be read.
        """
        return [key for key in request.keys(self) if not self.store.has(key)]

    def _stored(self, request: Request[Any]) -> list[Stored] | None:
        """All units, or None if one is missing; deletes damaged ones, to be computed again."""
        keys = request.keys(self)
        units: list[Stored] = []
        for key in keys:
            if (arrays := self.store.open(key)) is not None:
                units.append(arrays)
            elif self.store.has(key) and not self.offline:
                self.store.discard(key)
        return units if len(units) == len(keys) else None

    def failure(self, request: Request[Any]) -> AuditError | None:
        """Why the evidence of a request cannot be had; None if nothing is known against it."""
        scopes = (request, *request.scopes, refused(request))
        return next((self.failures[scope] for scope in scopes if scope in self.failures), None)


def pair(request: Request[Any]) -> Pair:
    """The model's fold and the data set of a request."""
    return request.model, request.fold, request.dataset


def refused(request: Request[Any]) -> Hashable:
    """The key of ``EvidenceSource.failures`` for a model that may not be judged on a data set."""
    return "refused", *pair(request)


def plan(requests: Iterable[Request[Any]]) -> tuple[Request[Any], ...]:
    """Unite requests: each once, in an order that depends only on their content."""
    return tuple(sorted(set(requests), key=lambda r: (r.rank[0], r.executor, r.rank)))
