"""What configuration, data and servers cannot do: bring in code, lead out of a folder, learn the key."""

import ast
import copy
import gzip
import http.server
import io
import json
import re
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from snakemake import parser

from poles.audits.expected import read_plan
from poles.claims import checking
from poles.corpus import archived, passes, sources, storage
from poles.corpus.api import query
from poles.corpus.api.client import Client
from poles.errors import StudyError
from poles.networks import pajek
from poles.networks.edge_lists import read_links
from poles.study import config, crate_check, embedding, extraction, harvest_layout, values
from workflow import Project

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sorted((ROOT / "scripts").rglob("*.py"))
SNAKEMAKE = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]

# Code ------------------------------------------------------------------------------------------------------

MODULES = {
    *(
        "pickle",
        "_pickle",
        "dill",
        "cloudpickle",
        "joblib",
        "jsonpickle",
        "shelve",
        "marshal",
        "runpy",
        "code",
    ),
    *("codeop", "pty", "numexpr"),
}
"""Modules that make code, or objects with code, from data."""
FUNCTIONS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "builtins.eval", "builtins.exec"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "numpy.fromregex", "torch.load"),
}
METHODS = {"read_pickle", "to_pickle", "deserialize", "unsafe_load", "full_load", "unsafe_load_all"}
"""Last words of calls, of whatever object."""
LOADERS = {"yaml.load", "yaml.load_all", "yaml.full_load_all", "yaml.compose", "yaml.parse"}
SHELLS = {"shell", "shellcmd", "run", "notebook", "wrapper", "cwl", "template_engine"}
"""What a rule may run that is no script, as Snakemake calls it."""


def names_of(tree: ast.AST) -> dict[str, str]:
    """Full names by the names under which a module imports them."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """Full name of what is called; a part that has none is an asterisk."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    return f"{dotted(node.value, names)}.{node.attr}" if isinstance(node, ast.Attribute) else "*"


def is_own_module(node: ast.AST) -> bool:
    """Whether a text begins with the name of a package of the study, whatever follows it."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    return isinstance(first, ast.Constant) and str(first.value).startswith("poles.")


def fault_of(call: ast.Call, names: dict[str, str]) -> str | None:
    """What is unsafe about a call; None if nothing is."""
    name = dotted(call.func, names)
    last = name.rpartition(".")[2]
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    given = {key: getattr(value, "value", value) for key, value in options.items()}
    if name in FUNCTIONS | LOADERS or last in METHODS or name.startswith(("os.exec", "os.spawn")):
        return name
    if last in ("eval", "query") and not name.endswith((".list.eval", ".arr.eval")) and name != last:
        return f"{name} takes text for a program"
    if given.get("allow_pickle", False) is not False or given.get("shell", False) is not False:
        return f"{name} with allow_pickle or shell"
    if last in ("extract", "extractall") and given.get("filter") != "data" and ".str." not in name:
        return f"{name} without filter='data'"
    if name == "importlib.import_module" and not (call.args and is_own_module(call.args[0])):
        return f"{name} of any module"
    return None


def faults_in(tree: ast.AST) -> list[str]:
    """Unsafe imports and calls of a module, with their lines."""
    names, found = names_of(tree), []
    for node in ast.walk(tree):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        imported += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        found += [(node.lineno, name) for name in imported if name.partition(".")[0] in MODULES]
        if isinstance(node, ast.Call) and (fault := fault_of(node, names)):
            found.append((node.lineno, fault))
    return [f"line {line}: {fault}" for line, fault in sorted(found)]


def translated(text: str) -> ast.Module:
    """Syntax tree of the Python that Snakemake makes of a file of rules."""
    place = SimpleNamespace(get_path_or_uri=lambda secret_free: "rules.smk")
    cache = SimpleNamespace(open=lambda path: io.StringIO(text))
    code, _ = parser.parse(place, SimpleNamespace(sourcecache=cache), {})
    return ast.parse(code)


def faults_of_rules(text: str) -> list[str]:
    """Unsafe calls of a file of rules, and rules that run anything but a script with a fixed name."""
    tree = translated(text)
    found = faults_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func, {}).rpartition(".")[2] in SHELLS:
            found.append(f"line {node.lineno}: {ast.unparse(node)[:50]}")
        if isinstance(node, ast.FunctionDef) and node.name.startswith("__rule_"):
            found += [
                f"line {one.lineno}: runs {ast.unparse(one)[:50]}" for one in node.body if not is_script(one)
            ]
    return found


def is_script(node: ast.stmt) -> bool:
    """Whether all that a rule runs is a script whose name is written there; or nothing."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="script"), args=[ast.Constant(), *_])) | ast.Pass():
            return True
    return False


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.relative_to(ROOT / "scripts").as_posix())
def test_no_module_makes_code_from_data(path: Path):
    assert faults_in(ast.parse(path.read_bytes())) == []


@pytest.mark.parametrize("path", SNAKEMAKE, ids=lambda path: path.name)
def test_rules_run_scripts_alone_and_no_shell(path: Path):
    text = path.read_text(encoding="utf-8")
    assert faults_of_rules(text) == []
    scripts = [node for node in ast.walk(translated(text)) if getattr(node, "id", "") == "script"]
    assert len(scripts) == text.count("\n        script:\n") + text.count("\n    script:\n")


PLANTED = [
    "eval(text)",
    "exec(open(path).read())",
    "compile(text, 'a', 'exec')",
    "__import__(name)",
    "import os\nos.system(command)",
    "from os import system as run\nrun(command)",
    "import subprocess as s\ns.run(command, shell=True)",
    "import subprocess\nsubprocess.run(command, shell=flag)",
    "import subprocess\nsubprocess.getoutput(command)",
    "import pickle",
    "from pickle import loads",
    "import joblib",
    "import numpy as np\nnp.load(path, allow_pickle=True)",
    "import numpy as np\nnp.load(path, allow_pickle=flag)",
    "import pandas as pd\npd.read_pickle(path)",
    "frame.eval(text)",
    "frame.query(text)",
    "import polars as pl\npl.LazyFrame.deserialize(path)",
    "import yaml\nyaml.load(text, Loader=yaml.Loader)",
    "import yaml\nyaml.unsafe_load(text)",
    "from yaml import full_load\nfull_load(text)",
    "import importlib\nimportlib.import_module(name)",
    "import importlib\nimportlib.import_module(f'{name}.poles')",
    "archive.extractall(folder)",
    "archive.extract(name, folder, filter='tar')",
]
SOUND = [
    "import ast\nast.literal_eval(text)",
    "import polars as pl\npl.col('a').list.eval(pl.element())",
    "import re\nre.compile(text)",
    "import yaml\nyaml.safe_load(text)",
    "import numpy as np\nnp.load(path, allow_pickle=False)",
    "import subprocess\nsubprocess.run(['git', 'log'])",
    "import importlib\nimportlib.import_module(f'poles.nulls.{null}')",
    "archive.extract(name, folder, filter='data')",
    "column.str.extract(pattern)",
    "query.page(conditions)",
]
RULE = 'rule a:\n    output: "b"\n    '


@pytest.mark.parametrize("text", PLANTED)
def test_planted_faults_are_found(text: str):
    assert faults_in(ast.parse(text)), text
    assert faults_of_rules(text + "\n")


@pytest.mark.parametrize("text", SOUND)
def test_sound_calls_are_no_faults(text: str):
    assert faults_in(ast.parse(text)) == []


@pytest.mark.parametrize(
    "body",
    [
        "shell: \"echo {config[name]}\"",
        "run: print(1)",
        "run:\n        shell(config['name'])",
        "script: config['name']",
        'script: f"{name}.py"',
        'notebook: "a.ipynb"',
        'wrapper: "a/b"',
    ],
)  # fmt: skip
def test_rules_that_run_what_the_configuration_says_are_found(body: str):
    assert faults_of_rules(f"{RULE}{body}\n")
    assert faults_of_rules(f'{RULE}script: "a.py"\n') == []


NETWORK = set(
    [
        "requests",
        "urllib3",
        "socket",
        "http",
        "urllib.request",
        "ftplib",
        "smtplib",
        "aiohttp",
        "httpx",
        "boto3",
        "pyalex",
    ]
)
"""Modules that speak to other machines."""


def test_few_modules_speak_to_other_machines():
    speaking = set()
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_bytes())):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            if any(name in NETWORK or name.partition(".")[0] in NETWORK for name in found):
                speaking.add(path.relative_to(ROOT / "scripts/poles/corpus").as_posix())
    # api/query.py takes addresses from pyalex, and sends nothing.
    assert speaking == {"api/client.py", "api/query.py", "sources.py", "storage.py"}
    assert not re.search(r"\.(get|get_async|paginate|search)\(", (ROOT / PYTHON_OF_QUERIES).read_text())


PYTHON_OF_QUERIES = "scripts/poles/corpus/api/query.py"

# Configuration ---------------------------------------------------------------------------------------------

EXPRESSION = "__use_yte__: true\nyears:\n  first: ?1990 + 1\n"
TAG = "poles: !!python/object/apply:builtins.sorted [[CN, US]]\n"


@pytest.mark.parametrize("text", [EXPRESSION, TAG, "poles: !!python/tuple [US, CN]\n", "a: [\n", "a: \udcff"])
def test_a_file_of_configuration_holds_values_alone(tmp_path: Path, text: str):
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(StudyError, match=r"^[^\n]*mine\.yaml: [^\n]*$"):
        values.check_file(path)
    with pytest.raises(StudyError, match=r"mine\.yaml: "):
        read_plan([str(path)])


def test_files_of_values_pass(tmp_path: Path):
    (tmp_path / "a.json").write_text('{"__use_yte__": true, "a": "?1 + 1"}')  # Snakemake looks into no JSON
    (tmp_path / "b.yaml").write_text("a: ?1 + 1\n__use: 1\n")
    for path in (*(ROOT / "config").glob("*.yaml"), *tmp_path.iterdir(), tmp_path / "missing.yaml"):
        values.check_file(path)
    for path in (ROOT / "profiles").rglob("*.yaml"):
        assert values.TEMPLATE not in path.read_text(encoding="utf-8")


def test_a_run_whose_configuration_holds_expressions_is_refused(tmp_path: Path):
    project = Project.copy(tmp_path)
    (tmp_path / "mine.yaml").write_text(EXPRESSION)
    answer = project.snakemake("-n", "--configfile", "mine.yaml")
    assert answer.returncode != 0 and "Traceback" not in answer.stderr
    assert "mine.yaml: __use_yte__; allowed: values alone" in answer.stdout + answer.stderr


NO_NAMES = [
    *("../full", "a/b", "/full", "..", "os", "full; echo", "{full}", "a.b", "full\n", "$(full)"),
    "__init__",
]


@pytest.mark.parametrize("name", NO_NAMES)
def test_names_of_the_configuration_are_no_paths_and_no_other_modules(name: str):
    shipped = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    config.complete(copy.deepcopy(shipped), ROOT)
    changes: list[dict] = [{"run": {"nulls": [name]}}, {"nulls": {name: {}}, "run": {"nulls": [name]}}]
    if name != "os":  # as a name of a variant it is as good as any
        changes.append({"variants": {name: {}}, "run": {"variants": [name]}})
    for change in changes:
        with pytest.raises(StudyError, match="configuration: "):
            config.complete(copy.deepcopy(shipped) | change, ROOT)


CLAIM = yaml.safe_load((ROOT / "config/claims.yaml").read_text(encoding="utf-8"))[0] | {"id": "a"}


@pytest.mark.parametrize("kind", [*NO_NAMES, "..judging", "page"])
def test_a_kind_of_claims_is_no_other_module(kind: str):
    with pytest.raises(StudyError, match=r"mine\.yaml: claim a: kind"):
        checking.check_claims([CLAIM | {"kind": kind}], "mine.yaml")


@pytest.mark.parametrize(
    "field", ["first.__class__", "first!r", "first:>99999999", "0", "", "first[0]", "second"]
)
def test_a_statement_names_years_and_nothing_of_an_object(field: str):
    with pytest.raises(StudyError, match=r"mine\.yaml: claim a: .*in braces only"):
        checking.check_claims([CLAIM | {"statement": f"since {{{field}}}"}], "mine.yaml")


# Folders ---------------------------------------------------------------------------------------------------

OUTSIDE = [
    "/etc/hostname",
    "../secret",
    "a/../../secret",
    "C:/secret",
    "C:secret",
    "\\\\host\\secret",
    "..\\x",
]


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of works of a snapshot with one part, in the folder of a study."""
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "data/jsonl/works"
    (folder / "updated_date=2026-09-01").mkdir(parents=True)
    (folder / "updated_date=2026-09-01/part_0000.gz").write_bytes(gzip.compress(b'{"id": "W1"}\n'))
    list_parts(folder, "updated_date=2026-09-01/part_0000.gz")
    return folder


def list_parts(works: Path, *names: str, base: str = "s3://openalex/data/jsonl/works/") -> None:
    """Write the manifest of a snapshot."""
    size = len(gzip.compress(b'{"id": "W1"}\n'))
    meta = {"content_length": size, "record_count": 1}
    files = [{"url": f"{base}{name}", "meta": meta} for name in names]
    (works / "manifest.json").write_text(json.dumps({"date": "2026-09-01", "files": files}))


@pytest.mark.parametrize("name", [*OUTSIDE, "", "works/../../../../secret"])
def test_a_manifest_names_no_file_outside_its_folder(works: Path, name: str):
    list_parts(works, name)
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        sources.pin_release(str(works))
    assert f"{works}/manifest.json: lists " in str(error.value)
    assert repr(name.rpartition("works/")[2]) in str(error.value)
    assert "leads out of the folder" in str(error.value)


def test_an_address_in_a_manifest_names_a_part_and_no_host(works: Path):
    list_parts(works, "updated_date=2026-09-01/part_0000.gz", base="http://127.0.0.1:9/other/works/")
    release = sources.read_release(str(works))
    assert [part.name for part in release.parts] == ["updated_date=2026-09-01/part_0000.gz"]
    list_parts(works, "http://127.0.0.1:9/part_0000.gz", base="")
    with pytest.raises(StudyError, match=r"manifest\.json: lists 'http://127\.0\.0\.1:9/part_0000\.gz'"):
        sources.read_release(str(works))


def test_a_part_is_no_link_to_a_file_elsewhere(works: Path, tmp_path: Path):
    part = works / "updated_date=2026-09-01/part_0000.gz"
    release = sources.pin_release(str(works))
    content = part.read_bytes()
    (tmp_path / "elsewhere.gz").write_bytes(content)
    part.unlink()
    part.symlink_to(tmp_path / "elsewhere.gz")
    for step in (
        lambda: sources.read_release(str(works)),
        lambda: storage.located([release.parts[0].name], {"kind": "snapshot"}),
    ):
        with pytest.raises(StudyError, match=rf"{works}: updated_date=2026-09-01/part_0000\.gz is a link to"):
            step()
    part.unlink()
    (works / "copy.gz").write_bytes(content)
    part.symlink_to("../copy.gz")
    assert sources.read_release(str(works)) == release, "a link within the folder leads nowhere else"
    (tmp_path / "linked").symlink_to(works)
    assert sources.read_release(str(tmp_path / "linked")).digest == release.digest


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_pinned_release_names_no_file_outside_its_folder(works: Path, name: str):
    sources.pin_release(str(works))
    document = json.loads(sources.PIN.read_bytes())
    document["parts"][0][0] = name
    sources.PIN.write_text(json.dumps(document))
    with pytest.raises(StudyError, match=re.escape(f"{sources.PIN}: lists {name!r}")):
        sources.pinned()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """Make an empty member of an archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


TABLE = harvest_layout.member("records", "0.parquet")
HOSTILE_MEMBERS = {
    **{f"name {name}": member(name) for name in OUTSIDE},
    "link to a file outside": member(TABLE, tarfile.SYMTYPE, "/etc/hostname"),
    "link up": member(TABLE, tarfile.SYMTYPE, "../../../secret"),
    "link within": member(TABLE, tarfile.SYMTYPE, "1.parquet"),
    "hard link": member(TABLE, tarfile.LNKTYPE, "/etc/hostname"),
    "pipe": member(TABLE, tarfile.FIFOTYPE),
    "device": member(TABLE, tarfile.CHRTYPE),
    "link to a folder": member("archived-harvest", tarfile.SYMTYPE, ".."),
}


@pytest.mark.parametrize("case", HOSTILE_MEMBERS)
def test_an_archived_harvest_has_no_member_that_leads_out(tmp_path: Path, case: str):
    path, written = tmp_path / "harvest.tar", tmp_path / "study/results"
    written.mkdir(parents=True)
    with tarfile.open(path, "w") as archive:
        archive.addfile(member(harvest_layout.member("counts", "0.parquet")))
        archive.addfile(HOSTILE_MEMBERS[case])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        archived.unpack(
            str(path), embedding.file_digest(path), [str(written / "0.parquet")], [], {"rule": "unpack"}
        )
    assert f"{path}: {HOSTILE_MEMBERS[case].name!r}" in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written"


def test_an_archived_harvest_without_a_table_is_named(tmp_path: Path):
    path = tmp_path / "harvest.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(member("archived-harvest", tarfile.DIRTYPE))
    with pytest.raises(StudyError, match=rf"harvest\.tar: holds no {TABLE}"):
        archived.unpack(str(path), embedding.file_digest(path), ["0.parquet"], [], {"rule": "unpack"})


@pytest.mark.parametrize(
    "index", [{}, {"shards": 1, "field": 3}, {"shards": 0, "field": {}}, [], {"shards": "x"}]
)
def test_an_index_of_another_form_is_refused(tmp_path: Path, index: object):
    path, content = tmp_path / "harvest.tar", json.dumps(index).encode()
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(harvest_layout.INDEX)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    with pytest.raises(StudyError, match=r"harvest\.tar: not an archived harvest"):
        archived.read_index(str(path), {"subfields": [1702], "match": "primary"})


def test_networks_of_a_zip_archive_are_read_where_they_are(tmp_path: Path):
    import zipfile

    path = tmp_path / "deep/networks.zip"
    path.parent.mkdir()
    network = '*Vertices 2\n1 "US"\n2 "CN"\n*Edges\n1 2 3\n'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../collaboration_2000.net", network)
        archive.writestr("/tmp/collaboration_2001.net", network)
    links = read_links(path, "collaboration", [2000, 2001])
    assert [frame["weight"].to_list() for frame in links.values()] == [[3], [3]]
    assert pajek.edge_list(path).count("CN,US,3") == 2
    assert sorted(tmp_path.rglob("*")) == [path.parent, path]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_data_package_lists_no_file_outside_its_folder(tmp_path: Path, name: str):
    path = tmp_path / "tables/a.csv"
    path.parent.mkdir()
    path.write_text("a\n")
    record = {"rule": "write_tables", "wildcards": {}, "params": {}, "log": "x", "inputs": {}}
    listed = [("a.csv", embedding.file_digest(path)), ("deep/b.csv", "0" * 64)]
    package = path.with_name(extraction.PACKAGE)

    def write(names: list[tuple[str, str]]) -> None:
        resources = [{"path": place, "hash": f"sha256:{digest}"} for place, digest in names]
        embedding.write_json({"resources": resources}, package, record)

    write(listed)
    assert extraction.is_intact(path)
    write([*listed, (name, "0" * 64)])
    with pytest.raises(StudyError, match=re.escape(f"{package}: lists {name!r}, which leads out")):
        extraction.read(path)


@pytest.mark.parametrize("name", [*OUTSIDE, "file:///etc/hostname", "..%2Fsecret"])
def test_a_crate_describes_no_file_outside_its_root(tmp_path: Path, name: str):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "log.txt").write_text("x")
    (tmp_path / "secret").write_text("secret")
    entities = [{"@id": name, "@type": "File"}, {"@id": "https://openalex.org/a.csv", "@type": "File"}]
    (folder / "ro-crate-metadata.json").write_text(json.dumps({"@graph": entities}))
    found = list(crate_check.check_crate(folder))
    plain = name.replace("%2F", "/")
    assert found[0] == f"{plain!r} leads out of {folder}, but {folder}/ro-crate-metadata.json describes it"
    assert found[1:] == [f"log.txt is not described in {folder}/ro-crate-metadata.json"]


def test_a_crate_describes_no_link_to_a_file_elsewhere(tmp_path: Path):
    folder = tmp_path / "results"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "a.txt").symlink_to(tmp_path / "secret")
    entities = [{"@id": "a.txt", "@type": "File", "sha256": embedding.file_digest(tmp_path / "secret")}]
    (folder / "ro-crate-metadata.json").write_text(json.dumps({"@graph": entities}))
    assert list(crate_check.check_crate(folder)) == [
        f"a.txt is a link to a file outside {folder}, but {folder}/ro-crate-metadata.json describes it"
    ]


# Servers ---------------------------------------------------------------------------------------------------

SECRET = "secret-key-0123456789"
Answering = Callable[[http.server.BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]


class Server:
    """A server on this machine that answers as a function says, and keeps all requests."""

    def __init__(self, answer: Answering):
        requests: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                requests.append(f"{self.command} {self.path}\n{self.headers}")
                status, headers, body = answer(self)
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 - the name that the library looks for

            def log_message(self, *arguments: object) -> None:
                """Keep quiet."""

        self.requests = requests
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Answering], Server]]:
    """Start servers, and stop them in the end."""
    started: list[Server] = []

    def start(answer: Answering) -> Server:
        started.append(Server(answer))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def other(serve) -> Server:
    """A server under the name of another host, which nothing should ask."""
    server = serve(lambda request: (200, {"Content-Type": "application/json"}, b'{"results": []}'))
    server.url = server.url.replace("127.0.0.1", "localhost")
    return server


REDIRECTS = [301, 302, 303, 307, 308]


def sending_to(other: Server, status: int) -> Answering:
    """Answer that sends to another server in every way that clients of S3 know."""
    host = other.url.removeprefix("http://")
    body = f"<Error><Code>TemporaryRedirect</Code><Endpoint>{host}</Endpoint></Error>".encode()
    headers = {"Content-Type": "application/xml", "x-amz-bucket-region": "eu-west-1"}
    return lambda request: (status, {**headers, "Location": f"{other.url}{request.path}"}, body)


@pytest.mark.parametrize("status", REDIRECTS)
def test_the_manifest_is_asked_of_the_configured_host_alone(serve, other: Server, status: int):
    server = serve(sending_to(other, status))
    with pytest.raises(StudyError, match=r"^[^\n]*$") as error:
        sources.read_release("s3://openalex", server.url)
    message = str(error.value)
    assert f"answers with {status} and sends to '{other.url}" in message and "source.endpoint" in message
    assert "s3://openalex/data/parquet/works/manifest.json" in message
    assert len(server.requests) == 1 and other.requests == []


@pytest.mark.parametrize("status", REDIRECTS)
def test_objects_are_read_from_the_configured_host_alone(serve, other: Server, status: int):
    server = serve(sending_to(other, status))
    for name in ("part.gz", "part.parquet"):
        file = storage.RemoteFile(f"s3://openalex/{name}", server.url)
        with pytest.raises(StudyError, match=rf"{name}: cannot be read \(.* answers with {status} and sends"):
            passes.find_core([file], {"subfields": [1702], "match": "primary"})
    assert len(server.requests) == 2 and other.requests == []


@pytest.mark.parametrize("status", REDIRECTS)
def test_an_object_that_moves_while_it_is_read_is_refused(serve, other: Server, status: int):
    away = sending_to(other, status)
    server = serve(lambda request: (200, {}, b"x" * 9) if request.command == "HEAD" else away(request))
    with (
        storage.open_seekable(storage.RemoteFile("s3://openalex/a", server.url)) as stream,
        pytest.raises(OSError, match="sends to"),
    ):
        stream.read()
    assert other.requests == []


def test_a_server_that_gives_other_bytes_than_those_asked_for_is_refused(serve, monkeypatch):
    monkeypatch.setattr(storage, "ATTEMPTS", 1)
    server = serve(lambda request: (200, {}, b"x" * (9 if request.command == "HEAD" else 5)))
    with (
        storage.open_seekable(storage.RemoteFile("s3://openalex/a", server.url)) as stream,
        pytest.raises(OSError, match="5 bytes instead of bytes=0-8"),
    ):
        stream.read()


@pytest.mark.parametrize("bucket", ["a@127.0.0.1:9#", "127.0.0.1:9/?", "a?", "a b", "", "/x"])
def test_a_bucket_is_no_host(bucket: str):
    if bucket.startswith("127"):
        bucket = bucket.partition("/")[0]
    with pytest.raises(StudyError, match=r"source\.path: .* is not an address of S3"):
        sources.read_release(f"s3://{bucket}")


def test_keys_of_objects_stay_in_their_bucket():
    assert (
        sources.url_of("s3://b/a b?c#d/é", "http://127.0.0.1:9/")
        == "http://127.0.0.1:9/b/a%20b%3Fc%23d/%C3%A9"
    )
    assert sources.url_of("s3://openalex/data/x", None) == "https://openalex.s3.amazonaws.com/data/x"


PAGE = query.page(query.in_field({"subfields": [1702], "match": "primary"}), "*")


def client(url: str, folder: Path) -> Client:
    return Client(url, folder / "store", SECRET, rate=1000, timeout=5, sleep=lambda seconds: None)


@pytest.mark.parametrize("status", REDIRECTS)
def test_the_key_is_sent_to_the_configured_host_alone(serve, other: Server, tmp_path: Path, status: int):
    server = serve(sending_to(other, status))
    with pytest.raises(StudyError) as error:
        client(server.url, tmp_path).get(PAGE)
    assert SECRET in server.requests[0] and len(server.requests) == 1
    assert other.requests == [] and SECRET not in str(error.value)


@pytest.mark.parametrize(
    "url", ["http://api.openalex.org", "http://127.0.0.1@openalex.org", "http://10.0.0.1"]
)
def test_the_key_is_sent_to_no_other_machine_unencrypted(tmp_path: Path, url: str):
    with pytest.raises(StudyError, match=r"source\.api\.url: .* would send the key unencrypted"):
        client(url, tmp_path)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503])
@pytest.mark.parametrize("kind", ["application/json", f"text/html; key={SECRET}"])
def test_a_service_that_repeats_the_key_spreads_it_nowhere(
    serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, kind: str
):
    said = {"error": f"Bearer {SECRET}", "message": "y" * 280 + SECRET, "retryAfter": 0.001}
    said = said if status != 200 else said | {"meta": {"key": SECRET}, "results": []}
    body = json.dumps(said).encode() if kind == "application/json" else f"<b>{SECRET}</b>".encode()
    server = serve(lambda request: (status, {"Content-Type": kind}, body))
    caplog.set_level("DEBUG")
    asking = client(server.url, tmp_path)
    texts = []
    try:
        answer = asking.get(PAGE, may_be_gone=True)
        texts += [answer.body.decode(), str(answer)]
    except StudyError as error:
        texts += [str(error), repr(error.__cause__), repr(error.__context__)]
    assert all(SECRET in request for request in server.requests) and server.requests
    # Not even its beginning, where a message is cut.
    assert not [text for text in (*texts, caplog.text) if SECRET[:15] in text]
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path


def test_a_short_key_changes_no_works(serve, tmp_path: Path):
    body = b'{"meta": {}, "results": [{"id": "https://openalex.org/W2020"}]}'
    server = serve(lambda request: (200, {"Content-Type": "application/json"}, body))
    asking = Client(server.url, tmp_path, "2020", rate=1000, sleep=lambda seconds: None)
    assert asking.get(PAGE).body == body


def test_the_workflow_asks_for_no_key_of_the_configuration():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    assert not re.search(r"\b(api_?key|token|password|secret)\b:", yaml.safe_dump(schema), re.IGNORECASE)
