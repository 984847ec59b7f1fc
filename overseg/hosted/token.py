"""An API token that is never printed."""

from typing import Any

_HIDDEN = "[token]"


class Token:
    """A user's API token: it is sent in one header, and never printed, logged or written.

    Example:
        >>> token = Token("r8_secret")
        >>> token, token.redacted({"error": "no such token: r8_secret"})
        (Token([token]), {'error': 'no such token: [token]'})
    """

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"Token({_HIDDEN})"

    @property
    def header(self) -> str:
        """The value of the header `Authorization`."""
        return f"Bearer {self._value}"

    def redacted(self, content: Any) -> Any:
        """Return JSON with every occurrence of the token replaced."""
        if isinstance(content, str):
            return content.replace(self._value, _HIDDEN)
        if isinstance(content, list):
            return [self.redacted(one) for one in content]
        if isinstance(content, dict):
            return {self.redacted(key): self.redacted(value) for key, value in content.items()}
        return content
