"""The catalogue of the demonstration, as the files that providers and their register would send."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from stdnum import luhn

# Days after the first day on which sessions begin; the first is the story's, the last are to come.
SESSION_WAITS = (26, 95, 130, 200)
HERO = "RS6604_DATA"
HERO_HOURS = 50


@dataclass(frozen=True)
class DemoProvider:
    """A training provider: its register number, its name, where it is."""

    siret: str
    name: str
    city: str
    postcode: str
    status: str = "Approved"


@dataclass(frozen=True)
class DemoCourse:
    """A course to offer: certification, price in cents all taxes included, hours, title, goals, contents."""

    number: str
    code: str
    cents: int
    hours: int
    title: str
    goals: tuple[str, ...]


CATALOGUE = """<?xml version="1.0" encoding="UTF-8"?>
<lheo xmlns="https://www.of.moncompteformation.gouv.fr">
<offres>
{formations}
</offres>
</lheo>
"""
FORMATION = """<formation numero="{number}" datemaj="20260526" datecrea="20260526">
<intitule-formation>{title}</intitule-formation>
<objectif-formation><![CDATA[<ul>{goals}</ul>]]></objectif-formation>
<resultats-attendus>La certification, délivrée après une évaluation devant un jury.</resultats-attendus>
<contenu-formation><![CDATA[{content}]]></contenu-formation>
<parcours-de-formation>1</parcours-de-formation>
<objectif-general-formation>2</objectif-general-formation>
<certification>{certification}</certification>
<action numero="A1" datemaj="20260526" datecrea="20260526">
<niveau-entree-obligatoire>0</niveau-entree-obligatoire>
<modalites-enseignement>0</modalites-enseignement>
<conditions-specifiques>Aucune.</conditions-specifiques>
<lieu-de-formation><coordonnees numero="1">
<nom>Accueil</nom><prenom>Accueil</prenom>{address}<telfixe><numtel>0123456789</numtel></telfixe>
<courriel>accueil@demo.example</courriel></coordonnees></lieu-de-formation>
<modalites-entrees-sorties>0</modalites-entrees-sorties>
{sessions}
<adresse-information>{address}</adresse-information>
<transport>0</transport>
<acces-handicapes>1</acces-handicapes>
<langue-formation>FR</langue-formation>
<modalites-recrutement>Entretien</modalites-recrutement>
<modalites-pedagogiques>En présentiel, par petits groupes.</modalites-pedagogiques>
<code-perimetre-recrutement>4</code-perimetre-recrutement>
<nombre-heures-centre>{hours}</nombre-heures-centre>
<nombre-heures-entreprise>0</nombre-heures-entreprise>
<extras info="action">
<extra info="info-admission">Un entretien précise le projet.</extra>
<extras info="codes-modalites-admission"><extra info="code-modalites-admission">92002</extra></extras>
<extra info="code-type-horaires">1</extra>
<extra info="duree-apprentissage">{hours}</extra>
<extras info="codes-rythme-formation"><extra info="code-rythme-formation">1</extra></extras>
<extra info="frais-certif-inclus-frais-anpec">0</extra>
<extras info="frais-pedagogiques">
<extra info="taux-tva">20.0</extra><extra info="frais-ht">{net}</extra><extra info="frais-ttc">{price}</extra>
</extras>
<extra info="existence-prerequis">0</extra>
</extras>
</action>
<organisme-formation-responsable><SIRET-organisme-formation><SIRET>{siret}</SIRET></SIRET-organisme-formation></organisme-formation-responsable>
<extras info="formation"><extra info="resume-contenu">Résumé du contenu de la formation</extra></extras>
</formation>"""
SESSION = """<session numero="{number}" datemaj="20260526" datecrea="20260526">
<periode><debut>{start}</debut><fin>{end}</fin></periode>
<adresse-inscription>{address}</adresse-inscription>
<etat-recrutement>1</etat-recrutement>
<extras info="session"><extra info="garantie">1</extra></extras>
</session>"""
ADDRESS = """<adresse numero="2"><ligne>{name}</ligne><codepostal>{postcode}</codepostal><ville>{city}</ville>
<extras info="adresse">
<extra info="ligne5-adresse">Accueil</extra><extra info="conformite-reglementaire">1</extra>
</extras>
</adresse>"""


def _siret(stem: str) -> str:
    return stem + luhn.calc_check_digit(stem)


PROVIDERS = (
    DemoProvider(_siret("8204411950001"), "Atelier des Données", "Lyon", "69003"),
    DemoProvider(_siret("7915032280002"), "Institut Numérique du Rhône", "Villeurbanne", "69100"),
    DemoProvider(_siret("5321877400017"), "Langues & Métiers", "Nantes", "44000"),
    DemoProvider(_siret("4412098310005"), "École de la Transition", "Rennes", "35000"),
    DemoProvider(_siret("3980127650023"), "Centre Compétences Sud", "Marseille", "13002"),
    DemoProvider(_siret("8812345670009"), "Formations Express", "Paris", "75011", "Suspend"),
    DemoProvider(_siret("9031122330001"), "Cap Création", "Lille", "59000"),
    DemoProvider(_siret("4550098120004"), "Bilan & Parcours", "Bordeaux", "33000"),
)

COURSES = (
    DemoCourse(
        HERO,
        "RS6604",
        165_000,
        HERO_HOURS,
        "Analyser des données avec Python",
        ("Préparer des données", "Les décrire et les comparer", "Présenter un résultat vérifiable"),
    ),
    DemoCourse(
        "RS6776_BUREAU",
        "RS6776",
        89_000,
        21,
        "Tableur : du débutant au tableau croisé",
        ("Construire un tableau", "Écrire des formules", "Croiser et filtrer"),
    ),
    DemoCourse(
        "RNCP40344_WEB",
        "RNCP40344",
        398_000,
        210,
        "Développer une application web accessible",
        ("Concevoir pour tous", "Programmer", "Tester", "Mettre en ligne"),
    ),
    DemoCourse(
        "RS6438_ANGLAIS",
        "RS6438",
        120_000,
        40,
        "Anglais professionnel B2",
        ("Mener une réunion", "Écrire sans hésiter", "Négocier"),
    ),
    DemoCourse(
        "CPF202_BILAN",
        "CPF202",
        160_000,
        24,
        "Bilan de compétences",
        ("Faire le point", "Explorer des pistes", "Bâtir un projet"),
    ),
    DemoCourse(
        "CPF200_VAE",
        "CPF200",
        140_000,
        24,
        "Accompagnement à la validation des acquis",
        ("Décrire son expérience", "Préparer le dossier", "Se présenter au jury"),
    ),
    DemoCourse(
        "CPF206_PERMIS_B",
        "CPF206",
        118_000,
        30,
        "Permis B : code et conduite",
        ("Réussir le code", "Conduire en sécurité"),
    ),
    DemoCourse(
        "RS5616_CLEA",
        "RS5616",
        105_000,
        60,
        "Socle CléA",
        ("Lire, écrire, compter au travail", "Utiliser les outils numériques"),
    ),
    DemoCourse(
        "RS6893_SECURITE",
        "RS6893",
        72_000,
        14,
        "Sauveteur secouriste du travail",
        ("Protéger", "Examiner", "Alerter", "Secourir"),
    ),
    DemoCourse(
        "RNCP37121_COMPTA",
        "RNCP37121",
        285_000,
        180,
        "Assistant comptable",
        ("Tenir les comptes courants", "Préparer la paie", "Clore un exercice"),
    ),
    DemoCourse(
        "RS6905_VELO",
        "RS6905",
        99_000,
        35,
        "Réparer et entretenir des vélos",
        ("Diagnostiquer", "Réparer", "Accueillir"),
    ),
    DemoCourse(
        "RS7003_ISOLATION",
        "RS7003",
        134_000,
        35,
        "Isoler un bâtiment ancien",
        ("Lire un diagnostic", "Choisir les matériaux", "Poser sans pont thermique"),
    ),
)


def write_files(folder: Path, *, from_day: date) -> tuple[Path, Path]:
    """Write the register and the catalogue whose sessions are reckoned from a day. Returns their paths."""
    register, catalogue = folder / "register.csv", folder / "catalogue.xml"
    with register.open("w", newline="", encoding="utf-8") as handle:
        rows = csv.writer(handle)
        rows.writerow(["siret", "name", "status", "valid_from", "valid_until"])
        until = from_day + timedelta(days=3 * 365)
        rows.writerows(
            [each.siret, each.name, each.status, from_day - timedelta(days=400), until] for each in PROVIDERS
        )
    formations = "\n".join(
        _formation(provider, course, from_day)
        for place, provider in enumerate(PROVIDERS)
        for course in _offered(place)
    )
    catalogue.write_text(CATALOGUE.format(formations=formations), encoding="utf-8")
    return register, catalogue


def _offered(place: int) -> Iterator[DemoCourse]:
    """The first provider teaches the course of the story; each teaches some of the others."""
    for number, course in enumerate(COURSES):
        if (number + place) % 3 == 0 or (place == 0 and course.number == HERO):
            yield course


def _formation(provider: DemoProvider, course: DemoCourse, from_day: date) -> str:
    sessions = "\n".join(
        _session(provider, number, from_day + timedelta(days=wait), weeks=max(1, course.hours // 35))
        for number, wait in enumerate(SESSION_WAITS, start=1)
    )
    goals = "".join(f"<li>{goal}</li>" for goal in course.goals)
    tag, code = _certification(course.code)
    return FORMATION.format(
        number=course.number,
        title=escape(course.title),
        goals=goals,
        content="<h4>Programme</h4><p>Alternance d'exposés, d'exercices et d'un projet personnel.</p>",
        certification=f"<code-{tag}>{code}</code-{tag}>",
        address=_address(provider),
        sessions=sessions,
        hours=course.hours,
        net=f"{course.cents / 120:.2f}",
        price=f"{course.cents // 100}.{course.cents % 100:02d}",
        siret=provider.siret,
    )


def _session(provider: DemoProvider, number: int, start: date, *, weeks: int) -> str:
    start += timedelta(days=-start.weekday() % 7)
    end = start + timedelta(days=7 * weeks - 3)
    return SESSION.format(
        number=f"S{number}", start=f"{start:%Y%m%d}", end=f"{end:%Y%m%d}", address=_address(provider)
    )


def _certification(code: str) -> tuple[str, str]:
    tag = next(tag for tag in ("RNCP", "RS", "CPF") if code.startswith(tag))
    return tag, code


def _address(provider: DemoProvider) -> str:
    return ADDRESS.format(
        name=escape(provider.name.upper()), postcode=provider.postcode, city=provider.city.upper()
    )
