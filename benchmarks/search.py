"""How long it takes to index messages, how large the index is, and how long searches take.

    python benchmarks/search.py [--messages 1000000] [--queries 300] [--folder FOLDER]

The messages are made inside DuckDB: 500 for each run, words drawn from a vocabulary of 100,000 by Zipf's law, half of
the texts with more than 16 words. After a million, the same texts come again, of other runs and times. The runs belong
to 300 repositories, of which some are frequent. What is asked is drawn by the same frequencies: words, two and three
words, phrases that occur, prefixes, and filters. With 10 million messages the folder takes 9 GB; ``--folder`` keeps it,
and goes on with what is there.
"""

import argparse
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import duckdb

from taskhouse.clock import REAL
from taskhouse.search import database, index, query
from taskhouse.search.query import Question, search
from taskhouse.warehouse import migrate, views
from taskhouse.warehouse.engine import COMPATIBILITY, connect

PER_RUN, BATCH = 500, 200
"""Messages of a run, and runs that are stored together."""

VOCABULARY, TEXTS = 100_000, 1_000_000
GENERATION = "20261101T000000000000Z.duckdb"

MESSAGES = """
INSERT INTO mart.messages BY NAME
WITH drawn AS (
    SELECT
        number,
        CAST(1 + least(300, exp(
            2.8 + 0.9 * sqrt(-2 * ln(1 - main.uniform(number))) * cos(2 * pi() * main.uniform(-number))
        )) AS BIGINT) AS words
    FROM
        range($first, $last) AS numbers (number)
),
token AS (
    SELECT
        drawn.number,
        place,
        CAST(exp(main.uniform(drawn.number * 1009 + place) * ln($vocabulary)) AS BIGINT) AS rank
    FROM
        drawn,
        unnest(range(drawn.words)) AS places (place)
)
SELECT
    1 AS project_id,
    'task-' || token.number // $per_run AS task_id,
    'run-' || token.number // $per_run AS run_id,
    token.number % $per_run + 1 AS number,
    CASE WHEN token.number % 4 = 0 THEN 'thought' ELSE 'agent' END AS role,
    string_agg(word.word, ' ' ORDER BY token.place) AS text,
    'both' AS layer,
    make_timestamptz((1790000000000 + token.number * 3000) * 1000) AS started_at,
    1 + token.number // $per_run // $batch AS derivation
FROM
    token
    INNER JOIN word USING (rank)
GROUP BY
    token.number
ORDER BY
    derivation,
    run_id,
    number
"""

AGAIN = """
INSERT INTO mart.messages BY NAME
SELECT
    * REPLACE (
        'task-' || (CAST(run_id[5:] AS BIGINT) + $first // $per_run) AS task_id,
        'run-' || (CAST(run_id[5:] AS BIGINT) + $first // $per_run) AS run_id,
        started_at + to_milliseconds(CAST($first AS BIGINT) * 3000) AS started_at,
        derivation + $first // $per_run // $batch AS derivation
    )
FROM
    mart.messages
WHERE
    derivation <= $texts // $per_run // $batch
ORDER BY
    derivation,
    run_id,
    number
"""

MESSAGE = """
SELECT text FROM mart.messages WHERE derivation = $derivation AND run_id = $run AND number = $number
"""

RUNS = """
INSERT INTO mart.runs BY NAME
SELECT
    project_id,
    task_id,
    run_id,
    count(*) AS lines,
    max(started_at) AS last_received_at,
    max(started_at) AS changed_at,
    false AS is_due,
    true AS is_stored,
    any_value(derivation) AS derivation
FROM
    mart.messages
GROUP BY
    ALL
"""

TASKS = """
INSERT INTO raw.task_versions BY NAME
SELECT
    project_id,
    task_id,
    changed_at AS valid_from,
    'list' AS observed_in,
    'a title' AS title,
    'team-' || CAST(300 * main.uniform(hash(task_id)) ** 2 AS BIGINT) % 7
        || '/repository-' || CAST(300 * main.uniform(hash(task_id)) ** 2 AS BIGINT) AS repository,
    changed_at AS created_at,
    changed_at AS updated_at,
    task_id AS content_hash,
    '{}' AS payload,
    'pass' AS pass_id,
    1 AS page
FROM
    mart.runs
"""


def vocabulary() -> list[str]:
    """Words of 2 to 14 letters, the most frequent first; how long they are does not depend on that."""
    dice = random.Random(1)
    sounds = [first + then for first in "b c d f g h k l m n p r s t v w st tr ch".split() for then in "aeiou"]
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words[
            "".join(dice.choices(sounds, k=1 + min(5, int(dice.expovariate(0.55))))) + dice.choice(" nst").strip()
        ] = None
    return list(words)


def main() -> None:
    """Make the messages, index them, search; print seconds, bytes and milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="where the messages and the index are, or will be")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        words = vocabulary()
        if not (folder / "current.duckdb").exists():
            _make(folder, words, given.messages)
        _index(folder)
        _ask(folder, words, given.queries, given.messages)


def _make(folder: Path, words: list[str], messages: int) -> None:
    began = time.perf_counter()
    path = folder / GENERATION
    path.unlink(missing_ok=True)
    with connect(path, storage_compatibility_version=COMPATIBILITY, temp_directory=f"{path}.tmp") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate.upgrade(connection)
        views.make(connection)
        connection.execute("CREATE MACRO main.uniform(n) AS (hash(n) % 1000000007) / 1000000007")
        connection.execute(
            "CREATE TEMP TABLE word AS SELECT unnest($words) AS word, unnest(range(1, len($words) + 1)) AS rank",
            {"words": words},
        )
        for first in range(0, min(messages, TEXTS), PER_RUN * BATCH):
            span = {"first": first, "last": min(messages, TEXTS, first + PER_RUN * BATCH)}
            connection.execute(MESSAGES, {**span, "vocabulary": VOCABULARY, "per_run": PER_RUN, "batch": BATCH})
        for first in range(TEXTS, messages, TEXTS):
            connection.execute(AGAIN, {"first": first, "texts": TEXTS, "per_run": PER_RUN, "batch": BATCH})
        connection.execute(RUNS)
        connection.execute(TASKS)
        connection.execute("DROP MACRO main.uniform")
    (folder / "current.duckdb").symlink_to(GENERATION)
    print(
        f"DuckDB {duckdb.__version__}: {messages:,} messages made in {time.perf_counter() - began:.0f} s,"
        f" {path.stat().st_size / 1e9:.2f} GB",
        flush=True,
    )


def _index(folder: Path) -> None:
    wall, cpu, done, waiting = time.perf_counter(), time.process_time(), 0, 1
    while waiting:
        progress = index.update(folder, REAL, within_s=60, create=True)
        assert progress is not None
        done, waiting = done + progress.done, progress.waiting
        if progress.done:
            print(f"    {done:,} runs and tasks, {waiting:,} to go, {time.perf_counter() - wall:.0f} s", flush=True)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    size = (folder / database.NAME).stat().st_size / 1e9
    print(f"indexed in {wall:.0f} s, {cpu:.0f} s of processor time; {size:.2f} GB; peak {peak:,.0f} MB", flush=True)
    _print("nothing changed", [_timed(lambda: index.update(folder, REAL))])


def _ask(folder: Path, words: list[str], queries: int, messages: int) -> None:
    dice = random.Random(7)
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))

    def drawn(count: int = 1) -> list[str]:
        return dice.choices(words, cum_weights=weights, k=count)

    def phrase() -> str:
        with connect(folder / GENERATION, read_only=True) as connection:
            run, number = divmod(dice.randrange(messages), PER_RUN)
            asked = {"derivation": 1 + run // BATCH, "run": f"run-{run}", "number": number + 1}
            text = connection.execute(MESSAGE, asked).fetchall()[0][0].split()
        place = dice.randrange(len(text))
        return f'"{" ".join(text[place : place + dice.choice([2, 3])])}"'

    def prefix(letters: int) -> str:
        return next(word[:letters] for word in iter(lambda: drawn()[0], "") if len(word) > letters) + "*"

    kinds: dict[str, Callable[[], Question]] = {
        "a word": lambda: Question(drawn()[0]),
        "two words": lambda: Question(" ".join(drawn(2))),
        "three words": lambda: Question(" ".join(drawn(3))),
        "a phrase": lambda: Question(phrase()),
        "a prefix of 2 letters": lambda: Question(prefix(2)),
        "a prefix of 3 letters": lambda: Question(prefix(3)),
        "a prefix of 4 letters": lambda: Question(prefix(4)),
        "a prefix of 5 or 6 letters": lambda: Question(prefix(dice.choice([5, 6]))),
        "a word, without another": lambda: Question(f"{drawn()[0]} -{drawn()[0]}"),
        "a word, in one repository": lambda: Question(
            drawn()[0], repository=f"team-*/repository-{int(300 * dice.random() ** 2)}"
        ),
        "a word, in a team's repositories": lambda: Question(drawn()[0], repository=f"team-{dice.randrange(7)}/*"),
        "a word, in one run": lambda: Question(drawn()[0], run=f"run-{dice.randrange(messages // PER_RUN)}"),
        "a word, thoughts": lambda: Question(drawn()[0], kinds=["thought"]),
    }
    ranked = {"a word": kinds["a word"], "two words": kinds["two words"]}
    everything = [_asked(folder, name, ask, queries) for name, ask in kinds.items()]
    _print("all of these", [spent for several in everything for spent in several])
    for name, ask in ranked.items():
        _asked(folder, f"{name}, ranked", lambda ask=ask: _ranked(ask()), queries // 5)  # type: ignore[misc]


def _ranked(question: Question) -> Question:
    return Question(question.words, rank=True)


def _asked(folder: Path, name: str, ask: Callable[[], Question], queries: int) -> list[float]:
    questions = [ask() for _ in range(queries)]
    spent = [_timed(lambda question=question: search(folder, question)) for question in questions]  # type: ignore[misc]
    slowest = questions[spent.index(max(spent))]
    _print(name, spent, f"{slowest.words} {slowest.repository or slowest.run or ''}")
    return spent


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _print(name: str, spent: list[float], slowest: str = "") -> None:
    several = statistics.quantiles(spent, n=100, method="inclusive") if len(spent) > 1 else spent * 99
    share = sum(each < 300 for each in spent) / len(spent)
    print(
        f"{name:34} median {several[49]:8.1f} ms  95 % {several[94]:8.1f}  99 % {several[98]:8.1f}"
        f"  most {max(spent):8.1f}  under 300 ms {share:6.1%}  {slowest}",
        flush=True,
    )


if __name__ == "__main__":
    query.DEADLINE_S = 60.0  # how long they really take
    main()
