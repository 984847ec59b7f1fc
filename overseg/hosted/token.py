"""A token that must not be seen."""

from typing import Any

_HIDDEN = "[token]"


class Token:
    """A user's secret: it goes into one header, and into nothing that is printed, logged or written.

    Example:
        >>> token = Token("r8_secret")
        >>> token, token.hidden_in({"error": "no such token: r8_secret"})
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

    def hidden_in(self, content: Any) -> Any:
        """JSON without the token, wherever in it somebody repeats it."""
        if isinstance(content, str):
            return content.replace(self._value, _HIDDEN)
        if isinstance(content, list):
            return [self.hidden_in(one) for one in content]
        if isinstance(content, dict):
            return {self.hidden_in(key): self.hidden_in(value) for key, value in content.items()}
        return content
