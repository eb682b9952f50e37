"""A value that must not be seen, with one exit."""

from typing import AnyStr, Generic, NoReturn

__all__ = ["Secret"]


class Secret(Generic[AnyStr]):
    """Holds a key or a passphrase; only `reveal` shows it, so a search finds every use."""

    __slots__ = ("_value",)

    def __init__(self, value: AnyStr) -> None:
        self._value: AnyStr = value

    def reveal(self) -> AnyStr:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised; its owner must do so on purpose")
