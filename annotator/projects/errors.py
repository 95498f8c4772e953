"""What can be wrong with a request, in the words of the domain; api.errors alone turns these into HTTP."""


class DomainError(Exception):
    """Something asked for cannot be done. `message` is one sentence that says what to do; `field` names the culprit."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(DomainError):
    """A value that cannot be taken."""


class NotAllowed(DomainError):
    """The person may see this but not do that."""

    code = "not_allowed"


class Unproven(DomainError):
    """Nothing proves who is asking. `now`, in Unix seconds, is told to one whose clock is wrong."""

    def __init__(self, message: str, *, code: str, now: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.now = now


class Revoked(NotAllowed):
    """The device was shut out."""

    code = "revoked"


class NotFound(DomainError):
    """There is no such thing, or the person may not know of it."""

    code = "not_found"


class Conflict(DomainError):
    """The thing has changed or is taken."""

    code = "conflict"


class TooLarge(DomainError):
    """More than the limits allow."""

    code = "too_large"


class NoSpace(DomainError):
    """The disk is full."""

    code = "no_space"


class TooManyTries(DomainError):
    """Slower, please: possible again in `wait` seconds."""

    code = "too_many_tries"

    def __init__(self, message: str, *, wait: float, field: str | None = None) -> None:
        super().__init__(message, field=field)
        self.wait = wait


class NotReady(DomainError):
    """It will be possible, but not yet."""

    code = "not_ready"


class Unavailable(DomainError):
    """A part of the installation that would have to answer is away or busy."""

    code = "unavailable"
