"""What a search reads: a line for each entry of the catalogue, and what its words and places are."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from catalogue.models.micro_credentials import MicroCredential
from ila.core import clock


class Listing(models.Model):
    """An entry as a search sees it at a moment: made from the other tables, never written by hand.

    traits: what facets count, packed into the bits of one number (`catalogue.selectors.traits`).
    standing: 0 bookable with a guaranteed session, 1 bookable, 2 neither. from_cents: what it costs at least.
    spots: numbers of the places where it is taught. starts: days on which sessions to come begin, at the provider's
    place. computed_at, good_until: the line tells the truth from the one moment until before the other, unless the
    entry is noted as outdated. text_key: a fingerprint of the words that `search` and `title_search` were made from.
    listed_at: since when it is on the list without a break.
    """

    entry = models.OneToOneField(
        MicroCredential, on_delete=models.CASCADE, primary_key=True, related_name="listing"
    )
    traits = models.BigIntegerField()
    standing = models.SmallIntegerField()
    currency = models.CharField(max_length=3)
    from_cents = models.BigIntegerField(null=True)
    hours = models.DecimalField(max_digits=20, decimal_places=2, null=True)
    next_start = models.DateTimeField(null=True)
    starts = ArrayField(models.DateField(), default=list)
    spots = ArrayField(models.IntegerField(), default=list)
    computed_at = models.DateTimeField()
    good_until = models.DateTimeField()
    listed_at = models.DateTimeField(default=clock.now)
    title_key = models.CharField(max_length=60)
    text_key = models.UUIDField(null=True)
    title_search = SearchVectorField(null=True)
    search = SearchVectorField(null=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            GinIndex(fields=["search"], name="listing_search"),
            GinIndex(fields=["title_search"], name="listing_title_search"),
            GinIndex(fields=["spots"], name="listing_spots"),
            # Few different values: counting all lines by it reads this index alone.
            models.Index(fields=["traits"], name="listing_traits"),
            models.Index(fields=["standing", "next_start", "title_key", "entry"], name="listing_order"),
            models.Index(fields=["from_cents"], name="listing_price"),
            models.Index(fields=["good_until"], name="listing_good_until"),
            models.Index(fields=["computed_at"], name="listing_computed_at"),
            models.Index(fields=["listed_at"], name="listing_listed_at"),
        ]

    def __str__(self) -> str:
        return f"line of entry {self.entry_id}"


class Spot(models.Model):
    """A place where something is taught: a town's name and postcode as they were told, and where that is.

    Without coordinates when the town is not known. Lines name their spots by number (`Listing.spots`).
    """

    key = models.CharField(max_length=200)
    postcode = models.CharField(max_length=20)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["key", "postcode", "latitude", "longitude"], nulls_distinct=False, name="spot_once"
            )
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["latitude", "longitude"], name="spot_at"),
            models.Index(fields=["postcode"], name="spot_postcode"),
        ]

    def __str__(self) -> str:
        return f"{self.postcode} {self.key}".strip()


class ListingWord(models.Model):
    """A word of titles, providers and towns, with how many entries have it and the groups of three letters in it."""

    word = models.CharField(max_length=100, primary_key=True)
    entries = models.IntegerField(default=1)
    grams = ArrayField(models.CharField(max_length=3))

    class Meta:
        indexes: ClassVar[list[Any]] = [GinIndex(fields=["grams"], name="listingword_grams")]

    def __str__(self) -> str:
        return self.word


class Place(models.Model):
    """A town by one of its names (`catalogue/data/README.md`). key: the name in lower case, without accents."""

    country = models.CharField(max_length=2)
    region = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    latitude = models.FloatField()
    longitude = models.FloatField()
    population = models.IntegerField()

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["key"], name="place_key")]

    def __str__(self) -> str:
        return f"{self.name} ({self.country})"
