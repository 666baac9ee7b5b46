"""The page with and without being built, tokens and cookies, options that are refused."""

import pytest
from serving import ADDRESS, TOKEN, followed, serving, submitted, uploaded

from omentum.access import TOKEN_VARIABLE
from omentum.cli import main
from omentum.errors import UsageError
from omentum.home import HOME_VARIABLE
from omentum.serve.options import ServeOptions
from omentum.serve.web.access import AccessRules


def test_without_the_page_it_says_how_to_build_it(tmp_path):
    with serving(tmp_path / "state", token=TOKEN) as client:
        page = client.get("/", headers={"Authorization": ""})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "make web" in page.text


def test_the_built_page_is_served_and_nothing_beside_it(tmp_path):
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html>built")
    (page / "assets" / "app-1234.js").write_text("1")
    (page / "assets" / "codec.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret.txt").write_text("secret")
    with serving(tmp_path / "state", page=page, token=TOKEN) as client:
        stranger = {"Authorization": ""}
        assert client.get("/", headers=stranger).text == "<!doctype html>built"
        script = client.get("/assets/app-1234.js", headers=stranger)
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.headers["cache-control"] == "max-age=31536000, immutable"
        assert client.get("/assets/codec.wasm", headers=stranger).headers["content-type"] == "application/wasm"
        for path in ("/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/none.js"):
            assert client.get(path).status_code == 404
            assert client.get(path, headers=stranger).status_code == 401


def test_a_browser_logs_in_with_a_cookie(tmp_path):
    with serving(tmp_path / "state", token=TOKEN) as client:
        stranger = {"Authorization": ""}
        assert client.get("/jobs", headers=stranger).status_code == 401
        answer = client.post("/login", json={"token": TOKEN}, headers=stranger)
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/jobs", headers=stranger).status_code == 200
        assert client.post("/uploads", headers=stranger | {"Origin": ADDRESS}).status_code == 201
        assert client.post("/uploads", headers=stranger | {"Origin": "http://evil.example"}).status_code == 403


def test_the_interface_is_listed_without_other_servers(tmp_path):
    with serving(tmp_path / "state") as client:
        text = client.get("/docs").text
        assert "PUT /uploads/{upload}/files/{name}" in text
        assert "src=" not in text
        schema = client.get("/openapi.json").json()
        routes = [route for methods in schema["paths"].values() for route in methods.values()]
        assert len(routes) > 15
        assert all(route["summary"] and route["description"] for route in routes)


def test_names_by_which_others_may_reach_it():
    rules = AccessRules.for_host("0.0.0.0", TOKEN, ("CT.hospital.example",))
    for host in ("ct.hospital.example", "CT.hospital.example:8421", "10.1.2.3:8421", "[fe80::1]:8421", "localhost"):
        rules.check("GET", {"host": host}, is_public=True)
    with pytest.raises(Exception, match="not known under this host name"):
        rules.check("GET", {"host": "10.1.2.3.evil.example"}, is_public=True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"host": "0.0.0.0"}, "without a token"),
        ({"host": "ct.example"}, "without a token"),
        ({"token": "short"}, "shorter than 16"),
        ({"token": "two words of a token"}, "holds no token"),
        ({"port": 70000}, "0 to 65535"),
        ({"upload_gb": 60.0}, "no more than --quota-gb"),
        ({"keep_hours": 0.0}, "above 0"),
    ],
)
def test_options_that_are_refused(options, says, monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    with pytest.raises(UsageError, match=says):
        ServeOptions(**options)


def test_the_token_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert ServeOptions(host="0.0.0.0").token == TOKEN
    (tmp_path / "token").write_text(f"{TOKEN}-of-a-file\n")
    assert ServeOptions(token_file=tmp_path / "token").token == f"{TOKEN}-of-a-file"


def test_the_command_refuses_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert main(["serve", "--host", "0.0.0.0", "--state", str(tmp_path / "state")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: 0.0.0.0: others could read and delete everything without a token")
    assert message.count("\n") == 1
    assert not (tmp_path / "state").exists()


def test_clearing_the_cache_leaves_the_service_alone(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    with serving(tmp_path / "home" / "service") as client:  # where it is by default
        upload = uploaded(client)
        kept = {path for path in (tmp_path / "home" / "service").rglob("*") if path.is_file()}
        assert {path.name for path in kept} >= {"ct.nii.gz", "service.sqlite"}
        assert main(["cache", "clear", "all"]) == 0
        assert all(path.is_file() for path in kept)
        assert followed(client, submitted(client, upload))["state"] == "done"


def test_an_unknown_name_is_refused_with_those_that_are_known(tmp_path):
    with serving(tmp_path / "state") as client:
        upload = uploaded(client)
        for asked, what in (
            ({"weights": "x"}, "default"),
            ({"profile": "x"}, "balanced"),
            ({"formats": ["x"]}, "rtstruct"),
        ):
            answer = client.post("/jobs", json={"upload": upload, **asked})
            assert (answer.status_code, answer.json()["error"]) == (422, "unknown")
            assert what in answer.json()["remedy"]
        assert submitted(client, upload, profile="fast", formats=["dicom-seg"])
