"""Extensions of DuckDB that the lake needs.

They are loaded by the path of their file, from the Python packages of the extra ``lake``, which exist for DuckDB 1.5;
nothing is downloaded. With another DuckDB, they must have been installed by DuckDB's own INSTALL.
"""

import importlib.util
from pathlib import Path

import duckdb

from taskhouse.errors import ConfigurationError
from taskhouse.warehouse import sql


def load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension.

    Raises:
        ConfigurationError: It is not installed here.
    """
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if path.is_file():
            connection.execute(f"LOAD {sql.literal(str(path))}")
            return
    try:
        connection.execute(f"LOAD {name}")
    except duckdb.Error:
        raise ConfigurationError(
            f"The DuckDB extension {name} is not installed for DuckDB {duckdb.__version__}.",
            hint="Use an environment with `pip install 'taskhouse[lake]'`, which brings DuckDB 1.5 and the extensions;"
            f" or run INSTALL {name} once in a DuckDB {duckdb.__version__}, if DuckDB offers it for that version."
            " docs/lake.md says more.",
        ) from None
