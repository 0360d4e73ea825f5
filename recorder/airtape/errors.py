"""Every error that airtape raises, as a tree.

Error                               something failed
├── UsageError                      a bad argument, a call at the wrong time; also ValueError
│   ├── UnknownArgumentError            an argument that a call does not have; also TypeError
│   └── ConfigArgumentError             no config, or a value none can hold; also TypeError
│       └── ConfigKeyError              a config key that is no string; also AttributeError
├── ConfigError                     a config value that may not be changed or kept
├── InvalidDataError                data that cannot be recorded; also ValueError, TypeError
├── CommError                       a target or store that does not answer
│   └── AuthenticationError         credentials are missing or refused
├── LogFormatError                  a file that is no log, or one of a later major version
├── TargetError                     a sync target that cannot be opened or written
│   └── TransientError                  a target that may do so when it is asked again
└── NotAvailableYetError            a name of the W&B API that this version does not have
"""

from __future__ import annotations


class Error(Exception):
    """Something failed; says what, where, why, and what to try.

    Attributes:
        what: One sentence: what failed.
        where: The path, run or target it happened at, if there is one.
        because: The cause, usually the operating system's words.
        hint: What the user can try.
    """

    def __init__(
        self,
        what: str = "",
        *,
        where: str | None = None,
        because: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.because = because
        self.hint = hint

    def __str__(self) -> str:
        text = self.what
        if self.where is not None:
            text += f" ({self.where})"
        if self.because is not None:
            text += f": {self.because}"
        if self.hint is not None:
            text += f"\n{self.hint}"
        return text


class UsageError(Error, ValueError):
    """An argument is wrong, or a call came at the wrong time."""


class UnknownArgumentError(UsageError, TypeError):
    """A call does not have this argument."""


class ConfigError(Error):
    """A config value may not be changed, or cannot be kept."""


class InvalidDataError(Error, ValueError, TypeError):
    """The data given to a call cannot be recorded; nothing was written."""


class ConfigArgumentError(UsageError, InvalidDataError):
    """What was given as config is none, or has a value that cannot be recorded."""


class ConfigKeyError(ConfigArgumentError, AttributeError):
    """A config key is no string."""


class CommError(Error):
    """A target or store does not answer."""


class AuthenticationError(CommError):
    """Credentials are missing or were refused."""


class LogFormatError(Error):
    """A file is no transaction log, or one of a later major version."""


class TargetError(Error):
    """A sync target cannot be opened or written."""


class TransientError(TargetError):
    """A sync target cannot be opened or written now, and may be when it is asked again.

    Attributes:
        retry_after_s: Seconds after which to ask again, if the target said.
    """

    def __init__(
        self,
        what: str = "",
        *,
        where: str | None = None,
        because: str | None = None,
        hint: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(what, where=where, because=because, hint=hint)
        self.retry_after_s = retry_after_s


class NotAvailableYetError(Error, NotImplementedError):
    """A name of the W&B API that this version does not have."""
