"""Checks of the generators' settings."""

from overseg.errors import SettingsError


def check_shares(**settings: float) -> None:
    """Raise SettingsError with the name of a setting that is not in [0, 1]."""
    for name, value in settings.items():
        if not 0 <= value <= 1:
            raise SettingsError(f"expected {name} in [0, 1], got {value}")


def check_at_least(least: int, **settings: int | None) -> None:
    """Raise SettingsError with the name of a setting that is less than `least`. None is always accepted."""
    for name, value in settings.items():
        if value is not None and value < least:
            raise SettingsError(f"expected {name} of at least {least}, got {value}")
