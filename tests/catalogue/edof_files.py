"""EDOF files for tests: valid unless a test spoils them."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tests.factories.catalogue import siret

NAMESPACE = "https://www.of.moncompteformation.gouv.fr"
P1, P2, P3 = siret(1), siret(2), siret(3)
_ADDRESS = (
    '<adresse numero="2"><ligne>CENTRE</ligne><codepostal>91510</codepostal><ville>{city}</ville>'
    '<extras info="adresse"><extra info="conformite-reglementaire">1</extra></extras></adresse>'
)


@dataclass(frozen=True)
class S:
    """A session."""

    number: str = "S1"
    starts: str | None = "20270614"
    ends: str | None = "20270618"
    recruiting: str = "1"
    guarantee: str | None = "0"
    extra: str = ""

    def xml(self) -> str:
        days = "".join(
            f"<{tag}>{day}</{tag}>"
            for tag, day in (("debut", self.starts), ("fin", self.ends))
            if day is not None
        )
        guarantee = "" if self.guarantee is None else f'<extra info="garantie">{self.guarantee}</extra>'
        return (
            f'<session numero={quoteattr(self.number)} datemaj="20260526" datecrea="20260526">'
            f"<periode>{days}</periode>"
            f"<adresse-inscription>{_ADDRESS.format(city='LARDY')}</adresse-inscription>"
            f"<etat-recrutement>{self.recruiting}</etat-recrutement>"
            f'<extras info="session">{guarantee}{self.extra}</extras></session>'
        )


@dataclass(frozen=True)
class A:
    """An action."""

    number: str = "A1"
    sessions: tuple[S, ...] = (S(),)
    mode: str = "0"
    city: str = "LARDY"
    gross: str | None = "600.60"
    net: str | None = "500.50"
    vat: str | None = "20.0"
    hours: str | None = "21"
    more: str = ""

    def xml(self) -> str:
        fees = "".join(
            f'<extra info="{info}">{escape(value)}</extra>'
            for info, value in (("taux-tva", self.vat), ("frais-ht", self.net), ("frais-ttc", self.gross))
            if value is not None
        )
        hours = "" if self.hours is None else f"<nombre-heures-centre>{self.hours}</nombre-heures-centre>"
        return (
            f'<action numero={quoteattr(self.number)} datemaj="20260526" datecrea="20260526">'
            f"<niveau-entree-obligatoire>0</niveau-entree-obligatoire>"
            f"<modalites-enseignement>{self.mode}</modalites-enseignement>"
            f'<lieu-de-formation><coordonnees numero="1"><nom>N</nom><prenom>P</prenom>'
            f"{_ADDRESS.format(city=escape(self.city))}"
            f"<telfixe><numtel>0123456789</numtel></telfixe><courriel>a@b.fr</courriel></coordonnees>"
            f"</lieu-de-formation><modalites-entrees-sorties>0</modalites-entrees-sorties>"
            f"{''.join(session.xml() for session in self.sessions)}"
            f"{self.more}<acces-handicapes>0</acces-handicapes><langue-formation>FR</langue-formation>{hours}"
            f'<extras info="action"><extras info="frais-pedagogiques">{fees}</extras></extras></action>'
        )


@dataclass(frozen=True)
class F:
    """A formation."""

    number: str = "F1"
    siret: str = P1
    title: str = "Gérer un élevage"
    goals: str = "<p>But</p>"
    content: str = "<p>Contenu</p>"
    certification: str = "<code-RS>RS6604</code-RS>"
    actions: tuple[A, ...] = (A(),)
    attributes: str = 'datemaj="20260526" datecrea="20260526"'
    extra: str = ""

    def xml(self) -> str:
        return (
            f"<formation numero={quoteattr(self.number)} {self.attributes}>"
            f"<intitule-formation>{escape(self.title)}</intitule-formation>"
            f"<objectif-formation>{escape(self.goals)}</objectif-formation>"
            f"<resultats-attendus>Savoir</resultats-attendus>"
            f"<contenu-formation>{escape(self.content)}</contenu-formation>"
            f"<parcours-de-formation>1</parcours-de-formation>"
            f"<objectif-general-formation>2</objectif-general-formation>"
            f"<certification>{self.certification}</certification>"
            f"{''.join(action.xml() for action in self.actions)}"
            f"<organisme-formation-responsable><SIRET-organisme-formation><SIRET>{self.siret}</SIRET>"
            f"</SIRET-organisme-formation></organisme-formation-responsable>"
            f'<extras info="formation"><extra info="resume-contenu">R</extra>{self.extra}</extras></formation>'
        )

    def at(self, *sessions: S, **action: Any) -> "F":
        """The same with one action of these sessions."""
        return replace(self, actions=(A(sessions=sessions or (S(),), **action),))


def catalogue(
    *formations: F | str, encoding: str = "UTF-8", namespace: str = NAMESPACE, between: str = "\n"
) -> bytes:
    """A file of formations, the first on line 4."""
    inner = between.join(one if isinstance(one, str) else one.xml() for one in formations)
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<lheo xmlns="{namespace}">\n<offres>\n'
        f"{inner}\n</offres>\n</lheo>\n"
    )
    return text.encode("cp1252" if encoding == "windows-1252" else encoding)


@dataclass
class Folder:
    """Writes files for one test."""

    path: Path
    count: int = field(default=0)

    def put(self, content: bytes | str, name: str = "") -> Path:
        """A new file with that content."""
        self.count += 1
        target = self.path / (name or f"file{self.count}")
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def edof(self, *formations: F | str, **options: Any) -> Path:
        """A new EDOF file."""
        return self.put(catalogue(*formations, **options))

    def register(self, *rows: str) -> Path:
        """A new register of French providers."""
        return self.put("\n".join(["siret,name,status,valid_from,valid_until", *rows]) + "\n")


def write_large(path: Path, formations: int, providers: int) -> None:
    """A file of many formations of 9.5 kB each, their providers interleaved, written piece by piece."""
    words = "lorem ipsum dolor sit amet " * 100
    with path.open("w", encoding="utf-8") as file:
        head, tail = catalogue("").decode().split("\n\n</offres>")
        file.write(f"{head}\n")
        for n in range(formations):
            formation = F(
                number=f"F{n}",
                siret=siret(n % providers),
                title=f"Formation {n}",
                goals=f"<p>{n}</p><p>{words}</p>",
                content=f"<p>{n} {words}</p>",
                extra=f'<extra info="details">{words}</extra>',
            )
            file.write(formation.xml() + "\n")
        file.write(f"</offres>{tail}")
