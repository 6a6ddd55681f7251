"""JSON-LD read back by rdflib, without asking any other server."""

import html as html_parser
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rdflib import RDF, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, FOAF, SDO, SKOS, XSD

from catalogue.exporting import europass
from tests.catalogue.exporting.conftest import ESCO, make_entry
from tests.factories.catalogue import MicroCredentialFactory, ProviderFactory, SessionFactory

pytestmark = [
    pytest.mark.django_db,
    # Inside rdflib itself.
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
]
ELM = Namespace("http://data.europa.eu/snb/model/elm/")
ROV = Namespace("http://www.w3.org/ns/regorg#")
# schema.org's own context maps every term into its one vocabulary; the file here does the same without the network.
SCHEMA_ORG = json.loads((Path(__file__).parent / "schema_org_context.json").read_text())
EVIL = "</script><script>alert(1)</script><!-- & \u2028 '\""

# What the profile (LOQ, May 2023) allows and asks of each class: property → (at least, at most).
ANY = (0, None)
PROFILE: dict[str, dict[str, tuple[int, int | None]]] = {
    "elm:LearningOpportunity": {
        "adms:identifier": ANY,
        "dc:title": (1, None),
        "dc:description": ANY,
        "foaf:homepage": (1, None),
        "dc:temporal": (0, 1),
        "elm:duration": (0, 1),
        "elm:mode": ANY,
        "elm:priceDetail": ANY,
        "elm:providedBy": (1, None),
        "elm:location": ANY,
        "elm:learningAchievementSpecification": (1, 1),
        "elm:hasPart": ANY,
        "elm:defaultLanguage": (1, 1),
        "dc:modified": (0, 1),
    },
    "elm:Organisation": {"rov:legalName": (1, None), "adms:identifier": ANY, "elm:location": (1, None)},
    "dc:Location": {"elm:geographicName": ANY, "elm:address": (1, None)},
    "elm:Address": {"elm:fullAddress": (0, 1), "elm:countryCode": (1, 1)},
    "elm:PriceDetail": {"elm:amount": (0, 1)},
    "elm:Amount": {"elm:unit": (1, 1), "rdf:value": (1, 1)},
    "elm:WebResource": {"elm:contentUrl": (1, 1)},
    "elm:Note": {"elm:noteLiteral": (1, None)},
    "elm:Identifier": {"skos:notation": (1, 1), "elm:schemeName": (0, 1)},
    "dc:PeriodOfTime": {"elm:startDate": (0, 1), "elm:endDate": (0, 1)},
    "elm:LearningOutcome": {"dc:title": (1, None), "elm:relatedESCOSkill": ANY},
    "elm:LearningAchievementSpecification": {
        "dc:title": (1, None),
        "dc:language": (1, None),
        "elm:learningOutcome": (1, None),
        "elm:learningOutcomeSummary": (0, 1),
        "elm:ISCEDFCode": ANY,
        "elm:educationLevel": ANY,
        "elm:volumeOfLearning": (0, 1),
        "elm:creditPoint": ANY,
    },
}
CONCEPTS = {
    *("elm:mode", "elm:defaultLanguage", "elm:countryCode", "elm:unit", "elm:ISCEDFCode"),
    *("elm:educationLevel", "elm:relatedESCOSkill", "dc:language"),
}
LANGUAGE_TEXTS = {"dc:title", "dc:description", "rov:legalName", "elm:geographicName", "elm:noteLiteral"}
DATATYPES = {
    "elm:duration": XSD.duration,
    "elm:volumeOfLearning": XSD.duration,
    "dc:modified": XSD.dateTime,
    "elm:startDate": XSD.dateTime,
    "elm:endDate": XSD.dateTime,
    "rdf:value": XSD.decimal,
    "elm:contentUrl": XSD.anyURI,
}


def uri(name: str) -> URIRef:
    prefix, _, local = name.partition(":")
    return URIRef(europass.CONTEXT[prefix] + local)


def schema_graph(document: dict[str, Any]) -> Graph:
    assert document["@context"] == "https://schema.org"
    text = json.dumps({**document, "@context": SCHEMA_ORG["@context"]})
    return Graph().parse(data=text, format="json-ld")


def europass_graph(client: Client) -> Graph:
    answer = client.get("/catalogue/data/europass.jsonld")
    assert answer.headers["Content-Type"] == "application/ld+json"
    return Graph().parse(data=b"".join(answer), format="json-ld")


def assert_terms_exist(graph: Graph) -> None:
    """Every class and property is one of schema.org's own, as rdflib lists them."""
    terms: Any = SDO
    for _, predicate, thing in graph:
        assert predicate == RDF.type or predicate in terms, predicate
        assert predicate != RDF.type or thing in terms, thing


def test_a_course_is_read_back(client: Client) -> None:
    one = make_entry()
    answer = client.get(f"/catalogue/{one.pk}/jsonld")
    assert answer.headers["Content-Type"] == "application/ld+json"
    graph = schema_graph(answer.json())
    assert_terms_exist(graph)
    me = URIRef(f"https://ila.example/catalogue/{one.pk}/")
    assert (me, RDF.type, SDO.Course) in graph
    assert str(graph.value(me, SDO.name)) == "Welding 1"
    assert str(graph.value(me, SDO.description)) == "Weld & cut.\nsafely"
    assert str(graph.value(me, SDO.timeRequired)) == "PT50H"
    assert URIRef(ESCO) in set(graph.objects(me, SDO.teaches))
    running = list(graph.objects(me, SDO.hasCourseInstance))
    found = {
        (str(graph.value(each, SDO.courseMode)), str(graph.value(graph.value(each, SDO.offers), SDO.price)))
        for each in running
    }
    assert found == {("onsite", "1650.00"), ("online", "999.00")}
    points = graph.value(me, SDO.numberOfCredits)
    assert (float(str(graph.value(points, SDO.value))), str(graph.value(points, SDO.unitText))) == (
        3.0,
        "ECTS credits",
    )


@pytest.mark.parametrize("kind", ["rncp", "skills_assessment", "prior_learning"])
def test_a_qualification_and_what_has_no_course_are_programmes(client: Client, kind: str) -> None:
    one = make_entry(kind=kind, workload=40, workload_scheme="hours")
    graph = schema_graph(client.get(f"/catalogue/{one.pk}/jsonld").json())
    assert_terms_exist(graph)
    me = URIRef(f"https://ila.example/catalogue/{one.pk}/")
    assert (me, RDF.type, SDO.EducationalOccupationalProgram) in graph
    assert graph.value(me, SDO.numberOfCredits) is None, "hours are no credits"
    assert {str(each) for each in graph.objects(None, SDO.courseWorkload)} == {"PT40H"}


def test_what_is_not_said_is_not_there(client: Client) -> None:
    one = MicroCredentialFactory.create(hours=None, language="", has_prerequisites=None)
    told = client.get(f"/catalogue/{one.pk}/jsonld").json()
    assert_terms_exist(schema_graph(told))
    assert not told.keys() & {
        "timeRequired",
        "inLanguage",
        "coursePrerequisites",
        "offers",
        "hasCourseInstance",
    }
    one.has_prerequisites = False
    one.save()
    told = client.get(f"/catalogue/{one.pk}/jsonld").json()
    assert told["coursePrerequisites"] == "No prerequisites."


def test_the_page_holds_the_same_and_nothing_ends_its_element(client: Client) -> None:
    one = make_entry(title=EVIL, goals_html="<p>&lt;/script&gt;</p>")
    page = client.get(f"/catalogue/{one.pk}/").content.decode()
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert len(blocks) == 1
    assert not set("<>&\u2028") & set(blocks[0])
    assert json.loads(blocks[0]) == client.get(f"/catalogue/{one.pk}/jsonld").json()
    assert json.loads(blocks[0])["name"] == EVIL
    assert "<script>alert(1)" not in page
    assert html_parser.escape("</script><script>alert(1)") in page


def test_drafts_have_no_linked_data(client: Client) -> None:
    for trait in ("draft", "delisted"):
        one = MicroCredentialFactory.create(**{trait: True})
        assert client.get(f"/catalogue/{one.pk}/jsonld").status_code == 404
    delisted = client.get(f"/catalogue/{one.pk}/")
    assert b"ld+json" not in delisted.content


def test_the_register_is_read_back_as_learning_opportunities(client: Client) -> None:
    one = make_entry()
    graph = europass_graph(client)
    me = URIRef(f"https://ila.example/catalogue/{one.pk}/")
    assert (me, RDF.type, ELM.LearningOpportunity) in graph
    assert graph.value(me, DCTERMS.title) == Literal("Welding 1", lang="fr")
    page = graph.value(me, FOAF.homepage)
    assert str(graph.value(page, ELM.contentUrl)) == str(me)
    provider = graph.value(me, ELM.providedBy)
    assert str(graph.value(provider, ROV.legalName)) == "Atelier 1"
    achieved = graph.value(me, ELM.learningAchievementSpecification)
    assert {str(value) for value in graph.objects(achieved, ELM.ISCEDFCode)} == {
        "http://data.europa.eu/snb/isced-f/0715"
    }
    points = graph.value(achieved, ELM.creditPoint)
    assert str(graph.value(points, ELM.framework)) == europass.ECTS
    assert len(list(graph.objects(me, ELM.hasPart))) == 2


def test_every_thing_has_what_the_profile_asks_and_nothing_else(client: Client) -> None:
    make_entry()
    make_entry(
        2, language="", workload=12, workload_scheme="hours", skills=None, goals_html="", eqf_level=None
    )
    bare = MicroCredentialFactory.create(
        provider=ProviderFactory.create(unnamed=True, city=""), language="xx"
    )
    SessionFactory.create(micro_credential=bare, undated=True)
    graph = europass_graph(client)
    checked = 0
    for name, allowed in PROFILE.items():
        named = {uri(each): each for each in allowed}
        for thing in graph.subjects(RDF.type, uri(name)):
            checked += 1
            used = set(graph.predicates(thing)) - {RDF.type}
            assert used <= named.keys(), (name, used - named.keys())
            for predicate, each in named.items():
                least, most = allowed[each]
                values = list(graph.objects(thing, predicate))
                assert least <= len(values) <= (most if most is not None else len(values)), (name, each)
                for value in values:
                    _check_value(graph, each, value)
    assert checked > 40
    known = {uri(name) for name in PROFILE} | {SKOS.Concept, ELM.CreditPoint}
    assert set(graph.objects(None, RDF.type)) <= known


def _check_value(graph: Graph, name: str, value: Any) -> None:
    if name in CONCEPTS:
        assert (value, RDF.type, SKOS.Concept) in graph, name
    if name in LANGUAGE_TEXTS:
        assert isinstance(value, Literal)
        assert value.language, name
    if name in DATATYPES:
        assert isinstance(value, Literal)
        assert value.datatype == DATATYPES[name]
        assert value.ill_typed is not True, (name, value)


def test_an_empty_register_is_linked_data_all_the_same(client: Client) -> None:
    assert len(europass_graph(client)) == 0
