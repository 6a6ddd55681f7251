# What the project uses of django-fsm-2: its own annotations make every model with a state `Any`.
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

from django.db import models
from django.dispatch import Signal

_P = ParamSpec("_P")
_R = TypeVar("_R")

class TransitionNotAllowed(Exception): ...
class ConcurrentTransition(Exception): ...

class Transition:
    name: str
    source: str
    target: str | None
    permission: Callable[[Any, Any], bool] | str | None
    def has_perm(self, instance: models.Model, user: Any) -> bool: ...

class FSMFieldMixin(models.CharField[str, str]):
    protected: bool
    transitions: dict[type[models.Model], dict[str, Any]]
    def get_all_transitions(self, instance_cls: type[models.Model]) -> Iterator[Transition]: ...

class FSMField(FSMFieldMixin):
    def __init__(
        self,
        *args: Any,
        protected: bool = ...,
        default: str = ...,
        choices: Any = ...,
        max_length: int = ...,
        **kwargs: Any,
    ) -> None: ...

class ConcurrentTransitionMixin(models.Model):
    class Meta:
        abstract = True

class GET_STATE:
    def __init__(self, func: Callable[..., str], states: Iterable[str] | None = ...) -> None: ...

def transition(
    field: FSMFieldMixin | str,
    source: str | Sequence[str] = ...,
    target: str | GET_STATE | None = ...,
    on_error: str | None = ...,
    conditions: list[Callable[[Any], bool]] | None = ...,
    permission: str | Callable[[Any, Any], bool] | None = ...,
    custom: dict[str, Any] | None = ...,
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...

class_prepared: Signal
