"""HTTP clients that use the proxies and certificates of this machine, and errors that explain network problems."""

import contextlib
import functools
import os
import ssl
from collections.abc import Iterator
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from taskhouse.errors import ConfigurationError
from taskhouse.posthog.transport import StreamTransport
from taskhouse.values import LOOPBACK

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def clients(host: str) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """Clients for the calls of a host and for its streams; a host on this machine needs no proxy.

    Raises:
        ConfigurationError: The environment names a proxy or certificates that cannot be used.
    """
    near = urlsplit(host).hostname in LOOPBACK
    tls = nearby() if near else certificates()
    options: dict[str, Any] = {
        "verify": tls,
        "trust_env": not near,
        "follow_redirects": False,
        "headers": {"User-Agent": f"taskhouse/{_version()}"},
    }
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=20)
    through_proxy = not near and getproxies().keys() - {"no"}
    streams = {"limits": httpx.Limits()} if through_proxy else {"transport": StreamTransport(tls)}
    with proxied():
        return httpx.AsyncClient(**options, limits=limits), httpx.AsyncClient(**options, **streams)


def _version() -> str:
    try:
        return metadata.version("taskhouse")
    except metadata.PackageNotFoundError:
        return "unpackaged"


@contextlib.contextmanager
def proxied() -> Iterator[None]:
    """Make clients that go through the proxies of the environment.

    Raises:
        ConfigurationError: One of them cannot be used. It is named, and not shown: it may hold a password.
    """
    try:
        yield
    except (httpx.InvalidURL, ValueError):
        wrong = "it is no URL of a proxy"
    except ImportError:
        wrong = "it is a SOCKS proxy, and the Python package socksio is not installed"
    else:
        return
    raise ConfigurationError(
        f"The proxy in {_given(PROXIES)} cannot be used: {wrong}.",
        hint="Set it to an HTTP proxy such as http://proxy.example.com:8080, unset it, or install socksio for SOCKS.",
    )


def nearby() -> ssl.SSLContext:
    """The certificates of the system, read once per process."""
    return _read_once(*map(os.environ.get, CERTIFICATES))


@functools.cache
def _read_once(file: str | None, folder: str | None) -> ssl.SSLContext:
    del file, folder
    return ssl.create_default_context()


def certificates() -> ssl.SSLContext:
    """What proves a server.

    Raises:
        ConfigurationError: The environment names a file of certificates that cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as problem:
        raise ConfigurationError(
            f"The certificates in {_given(CERTIFICATES)} cannot be read: {problem.strerror or problem}.",
            hint="Set it to a readable file of certificates in PEM, or unset it.",
        ) from None


def _given(names: tuple[str, ...]) -> str:
    """Those of the variables that are set, in either case."""
    found = [each for name in names for each in (name, name.lower()) if os.environ.get(each)]
    return " or ".join(found) or names[0]
