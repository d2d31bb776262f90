"""What went wrong in an object store, in words for people, and whether another try may help.

Nothing of a request is shown but its URI: URLs of Azure have credentials in their query.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rastervision.pipeline.errors import NotReadableError, NotWritableError, RVError
from rastervision.pipeline.file_system.file_system import unreadable, unwritable
from rastervision.pipeline.file_system.object_store import aws, azure, google
from rastervision.pipeline.file_system.object_store.address import ODD_PARTS, Address

_EXPIRED = 'the credentials have expired; renew them (single sign-on: `aws sso login`) and go on'
_WRONG = 'the credentials are wrong; check the key, its secret and the profile they come from'
_DENIED = (
    'access denied; ask for the permission to do this with the credentials that you use, or use '
    'others'
)
_WORDS = {
    'NoSuchBucket': 'there is no bucket {bucket!r}; check the name, or make it first',
    'NoSuchKey': 'no such file',
    'BlobNotFound': 'no such file',
    'ExpiredToken': _EXPIRED,
    'ExpiredTokenException': _EXPIRED,
    'RequestExpired': _EXPIRED,
    'TokenRefreshRequired': _EXPIRED,
    'InvalidAccessKeyId': _WRONG,
    'SignatureDoesNotMatch': _WRONG,
    'InvalidToken': _WRONG,
    'InvalidClientTokenId': _WRONG,
    'AuthenticationFailed': _WRONG,
    'AccessDenied': _DENIED,
    'AllAccessDisabled': _DENIED,
    'AuthorizationFailure': _DENIED,
    'AuthorizationPermissionMismatch': _DENIED,
    'RequestTimeTooSkewed': 'the clock of this machine is wrong; set it',
    'PublicAccessNotPermitted': _DENIED,
    'NoAuthenticationInformation': azure.NO_CREDENTIALS,
}
_BY_CLASS = {
    'FileNotFoundError': 'no such file',
    'PermissionDeniedError': _DENIED,
    'UnauthenticatedError': _WRONG,
    'PreconditionError': 'the file changed while it was read',
    'NotSupportedError': 'the store cannot do this',
}
_NO_CREDENTIALS = {
    's3': aws.NO_CREDENTIALS,
    'gs': google.NO_CREDENTIALS,
    'az': azure.NO_CREDENTIALS,
}
_CODE = re.compile(r'<Code>(\w+)</Code>|"code": ?"(\w+)"')
_MESSAGE = re.compile(r'<Message>([^<]*)')
_HTTP_FAULT = re.compile(r'HttpError \{\s+kind: (\w+)')
_METADATA = re.compile(
    r'performing \w+ http://(169\.254\.169\.254|metadata(\.google\.internal)?/|[^/]+/metadata/id)'
)
_SERVER = re.compile(r'Error performing \w+ (\w+://[^/\s]+)')
_ODD_NAME = re.compile(r'Path "(.*)"(: | contained)')
_STATUS = re.compile(r'status code: (\d{3})')


@contextmanager
def reading(uri: str, address: Address | None = None) -> Iterator[None]:
    """Turn what the store raises into NotReadableError."""
    yield from _translated(uri, address, unreadable)


@contextmanager
def writing(uri: str, address: Address | None = None) -> Iterator[None]:
    """Turn what the store raises into NotWritableError."""
    yield from _translated(uri, address, unwritable)


Translator = Callable[[str, object], NotReadableError | NotWritableError]


def _translated(uri: str, address: Address | None, as_error: Translator) -> Iterator[None]:
    try:
        yield
    except RVError:
        raise
    except Exception as error:  # noqa: BLE001 - the library raises plain ValueError and others
        # None: the library's own text may have credentials in it
        raise as_error(uri, reason(error, address)) from None


def reason(error: Exception, address: Address | None = None) -> str:
    """Why a request failed."""
    text = str(error)
    if isinstance(error, ValueError | PermissionError) or address is None:
        return text.partition('\n')[0]
    if name := odd_name(error):
        return f'{name!r} in it cannot be named here: {ODD_PARTS}; rename it or remove it'
    if _METADATA.search(text):
        return _NO_CREDENTIALS[address.cloud]
    words = _WORDS['NoSuchBucket'] if is_missing_bucket(error) else _WORDS.get(code_of(error) or '')
    if words is not None:
        return words.format(bucket=address.bucket)
    if address.cloud == 's3' and is_other_region(error):
        return f'the bucket {address.bucket!r} is in another region; set AWS_S3_REGION'
    return _connection(text) or _BY_CLASS.get(type(error).__name__) or _answer(error)


def _connection(text: str) -> str | None:
    """What is wrong with the connection; None if the store has answered."""
    fault = _HTTP_FAULT.search(text)
    if fault is None:
        return None
    where = server[1] if (server := _SERVER.search(text)) else 'the store'
    if fault[1] == 'Connect':
        return f'{where} cannot be reached; check the network and the setting endpoint_url'
    return f'the connection to {where} broke off time and again'


def _answer(error: Exception) -> str:
    """What the store has answered, where we know no better."""
    text = str(error)
    if status := _STATUS.search(text):
        message = said[1] if (said := _MESSAGE.search(text)) else ''
        return f'the store answered HTTP {status[1]} {code_of(error) or ""} {message}'.rstrip()
    return re.sub(r'\?\S*', '?...', text.partition('\n')[0])


def code_of(error: Exception) -> str | None:
    """The code of the store's answer, such as 'NoSuchBucket'."""
    match = _CODE.search(str(error))
    return (match[1] or match[2]) if match else None


def odd_name(error: Exception) -> str | None:
    """The name of an object that the library stumbles over when it lists a directory."""
    if type(error).__name__ != 'InvalidPathError' or not (found := _ODD_NAME.search(str(error))):
        return None
    return found[1]


def is_missing_bucket(error: Exception) -> bool:
    """Whether the store says that there is no such bucket."""
    missing = {'NoSuchBucket', 'ContainerNotFound'}
    return code_of(error) in missing or 'specified bucket does not exist' in str(error)


def is_passing(error: Exception) -> bool:
    """Whether another try may help, beyond what the library has tried."""
    fault = _HTTP_FAULT.search(str(error))
    if fault is None:  # the second of two requests to finish an upload, after a lost answer
        return code_of(error) == 'NoSuchUpload'
    return fault[1] != 'Connect'


def is_other_region(error: Exception) -> bool:
    """Whether a store of the S3 kind says that the bucket is in another region."""
    text = str(error)
    codes = {'PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraint'}
    return (
        code_of(error) in codes or 'redirect without LOCATION' in text or 'status code: 301' in text
    )
