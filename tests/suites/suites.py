"""The suites: what each needs, and how its outcomes are learned.

`run(side, folder, only)` answers a dictionary from test to (outcome, message).
"""

import json
import os
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path

from servers import NAME, program

HERE = Path(__file__).resolve().parent


class Suite:
    """One suite. `unavailable` says why it cannot run, where that is so."""

    name = ""
    # Run on the server itself, before the suite.
    setup = ()

    def __init__(self, tools, quick=False):
        self.tools, self.quick = tools, quick

    def unavailable(self):
        return None

    def run(self, side, folder, only=None):
        raise NotImplementedError


PIPELINE = r"""
\startpipeline
SELECT 1;
SELECT count(*) FROM pgbench_branches;
\endpipeline
"""


class Pgbench(Suite):
    """PostgreSQL's own load: three query modes, four scripts, and a connection for each transaction."""

    name = "pgbench"
    scripts = ("tpcb-like", "simple-update", "select-only")

    def cases(self, folder):
        count = "50" if self.quick else "500"
        pipeline = folder / "pipeline.sql"
        pipeline.write_text(PIPELINE)
        yield "initialize", ("-i", "-s", "1")
        yield "initialize at the server", ("-i", "-I", "dtGvpf")
        for mode in ("simple", "extended", "prepared"):
            for script in self.scripts:
                yield f"{mode} {script}", ("-M", mode, "-c", "4", "-j", "2", "-t", count, "-b", script)
                yield f"{mode} {script} -C", ("-M", mode, "-C", "-c", "4", "-t", "20", "-b", script)
            if mode != "simple":
                yield f"{mode} pipeline", ("-M", mode, "-c", "4", "-t", count, "-f", str(pipeline))

    def run(self, side, folder, only=None):
        # A single case needs the tables too.
        wanted = None if only is None else {"initialize", *only}
        cases = [case for case in self.cases(folder) if wanted is None or case[0] in wanted]
        return {name: self._one(side, arguments) for name, arguments in cases}

    def _one(self, side, arguments):
        vacuum = () if "-i" in arguments else ("-n",)
        status, text = run([program("pgbench"), *vacuum, *arguments], side.environment(), 120)
        if status != 0:
            return "failed", text[-2000:]
        counts = [line for line in text.splitlines() if line.startswith("number of failed")]
        failed = [line for line in counts if ": 0 " not in line]
        return ("failed", failed[0]) if failed else ("passed", "")


class Pytest(Suite):
    """A suite that pytest can run: one outcome for each of its tests."""

    sdist = ""
    # Files and folders of the source that make up the tests.
    parts = ("tests",)
    arguments = ("tests",)
    # One test may not take longer.
    seconds = 60

    def source(self):
        return self.tools.sdist(self.sdist)

    def environment(self, side):
        return {}

    def run(self, side, folder, only=None):
        work = folder / "work"
        for part in self.parts:
            copy(self.source() / part, work / part)
        outcomes = folder / "outcomes.jsonl"
        environment = side.environment() | {"PYTHONPATH": str(HERE), "SUITE_OUTCOMES": str(outcomes)}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        if only is not None:
            (folder / "only.json").write_text(json.dumps(sorted(only)))
            environment["SUITE_ONLY"] = str(folder / "only.json")
        self._until_done(side, work, environment | self.environment(side), outcomes)
        return read(outcomes)

    def _until_done(self, side, work, environment, outcomes):
        command = [self.tools.python, "-m", "pytest", "-p", "outcomes", "-p", "no:cacheprovider", "-q"]
        limit = [f"--timeout={self.seconds}", "--timeout-method=thread"]
        before = -1
        while not outcomes.with_suffix(".done").exists() and size(outcomes) > before:
            before = size(outcomes)
            _, text = run([*command, *limit, *self.chosen(side)], environment, 2400, work)
            with (work.parent / "pytest.log").open("a") as log:
                log.write(text)

    def chosen(self, side):
        return self.arguments


class Psycopg2(Pytest):
    name = "psycopg2"
    sdist = "psycopg2==2.9.13"
    setup = ("CREATE EXTENSION hstore",)

    def environment(self, side):
        place = {"": NAME, "_USER": NAME, "_HOST": side.host, "_PORT": str(side.port)}
        keys = place | {"_PASSWORD": side.password}
        return {f"PSYCOPG2_TESTDB{key}": value for key, value in keys.items()}


class Asyncpg(Pytest):
    name = "asyncpg"
    sdist = "asyncpg==0.32.0"


class Pg8000(Pytest):
    name = "pg8000"
    sdist = "pg8000==1.31.6"
    parts = ("test",)
    # Its logins need a server set up for each of them; its benchmarks test nothing.
    ignored = ("--ignore-glob=*/auth/*", "--ignore-glob=*/test_benchmarks.py", "--ignore=test/test_readme.py")
    arguments = ("test", *ignored)
    setup = ("CREATE EXTENSION hstore",)


class Sqlalchemy(Pytest):
    """Its tests of the PostgreSQL dialect, and those that every dialect must pass."""

    sdist = "SQLAlchemy==2.1.9"
    # Its tests read files of its library.
    parts = ("lib", "test", "setup.cfg", "pyproject.toml")
    setup = (
        "CREATE SCHEMA test_schema",
        "CREATE SCHEMA test_schema_2",
        "CREATE EXTENSION hstore",
        "CREATE EXTENSION citext",
    )
    driver = ""

    def chosen(self, side):
        folder = "test/dialect/postgresql"
        tests = (f"{folder}/test_{part}.py" for part in ("dialect", "query", "on_conflict", "reflection"))
        # Thousands more are of types, and of texts that no server sees.
        tests = tests if self.quick else (folder, "test/dialect/test_suite.py")
        address = f"postgresql+{self.driver}://{NAME}:{side.password}@{side.host}:{side.port}/{NAME}"
        return (*tests, "--dburi", address)


class SqlalchemyPsycopg(Sqlalchemy):
    name = "sqlalchemy-psycopg"
    driver = "psycopg"


class SqlalchemyAsyncpg(Sqlalchemy):
    name = "sqlalchemy-asyncpg"
    driver = "asyncpg"


class SqlalchemyPsycopg2(Sqlalchemy):
    name = "sqlalchemy-psycopg2"
    driver = "psycopg2"


class PsycopgFeatures(Pytest):
    """What psycopg 3 can do, as tests of ours: its own are in no package."""

    name = "psycopg-features"
    parts = ("test_psycopg.py",)
    arguments = ("test_psycopg.py",)
    setup = ("CREATE EXTENSION hstore",)

    def source(self):
        return HERE / "own"


class Psycopg(Pytest):
    """psycopg 3. Its tests are in no package: they come from a checkout."""

    name = "psycopg"
    marks = "not slow and not mypy and not crdb and not proxy"
    arguments = ("tests", "-m", marks, "--ignore=tests/pool", "--ignore=tests/crdb")

    def source(self):
        return Path(self.tools.checkouts["psycopg"])

    def unavailable(self):
        return missing(self.tools, "psycopg", "tests/conftest.py")

    def environment(self, side):
        place = f"host={side.host} port={side.port} user={NAME} dbname={NAME}"
        return {"PSYCOPG_TEST_DSN": f"{place} password={side.password}"}


class NodePostgres(Suite):
    """node-postgres, from a checkout with its modules installed. Each integration script is one test."""

    name = "node-postgres"
    folder = "packages/pg"

    def unavailable(self):
        return missing(self.tools, "node-postgres", f"{self.folder}/test/integration")

    def run(self, side, folder, only=None):
        root = Path(self.tools.checkouts["node-postgres"]) / self.folder
        paths = (root / "test/integration").rglob("*-tests.js")
        scripts = sorted(str(path.relative_to(root)) for path in paths)
        chosen = [script for script in scripts if only is None or script in only]
        return {script: self._one(side, root, script) for script in chosen}

    def _one(self, side, root, script):
        status, text = run(["node", script], side.environment(), 60, root)
        return ("passed", "") if status == 0 else ("failed", text[-2000:])


class NodePackages(Suite):
    """The packages around node-postgres whose tests the registry has, on today's pg: pools, cursors, streams."""

    name = "node-packages"
    PACKAGES = ("pg-pool@2.0.10", "pg-cursor@2.0.0", "pg-query-stream@3.0.0")
    # They need a package that comes from elsewhere than the registry, or another language.
    WITHOUT = ("stream-tester", "async-iterator")

    def unavailable(self):
        return None if shutil.which("npm") else "there is no npm"

    def run(self, side, folder, only=None):
        root = self.tools.node_packages(self.PACKAGES)
        outcomes = {}
        for package in self.PACKAGES:
            tests = sorted((root / package / "package/test").glob("*.js"))
            tests = [str(test) for test in tests if not test.stem.startswith(self.WITHOUT)]
            report = folder / f"{package}.json"
            mocha = [root / "node_modules/.bin/mocha", "--no-config", "--no-opts", "--exit", "--timeout", "20000"]
            mocha += ["--reporter", "json", "--reporter-option", f"output={report}"]
            _, output = run([*mocha, *tests], side.environment(), 300, root / package / "package")
            outcomes |= self._outcomes(package, report, output)
        return {test: outcome for test, outcome in outcomes.items() if only is None or test in only}

    @staticmethod
    def _outcomes(package, report, output):
        if not report.exists():
            return {package: ("failed", output[-2000:])}
        tests = json.loads(report.read_text())["tests"]
        error = lambda test: test["err"].get("message", "")
        outcome = lambda test: ("failed", error(test)) if test["err"] else ("passed", "")
        return {f"{package}: {test['fullTitle']}": outcome(test) for test in tests}


ALL = (
    Pgbench,
    Psycopg2,
    Asyncpg,
    Pg8000,
    SqlalchemyPsycopg,
    SqlalchemyAsyncpg,
    SqlalchemyPsycopg2,
    Psycopg,
    PsycopgFeatures,
    NodePackages,
    NodePostgres,
)


class Tools:
    """What the suites run with: an environment of its own, sources of the packages, checkouts by name."""

    def __init__(self, folder, checkouts):
        self.folder, self.checkouts = folder, checkouts
        self.python = folder / "venv/bin/python"

    def prepare(self):
        wanted = (HERE / "requirements.txt").read_text()
        stamp = self.folder / "venv/installed.txt"
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run(["python3", "-m", "venv", self.folder / "venv"], check=True)
            self._pip("install", "--quiet", "-r", HERE / "requirements.txt")
            stamp.write_text(wanted)

    def sdist(self, package):
        """The unpacked source of a package, as its registry has it."""
        unpacked = self.folder / "sources" / package
        if not unpacked.exists():
            archives = self.folder / "archives" / package
            self._pip("download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", archives, package)
            with tarfile.open(next(archives.glob("*.tar.gz"))) as archive:
                archive.extractall(archives, filter="data")
            next(path for path in archives.iterdir() if path.is_dir()).rename(made(unpacked))
        return unpacked

    def node_packages(self, packages):
        """The unpacked packages, in a folder with the modules that their tests need."""
        root = self.folder / "node"
        wanted = (HERE / "package.json").read_text()
        stamp = root / "installed.json"
        if stamp.exists() and stamp.read_text() == wanted:
            return root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        (root / "package.json").write_text(wanted)
        npm = ["npm", "--silent", "--no-audit", "--no-fund"]
        subprocess.run([*npm, "install"], check=True, cwd=root)
        for package in packages:
            (root / package).mkdir()
            packed = subprocess.run(
                [*npm, "pack", package], check=True, cwd=root / package, capture_output=True, text=True
            )
            with tarfile.open(root / package / packed.stdout.strip()) as archive:
                archive.extractall(root / package, filter="data")
        stamp.write_text(wanted)
        return root

    def _pip(self, *arguments):
        # psycopg2's metadata needs pg_config; without the client's headers it is found beside the server.
        path = os.pathsep.join([str(Path(program("pg_config")).parent), os.environ["PATH"]])
        subprocess.run([self.python, "-m", "pip", *arguments], check=True, env=os.environ | {"PATH": path})


def missing(tools, name, needed):
    path = tools.checkouts.get(name)
    if not path:
        return f"no checkout: give --{name} PATH"
    return None if (Path(path) / needed).exists() else f"{path} has no {needed}"


def made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def copy(source, target):
    made(target)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def run(command, environment, seconds, folder=None):
    """Status and output; the whole group is ended when the time is over."""
    process = subprocess.Popen(
        [str(part) for part in command],
        env=environment,
        cwd=folder,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return -9, process.communicate()[0] + f"\nended after {seconds} seconds"


def size(path):
    return path.stat().st_size if path.exists() else 0


def read(outcomes):
    """The last word on each test."""
    lines = map(json.loads, outcomes.open()) if outcomes.exists() else ()
    return {line["test"]: (line["outcome"], line["message"]) for line in lines}
