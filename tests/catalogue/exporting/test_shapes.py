"""The Europass export against the European Commission's own SHACL constraints, by an independent validator."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pyshacl import validate
from rdflib import RDF, Graph, Literal, Namespace, URIRef
from rdflib.namespace import SH, SKOS

from tests.catalogue.exporting.conftest import make_entry
from tests.catalogue.exporting.test_linked_data import ELM, europass_graph
from tests.factories.catalogue import MicroCredentialFactory, ProviderFactory, SessionFactory

pytestmark = [
    pytest.mark.django_db,
    # Inside rdflib itself.
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
]
FILE = Path(__file__).resolve().parents[2] / "data" / "elm" / "LOQ-constraints-excerpt.ttl"
LOQ = Namespace("http://data.europa.eu/snb/model/ap/loq-constraints/")


@pytest.fixture
def shapes() -> Graph:
    return Graph().parse(FILE)


@pytest.fixture
def graph(client: Client) -> Graph:
    """A register with everything that an entry can say, and with next to nothing."""
    make_entry()
    make_entry(
        2, language="", workload=12, workload_scheme="hours", skills=None, goals_html="", eqf_level=None
    )
    bare = MicroCredentialFactory.create(
        provider=ProviderFactory.create(unnamed=True, city=""), language="xx"
    )
    SessionFactory.create(micro_credential=bare, undated=True)
    return europass_graph(client)


def findings(graph: Graph, shapes: Graph) -> set[tuple[str, str, str]]:
    """What the validator finds: constraint, path, and what stands there; the validator fetches nothing."""
    _conforms, report, _text = validate(graph, shacl_graph=shapes, inference="none", do_owl_imports=False)
    assert isinstance(report, Graph)
    return {
        (
            str(report.value(one, SH.sourceConstraintComponent)).rpartition("#")[2],
            str(report.value(one, SH.resultPath)).rpartition("/")[2],
            str(report.value(one, SH.value) or ""),
        )
        for one in report.objects(None, SH.result)
    }


def test_every_class_of_the_export_has_its_official_shape(graph: Graph, shapes: Graph) -> None:
    assert set(graph.objects(None, RDF.type)) == set(shapes.objects(None, SH.targetClass))
    assert (LOQ.LearningAchievementSpecificationShape, SH.deactivated, Literal(True)) in shapes


def test_the_register_conforms_to_the_official_shapes(graph: Graph, shapes: Graph) -> None:
    assert findings(graph, shapes) == set()
    for address in graph.objects(None, ELM.contentUrl):
        assert str(address).startswith("https://"), "what the first pattern of :URLRegexRestriction asks"


def test_the_shape_that_is_switched_off_asks_for_one_thing_more(graph: Graph, shapes: Graph) -> None:
    """Without an ISCED-F field an entry has nothing to say there: docs/exports.md names the gap."""
    shapes.remove((LOQ.LearningAchievementSpecificationShape, SH.deactivated, None))
    found = findings(graph, shapes)
    assert {(constraint, path) for constraint, path, _value in found} == {
        ("MinCountConstraintComponent", "ISCEDFCode")
    }


@pytest.mark.parametrize(
    ("predicate", "value", "constraint"),
    [
        ("status", Literal("registered"), "ClassConstraintComponent"),
        ("invented", Literal("x"), "ClosedConstraintComponent"),
        ("defaultLanguage", URIRef("http://example.org/nothing"), "MaxCountConstraintComponent"),
        ("duration", Literal("two days"), "DatatypeConstraintComponent"),
    ],
)
def test_the_shapes_do_find_what_is_wrong(
    graph: Graph, shapes: Graph, predicate: str, value: Literal | URIRef, constraint: str
) -> None:
    one = next(graph.subjects(RDF.type, ELM.LearningOpportunity))
    graph.add((one, ELM[predicate], value))
    if isinstance(value, URIRef):
        graph.add((value, RDF.type, SKOS.Concept))
    assert (constraint, predicate) in {(found, path) for found, path, _value in findings(graph, shapes)}
