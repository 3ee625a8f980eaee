# SPDX-License-Identifier: Apache-2.0
# The rules of the house as tests: layers, sizes, words, globals, fuzz targets, generated pages. Each check is also shown
# a planted violation, because a check that cannot fail proves nothing.
import os
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")


def run(*command):
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture
def copy(tmp_path):
    """A copy of the sources that a test may spoil."""
    shutil.copytree(os.path.join(ROOT, "src"), tmp_path / "src")
    return tmp_path


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def test_layers_hold():
    assert run("dev/check_layers", ROOT, BUILD) == (0, "")


@pytest.mark.parametrize("path, include, said", [
    ("src/wire/host.c", "pool/pool.h", "wire may not include pool"),
    ("src/io/loop.c", "mode/mode.h", "io may not include mode"),
    ("src/mode/entry.c", "pool/inner.h", "pool is entered by its door"),
])
def test_planted_include_is_found(copy, path, include, said):
    append(copy / path, f'#include "{include}"\n')
    status, text = run("dev/check_layers", str(copy))
    assert status == 1 and said in text and path in text


def test_planted_cycle_is_found(copy):
    layers = copy / "src" / "LAYERS"
    layers.write_text(layers.read_text().replace("wire: base", "wire: base pool"))
    status, text = run("dev/check_layers", str(copy))
    assert status == 1 and "does not stand above it" in text


def test_planted_call_is_found(tmp_path):
    """The includes are in order, the object calls upwards all the same."""
    for module, code in (("base", "int worker_new(void); int base_x(void) { return worker_new(); }"),
                         ("worker", "int worker_new(void); int worker_new(void) { return 1; }")):
        folder = tmp_path / "src" / f"lib{module}.a.p"
        folder.mkdir(parents=True)
        source = tmp_path / f"{module}.c"
        source.write_text(code)
        subprocess.run(["gcc", "-c", source, "-o", folder / "x.c.o"], check=True)
    status, text = run("dev/check_layers", ROOT, str(tmp_path))
    assert status == 1 and "base calls worker_new of worker" in text


def test_sizes_hold():
    status, text = run("dev/check_size")
    assert status == 0, text


def test_long_function_is_found(copy):
    append(copy / "src" / "base" / "span.c", "\nvoid span_long(void)\n{\n" + "    ;\n" * 90 + "}\n")
    status, text = run("dev/check_size", str(copy))
    assert status == 1 and "span_long has 90 lines" in text


def test_words_hold():
    assert run("dev/check_words") == (0, "")


def test_banned_word_is_found(copy):
    append(copy / "src" / "pool" / "link.c", "// the upstream\n")
    status, text = run("dev/check_words", str(copy))
    assert status == 1 and "'upstream', say link or server" in text


def test_globals_hold():
    assert run("dev/check_globals", BUILD) == (0, "")


def test_planted_global_is_found(tmp_path):
    folder = tmp_path / "src" / "libwire.a.p"
    folder.mkdir(parents=True)
    source = tmp_path / "x.c"
    source.write_text("#include <stdlib.h>\nvoid *f(void); void *f(void) { static int count; count++; return malloc(1); }")
    subprocess.run(["gcc", "-c", source, "-o", folder / "x.c.o"], check=True)
    status, text = run("dev/check_globals", str(tmp_path))
    assert status == 1 and "count" in text and "may not call malloc" in text


# files of wire that only declare or serve another file's reader
WITHOUT_FUZZ = {"octet", "utf8"}


def test_every_reader_of_bytes_is_fuzzed():
    readers = {name[:-2] for name in os.listdir(os.path.join(ROOT, "src", "wire")) if name.endswith(".c")}
    targets = {name[:-len("_fuzz.c")] for name in os.listdir(os.path.join(ROOT, "fuzz")) if name.endswith("_fuzz.c")}
    assert readers - WITHOUT_FUZZ - targets == set()
    assert "config" in targets


def test_sources_name_their_licence():
    text = subprocess.run(["git", "ls-files", "src", "test", "fuzz", "lab", "bench", "dev", "scripts"], cwd=ROOT,
                          check=True, capture_output=True, text=True).stdout
    missing = []
    for path in text.split():
        if path.endswith((".c", ".h", ".py", ".tbl", ".js")) or path.startswith(("dev/", "scripts/")):
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                if "SPDX-License-Identifier: Apache-2.0" not in file.read(300):
                    missing.append(path)
    assert missing == []
