"""Whether a command can serve at an address, asked before anything is started."""

import errno
import socket

SHOWN = {errno.EADDRINUSE: "another program uses it", errno.EACCES: "only the administrator may use it"}


def bindable(host: str, port: int) -> None:
    """Look if this process can listen at the address; 0 stands for any free port.

    Raises:
        ConfigurationError: It cannot.
    """
    from taskhouse.errors import ConfigurationError

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except socket.gaierror:
        raise ConfigurationError(
            f"There is no address {host} on this machine.", hint="Choose another --host, such as 127.0.0.1."
        ) from None
    except OSError as problem:
        if problem.errno == errno.EADDRNOTAVAIL:
            raise ConfigurationError(
                f"There is no address {host} on this machine.", hint="Choose another --host, such as 127.0.0.1."
            ) from None
        why = SHOWN.get(problem.errno or 0, problem.strerror)
        raise ConfigurationError(
            f"Port {port} of {host} is not free: {why}.", hint="Choose another one with --port."
        ) from None
