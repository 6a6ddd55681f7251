"""Migrations' models: a new constraint leaves the class alone, a new field makes another; either is seen."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.migrations import AddConstraint, AddField, AddIndex, CreateModel, RemoveConstraint
from django.db.migrations.state import ProjectState

from ila.core.db.rendering import models_rendered_once

POSITIVE = models.CheckConstraint(condition=models.Q(cents__gt=0), name="cents_positive")


def made() -> ProjectState:
    state = ProjectState()
    CreateModel(
        "Purse", [("id", models.BigAutoField(primary_key=True)), ("cents", models.BigIntegerField())]
    ).state_forwards("money", state)
    CreateModel(
        "Coin",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("purse", models.ForeignKey("money.Purse", models.CASCADE)),
        ],
    ).state_forwards("money", state)
    assert state.apps.all_models["money"]
    return state


def purse(state: ProjectState) -> Any:
    return state.apps.get_model("money", "Purse")


def test_constraints_and_indexes_are_put_on_the_class_at_hand() -> None:
    with models_rendered_once():
        state = made()
        before = purse(state)
        AddConstraint("Purse", POSITIVE).state_forwards("money", state)
        AddIndex("Purse", models.Index(fields=["cents"], name="by_cents")).state_forwards("money", state)
        assert purse(state) is before
        assert before._meta.constraints == [POSITIVE]
        assert [index.name for index in before._meta.indexes] == ["by_cents"]
        RemoveConstraint("Purse", "cents_positive").state_forwards("money", state)
        assert before._meta.constraints == []


def test_a_new_field_makes_another_class_with_what_was_put_on_the_old_one() -> None:
    with models_rendered_once():
        state = made()
        before = purse(state)
        AddConstraint("Purse", POSITIVE).state_forwards("money", state)
        AddField("Purse", "owner", models.TextField(default="")).state_forwards("money", state)
        after = purse(state)
        assert after is not before
        assert after._meta.get_field("owner")
        assert after._meta.constraints == [POSITIVE]
        assert state.apps.get_model("money", "Coin")._meta.get_field("purse").related_model is after


@pytest.mark.parametrize("inside", [True, False])
def test_django_is_left_as_it_was(inside: bool) -> None:
    """Outside, and after an error inside, a constraint makes another class."""
    if inside:
        with pytest.raises(ZeroDivisionError), models_rendered_once():
            raise ZeroDivisionError
    state = made()
    before = purse(state)
    AddConstraint("Purse", POSITIVE).state_forwards("money", state)
    assert purse(state) is not before


def test_what_is_new_leaves_those_farther_away_alone() -> None:
    """A table or a foreign key that comes reaches its neighbours and theirs, not everybody whom they know."""
    with models_rendered_once():
        state = made()
        for name, known in (("Hole", "Coin"), ("Tailor", "Hole"), ("Town", "Tailor"), ("Mayor", "Town")):
            key = models.ForeignKey(f"money.{known}", models.CASCADE)
            CreateModel(name, [("id", models.BigAutoField(primary_key=True)), ("known", key)]).state_forwards(
                "money", state
            )
        before = {name: state.apps.get_model("money", name) for name in ("Purse", "Coin", "Mayor")}
        AddField(
            "Coin", "second", models.ForeignKey("money.Purse", models.CASCADE, related_name="+", null=True)
        ).state_forwards("money", state)
        after = {name: state.apps.get_model("money", name) for name in before}
        assert [name for name in before if after[name] is before[name]] == ["Mayor"]
        assert after["Coin"]._meta.get_field("second").related_model is after["Purse"]
