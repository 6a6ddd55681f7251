"""Models of migrations rendered when their fields change, and not for each constraint, index and trigger they get."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from django.db.migrations.state import ModelState, ProjectState

# What can be exchanged on a class at hand: no field, relation, manager or base depends on it.
_LISTS = ("indexes", "constraints", "triggers")


@contextmanager
def models_rendered_once() -> Iterator[None]:
    """Let a migration's state put new constraints, indexes and triggers on the class that it has.

    Django renders a model and all its neighbours anew for each of them, which took nine tenths of a fresh `migrate`.
    """
    rendered: WeakKeyDictionary[type, _Shape] = WeakKeyDictionary()
    render, reload_model = ModelState.render, ProjectState.reload_model

    def render_and_note(state: ModelState, apps: Any) -> Any:
        model = render(state, apps)
        rendered[model] = _Shape(state)
        return model

    def reload_where_needed(
        project: ProjectState, app_label: str, model_name: str, delay: bool = False
    ) -> None:
        state = project.models[app_label, model_name.lower()]
        apps = project.__dict__.get("apps")
        model = apps.all_models[app_label].get(model_name.lower()) if apps is not None else None
        shape = rendered.get(model) if model is not None else None
        if model is not None and shape is not None and shape.fits(state):
            for option in _LISTS:
                if option in state.options:
                    setattr(model._meta, option, list(state.options[option]))
            return
        # Nobody farther away can depend on what is new; without the delay each foreign key renders nearly all.
        is_new = model is None or (shape is not None and shape.grew_to(state))
        reload_model(project, app_label, model_name, delay or is_new)

    _put(render_and_note, reload_where_needed)
    try:
        yield
    finally:
        _put(render, reload_model)


def _put(render: Any, reload_model: Any) -> None:
    setattr(ModelState, "render", render)  # noqa: B010 - a method, which a type checker lets nobody exchange
    setattr(ProjectState, "reload_model", reload_model)  # noqa: B010


class _Shape:
    """What a class was rendered from, but for its lists. Migrations exchange fields, they never change one."""

    def __init__(self, state: ModelState) -> None:
        self._fields = dict(state.fields)
        self._rest = _rest(state)

    def fits(self, state: ModelState) -> bool:
        return self.grew_to(state) and list(self._fields) == list(state.fields)

    def grew_to(self, state: ModelState) -> bool:
        """Nothing but new fields came to it, or nothing at all."""
        return self._rest == _rest(state) and all(
            state.fields.get(name) is field for name, field in self._fields.items()
        )


def _rest(state: ModelState) -> tuple[Any, ...]:
    options = {name: value for name, value in state.options.items() if name not in _LISTS}
    return state.name, options, state.bases, list(state.managers)
