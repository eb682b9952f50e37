"""Words that synthetic pharmacies and people are made of.

Towns are real, with their own codes; whoever and whatever is in them is not.
"""

from typing import Final, NamedTuple

__all__ = ["FAMILY_NAMES", "GIVEN_NAMES", "STREETS", "THEMES", "TOWNS", "Theme", "Town"]


class Town(NamedTuple):
    """A commune.  [INSEE, code officiel géographique]."""

    name: str
    postal_code: str
    insee: str
    department: str


class Theme(NamedTuple):
    """What a pharmacy is called after, and its ASCII form for addresses and logins."""

    name: str
    slug: str


# Neighbours are in different departments, so that any few pharmacies spread over all five.
TOWNS: Final = (
    Town("Rennes", "35000", "35238", "Ille-et-Vilaine"),
    Town("Lyon", "69003", "69383", "Rhône"),
    Town("Bordeaux", "33000", "33063", "Gironde"),
    Town("Lille", "59000", "59350", "Nord"),
    Town("Ajaccio", "20000", "2A004", "Corse-du-Sud"),
    Town("Saint-Malo", "35400", "35288", "Ille-et-Vilaine"),
    Town("Sainte-Foy-lès-Lyon", "69110", "69202", "Rhône"),
    Town("Saint-Émilion", "33330", "33394", "Gironde"),
    Town("Villeneuve-d'Ascq", "59650", "59009", "Nord"),
    Town("Porto-Vecchio", "20137", "2A247", "Corse-du-Sud"),
    Town("Fougères", "35300", "35115", "Ille-et-Vilaine"),
    Town("Villeurbanne", "69100", "69266", "Rhône"),
    Town("Mérignac", "33700", "33281", "Gironde"),
    Town("Roubaix", "59100", "59512", "Nord"),
    Town("Sartène", "20100", "2A272", "Corse-du-Sud"),
)

# Fewer than the default number of pharmacies: some namesakes stand in different towns, as in life.
THEMES: Final = (
    Theme("DES LILAS", "lilas"),
    Theme("DU PORT", "port"),
    Theme("DE L'ÉGLISE", "eglise"),
    Theme("SAINT-MICHEL", "saint-michel"),
    Theme("DU CŒUR DE VILLE", "coeur"),
    Theme("DE L'HERMINE", "hermine"),
    Theme("STE ANNE", "sainte-anne"),
    Theme("DES TILLEULS", "tilleuls"),
    Theme("DU MARCHÉ", "marche"),
    Theme("DE LA GARE", "gare"),
    Theme("ST MARTIN", "saint-martin"),
    Theme("DES REMPARTS", "remparts"),
    Theme("DU BEFFROI", "beffroi"),
    Theme("DE L'ÉTOILE", "etoile"),
    Theme("DES QUAIS", "quais"),
    Theme("DU MAQUIS", "maquis"),
    Theme("SAINTE-BARBE", "sainte-barbe"),
    Theme("DE LA FONTAINE", "fontaine"),
    Theme("DES ACACIAS", "acacias"),
    Theme("DU CLOÎTRE", "cloitre"),
    Theme("DE L'AVENIR", "avenir"),
    Theme("DES ARCADES", "arcades"),
    Theme("DU CHÊNE", "chene"),
    Theme("DE LA MAIRIE", "mairie"),
    Theme("DES VIGNES", "vignes"),
    Theme("DU CANAL", "canal"),
    Theme("DE L'OLIVIER", "olivier"),
    Theme("DES HALLES", "halles"),
    Theme("DU MOULIN", "moulin"),
    Theme("DE LA PLAGE", "plage"),
    Theme("NOTRE-DAME", "notre-dame"),
    Theme("DES ÉCOLES", "ecoles"),
    Theme("DU PARC", "parc"),
    Theme("DE L'HÔTEL DE VILLE", "hotel-de-ville"),
)

STREETS: Final = (
    "RUE FICTIVE",
    "AVENUE FICTIVE",
    "PLACE FICTIVE",
    "ALLÉE FICTIVE",
    "QUAI FICTIF",
    "BOULEVARD FICTIF",
)

# Given to women and men alike: an INS tells the sex, a name then never contradicts it.
GIVEN_NAMES: Final = (
    "Camille", "Claude", "Maxime", "Sacha", "Alix", "Charlie", "Andréa", "Loïs", "Maé", "Yaël", "Swann", "Éden",
    "Ange", "Céleste",
)  # fmt: skip

FAMILY_NAMES: Final = (
    "ARBRE", "BRUYÈRE", "COLLINE", "DUNE", "ÉCORCE", "FALAISE", "GALET", "HÊTRE", "ÎLOT", "JONC", "LANDE",
    "MARÉE", "NUAGE", "ORAGE", "PLAINE", "RIVAGE",
)  # fmt: skip
