"""Cards in the formats of others: valid there, true to the record, and never an endorsement."""

from __future__ import annotations

import json
import re
import sys
import types
from xml.etree import ElementTree as Xml

import mlcroissant
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from exports.records import opened, passing, sound
from house.pages import DOCS, ROOT, blocks
from huggingface_hub import ModelCard
from hypothesis import example as with_text
from hypothesis import given, settings
from hypothesis import strategies as st
from report.example import estimate, example, finding, judged
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.errors import AuditError
from audit_suite.exports.export import Export, exported, register_export
from audit_suite.exports.statement import as_text, make_statement
from audit_suite.record import (
    CausesRecord,
    EstimateRecord,
    ModelRecord,
    Record,
    WaiverRecord,
)
from audit_suite.registry import EXPORTS
from audit_suite.report.first.decision import MEANINGS

OF_MODELS = ("chai", "cyclonedx", "huggingface")
SHIPPED = (*OF_MODELS, "croissant")


def bare() -> Record:
    """A record whose cards declare as little as they may, and where nothing could be judged."""
    record = sound([finding("R1", "error", [], reason="/srv/images: not there")])
    for each in (*record.provenance.models, *record.provenance.datasets):
        each.description = ""
    model, data = record.provenance.models[0], record.provenance.datasets[0]
    model.architecture = data.licence = data.modality = ""
    return record


def full() -> Record:
    """A record whose cards declare everything, with groups, changes, a cause and a bad data set."""
    gap = judged("AUROC, sex F", 0.8, 0.05, ">", 0.6)
    shift = judged("mean shift of the score", 0.3, 0.05, "<", 0.1)
    record = sound(
        [
            *passing(),
            finding("F1", "pass", [gap], section="subgroups.tags"),
            finding("X1", "fail", [shift], section="robustness.shift"),
            finding("C1", "fail", [judged("share", 0.4, 0.01, "<", 0.05)], title="labels"),
        ]
    )
    model, data = record.provenance.models[0], record.provenance.datasets[0]
    model.version, model.intended_use = "2.1", 'Triage of <adults> & "others"'
    data.citation = "Doe et al. 2024"
    place = {"model": "lung-net", "dataset": "site-b", "target": "effusion"}
    record.causes.append(CausesRecord(**place, causes=["background-shortcut"], flags=[]))
    return record


RECORDS = {"example": example(), "open": opened(), "bare": bare(), "full": full()}


@pytest.fixture(params=RECORDS)
def record(request):
    return RECORDS[request.param]


def test_the_bill_of_materials_is_valid_by_its_schema(record):
    assert (
        JsonStrictValidator(SchemaVersion.V1_6).validate_str(exported(record, "cyclonedx")) is None
    )


def test_the_schema_refuses_what_is_wrong():
    content = json.loads(exported(example(), "cyclonedx"))
    content["components"][0]["modelCard"]["verdict"] = "good"
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(content)) is not None


def test_the_data_set_is_read_by_the_package_of_its_format(record):
    read = mlcroissant.Dataset(jsonld=json.loads(exported(record, "croissant")))
    assert not read.metadata.ctx.issues.errors
    data = record.provenance.datasets[0]
    rows = list(read.records("targets"))
    assert [row["targets/target"].decode() for row in map(as_bytes, rows)] == list(data.targets)
    for row, target in zip(rows, data.targets.values(), strict=True):
        assert row["targets/n_patients"] == target.n_patients
        assert row["targets/n_positive_images"] == target.n_positive_images


def as_bytes(row):
    name = row["targets/target"]
    return {"targets/target": name if isinstance(name, bytes) else name.encode()}


def test_the_head_of_a_model_card_is_read_by_hugging_face(record):
    card = ModelCard(exported(record, "huggingface"))
    results = {result.metric_name: result for result in card.data.eval_results or []}
    judged_ = [
        f for f in record.findings if f.role in ("required", "shown", "guard") and f.comparisons
    ]
    assert len(results) == len(judged_)
    for each in judged_:
        (name,) = (name for name in results if f"({each.check}: " in name)
        assert name.startswith(each.estimate.label)
        assert name.endswith(f"{each.verdict}; audit: {record.decision})")
        assert results[name].metric_value == pytest.approx(each.estimate.value, abs=1e-4)
        assert results[name].dataset_revision == record.provenance.datasets[0].digest
    assert {r.metric_type == "roc_auc" for n, r in results.items() if n.startswith("AUROC (")} <= {
        True
    }
    assert not [n for n, r in results.items() if r.metric_type == "roc_auc" and "without" in n]


CHAI = """BasicInfo(ModelName ModelDeveloper DeveloperContact)
ReleaseInfo(ReleaseStage ReleaseDate ReleaseVersion GlobalAvailability)
ModelSummary(Summary Keywords)
UsesAndDirections(IntendedUseAndWorkflow PrimaryIntendedUsers HowToUse TargetedPatientPopulation
CautionedOutOfScopeSettings)
Warnings(KnownRisksAndLimitations KnownBiasesOrEthicalConsiderations ClinicalRiskLevel)
TrustIngredients(AISystemFacts TransparencyInformation)
KeyMetrics(UsefulnessUsabilityEfficacy FairnessEquity SafetyReliability)
Resources(EvaluationReferences PeerReviewedPublications PatientConsentOrDisclosure)
Bibliography()"""
METRIC = "MetricGoal Results Interpretation TestType TestingDataDescription ValidationProcessAndJustification"
FACTS = (
    "OutcomesAndOutputs ModelType InputDataSource OutputAndInputDataTypes "
    "DevelopmentDataCharacterization BiasMitigationApproaches OngoingMaintenance"
)
"""Names that version 0.2 of the schema requires, in its order."""


def names(element) -> list[str]:
    return [each.tag.removeprefix("{https://mc.chai.org/v0.2/schema.xsd}") for each in element]


def test_the_applied_model_card_has_what_its_schema_requires_in_order(record):
    root = Xml.fromstring(exported(record, "chai"))
    assert root.tag == "{https://mc.chai.org/v0.2/schema.xsd}AppliedModelCard"
    outline = re.findall(r"(\w+)\(([^)]*)\)", CHAI)
    assert [(tag, inside.split()) for tag, inside in outline] == [
        (tag, names(each)) for tag, each in zip(names(root), root, strict=True)
    ]
    trust, metrics = root[5], root[6]
    assert names(trust[0]) == FACTS.split()
    assert names(trust[1]) == ["FundingSource", "StakeholdersConsulted"]
    for metric in metrics:
        assert names(metric) == METRIC.split()
        for result in metric[1]:
            assert names(result) == ["Label", "ValueJson"]
            assert json.loads(result[1].text)["kind"] in ("estimate_ci", "single")
    for leaf in root.iter():
        assert len(leaf) or leaf.text or leaf.tag.endswith("Bibliography")


def test_groups_and_changes_stand_where_the_applied_model_card_asks_for_them():
    root = Xml.fromstring(exported(full(), "chai"))
    said = [[result[0].text for result in metric[1]] for metric in root[6]]
    assert said[1] == ["AUROC, sex F on site-b, effusion (F1: pass; audit: undecided)"]
    assert said[2] == ["mean shift of the score on site-b, effusion (X1: fail; audit: undecided)"]
    untested = Xml.fromstring(exported(opened(), "chai"))[6]
    assert [metric[1][0][0].text for metric in untested][1:] == ["not tested"] * 2
    assert json.loads(untested[1][1][0][1].text)["value"] is None


def test_markup_of_a_card_stays_text():
    said = full().provenance.models[0].intended_use
    assert Xml.fromstring(exported(full(), "chai"))[3][0].text == said
    assert "&lt;adults>" in exported(full(), "huggingface")


@settings(max_examples=30, deadline=None)
@given(written=st.text(max_size=30), label=st.text(min_size=1, max_size=20))
@with_text(written="\ufffe\uffff]]>\n---\nx: y", label="---")
def test_any_text_of_a_card_is_carried_and_breaks_no_format(written, label):
    record = opened()
    model = ModelRecord(**record.provenance.models[0].model_dump() | {"intended_use": written})
    record.provenance.models[0] = model
    named = EstimateRecord(**record.findings[0].estimate.model_dump() | {"label": label})
    record.findings[0].estimate = named
    root = Xml.fromstring(exported(record, "chai"))
    said = (model.intended_use or "not declared").translate(dict.fromkeys((0xFFFE, 0xFFFF), 0xFFFD))
    assert root[3][0].text == said
    component = json.loads(exported(record, "cyclonedx"))["components"][0]
    assert component["modelCard"]["considerations"].get("useCases", [""]) == [model.intended_use]
    card = ModelCard(exported(record, "huggingface"))
    assert any(each.metric_name.startswith(named.label) for each in card.data.eval_results)
    assert "Decision of the audit: open." in card.text


@pytest.mark.parametrize("format", OF_MODELS)
@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive", "none"])
def test_no_card_of_a_model_reads_as_an_endorsement(format, verdict):
    last = judged("AUROC without ROI box", 0.541, 0.04, "<", 0.05, centre=0.5)
    comparisons = [last] if verdict == "inconclusive" else []
    record = sound(
        [*passing()[1:], passing()[0] if verdict == "pass" else finding("R1", verdict, comparisons)]
    )
    text = exported(record, format).replace("\n", " ")
    assert f"Decision of the audit: {record.decision}." in text
    assert MEANINGS[record.decision].replace('"', "&quot;") in text
    others = set(MEANINGS) - {record.decision}
    for other in others:
        assert MEANINGS[other] not in text
        assert f"audit: {other}" not in text
    numbers = names_of_numbers(format, exported(record, format))
    assert len(numbers) >= 3
    assert all(f"audit: {record.decision})" in name for name in numbers)


def names_of_numbers(format, text):
    """What a card calls each of its numbers, apart from its prose."""
    if format == "huggingface":
        return [result.metric_name for result in ModelCard(text).data.eval_results]
    if format == "chai":
        return [result[0].text for result in Xml.fromstring(text)[6][0][1]]
    card = json.loads(text)["components"][0]["modelCard"]
    return [metric["type"] for metric in card["quantitativeAnalysis"]["performanceMetrics"]]


def test_what_a_waiver_covers_is_said():
    waiver = WaiverRecord(owner="Dr Example", reason="pending", expires="2030-01-01")
    lost = judged("AUROC - AUROC without ROI box", 0.08, 0.03, ">", 0.1)
    record = opened(finding("R4", "waived", [lost], waiver=waiver))
    for format in OF_MODELS:
        text = exported(record, format)
        assert "1 of the findings did not pass and is waived." in text
        assert "Waived: R4" in text
        assert "Dr Example" not in text


def test_what_nobody_declared_is_left_out():
    component = json.loads(exported(bare(), "cyclonedx"))["components"][0]
    assert "version" not in component
    assert "description" not in component
    assert "useCases" not in component["modelCard"]["considerations"]
    data = json.loads(exported(bare(), "croissant"))
    assert not {"license", "citeAs", "keywords"} & set(data)
    told = json.loads(exported(full(), "cyclonedx"))["components"][0]
    assert told["version"] == "2.1"
    assert told["modelCard"]["considerations"]["useCases"] == ['Triage of <adults> & "others"']
    assert "Named cause on site-b, effusion: background shortcut." in exported(full(), "cyclonedx")


def test_a_data_set_is_not_praised_and_its_faults_are_told():
    data = json.loads(exported(full(), "croissant"))
    assert "That says nothing of how good the data are." in data["rai:dataUseCases"]
    assert data["rai:dataLimitations"].startswith("Rows left out: 1. Fail: C1 labels on site-b")


SECRET = "PAT-4711"


def test_nothing_of_a_patient_a_row_or_a_person_is_in_a_card_or_a_statement():
    record = full()
    waiver = WaiverRecord(owner=SECRET, reason=SECRET, expires="2030-01-01")
    record.findings += [
        finding("R5", "error", [], reason=f"row 17, patient {SECRET}: {SECRET}.png"),
        finding("R4", "waived", [], waiver=waiver, reason=SECRET),
        finding("R6", "not_applicable", [], reason=SECRET, observations=[estimate(SECRET, 1, 0)]),
    ]
    data, model = record.provenance.datasets[0], record.provenance.models[0]
    data.excluded, data.notes, model.notes = [SECRET], [SECRET], [SECRET]
    record.environment["host"] = SECRET
    record.gallery[0].case = SECRET
    record.sections["case"] = {"row": SECRET}
    texts = [exported(record, format) for format in SHIPPED]
    for text in (*texts, as_text(make_statement(record, b""))):
        assert SECRET not in text
        assert "row 17" not in text


def test_the_same_record_gives_the_same_bytes(record):
    for format in SHIPPED:
        assert exported(record, format) == exported(record, format)


def two_models() -> Record:
    record = example()
    other = record.provenance.models[0].model_copy(update={"name": "other-net"})
    record.provenance.models.append(other)
    return record


def test_of_several_models_one_must_be_named():
    with pytest.raises(AuditError, match="the record holds 2 models") as raised:
        exported(two_models(), "cyclonedx")
    assert raised.value.remedy == "name one with --of: lung-net, other-net"
    assert '"name": "other-net"' in exported(two_models(), "cyclonedx", "other-net")
    assert "0.861" not in exported(two_models(), "cyclonedx", "other-net"), "another's number"
    with pytest.raises(AuditError, match="the record holds no data set 'lung-net'"):
        exported(two_models(), "croissant", "lung-net")


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["export", *map(str, arguments)])
    assert done.exit_code == code, (done.output, done.exception)
    return str(done.exception) if code else done.output


def test_the_command_writes_each_format_and_never_over_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.json").write_text(example().to_json())
    for format in SHIPPED:
        assert (
            run("audit.json", "--as", format, "--out", f"{format}.card")
            == f"{format}: {format}.card\n"
        )
        assert (tmp_path / f"{format}.card").read_text() == exported(example(), format)
    assert "chai.card exists" in run("audit.json", "--as", "chai", "--out", "chai.card", code=1)
    assert "--as: there is no format 'pdf'" in run(
        "audit.json", "--as", "pdf", "--out", "x", code=1
    )
    (tmp_path / "audit.json").write_text(example().to_json().replace('"closed"', '"open"', 1))
    assert "altered" in run("audit.json", "--as", "chai", "--out", "x.xml", code=1)
    assert not (tmp_path / "x.xml").exists()


def test_the_help_names_every_shipped_format():
    said = CliRunner().invoke(app, ["export", "--help"]).output
    assert all(re.search(rf"\b{format}\b", said) for format in SHIPPED)
    assert set(SHIPPED) == set(EXPORTS)


def test_without_the_package_of_hugging_face_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(AuditError) as raised:
        exported(example(), "huggingface")
    assert raised.value.remedy == 'pip install "audit-suite[cards]"'


@pytest.fixture
def own(monkeypatch):
    monkeypatch.setattr(EXPORTS, "_entries", dict(EXPORTS._entries))


def test_an_extension_brings_a_format_and_cannot_leave_the_decision_out(own):
    register_export(Export("own", "model", lambda record, name: f"{name}: {record.decision}"))
    assert exported(example(), "own") == "lung-net: closed"
    register_export(Export("praise", "model", lambda record, name: f"{name} is good"))
    with pytest.raises(AuditError, match="wrote a card of a model without the decision, closed"):
        exported(example(), "praise")


needs_pages = pytest.mark.skipif(not DOCS.exists(), reason="runs in a checkout")


@needs_pages
def test_the_page_merges_the_results_into_a_card(tmp_path, monkeypatch):
    merge, _ = blocks(DOCS / "howto" / "cards.md", "python")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# lung-net\n\nMade by hand.\n")
    (tmp_path / "card.md").write_text(exported(example(), "huggingface"))
    exec(compile(merge, "cards.md", "exec"), {})
    merged = ModelCard.load("README.md")
    assert merged.data.license == "mit"
    assert len(merged.data.eval_results) == 4
    assert merged.text.index("Made by hand.") < merged.text.index("Decision of the audit: closed")


@needs_pages
def test_the_page_logs_a_record_to_mlflow(tmp_path, monkeypatch):
    _, log = blocks(DOCS / "howto" / "cards.md", "python")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.json").write_text(example().to_json())
    logged: dict[str, object] = {}

    class Run:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            logged["ended"] = True

    mlflow = types.SimpleNamespace(  # the four calls, with the names that MLflow gives arguments
        start_run=Run,
        set_tag=lambda key, value: logged.update({key: value}),
        log_artifact=lambda local_path: logged.update(file=local_path),
        log_metric=lambda key, value: logged.update({key: value}),
    )
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    exec(compile(log, "cards.md", "exec"), {})
    assert logged["audit"] == "closed"
    assert logged["file"] == "audit.json"
    assert logged["R1/lung-net/site-b/effusion"] == 0.861
    assert logged["ended"]


@needs_pages
def test_the_crosswalk_names_sections_of_the_report_and_every_item_once():
    page = (DOCS / "crosswalk.md").read_text(encoding="utf-8")
    templates = ROOT / "audit_suite" / "report" / "templates"
    headings = {
        title
        for path in templates.rglob("*.j2")
        for title in re.findall(r"<h2[^>]*>([^<{]+)</h2>", path.read_text())
    }
    from audit_suite.registry import SECTIONS

    headings |= {section.title for section in SECTIONS.values()}
    named = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", page)) - {"Yours"}
    assert named <= headings, named - headings
    tables = {part.splitlines()[0]: part for part in page.split("\n## ")[1:]}
    for guideline, items in (("TRIPOD+AI (2024)", 27), ("CLAIM (2024 update)", 44)):
        cells = re.findall(r"^\| ([\d, to]+) \|", tables[guideline], re.MULTILINE)
        numbers = [n for cell in cells for part in cell.split(",") for n in spread(part)]
        assert sorted(numbers) == list(range(1, items + 1))
    of_future = re.findall(
        r"^\| ((?:Fair|Univ|Trac|Robu|Expl|Gene).+?) \|", tables["FUTURE-AI (2025)"], re.MULTILINE
    )
    counted = [
        f"{word} {n}"
        for cell in of_future
        for word, rest in re.findall(r"([A-Z]\w+) ([\d, to and]+)", cell)
        for part in re.split(",|and", rest)
        for n in spread(part)
    ]
    sizes = {"Fairness": 3, "Universality": 4, "Traceability": 6, "Usability": 5}
    sizes |= {"Robustness": 3, "Explainability": 2, "General": 7}
    assert sorted(counted) == sorted(
        f"{word} {n}" for word, size in sizes.items() for n in range(1, size + 1)
    )


def spread(part: str) -> list[int]:
    """The numbers of ``4`` or ``1 to 4``."""
    ends = [int(n) for n in re.findall(r"\d+", part)]
    return list(range(ends[0], ends[-1] + 1)) if ends else []
