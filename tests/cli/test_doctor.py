"""`deblur doctor` as a user meets it."""

import json

from deblurcli.version import __version__


def test_the_page_for_a_bug_report(deblur, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://someone:secret@proxy.example:8080")
    done = deblur("doctor", "--json", "--no-speed")
    assert done.returncode == 0, done.stderr
    assert "secret" not in done.stdout and "HTTPS_PROXY" in done.stdout
    told = json.loads(done.stdout)
    assert told["versions"]["deblurcli"] == __version__
    assert told["self_test"]["passed"]
    assert told["models"][0]["name"] == "maxim-fast"
    assert told["models"][0]["gain"] > 3
