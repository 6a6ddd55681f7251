"""Everybody who acts, people and named services alike: each change in the platform has one of them behind it."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from ila.core import clock


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a person's sign-in; without a password the account cannot be entered by one."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user who may enter the administration pages."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person's sign-in, or a named service (`is_service`) that acts by itself and can never sign in."""

    email = models.EmailField(unique=True)
    display_name = models.CharField(max_length=150, blank=True)
    language = models.CharField(max_length=5, default="en")
    is_service = models.BooleanField(default=False)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=clock.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(Lower("email"), name="user_email_once_in_any_case"),
            models.CheckConstraint(
                condition=~models.Q(is_service=True, is_staff=True)
                & ~models.Q(is_service=True, is_superuser=True),
                name="user_service_has_no_privilege",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or f"user {self.pk}"
